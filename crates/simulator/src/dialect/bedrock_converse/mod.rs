//! `bedrock-converse`: `POST /model/{id}/converse`, `/converse-stream` in AWS's event stream, and `/count-tokens`.

mod blocks;
mod cited;
mod request;
mod write;

use std::sync::Arc;

use serde_json::{Value, json};

use super::anthropic_messages as messages;
use super::frames::binary_event;
use super::{
    Ask, Dialect, Event, Events, Framing, Made, Problem, Received, Rendering, bedrock_error,
};
use crate::cache::Prompt;

/// What the names of inference profiles begin with.
const PROFILES: [&str; 7] = ["us", "eu", "apac", "jp", "au", "us-gov", "global"];

/// The dialect `bedrock-converse`.
pub(super) struct BedrockConverse;

impl Dialect for BedrockConverse {
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem> {
        request::read(received)
    }

    fn prompt(&self, body: &Value) -> Option<Prompt> {
        Some(Prompt::Marked(request::spans(body)))
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        write::whole(rendering).to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        Box::new(write::events(rendering))
    }

    fn error(&self, problem: &Problem) -> Value {
        bedrock_error::body(problem)
    }

    fn error_event(&self, problem: &Problem, _after: u64) -> Event {
        bedrock_error::event(problem)
    }

    fn malformed_event(&self) -> Event {
        binary_event("contentBlockDelta", b"{\"contentBlockIndex\":0,\"del")
    }

    fn framing(&self) -> Framing {
        Framing::EventStream
    }

    fn error_header(&self, problem: &Problem) -> Option<(&'static str, String)> {
        Some((bedrock_error::HEADER, bedrock_error::name(problem)))
    }

    fn denied(&self) -> Problem {
        bedrock_error::denied()
    }
}

/// `POST /model/{id}/count-tokens`, for an input in Converse's form or the body of an InvokeModel.
pub(super) fn count_tokens(received: &Received<'_>) -> Result<Made, Problem> {
    let model = received.model()?;
    if let Some((region, _)) = model.split_once('.')
        && PROFILES.contains(&region)
    {
        // A profile is no model: https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
        return Err(Problem::bad("The provided model identifier is invalid."));
    }
    let input = &received.body["input"];
    let tokens = match (input.get("converse"), input.pointer("/invokeModel/body")) {
        (Some(body), None) => request::count(body)?,
        (None, Some(body)) => messages::count_of_invoke(received, body)?,
        (Some(_), Some(_)) | (None, None) => {
            return Err(Problem::bad(
                "The input field is required, with either a converse or an invokeModel member.",
            ));
        }
    };
    Ok(received.made(tokens, |_| json!({"inputTokens": tokens})))
}
