//! `anthropic-messages`: `POST /v1/messages`, whole and as named events.

mod request;
mod stream;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Ask, Dialect, Event, Events, Problem, Rendering};
use crate::answer::{Answer, Block, Finish, Kind};
use crate::ledger::Usage;
use crate::script::UsageWhen;

/// The dialect `anthropic-messages`.
pub(super) struct AnthropicMessages;

/// What simulated thinking is signed with.
const SIGNATURE: &str = "c2ltdWxhdGVk";

impl Dialect for AnthropicMessages {
    fn read(&self, body: &Value) -> Result<Ask, Problem> {
        request::read(body)
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        let answer = &rendering.answer;
        let choice = &answer.choices[0];
        let content: Vec<Value> = choice.blocks.iter().map(block_value).collect();
        let mut value = message_value(answer, &content);
        value["stop_reason"] = Value::from(stop_reason(&choice.finish));
        value["stop_sequence"] = Value::from(stop_sequence(&choice.finish));
        if rendering.script.content.usage.when == UsageWhen::Missing
            && let Some(fields) = value.as_object_mut()
        {
            fields.shift_remove("usage");
        } else {
            value["usage"] = usage_value(answer.reported(answer.usage));
        }
        value.to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        Box::new(stream::events(rendering))
    }

    fn error(&self, problem: &Problem) -> Value {
        let kind = match problem.status {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        let kind = problem.code.as_deref().unwrap_or(kind);
        json!({"type": "error", "error": {"type": kind, "message": problem.message}})
    }

    fn error_event(&self, problem: &Problem) -> Event {
        named_event("error", &self.error(problem))
    }

    fn malformed_event(&self) -> Event {
        Event::bare("event: content_block_delta\ndata: {\"type\":\"content_block_del\n\n")
    }
}

fn named_event(name: &str, value: &Value) -> Event {
    Event::bare(format!("event: {name}\ndata: {value}\n\n"))
}

fn message_value(answer: &Answer, content: &[Value]) -> Value {
    json!({
        "id": format!("msg_sim_{:08}", answer.seq),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {},
    })
}

fn block_value(block: &Block) -> Value {
    match &block.kind {
        Kind::Text => json!({"type": "text", "text": block.text}),
        Kind::Reasoning => {
            json!({"type": "thinking", "thinking": block.text, "signature": SIGNATURE})
        }
        Kind::Call { id, name } => {
            let input: Value =
                serde_json::from_str(&block.text).unwrap_or_else(|_| Value::from(&*block.text));
            json!({"type": "tool_use", "id": id, "name": name, "input": input})
        }
    }
}

fn stop_reason(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::Stop => Some("end_turn"),
        Finish::StopText(_) => Some("stop_sequence"),
        Finish::Length => Some("max_tokens"),
        Finish::Tools => Some("tool_use"),
        Finish::Missing => None,
        Finish::Exactly(word) => Some(word),
    }
}

fn stop_sequence(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::StopText(stop) => Some(stop),
        Finish::Stop | Finish::Length | Finish::Tools | Finish::Missing | Finish::Exactly(_) => {
            None
        }
    }
}

/// Anthropic counts cached tokens beside the input tokens, not among them.
fn usage_value(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.prompt.saturating_sub(usage.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
        "service_tier": "standard",
    })
}
