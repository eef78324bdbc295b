//! Writes a converse answer, whole and as events.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cited;
use crate::answer::{Block, Finish, Kind, Say, says};
use crate::dialect::frames::binary_event;
use crate::dialect::{Cited, Event, Rendering};
use crate::encoding::to_base64;
use crate::ledger::Usage;
use crate::seal::Seal;
use crate::tokens::count_tokens;

pub(super) fn whole(rendering: &Rendering) -> Value {
    let choice = &rendering.answer.choices[0];
    let cited = rendering.ask.cited.as_ref();
    let blocks = choice.blocks.iter();
    let content: Vec<Value> = blocks.map(|block| block_value(block, cited)).collect();
    let mut value = json!({
        "metrics": {"latencyMs": 1},
        "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": stop_reason(&choice.finish),
    });
    if let Some(usage) = rendering.usage() {
        value["usage"] = usage_value(usage);
    }
    value
}

pub(super) fn events(rendering: Arc<Rendering>) -> impl Iterator<Item = Event> + Send {
    let pen = rendering.clone();
    says(rendering).flat_map(move |say| write(&pen, &say))
}

fn event(kind: &str, value: &Value) -> Event {
    binary_event(kind, value.to_string().as_bytes())
}

fn write(rendering: &Rendering, say: &Say) -> Vec<Event> {
    let blocks = &rendering.answer.choices[0].blocks;
    match say {
        Say::Open { .. } => vec![event("messageStart", &json!({"role": "assistant"}))],
        Say::BlockStart { block, tokens, .. } => match &blocks[*block].kind {
            Kind::Call { id, name } => {
                let start = json!({"toolUse": {"toolUseId": id, "name": name}});
                let value = json!({"contentBlockIndex": block, "start": start});
                vec![Event {
                    tokens: *tokens,
                    ..event("contentBlockStart", &value)
                }]
            }
            Kind::Redacted => {
                let data = redacted(&blocks[*block].text);
                let delta = json!({"reasoningContent": {"redactedContent": data}});
                vec![Event {
                    tokens: count_tokens(&blocks[*block].text),
                    ..delta_event(*block, &delta)
                }]
            }
            Kind::Reasoning | Kind::Text | Kind::Refusal => Vec::new(), // They have no start here.
        },
        Say::Piece {
            block,
            range,
            tokens,
            ..
        } => {
            let text = &blocks[*block].text[range.clone()];
            let delta = match blocks[*block].kind {
                Kind::Text | Kind::Refusal => json!({"text": text}),
                Kind::Reasoning => json!({"reasoningContent": {"text": text}}),
                Kind::Call { .. } => json!({"toolUse": {"input": text}}),
                Kind::Redacted => return Vec::new(),
            };
            vec![delta_event(*block, &delta).carrying(*tokens)]
        }
        Say::BlockEnd { block, .. } => {
            let mut events = Vec::new();
            if blocks[*block].kind == Kind::Reasoning {
                let signature = Seal::Thinking.sign(&blocks[*block].text);
                let delta = json!({"reasoningContent": {"signature": signature}});
                events.push(delta_event(*block, &delta));
            }
            if let (Kind::Text, Some(cited)) = (&blocks[*block].kind, &rendering.ask.cited) {
                let delta = json!({"citation": cited::citation(cited)});
                events.push(delta_event(*block, &delta));
            }
            events.push(event(
                "contentBlockStop",
                &json!({"contentBlockIndex": block}),
            ));
            events
        }
        Say::Close { .. } => close(rendering),
    }
}

fn delta_event(block: usize, delta: &Value) -> Event {
    let value = json!({"contentBlockIndex": block, "delta": delta});
    event("contentBlockDelta", &value)
}

fn close(rendering: &Rendering) -> Vec<Event> {
    let finish = &rendering.answer.choices[0].finish;
    let mut events = Vec::new();
    if let Some(reason) = stop_reason(finish) {
        events.push(event("messageStop", &json!({"stopReason": reason})));
    }
    if rendering.script.trouble.no_done {
        return events; // The usage comes last: without the end there is none.
    }
    let mut value = json!({"metrics": {"latencyMs": 1}});
    let usage = rendering.usage();
    if let Some(usage) = usage {
        value["usage"] = usage_value(usage);
    }
    events.push(event("metadata", &value).reporting(usage));
    events
}

fn block_value(block: &Block, cited: Option<&Cited>) -> Value {
    match &block.kind {
        Kind::Text if cited.is_some() => {
            let citations: Vec<Value> = cited.into_iter().map(cited::citation).collect();
            json!({"citationsContent": {"content": [{"text": block.text}], "citations": citations}})
        }
        Kind::Text | Kind::Refusal => json!({"text": block.text}),
        Kind::Reasoning => json!({"reasoningContent": {"reasoningText": {
            "text": block.text,
            "signature": Seal::Thinking.sign(&block.text),
        }}}),
        Kind::Redacted => json!({"reasoningContent": {
            "redactedContent": redacted(&block.text),
        }}),
        Kind::Call { id, name } => {
            let input: Value =
                serde_json::from_str(&block.text).unwrap_or_else(|_| Value::from(&*block.text));
            json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
        }
    }
}

/// What Claude calls `data`, as bytes; and bytes are base64 here.
fn redacted(text: &str) -> String {
    to_base64(Seal::Redacted.wrap(text).as_bytes())
}

fn stop_reason(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::Stop => Some("end_turn"),
        Finish::StopText(_) => Some("stop_sequence"),
        Finish::Length => Some("max_tokens"),
        Finish::Tools => Some("tool_use"),
        Finish::Refusal => Some("content_filtered"),
        Finish::Missing => None,
        Finish::Exactly(word) => Some(word),
    }
}

/// Bedrock counts tokens read from and written to a cache beside the input tokens.
fn usage_value(usage: Usage) -> Value {
    let mut value = json!({
        "inputTokens": usage.prompt.saturating_sub(usage.cached + usage.cache_written),
        "outputTokens": usage.completion,
        "totalTokens": usage.prompt + usage.completion,
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.cache_written,
    });
    let one_hour = usage.cache_written_one_hour.min(usage.cache_written);
    if usage.cache_written > 0 {
        value["cacheDetails"] = json!([
            {"ttl": "5m", "inputTokens": usage.cache_written - one_hour},
            {"ttl": "1h", "inputTokens": one_hour},
        ]);
    }
    value
}
