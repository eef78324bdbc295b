//! A whole answer: the fold of its events.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::event::{Block, BlockIndex, Citation, Event};
use crate::opaque::Opaque;
use crate::{FinishReason, Usage};

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Response {
    /// The provider's own id of it.
    pub native_id: Option<String>,
    /// The model as the provider names it.
    pub native_model: Option<String>,
    /// Its choices, by index.
    pub choices: Vec<Choice>,
    /// What was counted.
    pub usage: Usage,
    /// What the provider said and the vocabulary cannot.
    pub unsaid: Vec<String>,
}

/// One of the answers that were asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// Which one.
    pub index: u32,
    /// What it says, in order.
    pub blocks: Vec<Said>,
    /// Why it ended; absent while it has not.
    pub finish: Option<FinishReason>,
}

/// A block of an answer and all that was said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// What it is.
    pub block: Block<'static>,
    /// Its text: words, reasoning, JSON arguments, base64.
    pub text: String,
    /// What must return with it.
    pub opaque: Option<Opaque>,
    /// What it cites.
    pub citations: Vec<Citation>,
    /// Log probabilities of its tokens, in OpenAI's form.
    pub logprobs: Vec<Value>,
}

impl Response {
    /// The choice with an index, if it was ever mentioned.
    #[must_use]
    pub fn choice(&self, index: u32) -> Option<&Choice> {
        self.choices.iter().find(|choice| choice.index == index)
    }
}

/// Folds events into a whole answer, one at a time.
#[derive(Debug, Default)]
pub struct Fold {
    response: Response,
    positions: BTreeMap<BlockIndex, (usize, usize)>,
}

impl Fold {
    /// Takes in one event. An error inside the answer is for the caller of the fold to act on.
    pub fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Start {
                native_id,
                native_model,
            } => {
                self.response.native_id = native_id.map(Into::into);
                self.response.native_model = native_model.map(Into::into);
            }
            Event::BlockStart(at, block) => self.start(at, block.into_owned()),
            Event::BlockDelta(at, text) => {
                if let Some(said) = self.said(at) {
                    said.text.push_str(&text);
                }
            }
            Event::Sealed(at, opaque) => {
                if let Some(said) = self.said(at) {
                    said.opaque = Some(opaque);
                }
            }
            Event::Cited(at, citation) => {
                if let Some(said) = self.said(at) {
                    said.citations.push(citation);
                }
            }
            Event::Logprobs(at, tokens) => {
                if let (Some(said), Value::Array(tokens)) = (self.said(at), tokens) {
                    said.logprobs.extend(tokens);
                }
            }
            Event::Usage(usage) => self.response.usage.merge(usage),
            Event::Finish(choice, finish) => {
                let position = self.choice(choice);
                if let Some(choice) = self.response.choices.get_mut(position) {
                    choice.finish = Some(finish);
                }
            }
            Event::Unsaid(what) => self.response.unsaid.push(what.into_owned()),
            Event::BlockEnd(_) | Event::Error(_) => {}
        }
    }

    /// Begins a block, unless it has begun: for streams that never say so.
    pub fn begin(&mut self, at: BlockIndex, block: Block<'static>) {
        if !self.positions.contains_key(&at) {
            self.start(at, block);
        }
    }

    /// The answer so far.
    #[must_use]
    pub fn finish(self) -> Response {
        self.response
    }

    fn start(&mut self, at: BlockIndex, block: Block<'static>) {
        let position = self.choice(at.choice);
        let Some(choice) = self.response.choices.get_mut(position) else {
            return;
        };
        self.positions.insert(at, (position, choice.blocks.len()));
        choice.blocks.push(Said {
            block,
            text: String::new(),
            opaque: None,
            citations: Vec::new(),
            logprobs: Vec::new(),
        });
    }

    fn said(&mut self, at: BlockIndex) -> Option<&mut Said> {
        let (choice, block) = self.positions.get(&at)?;
        self.response
            .choices
            .get_mut(*choice)?
            .blocks
            .get_mut(*block)
    }

    fn choice(&mut self, index: u32) -> usize {
        let choices = &mut self.response.choices;
        match choices.iter().position(|choice| choice.index == index) {
            Some(position) => position,
            None => {
                choices.push(Choice {
                    index,
                    ..Choice::default()
                });
                choices.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    fn at(choice: u32, block: u32) -> BlockIndex {
        BlockIndex { choice, block }
    }

    #[test]
    fn deltas_of_interleaved_blocks_go_where_they_belong() {
        let mut fold = Fold::default();
        for event in [
            Event::BlockStart(at(0, 0), Block::Reasoning { is_summary: false }),
            Event::BlockStart(at(0, 1), Block::Text),
            Event::BlockDelta(at(0, 1), "yes".into()),
            Event::BlockDelta(at(0, 0), "hm".into()),
            Event::BlockDelta(at(0, 1), ", I do".into()),
            Event::Finish(
                0,
                FinishReason {
                    reason: Reason::Stop,
                    native: None,
                },
            ),
        ] {
            fold.hear(event);
        }
        let response = fold.finish();
        let choice = response.choice(0).unwrap();
        let texts: Vec<_> = choice.blocks.iter().map(|said| &*said.text).collect();
        assert_eq!(texts, ["hm", "yes, I do"]);
        assert_eq!(choice.finish.as_ref().unwrap().reason, Reason::Stop);
    }

    #[test]
    fn what_is_said_of_an_unknown_block_is_nowhere() {
        let mut fold = Fold::default();
        fold.hear(Event::BlockDelta(at(3, 9), "lost".into()));
        assert_eq!(fold.finish(), Response::default());
    }
}
