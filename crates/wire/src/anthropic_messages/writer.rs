//! Writes an answer in this dialect out of events: one block at a time, each begun once and ended.
//!
//! Other dialects speak in several blocks at once. Here the first one is told as it comes, and what
//! the others say waits until it is over: text and thoughts are over as soon as something else is
//! said, a tool call when its arguments are whole.

use std::collections::VecDeque;

use chat::event::BlockIndex;
use chat::{Block, Error, Event, FinishReason, Reason, Response, Usage};
use serde_json::Value;

use super::page::{self, Page, Waiting};
use super::{envelope, usage};
use crate::codec::{Asked, Writer};
use crate::splice::push_quoted;
use crate::stamp::{CostText, Stamp};
use crate::track::failed_answer;

/// Writes one answer.
pub(super) struct Telling {
    stamp: Stamp,
    is_begun: bool,
    usage: Usage,
    page: Page,
    /// The block that is being told, and those that wait behind it.
    blocks: VecDeque<Waiting>,
    /// Every block that was begun, for those that speak on after they seemed to be over.
    begun: Vec<(BlockIndex, Block<'static>)>,
    finish: Option<FinishReason>,
    /// The text that the answer is to end before, where the caller gave one only.
    stop: Option<String>,
    unsaid: Vec<&'static str>,
}

impl Telling {
    /// A writer for one answer.
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            stamp: asked.stamp.clone(),
            stop: only_stop(asked),
            is_begun: false,
            usage: Usage::default(),
            page: Page::default(),
            blocks: VecDeque::new(),
            begun: Vec::new(),
            finish: None,
            unsaid: Vec::new(),
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

    /// What stands behind the word for a reason.
    fn push_stop(&self, reason: &str, out: &mut String) {
        out.push_str("\",\"stop_sequence\":");
        match self.stop.as_deref().filter(|_| reason == STOPPED) {
            Some(text) => push_quoted(out, text),
            None => out.push_str("null"),
        }
        out.push_str(",\"stop_details\":");
        out.push_str(stop_details(reason));
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
        self.blocks.push_back(Waiting::new(at, block));
    }

    /// Tells what can be told by now.
    fn tell(&mut self, out: &mut String) {
        while let Some(first) = self.blocks.front_mut() {
            self.page.tell(first, out);
            if !first.is_over {
                return;
            }
            self.page.end(first, out);
            self.blocks.pop_front();
        }
        // Nothing follows any more.
        if self.finish.is_some() && self.page.give_up() {
            self.unsaid.push(page::SEAL);
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

/// The one text that a request gives to end an answer before. Of several nobody but this dialect says
/// which it was.
fn only_stop(asked: &Asked<'_>) -> Option<String> {
    let text = std::str::from_utf8(asked.body).ok()?;
    let members = asked.request.members(text);
    let list = members.present("stop_sequences")?.value.of(text);
    let list: Vec<String> = serde_json::from_str(list).ok()?;
    <[String; 1]>::try_from(list).ok().map(|[only]| only)
}

/// This dialect's word for a reason.
fn stop_reason(finish: Option<&FinishReason>) -> &'static str {
    match finish.map(|finish| finish.reason) {
        Some(Reason::Length) => match finish.and_then(|finish| finish.native.as_deref()) {
            Some("model_context_window_exceeded") => "model_context_window_exceeded",
            _ => "max_tokens",
        },
        Some(Reason::ToolCalls) => "tool_use",
        Some(Reason::ContentFilter) => "refusal",
        Some(Reason::Stop) if is_stopped(finish) => STOPPED,
        // There is no word for an answer that failed: it is told as an error, see `has_failed`.
        Some(Reason::Stop | Reason::Error) | None => "end_turn",
    }
}

/// The word for an answer that ended before a text of the caller's.
const STOPPED: &str = "stop_sequence";

/// Whether the provider says so (Amazon, Cohere); others call it the end of a turn.
fn is_stopped(finish: Option<&FinishReason>) -> bool {
    let native = finish.and_then(|finish| finish.native.as_deref());
    native.is_some_and(|word| word.eq_ignore_ascii_case(STOPPED))
}

/// Whether an answer failed: no stop reason says that, and a clean one would tell half an answer as
/// a whole one.
fn has_failed(finish: Option<&FinishReason>) -> bool {
    finish.is_some_and(|finish| finish.reason == Reason::Error)
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
                if matches!(block, Block::Image { .. }) {
                    self.unsaid.push(page::PICTURE);
                }
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
                let is_late = self.finish.is_some();
                if let Some(waiting) = self.find(*at) {
                    waiting.seal = Some(opaque.clone());
                    waiting.is_over |= is_late;
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
        if has_failed(finish) {
            out.push_str(&envelope::error_frame(&failed_answer(), &self.stamp.id));
            return;
        }
        let reason = stop_reason(finish);
        out.push_str(
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"",
        );
        out.push_str(reason);
        self.push_stop(reason, out);
        out.push_str(",\"container\":null},\"usage\":");
        out.push_str(&usage::write(usage, Some(cost)));
        out.push_str("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }

    fn error(&mut self, error: &Error, out: &mut String) {
        out.push_str(&envelope::error_frame(error, &self.stamp.id));
    }

    fn whole(&mut self, response: &Response, usage: &Usage, cost: &CostText) -> String {
        let choice = response.choice(0);
        let finish = choice.and_then(|choice| choice.finish.as_ref());
        if has_failed(finish) {
            let (_, body) = envelope::write_error(&failed_answer(), Some(&self.stamp.id));
            return String::from_utf8_lossy(&body).into_owned();
        }
        let (content, _) = page::content(choice.map_or(&[], |choice| &choice.blocks));
        let reason = stop_reason(finish);
        let mut out = String::from("{");
        head(&self.stamp, &mut out);
        out.push_str(",\"content\":");
        out.push_str(&Value::Array(content).to_string());
        out.push_str(",\"stop_reason\":\"");
        out.push_str(reason);
        self.push_stop(reason, &mut out);
        out.push_str(",\"container\":null,\"usage\":");
        out.push_str(&usage::write(usage, Some(cost)));
        out.push('}');
        out
    }

    fn take_unsaid(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.unsaid)
    }

    fn unsaid_of(&self, response: &Response) -> Vec<&'static str> {
        let choice = response.choice(0);
        page::content(choice.map_or(&[], |choice| &choice.blocks)).1
    }
}
