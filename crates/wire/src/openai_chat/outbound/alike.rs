//! Chunks that differ from the one before in their word alone, told without a walk.
//!
//! The same thought as the mould of chunks that are forwarded (`super::super::mould`), for who only reads them: a chunk
//! that told a word and nothing else, and another that is made of the same bytes around its word.

use chat::Event;
use chat::event::BlockIndex;

use crate::codec::Listen;
use crate::openai_chat::mould::MISFITS_MAX;
use crate::scan::{Scanner, Span, Text};

/// What the last chunk with a word was made of, and whether that is of use in this stream.
#[derive(Debug, Default)]
pub(super) struct Alike {
    around: Option<Around>,
    /// Chunks in a row that were unlike the one before.
    misfits: u8,
}

#[derive(Debug)]
struct Around {
    block: BlockIndex,
    before: Box<str>,
    behind: Box<str>,
}

impl Alike {
    /// Tells the word of a chunk that is otherwise as the last one; whether it is. Where it is not, the last one is
    /// forgotten: whatever this one says may change what the same bytes mean.
    pub(super) fn tell(&mut self, text: &str, listen: &mut Listen<'_>) -> bool {
        let Some(around) = self.around.take() else {
            return false;
        };
        let Some(word) = around.word_in(text) else {
            self.misfits = self.misfits.saturating_add(1);
            return false;
        };
        listen(Event::BlockDelta(around.block, word.decode()));
        self.misfits = 0;
        self.around = Some(around);
        true
    }

    /// A chunk was walked: the block of the one delta that it told, if it told nothing else, and where its word stands.
    pub(super) fn note(&mut self, text: &str, said: Option<(BlockIndex, Span)>) {
        if self.misfits < MISFITS_MAX {
            self.around = said.and_then(|(block, word)| Around::of(text, block, word));
        }
    }
}

impl Around {
    fn of(text: &str, block: BlockIndex, word: Span) -> Option<Self> {
        Some(Self {
            block,
            before: text.get(..word.start)?.into(),
            behind: text.get(word.end..)?.into(),
        })
    }

    fn word_in<'a>(&self, text: &'a str) -> Option<Text<'a>> {
        let span = Span {
            start: self.before.len(),
            end: text.len(),
        };
        if !text.starts_with(&*self.before) {
            return None;
        }
        let word = Scanner::within(text, span).string().ok()?;
        let is_alike = text.get(word.span.end..)? == &*self.behind && !word.raw.is_empty();
        is_alike.then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use chat::event::BlockIndex;
    use proptest::prelude::*;

    use super::super::reader::Answer;
    use super::*;
    use crate::codec::Reader as _;
    use crate::frame::Frame;

    /// What is told of each chunk; `None` from an error on.
    fn told(chunks: &[String], is_quick: bool) -> Vec<Option<String>> {
        let mut answer = Answer::default();
        let mut all = Vec::new();
        for chunk in chunks {
            if !is_quick {
                answer.alike = Alike::default();
            }
            let frame = Frame {
                event: None,
                data: chunk.clone().into(),
            };
            let mut told = String::new();
            let read = answer.frame(&frame, &mut |event| told += &format!("{event:?};"));
            all.push(read.is_ok().then_some(told));
            if read.is_err() {
                break;
            }
        }
        all
    }

    fn assert_alike(chunks: &[String]) {
        assert_eq!(told(chunks, true), told(chunks, false), "{chunks:#?}");
    }

    fn chunk(delta: &str) -> String {
        format!(
            r#"{{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","usage":null,"choices":[{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":null}}]}}"#
        )
    }

    fn says(word: &str) -> String {
        chunk(&format!(r#""content":"{word}""#))
    }

    #[test]
    fn words_are_told_as_a_walk_would_tell_them_and_without_one() {
        let chunks: Vec<String> = ["Hello", " wor", "ld", r"\n\u00e9 \ud83d\ude00", "é😀", "."]
            .map(says)
            .to_vec();
        assert_alike(&chunks);
        let mut alike = Alike::default();
        let block = BlockIndex {
            choice: 0,
            block: 0,
        };
        let word = Span {
            start: chunks[0].find("\"Hello\"").unwrap(),
            end: chunks[0].find("\"Hello\"").unwrap() + 7,
        };
        alike.note(&chunks[0], Some((block, word)));
        for chunk in &chunks {
            assert!(alike.tell(chunk, &mut |_| {}), "{chunk}");
        }
    }

    #[test]
    fn whatever_differs_in_more_than_its_word_is_walked() {
        for odd in [
            says(""),
            says("\u{1}"),
            says(r"\x"),
            says(r#"a","role":"assistant"#),
            says(r#"a","content":"b"#),
            chunk(r#""content":null"#),
            chunk(r#""content":"a","reasoning":"b""#),
            chunk(r#""reasoning":"b""#),
            chunk(
                r#""tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{}"}}]"#,
            ),
            says("x").replace(r#""finish_reason":null"#, r#""finish_reason":"stop""#),
            says("x").replace(r#""index":0"#, r#""index":1"#),
            says("x").replace(r#""usage":null"#, r#""usage":{"prompt_tokens":3}"#),
            says("x").replace(
                r#""model":"m""#,
                r#""model":"m","citations":["https://a.example"]"#,
            ),
            says("cut").replace("}]}", ""),
            "[DONE]".to_owned(),
        ] {
            let words = ["a", "b", "c"].map(says);
            let chunks = [&words[..], &[odd.clone(), odd.clone()], &words].concat();
            assert_alike(&chunks);
            assert_alike(&[says("a"), odd.clone(), odd, says("b"), says("c")]);
        }
    }

    proptest! {
        #[test]
        fn any_words_are_told_as_by_a_walk(words in prop::collection::vec("\\PC{0,12}", 1..8)) {
            let chunks: Vec<String> = words
                .iter()
                .map(|word| chunk(&format!(r#""content":{}"#, serde_json::to_string(word).unwrap())))
                .collect();
            assert_alike(&chunks);
        }
    }
}
