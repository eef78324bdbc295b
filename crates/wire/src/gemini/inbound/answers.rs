//! Writes what a provider of another dialect says as answers in this one.
//!
//! Text goes out as it comes, each piece in a chunk; what is whole only at its end (calls, pictures,
//! seals) goes out then. The last chunk holds why each candidate ended, the usage, and the cost.

use chat::event::{Block, BlockIndex};
use chat::response::Said;
use chat::{Citation, Error, Event, FinishReason, Opaque, Response, Usage};
use serde_json::Value;

use super::super::frames::Frames;
use super::super::names::get;
use super::super::{envelope, events, same, usage};
use super::parts::{self, Candidate};
use crate::codec::{Asked, Writer};
use crate::members::Members;
use crate::splice::{push_member, quoted};
use crate::stamp::{CostText, Stamp};

/// An answer being written.
pub(in super::super) struct Answers {
    stamp: Stamp,
    frames: Frames,
    shows_thoughts: bool,
    open: Vec<(BlockIndex, Open)>,
    choices: Vec<Choice>,
}

/// A block that has not ended.
struct Open {
    block: Block<'static>,
    said: String,
    opaque: Option<Opaque>,
}

/// What waits for the end of a candidate.
#[derive(Default)]
struct Choice {
    index: u32,
    text: String,
    citations: Vec<Citation>,
    logprobs: Vec<Value>,
    finish: Option<FinishReason>,
}

impl Answers {
    /// An answer that has not begun.
    pub(in super::super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            stamp: asked.stamp.clone(),
            frames: Frames::new(asked.request.beside.as_array),
            shows_thoughts: shows_thoughts(asked),
            open: Vec::new(),
            choices: Vec::new(),
        }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let position = match self.choices.iter().position(|it| it.index == index) {
            Some(position) => position,
            None => {
                self.choices.push(Choice {
                    index,
                    ..Choice::default()
                });
                self.choices.len() - 1
            }
        };
        &mut self.choices[position]
    }

    /// The members that every chunk has.
    fn tail(&self, out: &mut String) {
        push_member(out, "modelVersion", &quoted(&self.stamp.model));
        push_member(out, "responseId", &quoted(&self.stamp.id));
    }

    /// A chunk with one part.
    fn part(&mut self, index: u32, part: &str, out: &mut String) {
        self.chunk(index, part, &[], out);
    }

    fn chunk(&mut self, index: u32, part: &str, logprobs: &[Value], out: &mut String) {
        let candidate = Candidate {
            index,
            parts: part,
            finish: None,
            text: "",
            citations: &[],
            logprobs,
        };
        let mut json = format!("\"candidates\":[{}]", candidate.write());
        self.tail(&mut json);
        self.frames.push(&format!("{{{json}}}"), out);
    }

    /// Tells the probabilities of a text that something else follows: they would seem to be of that.
    fn rate(&mut self, index: u32, out: &mut String) {
        let logprobs = std::mem::take(&mut self.choice(index).logprobs);
        if !logprobs.is_empty() {
            self.chunk(index, &parts::text("", false), &logprobs, out);
        }
    }

    fn delta(&mut self, at: BlockIndex, said: &str, out: &mut String) {
        let shows_thoughts = self.shows_thoughts;
        let open = self.open.iter_mut().find(|(index, _)| *index == at);
        let Some((_, open)) = open else { return };
        match open.block {
            Block::Text | Block::Refusal => {
                let part = parts::text(said, false);
                self.choice(at.choice).text.push_str(said);
                self.part(at.choice, &part, out);
            }
            Block::Reasoning { .. } => {
                open.said.push_str(said);
                if shows_thoughts {
                    self.part(at.choice, &parts::text(said, true), out);
                }
            }
            Block::ToolCall { .. } | Block::Image { .. } | Block::Audio => {
                open.said.push_str(said);
            }
        }
    }

    fn end(&mut self, at: BlockIndex, out: &mut String) {
        let Some(position) = self.open.iter().position(|(index, _)| *index == at) else {
            return;
        };
        let (_, open) = self.open.remove(position);
        let shows = self.shows_thoughts;
        let part = parts::ended(&open.block, &open.said, open.opaque.as_ref(), shows);
        if let Some(part) = part {
            self.part(at.choice, &part, out);
        }
    }

    /// The end of an answer: candidates, usage, cost.
    fn last_json(&self, candidates: &str, usage: &Usage, cost: &CostText) -> String {
        let mut json = String::new();
        push_member(&mut json, "candidates", &format!("[{candidates}]"));
        push_member(&mut json, "usageMetadata", &usage::write(usage));
        push_member(&mut json, "cost", &same::money(cost));
        self.tail(&mut json);
        format!("{{{json}}}")
    }

    /// A whole candidate's parts, and the text that its citations point into.
    fn whole_parts(&self, blocks: &[Said]) -> (String, String) {
        let (mut all, mut text) = (Vec::new(), String::new());
        for said in blocks {
            let opaque = said.opaque.as_ref();
            match &said.block {
                Block::Text | Block::Refusal => {
                    text.push_str(&said.text);
                    let mut part = parts::text(&said.text, false);
                    if let Some(opaque) = opaque {
                        let signature = super::super::seal::carry(opaque, None);
                        part.pop();
                        push_member(&mut part, "thoughtSignature", &quoted(&signature));
                        part.push('}');
                    }
                    all.push(part);
                }
                Block::Reasoning { .. } => {
                    if self.shows_thoughts && !said.text.is_empty() {
                        all.push(parts::text(&said.text, true));
                    }
                    all.extend(parts::ended(
                        &said.block,
                        &said.text,
                        opaque,
                        self.shows_thoughts,
                    ));
                }
                block => all.extend(parts::ended(block, &said.text, opaque, self.shows_thoughts)),
            }
        }
        (all.join(","), text)
    }
}

/// Whether the caller asked to see thoughts.
fn shows_thoughts(asked: &Asked<'_>) -> bool {
    let find = || {
        let text = std::str::from_utf8(asked.body).ok()?;
        let top = asked.request.members(text);
        let config = Members::of_span(text, get(&top, "generationConfig")?.value).ok()?;
        let thinking = Members::of_span(text, get(&config, "thinkingConfig")?.value).ok()?;
        Some(get(&thinking, "includeThoughts")?.value.of(text) == "true")
    };
    find().unwrap_or(false)
}

impl Writer for Answers {
    fn event(&mut self, event: &Event<'_>, out: &mut String) {
        match event {
            Event::BlockStart(at, block) => {
                self.rate(at.choice, out);
                let open = Open {
                    block: block.clone().into_owned(),
                    said: String::new(),
                    opaque: None,
                };
                self.open.push((*at, open));
            }
            Event::BlockDelta(at, said) => self.delta(*at, said, out),
            Event::BlockEnd(at) => self.end(*at, out),
            Event::Sealed(at, opaque) => {
                let open = self.open.iter_mut().find(|(index, _)| index == at);
                if let Some((_, open)) = open {
                    open.opaque = Some(opaque.clone());
                }
            }
            Event::Cited(at, citation) => {
                self.choice(at.choice).citations.push(citation.clone());
            }
            Event::Logprobs(at, tokens) => {
                let tokens = tokens.as_array().cloned().unwrap_or_default();
                self.choice(at.choice).logprobs.extend(tokens);
            }
            Event::Finish(index, finish) => {
                // A call that was cut at the output limit has no end of its own.
                let open = self.open.iter().map(|(at, _)| *at);
                let open: Vec<_> = open.filter(|at| at.choice == *index).collect();
                open.into_iter().for_each(|at| self.end(at, out));
                self.choice(*index).finish = Some(finish.clone());
            }
            Event::Start { .. } | Event::Unsaid(_) | Event::Usage(_) | Event::Error(_) => {}
        }
    }

    fn last(&mut self, usage: &Usage, cost: &CostText, out: &mut String) {
        let written: Vec<String> = self
            .choices
            .iter()
            .map(|choice| {
                Candidate {
                    index: choice.index,
                    parts: "{\"text\":\"\"}",
                    finish: choice.finish.as_ref().map(events::native_word),
                    text: &choice.text,
                    citations: &choice.citations,
                    logprobs: &choice.logprobs,
                }
                .write()
            })
            .collect();
        let json = self.last_json(&written.join(","), usage, cost);
        self.frames.push(&json, out);
        self.frames.close(out);
    }

    fn error(&mut self, error: &Error, out: &mut String) {
        self.frames.push(&envelope::stream_error(error), out);
        self.frames.close(out);
    }

    fn whole(&mut self, response: &Response, usage: &Usage, cost: &CostText) -> String {
        let mut written = Vec::new();
        for choice in &response.choices {
            let (all, text) = self.whole_parts(&choice.blocks);
            let citations: Vec<Citation> = choice
                .blocks
                .iter()
                .flat_map(|said| said.citations.iter().cloned())
                .collect();
            let logprobs: Vec<Value> = choice
                .blocks
                .iter()
                .flat_map(|said| said.logprobs.iter().cloned())
                .collect();
            let candidate = Candidate {
                index: choice.index,
                parts: &all,
                finish: choice.finish.as_ref().map(events::native_word),
                text: &text,
                citations: &citations,
                logprobs: &logprobs,
            };
            written.push(candidate.write());
        }
        self.last_json(&written.join(","), usage, cost)
    }
}
