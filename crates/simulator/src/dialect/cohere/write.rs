//! Writes a chat answer of Cohere's second version, whole and as named events.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::answer::{Answer, Block, Finish, Kind, Say, says};
use crate::dialect::frames::named_event;
use crate::dialect::{Event, Rendering};
use crate::ledger::Usage;
use crate::tokens::{self, LOGPROB, count_tokens};

pub(super) fn whole(rendering: &Rendering) -> Value {
    let choice = &rendering.answer.choices[0];
    let content = choice.blocks.iter().filter_map(|block| match block.kind {
        Kind::Text | Kind::Refusal => Some(json!({"type": "text", "text": block.text})),
        Kind::Reasoning => Some(json!({"type": "thinking", "thinking": block.text})),
        Kind::Redacted | Kind::Call { .. } => None,
    });
    let content: Vec<Value> = content.collect();
    let calls: Vec<Value> = choice
        .calls()
        .map(|(id, name, arguments)| {
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    let mut message = json!({"role": "assistant"});
    if !content.is_empty() {
        message["content"] = Value::Array(content);
    }
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    let mut value = json!({
        "id": answer_id(&rendering.answer),
        "message": message,
        "finish_reason": finish_word(&choice.finish),
    });
    if rendering.ask.wants_logprobs {
        let text = choice.text_of(&Kind::Text);
        value["logprobs"] = tokens::tokens(&text).map(rated).collect();
    }
    if let Some(usage) = rendering.usage() {
        value["usage"] = usage_value(usage);
    }
    value
}

/// A piece of text with the log probabilities of its tokens.
fn rated(text: &str) -> Value {
    let logprobs: Vec<f64> = tokens::tokens(text).map(|_| LOGPROB).collect();
    let ids: Vec<usize> = (1..=logprobs.len()).collect();
    json!({"text": text, "token_ids": ids, "logprobs": logprobs})
}

pub(super) fn events(rendering: &Arc<Rendering>) -> impl Iterator<Item = Event> + Send + use<> {
    let pen = rendering.clone();
    let is_done = !rendering.script.trouble.no_done;
    let done = is_done.then(|| Event::bare("data: [DONE]\n\n"));
    says(rendering.clone())
        .flat_map(move |say| write(&pen, &say))
        .chain(done)
}

fn write(rendering: &Rendering, say: &Say) -> Option<Event> {
    let blocks = &rendering.answer.choices[0].blocks;
    match say {
        Say::Open { .. } => Some(named_event(
            "message-start",
            &json!({
                "id": answer_id(&rendering.answer),
                "type": "message-start",
                "delta": {"message": {
                    "role": "assistant",
                    "content": [],
                    "tool_plan": "",
                    "tool_calls": [],
                    "citations": [],
                }},
            }),
        )),
        Say::BlockStart { block, tokens, .. } => {
            let it = &blocks[*block];
            let (kind, message) = match &it.kind {
                Kind::Text | Kind::Refusal => (
                    "content-start",
                    json!({"content": {"type": "text", "text": ""}}),
                ),
                Kind::Reasoning => (
                    "content-start",
                    json!({"content": {"type": "thinking", "thinking": ""}}),
                ),
                Kind::Call { id, name } => (
                    "tool-call-start",
                    json!({"tool_calls": {"id": id, "type": "function",
                        "function": {"name": name, "arguments": ""}}}),
                ),
                Kind::Redacted => return None,
            };
            Some(Event {
                tokens: *tokens,
                ..indexed(kind, place(blocks, *block), Some(message))
            })
        }
        Say::Piece {
            block,
            range,
            tokens,
            ..
        } => {
            let text = &blocks[*block].text[range.clone()];
            let (kind, message) = match blocks[*block].kind {
                Kind::Text | Kind::Refusal => ("content-delta", json!({"content": {"text": text}})),
                Kind::Reasoning => ("content-delta", json!({"content": {"thinking": text}})),
                Kind::Call { .. } => (
                    "tool-call-delta",
                    json!({"tool_calls": {"function": {"arguments": text}}}),
                ),
                Kind::Redacted => return None,
            };
            let mut value = value(kind, place(blocks, *block), Some(message));
            if rendering.ask.wants_logprobs && blocks[*block].kind == Kind::Text {
                value["logprobs"] = rated(text);
            }
            Some(named_event(kind, &value).carrying(*tokens))
        }
        Say::BlockEnd { block, .. } => match blocks[*block].kind {
            Kind::Call { .. } => Some(indexed("tool-call-end", place(blocks, *block), None)),
            Kind::Redacted => None,
            Kind::Text | Kind::Refusal | Kind::Reasoning => {
                Some(indexed("content-end", place(blocks, *block), None))
            }
        },
        Say::Close { .. } => Some(close(rendering)),
    }
}

/// An event with an index and, where it says something, a message.
fn indexed(kind: &str, index: usize, message: Option<Value>) -> Event {
    named_event(kind, &value(kind, index, message))
}

fn value(kind: &str, index: usize, message: Option<Value>) -> Value {
    let mut value = json!({"type": kind, "index": index});
    if let Some(message) = message {
        value["delta"] = json!({"message": message});
    }
    value
}

/// The index of a block among those of its sort: calls and contents are counted apart.
fn place(blocks: &[Block], block: usize) -> usize {
    let is_call = |b: &Block| matches!(b.kind, Kind::Call { .. });
    let same = |b: &&Block| is_call(b) == is_call(&blocks[block]);
    blocks[..block].iter().filter(same).count()
}

fn close(rendering: &Rendering) -> Event {
    let answer = &rendering.answer;
    let mut delta = json!({"finish_reason": finish_word(&answer.choices[0].finish)});
    let usage = rendering.usage();
    if let Some(usage) = usage {
        delta["usage"] = usage_value(usage);
    }
    let value = json!({"type": "message-end", "delta": delta});
    let redacted = answer.choices[0].blocks.iter();
    let redacted = redacted.filter(|block| block.kind == Kind::Redacted);
    Event {
        tokens: redacted.map(|block| count_tokens(&block.text)).sum(),
        ..named_event("message-end", &value).reporting(usage)
    }
}

fn answer_id(answer: &Answer) -> String {
    format!("00000000-0000-4000-8000-{:012}", answer.seq)
}

fn finish_word(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::Stop => Some("COMPLETE"),
        Finish::StopText(_) => Some("STOP_SEQUENCE"),
        Finish::Length => Some("MAX_TOKENS"),
        Finish::Tools => Some("TOOL_CALL"),
        Finish::Refusal => Some("ERROR"),
        Finish::Missing => None,
        Finish::Exactly(word) => Some(word),
    }
}

fn usage_value(usage: Usage) -> Value {
    json!({
        "billed_units": {"input_tokens": usage.prompt, "output_tokens": usage.completion},
        "tokens": {"input_tokens": usage.prompt, "output_tokens": usage.completion},
        "cached_tokens": usage.cached,
    })
}
