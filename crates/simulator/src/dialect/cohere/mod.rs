//! `cohere`: `POST /v2/chat`, whole and as its named events, and `/v2/embed`.

mod request;
mod write;

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::{positive, texts};
use super::frames::named_event;
use super::{Ask, Dialect, Event, Events, Made, Problem, Received, Rendering, embeddings};
use crate::cache::{Prompt, Span};
use crate::tokens::count_tokens;

/// The dialect `cohere`.
pub(super) struct Cohere;

/// The id of every error, and of answers that are not generated.
const ID: &str = "00000000-0000-4000-8000-000000000000";

impl Dialect for Cohere {
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem> {
        request::read(received)
    }

    fn prompt(&self, body: &Value) -> Option<Prompt> {
        let messages = body["messages"].as_array().into_iter().flatten();
        let spans = messages.map(|message| Span {
            text: message.to_string(),
            tokens: super::weight::weigh(message).tokens,
            marker: None,
        });
        Some(Prompt::Automatic(spans.collect()))
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        write::whole(rendering).to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        Box::new(write::events(&rendering))
    }

    fn error(&self, problem: &Problem) -> Value {
        let mut value = json!({"id": ID, "message": problem.message});
        if let Some(code) = &problem.code {
            value["error_type"] = json!(code);
        }
        value
    }

    /// The stream ends as it always does, only with an error for a reason.
    fn error_event(&self, problem: &Problem, _after: u64) -> Event {
        let value = json!({
            "type": "message-end",
            "id": ID,
            "delta": {"finish_reason": "ERROR", "error": problem.message},
        });
        named_event("message-end", &value)
    }

    fn malformed_event(&self) -> Event {
        Event::bare("event: content-delta\ndata: {\"type\":\"content-del\n\n")
    }

    fn denied(&self) -> Problem {
        Problem::new(401, "invalid api token")
    }
}

/// `POST /v2/embed`.
pub(super) fn embed(received: &Received<'_>) -> Result<Made, Problem> {
    const PURPOSES: [&str; 5] = [
        "search_document",
        "search_query",
        "classification",
        "clustering",
        "image",
    ];
    let body = received.body;
    received.model()?;
    let purpose = body["input_type"].as_str().unwrap_or_default();
    if !PURPOSES.contains(&purpose) {
        return Err(Problem::bad(
            "valid input_type must be provided with the provided model",
        ));
    }
    let texts = texts(body.get("texts"));
    if texts.is_empty() {
        return Err(Problem::bad(
            "at least one of texts, images or inputs must be specified",
        ));
    }
    let dimensions = positive(body, "output_dimension")?.unwrap_or(8).min(4096);
    let vectors = texts
        .iter()
        .map(|text| embeddings::vector(text, dimensions));
    let vectors: Vec<Vec<f32>> = vectors.collect();
    let tokens = texts.iter().map(|text| count_tokens(text)).sum();
    Ok(received.made(tokens, |usage| {
        let mut meta = json!({"api_version": {"version": "2"}});
        if let Some(usage) = usage {
            meta["billed_units"] = json!({"input_tokens": usage.prompt});
        }
        json!({
            "id": ID,
            "embeddings": {"float": vectors},
            "texts": texts,
            "meta": meta,
            "response_type": "embeddings_by_type",
        })
    }))
}
