//! Writes a message as a stream of named events.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    AnthropicMessages, block_value, cited, message_value, stop_reason, stop_sequence, usage_value,
};
use crate::answer::{Block, Kind, Say, says};
use crate::dialect::{Event, Rendering};
use crate::ledger::Usage;
use crate::seal::Seal;
use crate::tokens::count_tokens;

pub(super) fn events(
    host: AnthropicMessages,
    rendering: Arc<Rendering>,
) -> impl Iterator<Item = Event> + Send {
    let pen = rendering.clone();
    says(rendering).flat_map(move |say| write(host, &pen, &say))
}

fn write(host: AnthropicMessages, rendering: &Rendering, say: &Say) -> Vec<Event> {
    let blocks = &rendering.answer.choices[0].blocks;
    match say {
        Say::Open { .. } => vec![
            start(host, rendering),
            host.event("ping", &json!({"type": "ping"})),
        ],
        Say::BlockStart { block, tokens, .. } => {
            let it = &blocks[*block];
            let value = json!({
                "type": "content_block_start",
                "index": block,
                "content_block": opening(it),
            });
            let tokens = match it.kind {
                Kind::Redacted => count_tokens(&it.text), // It comes at once.
                Kind::Reasoning | Kind::Text | Kind::Refusal | Kind::Call { .. } => *tokens,
            };
            vec![Event {
                tokens,
                ..host.event("content_block_start", &value)
            }]
        }
        Say::Piece {
            block,
            range,
            tokens,
            ..
        } => {
            let text = &blocks[*block].text[range.clone()];
            let delta = match blocks[*block].kind {
                Kind::Text | Kind::Refusal => json!({"type": "text_delta", "text": text}),
                Kind::Reasoning => json!({"type": "thinking_delta", "thinking": text}),
                Kind::Call { .. } => json!({"type": "input_json_delta", "partial_json": text}),
                Kind::Redacted => return Vec::new(),
            };
            vec![block_delta(host, *block, &delta).carrying(*tokens)]
        }
        Say::BlockEnd { block, .. } => {
            let stop = json!({"type": "content_block_stop", "index": block});
            let mut events = Vec::new();
            if blocks[*block].kind == Kind::Reasoning {
                let signature = Seal::Thinking.sign(&blocks[*block].text);
                let delta = json!({"type": "signature_delta", "signature": signature});
                events.push(block_delta(host, *block, &delta));
            }
            if let (Kind::Text, Some(cited)) = (&blocks[*block].kind, &rendering.ask.cited) {
                let delta = json!({"type": "citations_delta", "citation": cited::citation(cited)});
                events.push(block_delta(host, *block, &delta));
            }
            events.push(host.event("content_block_stop", &stop));
            events
        }
        Say::Close { .. } => close(host, rendering),
    }
}

/// A block as it is before its first piece.
fn opening(block: &Block) -> Value {
    match &block.kind {
        Kind::Text | Kind::Refusal => json!({"type": "text", "text": ""}),
        Kind::Reasoning => json!({"type": "thinking", "thinking": "", "signature": ""}),
        Kind::Redacted => block_value(block),
        Kind::Call { id, name } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": {}})
        }
    }
}

fn block_delta(host: AnthropicMessages, block: usize, delta: &Value) -> Event {
    let value = json!({"type": "content_block_delta", "index": block, "delta": delta});
    host.event("content_block_delta", &value)
}

fn start(host: AnthropicMessages, rendering: &Rendering) -> Event {
    let answer = &rendering.answer;
    let mut message = message_value(answer, &[]);
    let first = Usage {
        completion: 1,
        reasoning: 0,
        ..answer.usage
    };
    let usage = rendering.script.content.usage.reported(first);
    if let Some(usage) = usage {
        message["usage"] = usage_value(usage);
    }
    let value = json!({"type": "message_start", "message": message});
    host.event("message_start", &value).reporting(usage)
}

fn close(host: AnthropicMessages, rendering: &Rendering) -> Vec<Event> {
    let answer = &rendering.answer;
    let finish = &answer.choices[0].finish;
    let mut value = json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(finish), "stop_sequence": stop_sequence(finish)},
    });
    let usage = rendering.usage();
    if let Some(usage) = usage {
        value["usage"] = usage_value(usage);
    }
    let mut events = vec![host.event("message_delta", &value).reporting(usage)];
    if rendering.script.trouble.no_done {
        return events;
    }
    let mut stop = json!({"type": "message_stop"});
    if let (AnthropicMessages::Bedrock, Some(usage)) = (host, usage) {
        stop["amazon-bedrock-invocationMetrics"] = json!({
            "inputTokenCount": usage.prompt.saturating_sub(usage.cached + usage.cache_written),
            "outputTokenCount": usage.completion,
            "invocationLatency": 1,
            "firstByteLatency": 1,
            "cacheReadInputTokenCount": usage.cached,
            "cacheWriteInputTokenCount": usage.cache_written,
        });
    }
    events.push(host.event("message_stop", &stop));
    events
}
