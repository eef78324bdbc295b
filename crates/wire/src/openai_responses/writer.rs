//! Writes an answer for a caller: events in, numbered frames or a whole response object out.

use std::collections::BTreeMap;

use chat::event::BlockIndex;
use chat::opaque::Opaque;
use chat::response::Said;
use chat::{Block, Error, Event, Reason, Response, Usage};
use serde_json::Value;

use super::item::{Item, annotation};
use super::names::Names;
use super::opening::Opening;
use super::shell::{self, Echo, Status};
use super::usage;
use crate::codec::{Asked, Writer};
use crate::splice::{push_quoted, quoted};
use crate::stamp::{CostText, Stamp};
use crate::track::failed_answer;

/// Writes one answer.
pub(super) struct ResponsesWriter {
    stamp: Stamp,
    echo: Echo,
    names: Names,
    opening: Opening,
    open: BTreeMap<BlockIndex, Item>,
    /// Items so far, open ones included.
    count: u32,
    /// The items that are done, by position.
    done: BTreeMap<u32, String>,
    reason: Option<Reason>,
    unsaid: Vec<&'static str>,
}

/// What a record calls sound, of which there is none in answers of this dialect.
const SOUND: &str = "output.audio";

impl ResponsesWriter {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            stamp: asked.stamp.clone(),
            echo: Echo::of(asked),
            names: Names::of_asked(asked),
            opening: Opening::new(&asked.stamp.sequence),
            open: BTreeMap::new(),
            count: 0,
            done: BTreeMap::new(),
            reason: None,
            unsaid: Vec::new(),
        }
    }

    /// Opens the stream, which waits for the first content: an attempt may fail before.
    fn open_stream(&mut self, out: &mut String) {
        if !self.opening.is_open() && self.opening.open() {
            shell::write_opening(&self.stamp, &self.echo, out);
        }
    }

    fn item(&mut self, block: Block<'static>) -> Item {
        let index = self.count;
        self.count = self.count.saturating_add(1);
        let tool = match &block {
            Block::ToolCall { name, .. } => self.names.by_told(name).cloned(),
            _ => None,
        };
        Item {
            tool,
            ..Item::new(block, index, &self.stamp.id)
        }
    }

    fn start(&mut self, at: BlockIndex, block: Block<'static>, out: &mut String) {
        let item = self.item(block);
        let json = item.json("in_progress");
        let rest = format!("\"output_index\":{},\"item\":{json}", item.index);
        self.tell("response.output_item.added", &rest, out);
        match &item.block {
            Block::Text | Block::Refusal | Block::Audio => {
                self.of_part(&item, "response.content_part.added", &part(&item), out);
            }
            Block::Reasoning { .. } => {
                self.of_part(
                    &item,
                    "response.reasoning_summary_part.added",
                    &part(&item),
                    out,
                );
            }
            Block::Image { .. } => {
                for kind in ["in_progress", "generating"] {
                    let kind = format!("response.image_generation_call.{kind}");
                    self.tell(&kind, &of_item(&item), out);
                }
            }
            Block::ToolCall { .. } => {}
        }
        self.open.insert(at, item);
    }

    fn delta(&mut self, at: BlockIndex, said: &str, out: &mut String) {
        let Some(item) = self.open.get_mut(&at) else {
            return;
        };
        item.text.push_str(said);
        let (kind, position, more) = match &item.block {
            Block::Text => (
                "response.output_text.delta",
                ",\"content_index\":0",
                ",\"logprobs\":[]",
            ),
            Block::Refusal => ("response.refusal.delta", ",\"content_index\":0", ""),
            Block::Reasoning { .. } => (
                "response.reasoning_summary_text.delta",
                ",\"summary_index\":0",
                "",
            ),
            Block::ToolCall { .. } if item.is_free() => {
                let input = item.free_text.feed(said);
                return tell_free_text(&self.stamp, item, &input, out);
            }
            Block::ToolCall { .. } => ("response.function_call_arguments.delta", "", ""),
            // Sound cannot be said; an image comes as a whole.
            Block::Audio | Block::Image { .. } => return,
        };
        let mut rest = String::with_capacity(said.len() + 128);
        push_place(&mut rest, item);
        rest.push_str(position);
        rest.push_str(",\"delta\":");
        push_quoted(&mut rest, said);
        rest.push_str(more);
        shell::write_event(&self.stamp, kind, &rest, out);
    }

    fn logprobs(&mut self, at: BlockIndex, tokens: &Value, out: &mut String) {
        let Some(item) = self.open.get_mut(&at) else {
            return;
        };
        item.logprobs
            .extend(tokens.as_array().into_iter().flatten().cloned());
        let place = of_item(item);
        let rest = format!("{place},\"content_index\":0,\"delta\":\"\",\"logprobs\":{tokens}");
        self.tell("response.output_text.delta", &rest, out);
    }

    fn cite(&mut self, at: BlockIndex, annotation: String, out: &mut String) {
        let Some(item) = self.open.get_mut(&at) else {
            return;
        };
        let position = item.annotations.len();
        let place = of_item(item);
        let rest = format!(
            "{place},\"content_index\":0,\"annotation_index\":{position},\"annotation\":{annotation}"
        );
        item.annotations.push(annotation);
        self.tell("response.output_text.annotation.added", &rest, out);
    }

    /// What must come back with something else than reasoning gets a reasoning item of its own, with
    /// the id of what it belongs to. It follows that item: clients keep items as they are done.
    fn tell_seal(&mut self, (id, opaque): (String, Option<Opaque>), out: &mut String) {
        let mut seal = self.item(Block::Reasoning { is_summary: true });
        (seal.id, seal.opaque) = (id, opaque);
        let json = seal.json("in_progress");
        let rest = format!("\"output_index\":{},\"item\":{json}", seal.index);
        self.tell("response.output_item.added", &rest, out);
        self.item_done(seal, "completed", out);
    }

    /// Ends a block: whatever was said of it is told once more, as a whole.
    fn end(&mut self, at: BlockIndex, status: &str, out: &mut String) {
        let Some(item) = self.open.remove(&at) else {
            return;
        };
        let place = of_item(&item);
        match &item.block {
            Block::Text | Block::Audio => {
                let (text, logprobs) = (quoted(&item.text), item.logprobs_json());
                let rest =
                    format!("{place},\"content_index\":0,\"text\":{text},\"logprobs\":{logprobs}");
                self.tell("response.output_text.done", &rest, out);
                self.of_part(&item, "response.content_part.done", &item.part(), out);
            }
            Block::Refusal => {
                let refusal = quoted(&item.text);
                let rest = format!("{place},\"content_index\":0,\"refusal\":{refusal}");
                self.tell("response.refusal.done", &rest, out);
                self.of_part(&item, "response.content_part.done", &item.part(), out);
            }
            Block::Reasoning { .. } => {
                let (text, position) = (quoted(&item.text), part_place(&item));
                let rest = format!("{place},{position},\"text\":{text}");
                self.tell("response.reasoning_summary_text.done", &rest, out);
                let part = item.part();
                self.of_part(&item, "response.reasoning_summary_part.done", &part, out);
            }
            Block::ToolCall { .. } if item.is_free() => {
                let rest = item.free_text.clone().end();
                tell_free_text(&self.stamp, &item, &rest, out);
                let rest = format!("{place},\"input\":{}", quoted(&item.called_with()));
                self.tell("response.custom_tool_call_input.done", &rest, out);
            }
            Block::ToolCall { name, .. } => {
                let name = item.tool.as_ref().map_or(&**name, |tool| &tool.name);
                let (arguments, name) = (quoted(&item.called_with()), quoted(name));
                let rest = format!("{place},\"name\":{name},\"arguments\":{arguments}");
                self.tell("response.function_call_arguments.done", &rest, out);
            }
            Block::Image { .. } => {
                self.tell("response.image_generation_call.completed", &place, out);
            }
        }
        let is_thought = matches!(item.block, Block::Reasoning { .. });
        let beside = item.opaque.as_ref().filter(|_| !is_thought);
        let beside = beside.map(|opaque| keeper(&item, opaque));
        self.item_done(item, status, out);
        if let Some(keeper) = beside {
            self.tell_seal(keeper, out);
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a done item is not used again"
    )]
    fn item_done(&mut self, item: Item, status: &str, out: &mut String) {
        let json = item.json(status);
        let rest = format!("\"output_index\":{},\"item\":{json}", item.index);
        self.tell("response.output_item.done", &rest, out);
        self.done.insert(item.index, json);
    }

    fn of_part(&self, item: &Item, kind: &str, part: &str, out: &mut String) {
        let (place, position) = (of_item(item), part_place(item));
        self.tell(kind, &format!("{place},{position},\"part\":{part}"), out);
    }

    fn tell(&self, kind: &str, rest: &str, out: &mut String) {
        shell::write_event(&self.stamp, kind, rest, out);
    }

    fn output(&self) -> String {
        let items: Vec<_> = self.done.values().map(String::as_str).collect();
        items.join(",")
    }

    /// An item of a whole answer, and what must come back beside it.
    fn whole_item(&mut self, said: &Said, status: &str) {
        let mut item = self.item(said.block.clone());
        item.text.clone_from(&said.text);
        item.annotations = said.citations.iter().map(annotation).collect();
        item.logprobs.clone_from(&said.logprobs);
        let mut beside = None;
        if matches!(item.block, Block::Reasoning { .. }) {
            item.opaque.clone_from(&said.opaque);
        } else if let Some(opaque) = &said.opaque {
            beside = Some(keeper(&item, opaque));
        }
        self.done.insert(item.index, item.json(status));
        if let Some(keeper) = beside {
            let mut seal = self.item(Block::Reasoning { is_summary: true });
            (seal.id, seal.opaque) = keeper;
            self.done.insert(seal.index, seal.json("completed"));
        }
    }
}

impl Writer for ResponsesWriter {
    fn event(&mut self, event: &Event<'_>, out: &mut String) {
        match event {
            // There is one answer in this dialect.
            Event::BlockStart(at, block) if at.choice == 0 => {
                self.open_stream(out);
                if *block == Block::Audio {
                    self.unsaid.push(SOUND);
                    return;
                }
                self.start(*at, block.clone().into_owned(), out);
            }
            Event::BlockDelta(at, said) => self.delta(*at, said, out),
            Event::Sealed(at, opaque) => {
                if let Some(item) = self.open.get_mut(at) {
                    item.opaque = Some(opaque.clone());
                }
            }
            Event::Cited(at, citation) => self.cite(*at, annotation(citation), out),
            Event::Logprobs(at, tokens) => self.logprobs(*at, tokens, out),
            Event::BlockEnd(at) => self.end(*at, "completed", out),
            Event::Finish(0, finish) => {
                self.open_stream(out);
                self.reason = Some(finish.reason);
                let status = Status::of(finish.reason, &failed_answer()).of_item();
                let open: Vec<_> = self.open.keys().copied().collect();
                open.into_iter().for_each(|at| self.end(at, status, out));
            }
            Event::BlockStart(..)
            | Event::Finish(..)
            | Event::Start { .. }
            | Event::Unsaid(_)
            | Event::Usage(_)
            | Event::Error(_) => {}
        }
    }

    fn last(&mut self, usage: &Usage, cost: &CostText, out: &mut String) {
        self.opening.end();
        let usage = usage::write(usage, cost);
        let failure = failed_answer();
        let status = Status::of(self.reason.unwrap_or(Reason::Stop), &failure);
        let inside = (&*self.output(), &*usage);
        shell::write_end(&self.stamp, &self.echo, status, inside, out);
    }

    fn error(&mut self, error: &Error, out: &mut String) {
        self.open_stream(out);
        self.opening.end();
        let inside = (&*self.output(), "null");
        shell::write_end(&self.stamp, &self.echo, shell::of_error(error), inside, out);
    }

    fn whole(&mut self, response: &Response, usage: &Usage, cost: &CostText) -> String {
        let choice = response.choice(0);
        let reason = choice.and_then(|choice| choice.finish.as_ref());
        let failure = failed_answer();
        let status = Status::of(
            reason.map_or(Reason::Stop, |finish| finish.reason),
            &failure,
        );
        let blocks = choice.into_iter().flat_map(|choice| &choice.blocks);
        for said in blocks.filter(|said| said.block != Block::Audio) {
            let is_call = matches!(said.block, Block::ToolCall { .. });
            self.whole_item(
                said,
                if is_call {
                    status.of_item()
                } else {
                    "completed"
                },
            );
        }
        let usage = usage::write(usage, cost);
        shell::response(&self.stamp, &self.echo, status, (&self.output(), &usage))
    }

    fn take_unsaid(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.unsaid)
    }

    fn unsaid_of(&self, response: &Response) -> Vec<&'static str> {
        let blocks = response.choices.iter().flat_map(|choice| &choice.blocks);
        let mut sounds = blocks.filter(|said| said.block == Block::Audio);
        sounds.next().map(|_| SOUND).into_iter().collect()
    }
}

/// The id and the seal of the reasoning item that keeps what belongs to another item.
fn keeper(item: &Item, opaque: &Opaque) -> (String, Option<Opaque>) {
    let id = match &item.block {
        Block::ToolCall { id, .. } => id.clone().into_owned(),
        _ => item.id.clone(),
    };
    (id, Some(opaque.clone()))
}

/// A part as it begins.
fn part(item: &Item) -> String {
    let mut empty = Item::new(item.block.clone(), item.index, "");
    empty.text.clear();
    empty.part()
}

/// Members that say which item is meant.
fn of_item(item: &Item) -> String {
    let mut place = String::with_capacity(64);
    push_place(&mut place, item);
    place
}

/// More of the free text that a tool is called with, which is inside of what comes.
fn tell_free_text(stamp: &Stamp, item: &Item, input: &str, out: &mut String) {
    if !input.is_empty() {
        let rest = format!("{},\"delta\":{}", of_item(item), quoted(input));
        shell::write_event(stamp, "response.custom_tool_call_input.delta", &rest, out);
    }
}

fn push_place(to: &mut String, item: &Item) {
    to.push_str("\"item_id\":");
    push_quoted(to, &item.id);
    to.push_str(",\"output_index\":");
    to.push_str(&item.index.to_string());
}

/// The member that says which part of the item is meant: there is but one.
const fn part_place(item: &Item) -> &'static str {
    match item.block {
        Block::Reasoning { .. } => "\"summary_index\":0",
        _ => "\"content_index\":0",
    }
}
