//! The legacy `POST /v1/completions`: a text goes on, whole or as a stream.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::{positive, required_text, truth};
use super::openai_chat::{OpenaiChat, finish_word, stops, usage_value};
use super::{Ask, Dialect, Event, Events, Problem, Received, Rendering};
use crate::answer::{Kind, Say, says};
use crate::cache::Prompt;
use crate::dialect::frames::data_event;
use crate::script::UsageWhen;
use crate::tokens::count_tokens;

/// The legacy completions.
pub(super) struct OpenaiCompletions;

/// Every answer says that it was made at this second (14 November 2023): answers are deterministic.
const CREATED: u64 = 1_700_000_000;
/// Tokens of an answer when the request does not say.
const TOKENS: u64 = 16;

impl Dialect for OpenaiCompletions {
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem> {
        let body = received.body;
        let prompts: Vec<&str> = match &body["prompt"] {
            Value::Array(prompts) if !prompts.is_empty() => {
                prompts.iter().filter_map(Value::as_str).collect()
            }
            _ => Vec::new(),
        };
        let (prompt, count) = match prompts[..] {
            [] => (required_text(body, "prompt")?, 1),
            _ => (prompts.concat(), prompts.len()),
        };
        let wants_usage = match body.get("stream_options") {
            None | Some(Value::Null) => false,
            Some(options) => truth(options, "include_usage")?,
        };
        let each = usize::try_from(positive(body, "n")?.unwrap_or(1)).unwrap_or(1);
        Ok(Ask {
            model: received.model()?,
            stream: received.stream()?,
            wants_usage,
            messages: count,
            last_role: "user".to_owned(),
            last_bytes: prompt.len() as u64,
            prompt_tokens: count_tokens(&prompt),
            choices: each * count,
            tokens_max: Some(positive(body, "max_tokens")?.unwrap_or(TOKENS)),
            stops: stops(body),
            ..Ask::default()
        })
    }

    fn prompt(&self, _body: &Value) -> Option<Prompt> {
        None
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        let choices = rendering.answer.choices.iter().enumerate();
        let choices = choices.map(|(index, choice)| {
            let text = choice.text_of(&Kind::Text) + &choice.text_of(&Kind::Refusal);
            choice_value(index, &text, finish_word(&choice.finish))
        });
        let mut value = envelope(rendering, &choices.collect());
        if let Some(usage) = rendering.usage() {
            value["usage"] = usage_value(usage);
        }
        value.to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        let pen = rendering.clone();
        let said = says(rendering.clone()).filter_map(move |say| write(&pen, &say));
        let is_wanted = match rendering.script.content.usage.when {
            UsageWhen::Asked | UsageWhen::EveryChunk | UsageWhen::OnFinish => {
                rendering.ask.wants_usage
            }
            UsageWhen::Always => true,
            UsageWhen::Missing => false,
        };
        let usage = rendering.usage().filter(|_| is_wanted).map(|usage| {
            let mut value = envelope(&rendering, &json!([]));
            value["usage"] = usage_value(usage);
            data_event(&value).reporting(Some(usage))
        });
        let is_done = !rendering.script.trouble.no_done;
        let done = is_done.then(|| Event::bare("data: [DONE]\n\n"));
        Box::new(said.chain(usage).chain(done))
    }

    fn error(&self, problem: &Problem) -> Value {
        OpenaiChat.error(problem)
    }

    fn error_event(&self, problem: &Problem, after: u64) -> Event {
        OpenaiChat.error_event(problem, after)
    }

    fn malformed_event(&self) -> Event {
        Event::bare("data: {\"id\":\"cmpl-sim\",\"choices\":[{\"te\n\n")
    }
}

fn write(rendering: &Rendering, say: &Say) -> Option<Event> {
    match say {
        Say::Piece {
            choice,
            block,
            range,
            tokens,
        } => {
            let it = &rendering.answer.choices[*choice].blocks[*block];
            let text = match it.kind {
                Kind::Text | Kind::Refusal => &it.text[range.clone()],
                Kind::Reasoning | Kind::Redacted | Kind::Call { .. } => "",
            };
            let choices = json!([choice_value(*choice, text, None)]);
            Some(data_event(&envelope(rendering, &choices)).carrying(*tokens))
        }
        Say::Close { choice } => {
            let finish = finish_word(&rendering.answer.choices[*choice].finish);
            let choices = json!([choice_value(*choice, "", finish)]);
            Some(data_event(&envelope(rendering, &choices)))
        }
        Say::Open { .. } | Say::BlockStart { .. } | Say::BlockEnd { .. } => None,
    }
}

fn choice_value(index: usize, text: &str, finish: Option<&str>) -> Value {
    json!({"text": text, "index": index, "logprobs": null, "finish_reason": finish})
}

fn envelope(rendering: &Rendering, choices: &Value) -> Value {
    let answer = &rendering.answer;
    json!({
        "id": format!("cmpl-sim-{:08}", answer.seq),
        "object": "text_completion",
        "created": CREATED,
        "model": answer.model,
        "choices": choices,
    })
}
