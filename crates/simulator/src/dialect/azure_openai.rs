//! `azure-openai`: chat completions behind deployments and an API version, or below `/openai/v1`, with the content
//! filter's findings in every answer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::frames::data_event;
use super::openai_chat::OpenaiChat;
use super::{Ask, Dialect, Event, Events, Problem, Received, Rendering};
use crate::cache::Prompt;
use crate::encoding::parameter;

/// The dialect `azure-openai`.
pub(super) struct AzureOpenai;

impl Dialect for AzureOpenai {
    fn read(&self, received: &Received<'_>) -> Result<Ask, Problem> {
        let is_deployment = received.model.is_some();
        if is_deployment && parameter(received.query, "api-version").is_none() {
            return Err(Problem::new(404, "Resource not found").with_code("404"));
        }
        if received.script.content.refusal {
            let text = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766";
            return Err(Problem::bad_field("prompt", text).with_code("content_filter"));
        }
        OpenaiChat.read(received)
    }

    fn prompt(&self, body: &Value) -> Option<Prompt> {
        OpenaiChat.prompt(body)
    }

    fn whole(&self, rendering: &Rendering) -> Vec<u8> {
        let mut value: Value =
            serde_json::from_slice(&OpenaiChat.whole(rendering)).unwrap_or_default();
        let choices = value["choices"].as_array_mut().into_iter().flatten();
        for choice in choices {
            choice["content_filter_results"] = findings();
        }
        value["prompt_filter_results"] = prompt_findings();
        value.to_string().into_bytes()
    }

    fn stream(&self, rendering: Arc<Rendering>) -> Events {
        let first = data_event(&json!({
            "choices": [],
            "created": 0,
            "id": "",
            "model": "",
            "object": "",
            "prompt_filter_results": prompt_findings(),
        }));
        Box::new(std::iter::once(first).chain(OpenaiChat.stream(rendering).map(with_findings)))
    }

    fn error(&self, problem: &Problem) -> Value {
        let code = match problem.status {
            401 => Some("401"),
            404 => Some("DeploymentNotFound"),
            429 => Some("429"),
            500.. => Some("InternalServerError"),
            _ => None,
        };
        let code = problem.code.as_deref().or(code);
        if problem.status == 400 {
            let mut value = OpenaiChat.error(problem);
            if code == Some("content_filter") {
                value["error"]["status"] = json!(400);
                value["error"]["innererror"] = json!({
                    "code": "ResponsibleAIPolicyViolation",
                    "content_filter_result": findings(),
                });
            }
            return value;
        }
        json!({"error": {"code": code, "message": problem.message}})
    }

    fn error_event(&self, problem: &Problem, _after: u64) -> Event {
        data_event(&self.error(problem))
    }

    fn malformed_event(&self) -> Event {
        OpenaiChat.malformed_event()
    }

    fn denied(&self) -> Problem {
        Problem::new(
            401,
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.",
        )
    }
}

/// A chunk with the filter's place in its choice, where it has one.
fn with_findings(mut event: Event) -> Event {
    const BEFORE: &str = "\"choices\":[{\"index\"";
    const AFTER: &str = "\"choices\":[{\"content_filter_results\":{},\"index\"";
    let text = String::from_utf8_lossy(&event.bytes);
    event.bytes = text.replacen(BEFORE, AFTER, 1).into();
    event
}

fn findings() -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    json!({"hate": safe, "self_harm": safe, "sexual": safe, "violence": safe})
}

fn prompt_findings() -> Value {
    json!([{"prompt_index": 0, "content_filter_results": findings()}])
}
