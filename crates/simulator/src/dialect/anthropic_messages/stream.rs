//! Writes a message as a stream of named events.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{SIGNATURE, message_value, named_event, stop_reason, stop_sequence, usage_value};
use crate::answer::{Kind, Say, says};
use crate::dialect::{Event, Rendering};
use crate::ledger::Usage;
use crate::script::UsageWhen;

pub(super) fn events(rendering: Arc<Rendering>) -> impl Iterator<Item = Event> + Send {
    let pen = rendering.clone();
    says(rendering).flat_map(move |say| write(&pen, &say))
}

fn write(rendering: &Rendering, say: &Say) -> Vec<Event> {
    match say {
        Say::Open { .. } => vec![
            start(rendering),
            named_event("ping", &json!({"type": "ping"})),
        ],
        Say::BlockStart { block, tokens, .. } => {
            let content = match &rendering.answer.choices[0].blocks[*block].kind {
                Kind::Text => json!({"type": "text", "text": ""}),
                Kind::Reasoning => json!({"type": "thinking", "thinking": "", "signature": ""}),
                Kind::Call { id, name } => {
                    json!({"type": "tool_use", "id": id, "name": name, "input": {}})
                }
            };
            let value =
                json!({"type": "content_block_start", "index": block, "content_block": content});
            vec![Event {
                tokens: *tokens,
                ..named_event("content_block_start", &value)
            }]
        }
        Say::Piece {
            block,
            range,
            tokens,
            ..
        } => {
            let it = &rendering.answer.choices[0].blocks[*block];
            let text = &it.text[range.clone()];
            let delta = match it.kind {
                Kind::Text => json!({"type": "text_delta", "text": text}),
                Kind::Reasoning => json!({"type": "thinking_delta", "thinking": text}),
                Kind::Call { .. } => json!({"type": "input_json_delta", "partial_json": text}),
            };
            vec![Event {
                tokens: *tokens,
                is_content: true,
                ..block_delta(*block, &delta)
            }]
        }
        Say::BlockEnd { block, .. } => {
            let stop = json!({"type": "content_block_stop", "index": block});
            let mut events = Vec::new();
            if rendering.answer.choices[0].blocks[*block].kind == Kind::Reasoning {
                let signature = json!({"type": "signature_delta", "signature": SIGNATURE});
                events.push(block_delta(*block, &signature));
            }
            events.push(named_event("content_block_stop", &stop));
            events
        }
        Say::Close { .. } => close(rendering),
    }
}

fn block_delta(block: usize, delta: &Value) -> Event {
    let value = json!({"type": "content_block_delta", "index": block, "delta": delta});
    named_event("content_block_delta", &value)
}

fn start(rendering: &Rendering) -> Event {
    let answer = &rendering.answer;
    let mut message = message_value(answer, &[]);
    let first = Usage {
        completion: 1,
        reasoning: 0,
        ..answer.usage
    };
    let is_missing = rendering.script.content.usage.when == UsageWhen::Missing;
    let usage = (!is_missing).then(|| answer.reported(first));
    match usage {
        Some(usage) => message["usage"] = usage_value(usage),
        None => {
            if let Some(fields) = message.as_object_mut() {
                fields.shift_remove("usage");
            }
        }
    }
    let value = json!({"type": "message_start", "message": message});
    Event {
        usage,
        ..named_event("message_start", &value)
    }
}

fn close(rendering: &Rendering) -> Vec<Event> {
    let answer = &rendering.answer;
    let finish = &answer.choices[0].finish;
    let mut value = json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(finish), "stop_sequence": stop_sequence(finish)},
    });
    let is_missing = rendering.script.content.usage.when == UsageWhen::Missing;
    let usage = (!is_missing).then(|| answer.reported(answer.usage));
    if let Some(usage) = usage {
        value["usage"] = usage_value(usage);
    }
    let mut events = vec![Event {
        usage,
        ..named_event("message_delta", &value)
    }];
    if !rendering.script.trouble.no_done {
        events.push(named_event(
            "message_stop",
            &json!({"type": "message_stop"}),
        ));
    }
    events
}
