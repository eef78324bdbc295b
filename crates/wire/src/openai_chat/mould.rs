//! The mould of a stream's chunks: nearly all of them are alike but for their word.
//!
//! A provider writes every chunk of an answer in one way, and so do we. Once a chunk that says a word
//! and nothing else was taken apart, checked and stamped, the next that is made of the same bytes
//! around its word needs none of that: it is compared, its word is checked and cast into our bytes.
//! Whatever differs in anything else is taken apart as ever.

use bytes::Bytes;
use chat::Event;
use chat::event::BlockIndex;

use crate::scan::{Scanner, Span, Text};
use crate::splice::Edits;
use crate::track::Listen;

/// So many moulds in a row that fit no further chunk, and no more are made: some streams have nothing
/// that stays the same.
pub(super) const MISFITS_MAX: u8 = 16;

/// What the last chunk with a word was made of, and whether moulds are of use in this stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Foundry {
    mould: Option<Mould>,
    /// Moulds in a row that fitted nothing.
    misfits: u8,
}

#[derive(Debug, Clone)]
struct Mould {
    block: BlockIndex,
    /// What stands before, between and behind the texts that differ; the word is one of them.
    pieces: Vec<Piece>,
    /// Which of these texts is the word.
    word: usize,
}

/// Bytes that stay the same: as the provider writes them, and as we do.
#[derive(Debug, Clone)]
struct Piece {
    taken: Box<str>,
    given: Box<[u8]>,
}

/// A chunk that was taken apart: what it was, and what became of it.
pub(super) struct Worked<'c, 'a> {
    pub(super) text: &'a str,
    /// Where its word stands, quotes included; absent where it says none.
    pub(super) word: Option<Span>,
    /// Where another text stands that differs from chunk to chunk and is forwarded as it is.
    pub(super) filler: Option<Span>,
    pub(super) edits: &'c mut Edits<'a>,
    /// What stands before the edited text in its frame.
    pub(super) before: &'static str,
    pub(super) frame: &'c Bytes,
}

/// What a chunk told, as far as it decides whether there is a mould of it.
#[derive(Debug, Default)]
pub(super) struct Told {
    events: usize,
    delta: Option<BlockIndex>,
}

impl Told {
    pub(super) fn note(&mut self, event: &Event<'_>) {
        self.events += 1;
        if let Event::BlockDelta(block, _) = event {
            self.delta = Some(*block);
        }
    }

    /// The block of the one delta that was told, if nothing else was.
    pub(super) fn only_delta(&self) -> Option<BlockIndex> {
        self.delta.filter(|_| self.events == 1)
    }
}

impl Foundry {
    /// Makes the frame of a chunk that fits the mould, and tells its word. Where it does not, the mould
    /// is broken: whatever the chunk says may change what the same bytes mean.
    pub(super) fn cast(&mut self, text: &str, listen: &mut Listen<'_>) -> Option<Bytes> {
        let mould = self.mould.take()?;
        let Some((word, frame)) = mould.fill(text) else {
            self.misfits = self.misfits.saturating_add(1);
            return None;
        };
        listen(Event::BlockDelta(mould.block, word.decode()));
        self.misfits = 0;
        self.mould = Some(mould);
        Some(frame)
    }

    /// Takes the mould of a chunk, if it said a word and nothing else.
    pub(super) fn take_mould(&mut self, told: &Told, worked: &mut Worked<'_, '_>) {
        if self.misfits < MISFITS_MAX {
            let block = told.only_delta();
            self.mould = block.and_then(|block| Mould::of(block, worked));
        }
    }

    #[cfg(test)]
    pub(super) const fn has_mould(&self) -> bool {
        self.mould.is_some()
    }
}

impl Mould {
    fn of(block: BlockIndex, worked: &mut Worked<'_, '_>) -> Option<Self> {
        let word = worked.word?;
        let mut gaps = vec![word];
        gaps.extend(worked.filler);
        gaps.sort_by_key(|gap| gap.start);
        let mut pieces = Vec::with_capacity(gaps.len() + 1);
        let (mut taken_from, mut given_from) = (0, 0);
        for gap in &gaps {
            let (start, end) = (gap.start + 1, gap.end.checked_sub(1)?);
            let same = worked.text.get(start..end)?;
            // Edits before the gap are those of the text that ends there.
            let beginning = worked.text.get(..start)?;
            let edited = worked.edits.apply_here(beginning, worked.before, "");
            let given = worked.frame.get(given_from..edited.len())?;
            let rest = worked.frame.get(edited.len()..)?;
            if !rest.starts_with(same.as_bytes()) {
                return None;
            }
            pieces.push(Piece {
                taken: worked.text.get(taken_from..start)?.into(),
                given: given.into(),
            });
            (taken_from, given_from) = (end, edited.len() + same.len());
        }
        pieces.push(Piece {
            taken: worked.text.get(taken_from..)?.into(),
            given: worked.frame.get(given_from..)?.into(),
        });
        Some(Self {
            block,
            pieces,
            word: gaps.iter().position(|gap| *gap == word)?,
        })
    }

    /// The word and the frame of a chunk that fits.
    fn fill<'a>(&self, text: &'a str) -> Option<(Text<'a>, Bytes)> {
        let mut texts = [None; 2];
        let mut at = 0;
        let (last, before) = self.pieces.split_last()?;
        for (piece, found) in before.iter().zip(&mut texts) {
            let rest = text.get(at..)?;
            if !rest.starts_with(&*piece.taken) {
                return None;
            }
            let open_quote = at + piece.taken.len() - 1;
            let span = Span {
                start: open_quote,
                end: text.len(),
            };
            let said = Scanner::within(text, span).string().ok()?;
            at = said.span.end - 1;
            *found = Some(said);
        }
        if text.get(at..)? != &*last.taken {
            return None;
        }
        let word = (*texts.get(self.word)?)?;
        if word.raw.is_empty() {
            return None;
        }
        let said = texts.iter().flatten();
        let length: usize = self.pieces.iter().map(|piece| piece.given.len()).sum();
        let mut frame = Vec::with_capacity(length + said.map(|it| it.raw.len()).sum::<usize>());
        for (piece, said) in before.iter().zip(texts.iter().flatten()) {
            frame.extend_from_slice(&piece.given);
            frame.extend_from_slice(said.raw.as_bytes());
        }
        frame.extend_from_slice(&last.given);
        Some((word, frame.into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::StreamTap;
    use crate::codec::Passed;
    use crate::stamp::Stamp;

    fn stamp() -> Stamp {
        Stamp {
            id: "gen-1".to_owned(),
            model: "author/model".to_owned(),
            native_model: "native".to_owned(),
            provider: "Provider".to_owned(),
            created: 7,
            sequence: crate::stamp::Sequence::default(),
        }
    }

    /// What is forwarded of each chunk, and what is told of it; `None` from an error on.
    fn heard(chunks: &[String], with_moulds: bool) -> Vec<Option<(Vec<u8>, String)>> {
        let mut tap = StreamTap::new(stamp());
        let mut all = Vec::new();
        for chunk in chunks {
            if !with_moulds {
                tap.without_moulds();
            }
            let mut told = String::new();
            let passed = tap.frame(chunk.as_bytes(), &mut |event| {
                told += &format!("{event:?};")
            });
            let forwarded = match passed {
                Ok(Passed::Forward(bytes) | Passed::Last(bytes)) => bytes.to_vec(),
                Ok(Passed::Swallow) => b"swallowed".to_vec(),
                Ok(Passed::Done) => b"done".to_vec(),
                Err(_) => {
                    all.push(None);
                    return all;
                }
            };
            all.push(Some((forwarded, told)));
        }
        all
    }

    fn assert_alike(chunks: &[String]) {
        assert_eq!(heard(chunks, true), heard(chunks, false), "{chunks:#?}");
    }

    fn chunk(delta: &str, more: &str) -> String {
        format!(
            r#"{{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","usage":null,"choices":[{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":null}}]{more}}}"#
        )
    }

    fn says(word: &str) -> String {
        chunk(&format!(r#""content":"{word}""#), "")
    }

    #[test]
    fn a_mould_casts_what_a_walk_would_have_made() {
        let chunks: Vec<String> = ["Hello", " wor", "ld", r"\n\u00e9 \ud83d\ude00", "é😀", "."]
            .map(says)
            .to_vec();
        assert_alike(&chunks);
        let mut tap = StreamTap::new(stamp());
        for chunk in &chunks {
            tap.frame(chunk.as_bytes(), &mut |_| {}).unwrap();
        }
        assert!(tap.has_mould(), "the walk was not what made the last ones");
    }

    #[test]
    fn whatever_differs_in_more_than_its_word_is_taken_apart() {
        let finish = says("x").replace(r#""finish_reason":null"#, r#""finish_reason":"stop""#);
        let other = says("x").replace(r#""index":0"#, r#""index":1"#);
        let counted = says("x").replace(r#""usage":null"#, r#""usage":{"prompt_tokens":3}"#);
        for odd in [
            says(""),
            says("\u{1}"),
            says(r"\x"),
            says(r#"a","role":"assistant"#),
            says(r#"a","content":"b"#),
            chunk(r#""role":"assistant","content":"c""#, ""),
            chunk(r#""content":null"#, ""),
            chunk(r#""content":"a","reasoning":"b""#, ""),
            chunk(
                r#""tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{}"}}]"#,
                "",
            ),
            chunk(r#""content":"a""#, r#","service_tier":"flex""#),
            chunk(r#""content":"a""#, r#","error":{"message":"no"}"#),
            says("cut").replace("}]}", ""),
            finish,
            other,
            counted,
            "[DONE]".to_owned(),
        ] {
            let chunks = [
                says("a"),
                says("b"),
                says("c"),
                odd.clone(),
                says("d"),
                says("e"),
            ];
            assert_alike(&chunks);
            assert_alike(&[says("a"), odd.clone(), odd, says("b"), says("c")]);
        }
    }

    #[test]
    fn padding_that_differs_from_chunk_to_chunk_goes_through_as_it_is() {
        let padded = |word: &str, padding: &str| {
            let more = format!(r#","obfuscation":"{padding}""#);
            chunk(&format!(r#""content":"{word}""#), &more)
        };
        let chunks = [
            padded("a", "xY1"),
            padded("b", ""),
            padded("c", "aaaaaaaaa"),
            padded("d", "z"),
        ];
        assert_alike(&chunks);
        let mut tap = StreamTap::new(stamp());
        for chunk in &chunks {
            tap.frame(chunk.as_bytes(), &mut |_| {}).unwrap();
        }
        assert!(tap.has_mould());
    }

    #[test]
    fn a_stream_in_which_nothing_stays_the_same_is_left_alone() {
        let mut tap = StreamTap::new(stamp());
        for number in 0..40 {
            let chunk = says("a").replace("c1", &format!("c{number}"));
            tap.frame(chunk.as_bytes(), &mut |_| {}).unwrap();
        }
        assert!(!tap.has_mould());
    }

    proptest! {
        #[test]
        fn any_words_come_out_as_from_a_walk(words in prop::collection::vec("\\PC{0,12}", 1..8)) {
            let chunks: Vec<String> = words
                .iter()
                .map(|word| {
                    let json = serde_json::to_string(word).unwrap();
                    chunk(&format!(r#""content":{json}"#), "")
                })
                .collect();
            assert_alike(&chunks);
        }
    }
}
