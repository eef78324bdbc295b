//! Puts the answer of one provider behind the text of another: its blocks get the numbers that follow,
//! and what was said already is not said again.
//!
//! Two things would be said twice. Blanks at the end of the text are not sent to the provider, since
//! some refuse them and others would cut them off, so that it begins with them as a rule. And some
//! providers repeat the text that they were given before they go on.

use std::borrow::Cow;

use chat::event::BlockIndex;
use chat::{Block, Event};

/// An answer that begins with a whole text of so many bytes repeats it, whatever its provider's habit;
/// what is shorter may well come again in what follows.
const ECHO_BYTES_MIN: usize = 32;

/// Who hears what is left to be said.
type Tell<'t> = dyn FnMut(&Event<'_>) + 't;

/// One seam.
#[derive(Debug)]
pub(crate) struct Stitch {
    /// The block of the text so far, which is still open.
    open: BlockIndex,
    /// The block in which its provider goes on with it.
    own: Option<BlockIndex>,
    /// The first words, while they may yet be the text so far; `None` once that is decided.
    held: Option<String>,
    /// The text so far as it was sent: without blanks at its end.
    sent: String,
    /// Those blanks, as far as they have not come again.
    blanks: String,
    /// Whether the block of the text was ended.
    has_ended: bool,
    /// Whether the provider began with something that is no continuation.
    pub(crate) is_foreign: bool,
}

impl Stitch {
    /// The seam behind a text in an open block. `repeats`: the provider is known to say it again.
    pub(crate) fn new(open: BlockIndex, said: &str, repeats: bool) -> Self {
        let sent = said.trim_end();
        let blanks = said.strip_prefix(sent).unwrap_or_default().to_owned();
        let may_repeat = repeats || sent.len() >= ECHO_BYTES_MIN;
        Self {
            open,
            own: None,
            held: may_repeat.then(String::new),
            sent: sent.to_owned(),
            blanks,
            has_ended: false,
            is_foreign: false,
        }
    }

    /// Passes one event on, as the caller is to hear it.
    pub(crate) fn pass(&mut self, event: &Event<'_>, tell: &mut Tell<'_>) {
        if self.is_foreign {
            return;
        }
        match event {
            Event::Start { .. } => {}
            Event::BlockStart(index, block) => self.begin(*index, block, tell),
            Event::BlockDelta(index, text) if self.own == Some(*index) => self.say(text, tell),
            Event::BlockDelta(index, text) => {
                let text = Cow::Borrowed(text.as_ref());
                tell(&Event::BlockDelta(self.place(*index), text));
            }
            Event::BlockEnd(index) if self.own == Some(*index) => self.end(tell),
            Event::BlockEnd(index) => tell(&Event::BlockEnd(self.place(*index))),
            Event::Sealed(index, seal) => tell(&Event::Sealed(self.place(*index), seal.clone())),
            Event::Cited(index, source) => tell(&Event::Cited(self.place(*index), source.clone())),
            Event::Logprobs(index, all) => tell(&Event::Logprobs(self.place(*index), all.clone())),
            Event::Finish(..) => {
                self.end(tell);
                tell(event);
            }
            Event::Usage(_) | Event::Unsaid(_) | Event::Error(_) => tell(event),
        }
    }

    fn begin(&mut self, index: BlockIndex, block: &Block<'_>, tell: &mut Tell<'_>) {
        match (self.own, block) {
            (None, Block::Text) if !self.has_ended => {
                self.own = Some(index);
                return;
            }
            // It thinks anew, or shows something else: whatever follows is another answer.
            (
                None,
                Block::Reasoning { .. } | Block::Refusal | Block::Image { .. } | Block::Audio,
            ) if !self.has_ended => {
                self.is_foreign = true;
                return;
            }
            (None, Block::ToolCall { .. }) => self.end(tell),
            (_, _) => self.release(tell),
        }
        tell(&Event::BlockStart(self.place(index), block.clone()));
    }

    /// The number of a block behind that of the text.
    fn place(&self, index: BlockIndex) -> BlockIndex {
        let before = match self.own {
            Some(own) if own == index => return self.open,
            Some(own) if own.block < index.block => index.block.saturating_sub(1),
            Some(_) | None => index.block,
        };
        BlockIndex {
            choice: self.open.choice,
            block: self.open.block.saturating_add(1).saturating_add(before),
        }
    }

    fn say(&mut self, text: &str, tell: &mut Tell<'_>) {
        let Some(held) = &mut self.held else {
            return self.say_new(text, tell);
        };
        held.push_str(text);
        if held.len() < self.sent.len() && self.sent.starts_with(held.as_str()) {
            return;
        }
        let held = self.held.take().unwrap_or_default();
        let new = held.strip_prefix(self.sent.as_str()).unwrap_or(&held);
        self.say_new(new, tell);
    }

    /// Says what is no repetition, without the blanks that were said before.
    fn say_new(&mut self, text: &str, tell: &mut Tell<'_>) {
        let mut rest = text;
        while let Some(blank) = self.blanks.chars().next() {
            let Some(after) = rest.strip_prefix(blank) else {
                if !rest.is_empty() {
                    self.blanks.clear();
                }
                break;
            };
            self.blanks.drain(..blank.len_utf8());
            rest = after;
        }
        if !rest.is_empty() {
            tell(&Event::BlockDelta(self.open, Cow::Borrowed(rest)));
        }
    }

    /// Says what was held: it was no repetition after all.
    fn release(&mut self, tell: &mut Tell<'_>) {
        if let Some(held) = self.held.take() {
            self.say_new(&held, tell);
        }
    }

    /// The text is complete.
    fn end(&mut self, tell: &mut Tell<'_>) {
        self.release(tell);
        if !std::mem::replace(&mut self.has_ended, true) {
            tell(&Event::BlockEnd(self.open));
        }
    }
}

#[cfg(test)]
mod tests {
    use chat::{FinishReason, Reason};

    use super::*;

    const fn at(block: u32) -> BlockIndex {
        BlockIndex { choice: 0, block }
    }

    /// What is told behind `said` when a provider says these pieces, one after another.
    fn behind(said: &str, repeats: bool, pieces: &[&str]) -> String {
        let mut told = String::new();
        let mut stitch = Stitch::new(at(0), said, repeats);
        let mut ends = 0;
        let mut pass = |event: Event<'_>| {
            stitch.pass(&event, &mut |event| match event {
                Event::BlockDelta(index, text) if *index == at(0) => told.push_str(text),
                Event::BlockEnd(index) if *index == at(0) => ends += 1,
                Event::Finish(..) => {}
                other => panic!("{other:?}"),
            });
        };
        pass(Event::BlockStart(at(0), Block::Text));
        for piece in pieces {
            pass(Event::BlockDelta(at(0), (*piece).into()));
        }
        pass(Event::BlockEnd(at(0)));
        pass(finish());
        assert_eq!(ends, 1, "{said:?} {pieces:?}");
        told
    }

    fn finish() -> Event<'static> {
        let reason = Reason::Stop;
        Event::Finish(
            0,
            FinishReason {
                reason,
                native: None,
            },
        )
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let long = "A text that is longer than thirty-two bytes ";
        let echo = long.trim_end();
        for (said, repeats, pieces, told) in [
            // Cut words go on where they were cut.
            ("Hel", false, &["lo", " world"][..], "lo world"),
            // Blanks at the end come again, or not, or others do.
            ("Hello ", false, &[" world"], "world"),
            ("Hello \n", false, &[" ", "\n", " w"], " w"),
            ("Hello ", false, &["world"], "world"),
            ("Hello ", false, &["", "\nworld"], "\nworld"),
            ("Hello  ", false, &[" world"], "world"),
            ("Hello\u{3000}", false, &["\u{3000}世界"], "世界"),
            // A provider that is known to repeat, however short the text.
            ("ha", true, &["ha ha"], " ha"),
            ("ha ", true, &["h", "a", " ", "ha"], "ha"),
            ("ha", false, &["ha ha"], "ha ha"),
            ("Hello", true, &[" world"], " world"),
            ("Hello", true, &["Hel"], "Hel"),
            ("Hello", true, &["Hel", "p!"], "Help!"),
            // A long text that comes again is a repetition.
            (long, false, &[echo, " and", " more"], "and more"),
            (
                long,
                false,
                &["A text", " that differs"],
                "A text that differs",
            ),
            (long, false, &[], ""),
        ] {
            assert_eq!(behind(said, repeats, pieces), told, "{said:?} {pieces:?}");
        }
    }

    #[test]
    fn further_blocks_get_the_numbers_that_follow() {
        let call = |index| {
            let (id, name) = ("c".into(), "f".into());
            Event::BlockStart(at(index), Block::ToolCall { id, name })
        };
        for (events, expected) in [
            // The model has nothing more to say, and calls a tool.
            (vec![call(0)], vec!["end 0", "start 1"]),
            // It goes on, then calls two.
            (
                vec![
                    Event::BlockStart(at(0), Block::Text),
                    Event::BlockEnd(at(0)),
                    call(1),
                    call(2),
                ],
                vec!["end 0", "start 1", "start 2"],
            ),
            // Nothing at all.
            (vec![finish()], vec!["end 0", "finish"]),
        ] {
            let mut told = Vec::new();
            let mut stitch = Stitch::new(at(0), "Hello", false);
            for event in events {
                stitch.pass(&event, &mut |event| {
                    told.push(match event {
                        Event::BlockStart(index, _) => format!("start {}", index.block),
                        Event::BlockEnd(index) => format!("end {}", index.block),
                        Event::Finish(..) => "finish".to_owned(),
                        other => panic!("{other:?}"),
                    });
                });
            }
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn a_model_that_thinks_anew_does_not_go_on() {
        let mut stitch = Stitch::new(at(0), "Hello", false);
        let thought = Block::Reasoning { is_summary: false };
        for event in [
            Event::BlockStart(at(0), thought),
            Event::BlockDelta(at(0), "hmm".into()),
            Event::BlockStart(at(1), Block::Text),
            finish(),
        ] {
            stitch.pass(&event, &mut |event| panic!("{event:?}"));
        }
        assert!(stitch.is_foreign);
    }
}
