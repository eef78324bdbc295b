//! Writes a response as its stream of numbered events.

use std::sync::Arc;

use serde_json::{Value, json};

use super::object::{Stage, finished, is_summary_shown, item, item_id, part, started, status};
use crate::answer::{Finish, Kind, Say, says};
use crate::dialect::frames::named_event;
use crate::dialect::{Event, Rendering};
use crate::tokens::count_tokens;

pub(super) fn events(rendering: Arc<Rendering>) -> impl Iterator<Item = Event> + Send {
    let mut pen = Pen {
        rendering: rendering.clone(),
        written: 0,
    };
    says(rendering).flat_map(move |say| pen.write(&say))
}

/// Writes events and numbers them.
struct Pen {
    rendering: Arc<Rendering>,
    written: u64,
}

impl Pen {
    fn event(&mut self, kind: &str, fields: Value) -> Event {
        let mut value = json!({"type": kind, "sequence_number": self.written});
        self.written += 1;
        if let (Some(all), Value::Object(fields)) = (value.as_object_mut(), fields) {
            all.extend(fields);
        }
        named_event(kind, &value)
    }

    fn write(&mut self, say: &Say) -> Vec<Event> {
        match say {
            Say::Open { .. } => {
                let response = started(&self.rendering);
                vec![
                    self.event("response.created", json!({"response": response})),
                    self.event("response.in_progress", json!({"response": response})),
                ]
            }
            Say::BlockStart { block, tokens, .. } => self.open(*block, *tokens),
            Say::Piece {
                block,
                range,
                tokens,
                ..
            } => {
                let rendering = self.rendering.clone();
                let text = &rendering.answer.choices[0].blocks[*block].text[range.clone()];
                self.piece(*block, text, *tokens).into_iter().collect()
            }
            Say::BlockEnd { block, .. } => self.end(*block),
            Say::Close { .. } => self.close().into_iter().collect(),
        }
    }

    fn open(&mut self, index: usize, head_tokens: u64) -> Vec<Event> {
        let rendering = self.rendering.clone();
        let block = &rendering.answer.choices[0].blocks[index];
        let item = item(&rendering, index, Stage::InProgress);
        let added = json!({"output_index": index, "item": item});
        let mut events = vec![Event {
            tokens: head_tokens,
            ..self.event("response.output_item.added", added)
        }];
        match &block.kind {
            Kind::Text | Kind::Refusal => {
                let part = part(block, "");
                let fields = self.inside(index, json!({"content_index": 0, "part": part}));
                events.push(self.event("response.content_part.added", fields));
            }
            Kind::Reasoning if is_summary_shown(&rendering, block) => {
                let part = json!({"type": "summary_text", "text": ""});
                let fields = self.inside(index, json!({"summary_index": 0, "part": part}));
                events.push(self.event("response.reasoning_summary_part.added", fields));
            }
            Kind::Reasoning | Kind::Redacted => {
                events[0].tokens += count_tokens(&block.text); // It is not shown: it counts at once.
            }
            Kind::Call { .. } => {}
        }
        events
    }

    fn piece(&mut self, index: usize, text: &str, tokens: u64) -> Option<Event> {
        let rendering = self.rendering.clone();
        let block = &rendering.answer.choices[0].blocks[index];
        let (kind, fields) = match &block.kind {
            Kind::Text => (
                "response.output_text.delta",
                json!({"content_index": 0, "delta": text, "logprobs": []}),
            ),
            Kind::Refusal => (
                "response.refusal.delta",
                json!({"content_index": 0, "delta": text}),
            ),
            Kind::Call { name, .. } if rendering.ask.calls_with_text(name) => (
                "response.custom_tool_call_input.delta",
                json!({"delta": text}),
            ),
            Kind::Call { .. } => (
                "response.function_call_arguments.delta",
                json!({"delta": text}),
            ),
            Kind::Reasoning if is_summary_shown(&rendering, block) => (
                "response.reasoning_summary_text.delta",
                json!({"summary_index": 0, "delta": text}),
            ),
            Kind::Reasoning | Kind::Redacted => return None,
        };
        let fields = self.inside(index, fields);
        Some(self.event(kind, fields).carrying(tokens))
    }

    fn end(&mut self, index: usize) -> Vec<Event> {
        let rendering = self.rendering.clone();
        let block = &rendering.answer.choices[0].blocks[index];
        let text = &block.text;
        let mut told = match &block.kind {
            Kind::Text => vec![
                (
                    "response.output_text.done",
                    json!({"content_index": 0, "text": text, "logprobs": []}),
                ),
                (
                    "response.content_part.done",
                    json!({"content_index": 0, "part": part(block, text)}),
                ),
            ],
            Kind::Refusal => vec![
                (
                    "response.refusal.done",
                    json!({"content_index": 0, "refusal": text}),
                ),
                (
                    "response.content_part.done",
                    json!({"content_index": 0, "part": part(block, text)}),
                ),
            ],
            Kind::Call { name, .. } if rendering.ask.calls_with_text(name) => vec![(
                "response.custom_tool_call_input.done",
                json!({"input": text}),
            )],
            Kind::Call { name, .. } => vec![(
                "response.function_call_arguments.done",
                json!({"name": name, "arguments": text}),
            )],
            Kind::Reasoning if is_summary_shown(&rendering, block) => {
                let part = json!({"type": "summary_text", "text": text});
                vec![
                    (
                        "response.reasoning_summary_text.done",
                        json!({"summary_index": 0, "text": text}),
                    ),
                    (
                        "response.reasoning_summary_part.done",
                        json!({"summary_index": 0, "part": part}),
                    ),
                ]
            }
            Kind::Reasoning | Kind::Redacted => Vec::new(),
        };
        let mut events: Vec<Event> = told
            .drain(..)
            .map(|(kind, fields)| {
                let fields = self.inside(index, fields);
                self.event(kind, fields)
            })
            .collect();
        let item = item(&rendering, index, Stage::Done);
        let done = json!({"output_index": index, "item": item});
        events.push(self.event("response.output_item.done", done));
        events
    }

    fn close(&mut self) -> Option<Event> {
        let rendering = self.rendering.clone();
        let finish = &rendering.answer.choices[0].finish;
        if rendering.script.trouble.no_done || *finish == Finish::Missing {
            return None; // This event is the end; there is no other.
        }
        let kind = match status(finish) {
            ("incomplete", _) => "response.incomplete",
            _ => "response.completed",
        };
        let response = json!({"response": finished(&rendering)});
        Some(self.event(kind, response).reporting(rendering.usage()))
    }

    /// The fields of an event inside an item.
    fn inside(&self, index: usize, fields: Value) -> Value {
        let mut value = json!({
            "item_id": item_id(&self.rendering.answer, index),
            "output_index": index,
        });
        if let (Some(all), Value::Object(fields)) = (value.as_object_mut(), fields) {
            all.extend(fields);
        }
        value
    }
}
