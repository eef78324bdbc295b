//! `anthropic-messages`: `POST /v1/messages`, whole and as named events, and the same behind the two clouds that
//! serve it: Vertex (`:rawPredict`) and Bedrock (`/invoke`).

mod blocks;
mod cited;
mod prompt;
mod request;
mod stream;
mod turns;

use std::sync::Arc;

use serde_json::{Value, json};

use super::frames::{binary_event, named_event};
use super::{
    Ask, Dialect, Event, Events, Framing, Made, Problem, Received, Rendering, bedrock_error,
};
use crate::answer::{Answer, Block, Finish, Kind};
use crate::cache::Prompt;
use crate::encoding::{from_base64, to_base64};
use crate::ledger::Usage;
use crate::seal::Seal;

/// The dialect `anthropic-messages`, by the host that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnthropicMessages {
    Direct,
    Vertex,
    Bedrock,
}

impl Dialect for AnthropicMessages {
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem> {
        request::read(*self, received)
    }

    fn prompt(&self, body: &Value) -> Option<Prompt> {
        Some(Prompt::Marked(prompt::spans(body)))
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        let answer = &rendering.answer;
        let choice = &answer.choices[0];
        let mut content: Vec<Value> = choice.blocks.iter().map(block_value).collect();
        if let Some(cited) = &rendering.ask.cited {
            let texts = content.iter_mut().filter(|block| block["type"] == "text");
            texts.for_each(|block| block["citations"] = json!([cited::citation(cited)]));
        }
        let mut value = message_value(answer, &content);
        value["stop_reason"] = Value::from(stop_reason(&choice.finish));
        value["stop_sequence"] = Value::from(stop_sequence(&choice.finish));
        if let Some(usage) = rendering.usage() {
            value["usage"] = usage_value(usage);
        }
        value.to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        Box::new(stream::events(*self, rendering))
    }

    fn error(&self, problem: &Problem) -> Value {
        if *self == Self::Bedrock {
            return bedrock_error::body(problem);
        }
        let kind = match problem.status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        let kind = problem.code.as_deref().unwrap_or(kind);
        json!({
            "type": "error",
            "error": {"type": kind, "message": problem.message},
            "request_id": "req_simulated",
        })
    }

    fn error_event(&self, problem: &Problem, _after: u64) -> Event {
        match self {
            Self::Bedrock => bedrock_error::event(problem),
            Self::Direct | Self::Vertex => named_event("error", &self.error(problem)),
        }
    }

    fn malformed_event(&self) -> Event {
        const BROKEN: &str = "{\"type\":\"content_block_del";
        match self {
            Self::Bedrock => binary_event("chunk", BROKEN.as_bytes()),
            Self::Direct | Self::Vertex => {
                Event::bare(format!("event: content_block_delta\ndata: {BROKEN}\n\n"))
            }
        }
    }

    fn framing(&self) -> Framing {
        match self {
            Self::Bedrock => Framing::EventStream,
            Self::Direct | Self::Vertex => Framing::Sse,
        }
    }

    fn error_header(&self, problem: &Problem) -> Option<(&'static str, String)> {
        (*self == Self::Bedrock).then(|| (bedrock_error::HEADER, bedrock_error::name(problem)))
    }

    fn denied(&self) -> Problem {
        match self {
            Self::Bedrock => bedrock_error::denied(),
            Self::Direct => Problem::new(401, "invalid x-api-key"),
            Self::Vertex => Problem::new(401, super::gemini::NO_TOKEN),
        }
    }
}

impl AnthropicMessages {
    /// An event in the host's framing.
    fn event(self, name: &str, value: &Value) -> Event {
        if self != Self::Bedrock {
            return named_event(name, value);
        }
        let chunk = json!({"bytes": to_base64(value.to_string().as_bytes())});
        binary_event("chunk", chunk.to_string().as_bytes())
    }
}

/// `POST /v1/messages/count_tokens`.
pub(super) fn count_tokens(received: &Received<'_>) -> Result<Made, Problem> {
    let tokens = request::count(AnthropicMessages::Direct, received)?;
    Ok(received.made(tokens, |_| json!({"input_tokens": tokens})))
}

/// The same on Vertex, where the model of that name is `count-tokens` and the true one is in the body.
pub(super) fn count_tokens_on_vertex(received: &Received<'_>) -> Result<Made, Problem> {
    let tokens = request::count(AnthropicMessages::Vertex, received)?;
    Ok(received.made(tokens, |_| json!({"input_tokens": tokens})))
}

/// The tokens of a request to Bedrock's InvokeModel: the text of its body, in base64.
pub(super) fn count_of_invoke(received: &Received<'_>, body: &Value) -> Result<u64, Problem> {
    let bytes = body.as_str().and_then(from_base64);
    let body = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let body =
        body.ok_or_else(|| Problem::bad("The value at input.invokeModel.body is not valid JSON."))?;
    let received = Received {
        body: &body,
        ..*received
    };
    Ok(request::read(AnthropicMessages::Bedrock, &received)?.prompt_tokens)
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
    })
}

fn block_value(block: &Block) -> Value {
    match &block.kind {
        Kind::Text | Kind::Refusal => json!({"type": "text", "text": block.text}),
        Kind::Reasoning => json!({
            "type": "thinking",
            "thinking": block.text,
            "signature": Seal::Thinking.sign(&block.text),
        }),
        Kind::Redacted => {
            json!({"type": "redacted_thinking", "data": Seal::Redacted.wrap(&block.text)})
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
        Finish::Refusal => Some("refusal"),
        Finish::Missing => None,
        Finish::Exactly(word) => Some(word),
    }
}

fn stop_sequence(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::StopText(stop) => Some(stop),
        Finish::Stop
        | Finish::Length
        | Finish::Tools
        | Finish::Refusal
        | Finish::Missing
        | Finish::Exactly(_) => None,
    }
}

/// Anthropic counts tokens read from and written to a cache beside the input tokens, not among them.
fn usage_value(usage: Usage) -> Value {
    let one_hour = usage.cache_written_one_hour.min(usage.cache_written);
    json!({
        "input_tokens": usage.prompt.saturating_sub(usage.cached + usage.cache_written),
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_written - one_hour,
            "ephemeral_1h_input_tokens": one_hour,
        },
        "output_tokens": usage.completion,
        "service_tier": "standard",
    })
}
