//! Writes the blocks of an answer: as frames of a stream, and as the content of a whole one.
//!
//! A seal that has no thought to show travels in a block of its own. Behind text, where nothing
//! follows, it has no place: clients take the last block of an answer for what was said. So it waits
//! there for what follows, and is given up where nothing does.

use chat::event::BlockIndex;
use chat::opaque::{Format, Seal};
use chat::response::Said;
use chat::{Block, Citation, Opaque};
use serde_json::{Value, json};

use super::citations;
use super::seal::{UNSEALED, carry};
use crate::splice::{push_quoted, quoted};
use crate::track::Arguments;

/// What a record calls a seal that was given up.
pub(super) const SEAL: &str = "content.redacted_thinking";

/// What a record calls a picture, of which there are none in answers of this dialect.
pub(super) const PICTURE: &str = "content.image";

/// A block of which something is still to be told.
pub(super) struct Waiting {
    pub(super) at: BlockIndex,
    pub(super) block: Block<'static>,
    /// Whether its beginning was told, and as what.
    told: Option<Told>,
    pub(super) text: String,
    pub(super) citations: Vec<Citation>,
    pub(super) seal: Option<Opaque>,
    pub(super) arguments: Arguments,
    pub(super) has_arguments: bool,
    pub(super) is_over: bool,
}

impl Waiting {
    /// A block that has said nothing yet.
    pub(super) fn new(at: BlockIndex, block: Block<'static>) -> Self {
        Self {
            at,
            block,
            told: None,
            text: String::new(),
            citations: Vec::new(),
            seal: None,
            arguments: Arguments::default(),
            has_arguments: false,
            is_over: false,
        }
    }
}

/// How a block was begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Text,
    Thinking,
    Call,
}

/// Where the next block of a stream stands.
#[derive(Default)]
pub(super) struct Page {
    /// The number of the block that is being told, or of the next one.
    number: u64,
    /// Whether the last block was text.
    follows_text: bool,
    /// Seals that stand behind it.
    held: Vec<Opaque>,
}

impl Page {
    /// Tells what a block has said since it was told of last.
    pub(super) fn tell(&mut self, waiting: &mut Waiting, out: &mut String) {
        if waiting.told.is_none() {
            waiting.told = self.begin_told(waiting, out);
        }
        let text = match waiting.told {
            Some(_) => std::mem::take(&mut waiting.text),
            None => return,
        };
        if !text.is_empty() {
            match waiting.told {
                Some(Told::Thinking) => self.delta(("thinking_delta", "thinking"), &text, out),
                Some(Told::Call) => self.delta(("input_json_delta", "partial_json"), &text, out),
                Some(Told::Text) | None => self.delta(("text_delta", "text"), &text, out),
            }
        }
        for citation in std::mem::take(&mut waiting.citations) {
            let delta = json!({"type": "citations_delta", "citation": citations::write(&citation)});
            self.frame("content_block_delta", ("delta", &delta.to_string()), out);
        }
    }

    /// Ends a block.
    pub(super) fn end(&mut self, waiting: &mut Waiting, out: &mut String) {
        let seal = waiting.seal.take();
        if waiting.told == Some(Told::Thinking) {
            let signature = seal.as_ref().map_or_else(|| UNSEALED.to_owned(), carry);
            self.delta(("signature_delta", "signature"), &signature, out);
            self.stop(out);
            return;
        }
        if waiting.told.is_some() {
            self.stop(out);
        }
        match seal {
            Some(seal) if self.follows_text => self.held.push(seal),
            Some(seal) => self.sealed(&seal, out),
            None => {}
        }
    }

    /// Gives up the seals that nothing follows; says whether there were any.
    pub(super) fn give_up(&mut self) -> bool {
        let had_some = !self.held.is_empty();
        self.held.clear();
        had_some
    }

    /// Begins a block that has something to tell; says as what.
    fn begin_told(&mut self, waiting: &Waiting, out: &mut String) -> Option<Told> {
        let told = match &waiting.block {
            Block::Text | Block::Refusal if !waiting.text.is_empty() => Told::Text,
            Block::Reasoning { .. } if !waiting.text.is_empty() => Told::Thinking,
            Block::ToolCall { .. } => Told::Call,
            _ => return None,
        };
        for seal in std::mem::take(&mut self.held) {
            self.sealed(&seal, out);
        }
        match (&waiting.block, told) {
            (Block::ToolCall { id, name }, _) => {
                let block = format!(
                    "{{\"type\":\"tool_use\",\"id\":{},\"name\":{},\"input\":{{}}}}",
                    quoted(&call_id(id, self.number)),
                    quoted(name)
                );
                self.begin(&block, out);
            }
            (_, Told::Thinking) => self.begin(
                "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}",
                out,
            ),
            (_, Told::Text | Told::Call) => self.begin("{\"type\":\"text\",\"text\":\"\"}", out),
        }
        self.follows_text = told == Told::Text;
        Some(told)
    }

    /// A seal without a thought to show.
    fn sealed(&mut self, seal: &Opaque, out: &mut String) {
        self.begin(&sealed(seal).to_string(), out);
        self.stop(out);
        self.follows_text = false;
    }

    fn begin(&mut self, block: &str, out: &mut String) {
        self.frame("content_block_start", ("content_block", block), out);
    }

    fn delta(&mut self, (kind, member): (&str, &str), text: &str, out: &mut String) {
        let mut json = String::with_capacity(text.len() + 48);
        json.push_str("{\"type\":\"");
        json.push_str(kind);
        json.push_str("\",\"");
        json.push_str(member);
        json.push_str("\":");
        push_quoted(&mut json, text);
        json.push('}');
        self.frame("content_block_delta", ("delta", &json), out);
    }

    fn stop(&mut self, out: &mut String) {
        self.frame("content_block_stop", ("", ""), out);
        self.number += 1;
    }

    fn frame(&self, name: &str, (member, json): (&str, &str), out: &mut String) {
        out.push_str("event: ");
        out.push_str(name);
        out.push_str("\ndata: {\"type\":\"");
        out.push_str(name);
        out.push_str("\",\"index\":");
        out.push_str(&self.number.to_string());
        if !member.is_empty() {
            out.push_str(",\"");
            out.push_str(member);
            out.push_str("\":");
            out.push_str(json);
        }
        out.push_str("}\n\n");
    }
}

// === A whole answer ===

/// The content of a whole answer, and what of it has no place.
pub(super) fn content(blocks: &[Said]) -> (Vec<Value>, Vec<&'static str>) {
    let mut unsaid = Vec::new();
    let mut content = Vec::new();
    // Seals behind the text that was written last.
    let mut held: Vec<Value> = Vec::new();
    let mut follows_text = false;
    for (number, said) in blocks.iter().enumerate() {
        if matches!(said.block, Block::Image { .. }) && !unsaid.contains(&PICTURE) {
            unsaid.push(PICTURE);
        }
        let shown = shown(said, number);
        let is_thought = matches!(said.block, Block::Reasoning { .. }) && shown.is_some();
        if let Some(shown) = shown {
            content.append(&mut held);
            follows_text = shown["type"] == "text";
            content.push(shown);
        }
        // A thought that is shown has its seal in it.
        let seal = said.opaque.as_ref().filter(|_| !is_thought).map(sealed);
        match follows_text {
            true => held.extend(seal),
            false => content.extend(seal),
        }
    }
    if !held.is_empty() {
        unsaid.push(SEAL);
    }
    (content, unsaid)
}

/// A block of a whole answer, if it says anything.
fn shown(said: &Said, number: usize) -> Option<Value> {
    match &said.block {
        Block::Text | Block::Refusal => {
            if said.text.is_empty() {
                return None;
            }
            // Absent, not null, where there are none: some clients' schemas want it so.
            let mut block = json!({"type": "text", "text": said.text});
            if !said.citations.is_empty() {
                block["citations"] = said.citations.iter().map(citations::write).collect();
            }
            Some(block)
        }
        Block::Reasoning { .. } => {
            if said.text.is_empty() {
                return None;
            }
            let seal = said.opaque.as_ref();
            let signature = seal.map_or_else(|| UNSEALED.to_owned(), carry);
            Some(json!({"type": "thinking", "thinking": said.text, "signature": signature}))
        }
        Block::ToolCall { id, name } => {
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            Some(json!({
                "type": "tool_use",
                "id": call_id(id, number),
                "name": name,
                "input": input(&said.text),
            }))
        }
        // Nothing in this dialect shows a picture or sounds.
        Block::Image { .. } | Block::Audio => None,
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
