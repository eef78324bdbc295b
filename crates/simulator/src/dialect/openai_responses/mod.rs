//! `openai-responses`: `POST /v1/responses`, whole and as the full stream of events. It keeps nothing: an earlier
//! response or item can be given back, but not referred to.

mod input;
mod object;
mod request;
mod stream;

use std::sync::Arc;

use serde_json::{Value, json};

use super::frames::named_event;
use super::openai_chat::OpenaiChat;
use super::{Ask, Dialect, Event, Events, Problem, Received, Rendering};
use crate::cache::{Prompt, Span};
use crate::tokens::count_tokens;

/// The dialect `openai-responses`.
pub(super) struct OpenaiResponses;

impl Dialect for OpenaiResponses {
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem> {
        request::read(received)
    }

    fn prompt(&self, body: &Value) -> Option<Prompt> {
        let span = |value: &Value| Span {
            text: value.to_string(),
            tokens: super::weight::weigh_all(value).tokens,
            marker: None,
        };
        let tools = body["tools"].as_array().into_iter().flatten();
        let tools = tools.map(|tool| Span {
            tokens: count_tokens(&tool.to_string()),
            ..span(tool)
        });
        let input = match &body["input"] {
            Value::Array(items) => items.iter().map(span).collect(),
            text => vec![span(text)],
        };
        let instructions = body.get("instructions").filter(|i| i.is_string()).map(span);
        Some(Prompt::Automatic(
            tools.chain(instructions).chain(input).collect(),
        ))
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        object::finished(rendering).to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        Box::new(stream::events(rendering))
    }

    fn error(&self, problem: &Problem) -> Value {
        OpenaiChat.error(problem)
    }

    fn error_event(&self, problem: &Problem, after: u64) -> Event {
        let error = &self.error(problem)["error"];
        let code = match &error["code"] {
            Value::Null => &error["type"],
            code => code,
        };
        let value = json!({
            "type": "error",
            "code": code,
            "message": problem.message,
            "param": problem.param,
            "sequence_number": after,
        });
        named_event("error", &value)
    }

    fn malformed_event(&self) -> Event {
        Event::bare("event: response.output_text.delta\ndata: {\"type\":\"response.output_te\n\n")
    }
}
