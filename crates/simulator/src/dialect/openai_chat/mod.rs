//! `openai-chat`: `POST /v1/chat/completions`, as OpenAI has it, with the reasoning field other hosts added.

mod messages;
mod request;
mod stream;
mod tools;
mod whole;

use std::sync::Arc;

use serde_json::{Value, json};

use super::frames::data_event;
use super::weight::{tools_weight, weigh};
use super::{Ask, Dialect, Event, Events, Problem, Received, Rendering};
use crate::answer::{Answer, Finish};
use crate::cache::{Prompt, Span};
use crate::ledger::Usage;
use crate::tokens::{LOGPROB, tokens};

pub(super) use messages::strict_schema;
pub(super) use request::stops;

/// The dialect `openai-chat`.
pub(super) struct OpenaiChat;

/// Every answer says that it was made at this second (14 November 2023): answers are deterministic.
const CREATED: u64 = 1_700_000_000;
/// What every answer gives as its fingerprint.
const FINGERPRINT: &str = "fp_simulated";

impl Dialect for OpenaiChat {
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem> {
        request::read(received)
    }

    fn prompt(&self, body: &Value) -> Option<Prompt> {
        let tools = body.get("tools").filter(|tools| !tools.is_null());
        let tools = tools.map(|tools| Span {
            text: tools.to_string(),
            tokens: tools_weight(Some(tools)),
            marker: None,
        });
        let messages = body["messages"].as_array().into_iter().flatten();
        let messages = messages.map(|message| Span {
            text: message.to_string(),
            tokens: weigh(message).tokens,
            marker: None,
        });
        Some(Prompt::Automatic(
            tools.into_iter().chain(messages).collect(),
        ))
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        whole::write(rendering).to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        Box::new(stream::events(&rendering))
    }

    fn error(&self, problem: &Problem) -> Value {
        let (kind, code) = error_words(problem.status);
        json!({"error": {
            "message": problem.message,
            "type": kind,
            "param": problem.param,
            "code": problem.code.as_deref().or(code),
        }})
    }

    fn error_event(&self, problem: &Problem, _after: u64) -> Event {
        data_event(&self.error(problem))
    }

    fn malformed_event(&self) -> Event {
        Event::bare("data: {\"id\":\"chatcmpl-sim\",\"choices\":[{\"delta\":{\"conte\n\n")
    }
}

/// The type and the code that OpenAI gives with a status.
fn error_words(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        402 => ("insufficient_quota", Some("insufficient_quota")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    }
}

/// The id of an answer.
fn answer_id(answer: &Answer) -> String {
    format!("chatcmpl-sim-{:08}", answer.seq)
}

/// The finish reason in OpenAI's words.
pub(super) fn finish_word(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::Stop | Finish::StopText(_) | Finish::Refusal => Some("stop"),
        Finish::Length => Some("length"),
        Finish::Tools => Some("tool_calls"),
        Finish::Missing => None,
        Finish::Exactly(word) => Some(word),
    }
}

/// The type of a call, and the member with what the tool is called with.
fn call_words(rendering: &Rendering, name: &str) -> (&'static str, &'static str) {
    match rendering.ask.calls_with_text(name) {
        true => ("custom", "input"),
        false => ("function", "arguments"),
    }
}

/// Usage in OpenAI's fields.
pub(super) fn usage_value(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// Log-probabilities of a piece of text, one entry per token of the simulator's own counting.
fn logprobs_value(text: &str) -> Value {
    let entries: Vec<Value> = tokens(text)
        .map(|token| {
            json!({
                "token": token,
                "logprob": LOGPROB,
                "bytes": token.as_bytes(),
                "top_logprobs": [],
            })
        })
        .collect();
    json!({"content": entries, "refusal": null})
}

/// The field reasoning is shown in, or `None` when it is only counted.
fn reasoning_field(rendering: &Rendering) -> Option<&str> {
    match rendering.script.content.reasoning_field.as_deref() {
        None => Some("reasoning_content"),
        Some("none") => None,
        Some(field) => Some(field),
    }
}
