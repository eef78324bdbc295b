//! The response object and its items.

use serde_json::{Value, json};

use crate::answer::{Answer, Block, Finish, Kind};
use crate::dialect::Rendering;
use crate::ledger::Usage;
use crate::seal::Seal;

/// Every answer says that it was made at this second (14 November 2023): answers are deterministic.
const CREATED: u64 = 1_700_000_000;

/// How far an item or a response is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    InProgress,
    Done,
}

/// The whole response.
pub(super) fn finished(rendering: &Rendering) -> Value {
    let blocks = &rendering.answer.choices[0].blocks;
    let items = (0..blocks.len()).map(|index| item(rendering, index, Stage::Done));
    let mut value = started(rendering);
    let (status, reason) = status(&rendering.answer.choices[0].finish);
    value["status"] = json!(status);
    if let Some(reason) = reason {
        value["incomplete_details"] = json!({"reason": reason});
    }
    value["output"] = items.collect();
    if let Some(usage) = rendering.usage() {
        value["usage"] = usage_value(usage);
    } else if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("usage");
    }
    value
}

/// The response before its first item.
pub(super) fn started(rendering: &Rendering) -> Value {
    let answer = &rendering.answer;
    let mut value = json!({
        "id": format!("resp_sim_{:08}", answer.seq),
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": false,
        "error": null,
        "incomplete_details": null,
        "model": answer.model,
        "output": [],
        "previous_response_id": null,
        "usage": null,
    });
    for (name, field) in &rendering.ask.echo {
        value[name] = field.clone();
    }
    value
}

/// The status of a response, and why it is incomplete.
pub(super) fn status(finish: &Finish) -> (&'static str, Option<&str>) {
    match finish {
        Finish::Stop | Finish::StopText(_) | Finish::Tools | Finish::Refusal => ("completed", None),
        Finish::Length => ("incomplete", Some("max_output_tokens")),
        Finish::Missing => ("in_progress", None),
        Finish::Exactly(reason) => ("incomplete", Some(reason)),
    }
}

/// One item of the output.
pub(super) fn item(rendering: &Rendering, index: usize, stage: Stage) -> Value {
    let answer = &rendering.answer;
    let block = &answer.choices[0].blocks[index];
    let is_done = stage == Stage::Done;
    let status = if is_done { "completed" } else { "in_progress" };
    let id = item_id(answer, index);
    match &block.kind {
        Kind::Reasoning | Kind::Redacted => {
            let shows = is_done && is_summary_shown(rendering, block);
            let summary = shows.then(|| json!({"type": "summary_text", "text": block.text}));
            let mut value = json!({
                "id": id,
                "type": "reasoning",
                "summary": summary.into_iter().collect::<Vec<_>>(),
            });
            if rendering.ask.wants_opaque {
                value["encrypted_content"] = json!(Seal::Reasoning.wrap(&block.text));
            }
            value
        }
        Kind::Text | Kind::Refusal => {
            let content = is_done.then(|| part(block, &block.text));
            json!({
                "id": id,
                "type": "message",
                "status": status,
                "content": content.into_iter().collect::<Vec<_>>(),
                "role": "assistant",
            })
        }
        Kind::Call { id: call, name } => {
            let (kind, member) = match rendering.ask.calls_with_text(name) {
                true => ("custom_tool_call", "input"),
                false => ("function_call", "arguments"),
            };
            json!({
                "id": id,
                "type": kind,
                "status": status,
                member: if is_done { block.text.as_str() } else { "" },
                "call_id": call,
                "name": name,
            })
        }
    }
}

/// The id of an item.
pub(super) fn item_id(answer: &Answer, index: usize) -> String {
    let start = match answer.choices[0].blocks[index].kind {
        Kind::Reasoning | Kind::Redacted => "rs",
        Kind::Text | Kind::Refusal => "msg",
        Kind::Call { .. } => "fc",
    };
    format!("{start}_sim_{:08}_{index}", answer.seq)
}

/// The content part of a message.
pub(super) fn part(block: &Block, text: &str) -> Value {
    match block.kind {
        Kind::Refusal => json!({"type": "refusal", "refusal": text}),
        Kind::Reasoning | Kind::Redacted | Kind::Text | Kind::Call { .. } => {
            json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
        }
    }
}

/// Whether a block of reasoning is summarised for the caller.
pub(super) fn is_summary_shown(rendering: &Rendering, block: &Block) -> bool {
    block.kind == Kind::Reasoning && rendering.ask.shows_reasoning
}

fn usage_value(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.completion,
    })
}
