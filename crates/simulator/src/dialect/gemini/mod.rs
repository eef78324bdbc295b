//! `gemini` and the Gemini half of `vertex`: `:generateContent`, `:streamGenerateContent` as server-sent events or as
//! one JSON array, and `:countTokens`.

mod contents;
mod request;
mod schema;
mod write;

use std::sync::Arc;

use serde_json::{Value, json};

use super::weight::{tools_weight, weigh};
use super::{Ask, Dialect, Event, Events, Framing, Made, Problem, Received, Rendering};
use crate::cache::{Prompt, Span};

/// The dialect `gemini`, by the host that serves it and the form of its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gemini {
    Studio,
    StudioArray,
    Vertex,
    VertexArray,
}

/// What Google's cloud says to a call without a token.
pub(super) const NO_TOKEN: &str = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";

impl Gemini {
    fn is_array(self) -> bool {
        matches!(self, Self::StudioArray | Self::VertexArray)
    }

    fn is_vertex(self) -> bool {
        matches!(self, Self::Vertex | Self::VertexArray)
    }

    /// A chunk of a stream in its framing, after so many others.
    fn event(self, value: &Value, after: u64) -> Event {
        if !self.is_array() {
            return Event::bare(format!("data: {value}\r\n\r\n"));
        }
        let start = if after == 0 { "[" } else { ",\r\n" };
        Event::bare(format!("{start}{value}"))
    }
}

impl Dialect for Gemini {
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem> {
        request::read(*self, received)
    }

    fn prompt(&self, body: &Value) -> Option<Prompt> {
        let tools = body.get("tools").map(|tools| Span {
            text: tools.to_string(),
            tokens: tools_weight(Some(tools)),
            marker: None,
        });
        let system = request::either(body, "systemInstruction", "system_instruction");
        let contents = body["contents"].as_array().into_iter().flatten();
        let contents = system.into_iter().chain(contents).map(|content| Span {
            text: content.to_string(),
            tokens: weigh(content).tokens,
            marker: None,
        });
        Some(Prompt::Automatic(
            tools.into_iter().chain(contents).collect(),
        ))
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        write::whole(*self, rendering).to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        Box::new(write::events(*self, rendering))
    }

    fn error(&self, problem: &Problem) -> Value {
        let word = match problem.status {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            499 => "CANCELLED",
            503 => "UNAVAILABLE",
            504 => "DEADLINE_EXCEEDED",
            500.. => "INTERNAL",
            _ => "FAILED_PRECONDITION",
        };
        let mut error = json!({
            "code": problem.status,
            "message": problem.message,
            "status": word,
        });
        if let Some(reason) = &problem.code {
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "googleapis.com",
            }]);
        }
        json!({"error": error})
    }

    fn error_event(&self, problem: &Problem, after: u64) -> Event {
        let event = self.event(&self.error(problem), after);
        if !self.is_array() {
            return event;
        }
        Event::bare([event.bytes.as_ref(), b"]"].concat())
    }

    fn malformed_event(&self) -> Event {
        if self.is_array() {
            return Event::bare(",\r\n{\"candidates\": [{\"cont");
        }
        Event::bare("data: {\"candidates\": [{\"cont\r\n\r\n")
    }

    fn framing(&self) -> Framing {
        if self.is_array() {
            Framing::JsonArray
        } else {
            Framing::Sse
        }
    }

    fn denied(&self) -> Problem {
        if self.is_vertex() {
            return Problem::new(401, NO_TOKEN);
        }
        Problem::new(400, "API key not valid. Please pass a valid API key.")
            .with_code("API_KEY_INVALID")
    }
}

/// `:countTokens`.
pub(super) fn count_tokens(received: &Received<'_>) -> Result<Made, Problem> {
    let tokens = request::count(received)?;
    let details = json!([{"modality": "TEXT", "tokenCount": tokens}]);
    Ok(received.made(
        tokens,
        |_| json!({"totalTokens": tokens, "promptTokensDetails": details}),
    ))
}
