//! Writes an answer as chunks: one per event that says something to callers of this dialect.

use chat::event::BlockIndex;
use chat::{Block, Error, Event, FinishReason, Response, Usage};

use super::chunk::{CallForm, FreeTools};
use super::{chunk, whole};
use crate::codec::{Asked, Writer};
use crate::free_text::Text;
use crate::openai_chat::details::{self, Sealed};
use crate::openai_chat::stream::{DONE, StreamTap};
use crate::splice::{push_member, push_quoted, quoted};
use crate::stamp::{CostText, Stamp};

/// No answer has more blocks than this that can be told apart; what follows is passed over.
const BLOCKS_MAX: usize = 65_536;

/// Writes the chunks of one answer.
pub(super) struct Chunks {
    stamp: Stamp,
    /// `data: {` and the members that all chunks share.
    opening: String,
    hides_reasoning: bool,
    /// The tools that the caller wants called with free text.
    free: FreeTools,
    /// Choices that have said who speaks.
    introduced: Vec<u32>,
    blocks: Vec<(BlockIndex, Open)>,
}

/// A block that has begun.
enum Open {
    Text,
    Refusal,
    Reasoning {
        is_summary: bool,
        index: u32,
    },
    Call {
        id: String,
        position: usize,
        /// Of a tool that is called with free text: what of it has come.
        free_text: Option<Text>,
    },
    Image {
        media_type: String,
        data: String,
    },
    Audio,
}

impl Chunks {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let head = chunk::head(&asked.stamp, "chat.completion.chunk");
        Self {
            stamp: asked.stamp.clone(),
            opening: format!("data: {{{head},\"choices\":[{{\"index\":"),
            hides_reasoning: chunk::hides_reasoning(asked.body, asked.request),
            free: FreeTools::of_asked(asked),
            introduced: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Begins a chunk of a choice, up to the members of its delta.
    fn begin(&mut self, choice: u32, out: &mut String) {
        out.push_str(&self.opening);
        out.push_str(&choice.to_string());
        out.push_str(",\"delta\":{");
        if !self.introduced.contains(&choice) {
            self.introduced.push(choice);
            out.push_str("\"role\":\"assistant\",");
        }
    }

    /// Ends a chunk that does not end its choice.
    fn end(out: &mut String) {
        out.push_str("},\"finish_reason\":null,\"native_finish_reason\":null}]}\n\n");
    }

    /// A chunk whose delta is one string.
    fn say(&mut self, choice: u32, name: &str, said: &str, out: &mut String) {
        self.begin(choice, out);
        push_quoted(out, name);
        out.push(':');
        push_quoted(out, said);
        Self::end(out);
    }

    /// A chunk whose delta is one member with a list of one object.
    fn list(&mut self, choice: u32, name: &str, object: &str, out: &mut String) {
        self.begin(choice, out);
        push_quoted(out, name);
        out.push_str(":[");
        out.push_str(object);
        out.push(']');
        Self::end(out);
    }

    fn count(&self, choice: u32, is: impl Fn(&Open) -> bool) -> usize {
        let mine = self.blocks.iter().filter(|(at, _)| at.choice == choice);
        mine.filter(|(_, open)| is(open)).count()
    }

    fn position(&self, at: BlockIndex) -> Option<usize> {
        self.blocks.iter().rposition(|(known, _)| *known == at)
    }

    fn block_start(&mut self, at: BlockIndex, block: &Block<'_>, out: &mut String) {
        if self.blocks.len() == BLOCKS_MAX {
            return;
        }
        let choice = at.choice;
        let open = match block {
            Block::Text => Open::Text,
            Block::Refusal => Open::Refusal,
            Block::Reasoning { is_summary } => {
                let before = self.count(choice, |open| matches!(open, Open::Reasoning { .. }));
                Open::Reasoning {
                    is_summary: *is_summary,
                    index: u32::try_from(before).unwrap_or(u32::MAX),
                }
            }
            Block::ToolCall { id, name } => {
                let position = self.count(choice, |open| matches!(open, Open::Call { .. }));
                let id = chunk::call_id(id, choice, position);
                let form = self.free.form(name);
                let call = chunk::call((Some(position), form), &id, name, "");
                self.list(choice, "tool_calls", &call, out);
                Open::Call {
                    id,
                    position,
                    free_text: (form == CallForm::FreeText).then(Text::default),
                }
            }
            Block::Image { media_type } => Open::Image {
                media_type: media_type.as_ref().to_owned(),
                data: String::new(),
            },
            Block::Audio => {
                self.begin(choice, out);
                let id = format!("audio_{}_{choice}", self.stamp.id);
                out.push_str("\"audio\":{\"id\":");
                push_quoted(out, &id);
                out.push('}');
                Self::end(out);
                Open::Audio
            }
        };
        self.blocks.push((at, open));
    }

    fn block_delta(&mut self, at: BlockIndex, said: &str, out: &mut String) {
        let Some(position) = self.position(at) else {
            return;
        };
        let choice = at.choice;
        match self.blocks.get_mut(position).map(|(_, open)| open) {
            Some(Open::Text) => self.say(choice, "content", said, out),
            Some(Open::Refusal) => self.say(choice, "refusal", said, out),
            Some(Open::Reasoning { is_summary, index }) => {
                if self.hides_reasoning {
                    return;
                }
                let detail = details::text(said, *is_summary, *index);
                self.begin(choice, out);
                out.push_str("\"reasoning\":");
                push_quoted(out, said);
                out.push_str(",\"reasoning_details\":[");
                out.push_str(&detail);
                out.push(']');
                Self::end(out);
            }
            Some(Open::Call {
                position,
                free_text: Some(text),
                ..
            }) => {
                let (position, said) = (*position, text.feed(said));
                self.called_with((choice, position), CallForm::FreeText, &said, out);
            }
            Some(Open::Call { position, .. }) => {
                let position = *position;
                self.called_with((choice, position), CallForm::Arguments, said, out);
            }
            Some(Open::Image { data, .. }) => data.push_str(said),
            Some(Open::Audio) => {
                self.begin(choice, out);
                out.push_str("\"audio\":{\"data\":");
                push_quoted(out, said);
                out.push('}');
                Self::end(out);
            }
            None => {}
        }
    }

    /// More of what a tool is called with.
    fn called_with(
        &mut self,
        (choice, position): (u32, usize),
        form: CallForm,
        said: &str,
        out: &mut String,
    ) {
        if said.is_empty() {
            return;
        }
        let (kind, member) = form.words();
        self.begin(choice, out);
        out.push_str("\"tool_calls\":[{\"index\":");
        out.push_str(&position.to_string());
        out.push_str(&format!(",\"{kind}\":{{\"{member}\":"));
        push_quoted(out, said);
        out.push_str("}}]");
        Self::end(out);
    }

    /// Pictures go out in one piece, and of free text what is left.
    fn block_end(&mut self, at: BlockIndex, out: &mut String) {
        let Some(position) = self.position(at) else {
            return;
        };
        if let Some((
            _,
            Open::Call {
                position,
                free_text,
                ..
            },
        )) = self.blocks.get_mut(position)
        {
            let (position, rest) = (*position, free_text.take().map(Text::end));
            let rest = rest.unwrap_or_default();
            return self.called_with((at.choice, position), CallForm::FreeText, &rest, out);
        }
        let before = self.blocks.iter().take(position);
        let before = before.filter(|(other, open)| {
            other.choice == at.choice && matches!(open, Open::Image { .. })
        });
        let index = before.count();
        let image = match self.blocks.get_mut(position) {
            Some((_, Open::Image { media_type, data })) => {
                chunk::image(media_type, &std::mem::take(data), index)
            }
            _ => return,
        };
        self.list(at.choice, "images", &image, out);
    }

    fn sealed(&mut self, at: BlockIndex, opaque: &chat::Opaque, out: &mut String) {
        if self.hides_reasoning {
            return;
        }
        let Some(position) = self.position(at) else {
            return;
        };
        let index = self.count(at.choice, |open| matches!(open, Open::Reasoning { .. }));
        let after = u32::try_from(index).unwrap_or(u32::MAX);
        let entry = match self.blocks.get(position).map(|(_, open)| open) {
            Some(Open::Reasoning { index, .. }) => {
                details::sealed(opaque, Sealed::Reasoning, *index)
            }
            Some(Open::Call { id, .. }) => details::sealed(opaque, Sealed::Call(id), after),
            Some(_) => details::sealed(opaque, Sealed::Text, after),
            None => return,
        };
        self.list(at.choice, "reasoning_details", &entry, out);
    }

    fn logprobs(&mut self, at: BlockIndex, tokens: &serde_json::Value, out: &mut String) {
        let is_refusal = self
            .position(at)
            .and_then(|position| self.blocks.get(position))
            .is_some_and(|(_, open)| matches!(open, Open::Refusal));
        let tokens = tokens.to_string();
        let (content, refusal) = match is_refusal {
            true => ("null", tokens.as_str()),
            false => (tokens.as_str(), "null"),
        };
        self.begin(at.choice, out);
        if out.ends_with(',') {
            out.pop();
        }
        out.push_str("},\"logprobs\":{\"content\":");
        out.push_str(content);
        out.push_str(",\"refusal\":");
        out.push_str(refusal);
        Self::end(out);
    }

    fn finish(&mut self, choice: u32, finish: &FinishReason, out: &mut String) {
        self.begin(choice, out);
        if out.ends_with(',') {
            // Nothing was said at all.
            out.push_str("\"content\":\"\"");
        }
        out.push_str("},");
        let mut members = String::new();
        chunk::push_finish(&mut members, Some(finish));
        out.push_str(&members);
        out.push_str("}]}\n\n");
    }

    fn frames(&self) -> StreamTap {
        StreamTap::new(self.stamp.clone())
    }
}

impl Writer for Chunks {
    fn event(&mut self, event: &Event<'_>, out: &mut String) {
        match event {
            Event::BlockStart(at, block) => self.block_start(*at, block, out),
            Event::BlockDelta(at, said) => self.block_delta(*at, said, out),
            Event::BlockEnd(at) => self.block_end(*at, out),
            Event::Sealed(at, opaque) => self.sealed(*at, opaque, out),
            Event::Cited(at, citation) => {
                let citation = chunk::citation(citation);
                self.list(at.choice, "annotations", &citation, out);
            }
            Event::Logprobs(at, tokens) => self.logprobs(*at, tokens, out),
            Event::Finish(choice, finish) => self.finish(*choice, finish, out),
            Event::Start { .. } | Event::Unsaid(_) | Event::Usage(_) | Event::Error(_) => {}
        }
    }

    fn last(&mut self, usage: &Usage, cost: &CostText, out: &mut String) {
        push_bytes(out, &self.frames().usage_frame(usage, cost));
        push_bytes(out, DONE);
    }

    fn error(&mut self, error: &Error, out: &mut String) {
        push_bytes(out, &self.frames().error_frame(error));
    }

    fn whole(&mut self, response: &Response, usage: &Usage, cost: &CostText) -> String {
        let mut members = chunk::head(&self.stamp, "chat.completion");
        push_member(&mut members, "system_fingerprint", "null");
        if let Some(tier) = usage.service_tier {
            push_member(&mut members, "service_tier", &quoted(tier.name()));
        }
        let choices: Vec<_> = response
            .choices
            .iter()
            .map(|choice| whole::choice(choice, (self.hides_reasoning, &self.free), &self.stamp))
            .collect();
        push_member(&mut members, "choices", &format!("[{}]", choices.join(",")));
        let usage = super::super::usage::write(usage, cost);
        push_member(&mut members, "usage", &usage);
        format!("{{{members}}}")
    }
}

/// Frames are made of text, so nothing is ever lost here.
fn push_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str(&String::from_utf8_lossy(bytes));
}
