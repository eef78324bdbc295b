//! Writes an answer in this dialect out of events: one block at a time, each begun once and ended.
//!
//! Other dialects speak in several blocks at once. Here the first one is told as it comes, and what
//! the others say waits until it is over: text and thoughts are over as soon as something else is
//! said, a tool call when its arguments are whole.

use std::collections::VecDeque;

use chat::event::BlockIndex;
use chat::opaque::{Format, Seal};
use chat::{Block, Citation, Error, Event, FinishReason, Opaque, Reason, Response, Usage};
use serde_json::{Value, json};

use super::envelope;
use super::seal::{UNSEALED, carry};
use super::usage;
use crate::codec::Writer;
use crate::splice::{push_quoted, quoted};
use crate::stamp::{CostText, Stamp};
use crate::track::{Arguments, broken};

/// Writes one answer.
pub(super) struct Telling {
    stamp: Stamp,
    is_begun: bool,
    usage: Usage,
    /// The number of the next block.
    next: u64,
    /// The block that is being told, and those that wait behind it.
    blocks: VecDeque<Waiting>,
    /// Every block that was begun, for those that speak on after they seemed to be over.
    begun: Vec<(BlockIndex, Block<'static>)>,
    finish: Option<FinishReason>,
}

/// A block of which something is still to be told.
struct Waiting {
    at: BlockIndex,
    block: Block<'static>,
    /// Whether its beginning was told, and as what.
    told: Option<Told>,
    text: String,
    citations: Vec<Citation>,
    seal: Option<Opaque>,
    arguments: Arguments,
    has_arguments: bool,
    is_over: bool,
}

/// How a block was begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Text,
    Thinking,
    Call,
}

impl Telling {
    /// A writer for one answer.
    pub(super) fn new(stamp: Stamp) -> Self {
        Self {
            stamp,
            is_begun: false,
            usage: Usage::default(),
            next: 0,
            blocks: VecDeque::new(),
            begun: Vec::new(),
            finish: None,
        }
    }

    fn begin(&mut self, out: &mut String) {
        if self.is_begun {
            return;
        }
        self.is_begun = true;
        let usage = usage::write(&self.usage, None);
        out.push_str("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{");
        head(&self.stamp, out);
        out.push_str(",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,\"container\":null,\"usage\":");
        out.push_str(&usage);
        out.push_str("}}\n\n");
    }

    /// The block that speaks; one that seemed to be over goes on in a new one.
    fn find(&mut self, at: BlockIndex) -> Option<&mut Waiting> {
        let known = self.blocks.iter().rposition(|waiting| waiting.at == at);
        if let Some(position) = known {
            return self.blocks.get_mut(position);
        }
        let (_, block) = self.begun.iter().find(|(begun, _)| *begun == at)?;
        let block = match block {
            // It was whole; all that can still come is what must return with it.
            Block::ToolCall { .. } => Block::Reasoning { is_summary: false },
            other => other.clone(),
        };
        self.start(at, block);
        self.blocks.back_mut()
    }

    fn start(&mut self, at: BlockIndex, block: Block<'static>) {
        // Whatever was being said is over once something else is.
        for waiting in &mut self.blocks {
            waiting.is_over |= match waiting.block {
                Block::ToolCall { .. } => waiting.has_arguments && waiting.arguments.is_whole(),
                _ => true,
            };
        }
        self.blocks.push_back(Waiting {
            at,
            block,
            told: None,
            text: String::new(),
            citations: Vec::new(),
            seal: None,
            arguments: Arguments::default(),
            has_arguments: false,
            is_over: false,
        });
    }

    /// Tells what can be told by now.
    fn tell(&mut self, out: &mut String) {
        while let Some(first) = self.blocks.front_mut() {
            let mut numbered = Numbered {
                number: self.next,
                out,
            };
            numbered.tell(first);
            if !first.is_over {
                return;
            }
            self.next += numbered.end(first);
            self.blocks.pop_front();
        }
    }
}

/// `"id":…` and what else every answer begins with.
fn head(stamp: &Stamp, out: &mut String) {
    out.push_str("\"id\":");
    push_quoted(out, &stamp.id);
    out.push_str(",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    push_quoted(out, &stamp.model);
    out.push_str(",\"provider\":");
    push_quoted(out, &stamp.provider);
}

/// Where the frames of a block go, and its number.
struct Numbered<'o> {
    number: u64,
    out: &'o mut String,
}

impl Numbered<'_> {
    fn frame(&mut self, name: &str, member: &str, json: &str) {
        let Self { number, out } = self;
        out.push_str("event: ");
        out.push_str(name);
        out.push_str("\ndata: {\"type\":\"");
        out.push_str(name);
        out.push_str("\",\"index\":");
        out.push_str(&number.to_string());
        if !member.is_empty() {
            out.push_str(",\"");
            out.push_str(member);
            out.push_str("\":");
            out.push_str(json);
        }
        out.push_str("}\n\n");
    }

    fn begin(&mut self, block: &str) {
        self.frame("content_block_start", "content_block", block);
    }

    fn delta(&mut self, kind: &str, member: &str, text: &str) {
        let mut json = String::with_capacity(text.len() + 48);
        json.push_str("{\"type\":\"");
        json.push_str(kind);
        json.push_str("\",\"");
        json.push_str(member);
        json.push_str("\":");
        push_quoted(&mut json, text);
        json.push('}');
        self.frame("content_block_delta", "delta", &json);
    }

    /// Tells what a block has said since it was told of last.
    fn tell(&mut self, waiting: &mut Waiting) {
        if waiting.told.is_none() {
            waiting.told = match &waiting.block {
                Block::Text | Block::Refusal if !waiting.text.is_empty() => {
                    self.begin("{\"type\":\"text\",\"text\":\"\"}");
                    Some(Told::Text)
                }
                Block::Reasoning { .. } if !waiting.text.is_empty() => {
                    self.begin("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
                    Some(Told::Thinking)
                }
                Block::ToolCall { id, name } => {
                    self.begin(&format!(
                        "{{\"type\":\"tool_use\",\"id\":{},\"name\":{},\"input\":{{}}}}",
                        quoted(&call_id(id, self.number)),
                        quoted(name)
                    ));
                    Some(Told::Call)
                }
                _ => None,
            };
        }
        let text = match waiting.told {
            Some(_) => std::mem::take(&mut waiting.text),
            None => return,
        };
        if !text.is_empty() {
            match waiting.told {
                Some(Told::Thinking) => self.delta("thinking_delta", "thinking", &text),
                Some(Told::Call) => self.delta("input_json_delta", "partial_json", &text),
                Some(Told::Text) | None => self.delta("text_delta", "text", &text),
            }
        }
        for citation in std::mem::take(&mut waiting.citations) {
            let delta = json!({"type": "citations_delta", "citation": cited(&citation)});
            self.frame("content_block_delta", "delta", &delta.to_string());
        }
    }

    /// Ends a block; gives how many blocks were written of it.
    fn end(&mut self, waiting: &mut Waiting) -> u64 {
        let seal = waiting.seal.take();
        match (waiting.told, seal) {
            (Some(Told::Thinking), seal) => {
                let signature = seal.as_ref().map_or_else(|| UNSEALED.to_owned(), carry);
                self.delta("signature_delta", "signature", &signature);
                self.frame("content_block_stop", "", "");
                1
            }
            (Some(_), None) => {
                self.frame("content_block_stop", "", "");
                1
            }
            (Some(_), Some(seal)) => {
                self.frame("content_block_stop", "", "");
                self.number += 1;
                self.sealed(&seal);
                2
            }
            (None, Some(seal)) => {
                self.sealed(&seal);
                1
            }
            (None, None) => 0,
        }
    }

    /// A seal without a thought to show: it travels in a block of its own.
    fn sealed(&mut self, seal: &Opaque) {
        self.begin(&sealed(seal).to_string());
        self.frame("content_block_stop", "", "");
    }
}

/// The block of a seal whose thought is not shown.
fn sealed(seal: &Opaque) -> Value {
    let is_own = seal.format == Format::AnthropicClaude;
    match seal.seal {
        Seal::Signature if is_own => {
            json!({"type": "thinking", "thinking": "", "signature": seal.value})
        }
        _ => json!({"type": "redacted_thinking", "data": carry(seal)}),
    }
}

/// A tool call must have an id, and this dialect allows few letters in it. They are not changed,
/// since the result comes back with it; only where there is none one is made.
fn call_id(id: &str, number: u64) -> String {
    match id.is_empty() {
        true => format!("toolu_{number}"),
        false => id.to_owned(),
    }
}

fn cited(citation: &Citation) -> Value {
    json!({
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.quote.as_deref().unwrap_or_default(),
        "encrypted_index": "",
    })
}

/// This dialect's word for a reason.
fn stop_reason(finish: Option<&FinishReason>) -> &'static str {
    match finish.map(|finish| finish.reason) {
        Some(Reason::Length) => match finish.and_then(|finish| finish.native.as_deref()) {
            Some("model_context_window_exceeded") => "model_context_window_exceeded",
            _ => "max_tokens",
        },
        Some(Reason::ToolCalls) => "tool_use",
        // There is no word for an answer that broke off; whatever it says must not be acted upon.
        Some(Reason::ContentFilter | Reason::Error) => "refusal",
        Some(Reason::Stop) | None => "end_turn",
    }
}

/// What is said of a refusal.
fn stop_details(reason: &str) -> &'static str {
    match reason {
        "refusal" => "{\"type\":\"refusal\",\"category\":null,\"explanation\":null}",
        _ => "null",
    }
}

impl Writer for Telling {
    fn event(&mut self, event: &Event<'_>, out: &mut String) {
        match event {
            Event::Start { .. } => {}
            Event::BlockStart(at, block) if at.choice == 0 => {
                self.begin(out);
                let block = block.clone().into_owned();
                self.begun.push((*at, block.clone()));
                self.start(*at, block);
            }
            Event::BlockDelta(at, text) => {
                let Some(waiting) = self.find(*at) else {
                    return;
                };
                if matches!(waiting.block, Block::ToolCall { .. }) {
                    waiting.arguments.feed(text);
                    waiting.has_arguments = true;
                }
                waiting.text.push_str(text);
            }
            Event::BlockEnd(at) => {
                let ended = self.blocks.iter_mut().filter(|waiting| waiting.at == *at);
                ended.for_each(|waiting| waiting.is_over = true);
            }
            Event::Sealed(at, opaque) => {
                if let Some(waiting) = self.find(*at) {
                    waiting.seal = Some(opaque.clone());
                }
            }
            Event::Cited(at, citation) => {
                if let Some(waiting) = self.find(*at) {
                    waiting.citations.push(citation.clone());
                }
            }
            Event::Usage(usage) => self.usage.merge(usage.clone()),
            Event::Finish(0, finish) => {
                self.begin(out);
                self.finish = Some(finish.clone());
                for waiting in &mut self.blocks {
                    waiting.is_over = true;
                }
            }
            Event::BlockStart(..)
            | Event::Finish(..)
            | Event::Logprobs(..)
            | Event::Unsaid(_)
            | Event::Error(_) => {}
        }
        self.tell(out);
    }

    fn last(&mut self, usage: &Usage, cost: &CostText, out: &mut String) {
        self.begin(out);
        for waiting in &mut self.blocks {
            waiting.is_over = true;
        }
        self.tell(out);
        let finish = self.finish.as_ref();
        if finish.is_some_and(|finish| finish.reason == Reason::Error) {
            // No stop reason says it, and a clean one would tell half an answer as a whole one.
            let error = broken("the model's answer failed");
            out.push_str(&envelope::error_frame(&error, &self.stamp.id));
            return;
        }
        let reason = stop_reason(finish);
        out.push_str(
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"",
        );
        out.push_str(reason);
        out.push_str("\",\"stop_sequence\":null,\"stop_details\":");
        out.push_str(stop_details(reason));
        out.push_str(",\"container\":null},\"usage\":");
        out.push_str(&usage::write(usage, Some(cost)));
        out.push_str("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }

    fn error(&mut self, error: &Error, out: &mut String) {
        out.push_str(&envelope::error_frame(error, &self.stamp.id));
    }

    fn whole(&mut self, response: &Response, usage: &Usage, cost: &CostText) -> String {
        let choice = response.choice(0);
        let mut content = Vec::new();
        for (number, said) in choice.iter().flat_map(|choice| &choice.blocks).enumerate() {
            whole_block(said, number, &mut content);
        }
        let reason = stop_reason(choice.and_then(|choice| choice.finish.as_ref()));
        let mut out = String::from("{");
        head(&self.stamp, &mut out);
        out.push_str(",\"content\":");
        out.push_str(&Value::Array(content).to_string());
        out.push_str(",\"stop_reason\":\"");
        out.push_str(reason);
        out.push_str("\",\"stop_sequence\":null,\"stop_details\":");
        out.push_str(stop_details(reason));
        out.push_str(",\"container\":null,\"usage\":");
        out.push_str(&usage::write(usage, Some(cost)));
        out.push('}');
        out
    }
}

/// Writes a block of a whole answer, and what must return with it.
fn whole_block(said: &chat::response::Said, number: usize, content: &mut Vec<Value>) {
    match &said.block {
        Block::Text | Block::Refusal => {
            if !said.text.is_empty() {
                // Absent, not null, where there are none: some clients' schemas want it so.
                let mut block = json!({"type": "text", "text": said.text});
                if !said.citations.is_empty() {
                    block["citations"] = said.citations.iter().map(cited).collect();
                }
                content.push(block);
            }
            content.extend(said.opaque.as_ref().map(sealed));
        }
        Block::Reasoning { .. } if said.text.is_empty() => {
            content.extend(said.opaque.as_ref().map(sealed));
        }
        Block::Reasoning { .. } => {
            let signature = said
                .opaque
                .as_ref()
                .map_or_else(|| UNSEALED.to_owned(), carry);
            content
                .push(json!({"type": "thinking", "thinking": said.text, "signature": signature}));
        }
        Block::ToolCall { id, name } => {
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            content.push(json!({
                "type": "tool_use",
                "id": call_id(id, number),
                "name": name,
                "input": input(&said.text),
            }));
            content.extend(said.opaque.as_ref().map(sealed));
        }
        // Nothing in this dialect shows a picture or sounds; the record names it.
        Block::Image { .. } | Block::Audio => {}
    }
}

/// Arguments as an object. What was cut at the output limit is none, and the reason says so; it is
/// shown as it is, so that a call is never taken for one without arguments.
fn input(said: &str) -> Value {
    match serde_json::from_str(said) {
        Ok(Value::Object(input)) => Value::Object(input),
        // Tools without parameters are called so.
        Ok(Value::Null) => json!({}),
        _ if said.trim().is_empty() => json!({}),
        _ => json!({ "arguments": said }),
    }
}
