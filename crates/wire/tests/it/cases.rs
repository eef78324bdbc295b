//! What the tests share: stamps, streams taken apart, and events put together again.

use std::collections::BTreeMap;

use chat::event::BlockIndex;
use chat::{Block, Error, Event, FinishReason, Usage};
use serde_json::Value;
use wire::frame::sse::Decoder;
use wire::openai_chat::StreamTap;
use wire::{Passed, Stamp};

/// The stamp of every test.
pub(crate) fn stamp() -> Stamp {
    Stamp {
        id: "gen-test".to_owned(),
        model: "author/model".to_owned(),
        native_model: "model".to_owned(),
        provider: "Provider".to_owned(),
        created: 1_700_000_000,
        sequence: wire::Sequence::default(),
    }
}

/// JSON text as a tree.
pub(crate) fn tree(json: &[u8]) -> Value {
    match serde_json::from_slice(json) {
        Ok(tree) => tree,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(json)),
    }
}

/// An answer folded from its events.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Heard {
    pub(crate) text: BTreeMap<u32, String>,
    pub(crate) reasoning: BTreeMap<u32, String>,
    pub(crate) calls: BTreeMap<(u32, u32), (String, String, String)>,
    pub(crate) finish: BTreeMap<u32, FinishReason>,
    pub(crate) usage: Usage,
    pub(crate) starts: usize,
    pub(crate) native_id: Option<String>,
    kinds: BTreeMap<(u32, u32), u8>,
    ended: Vec<(u32, u32)>,
}

impl Heard {
    /// Takes one event, and checks that blocks are begun once and not used after their end.
    pub(crate) fn hear(&mut self, event: Event<'_>) {
        let at = |index: BlockIndex| (index.choice, index.block);
        match event {
            Event::Start { native_id, .. } => {
                self.starts += 1;
                self.native_id = native_id.map(std::borrow::Cow::into_owned);
            }
            Event::BlockStart(index, block) => {
                let kind = match &block {
                    Block::Text | Block::Refusal => 0,
                    Block::Reasoning { .. } => 1,
                    Block::ToolCall { id, name } => {
                        let call = (id.to_string(), name.to_string(), String::new());
                        self.calls.insert(at(index), call);
                        2
                    }
                    Block::Image { .. } => 3,
                    Block::Audio => 4,
                };
                assert!(
                    self.kinds.insert(at(index), kind).is_none(),
                    "a block begins twice"
                );
            }
            Event::BlockDelta(index, said) => {
                assert!(
                    !self.ended.contains(&at(index)),
                    "a block speaks after its end"
                );
                match self.kinds.get(&at(index)) {
                    Some(0) => self.text.entry(index.choice).or_default().push_str(&said),
                    Some(1) => self
                        .reasoning
                        .entry(index.choice)
                        .or_default()
                        .push_str(&said),
                    Some(2) => {
                        self.calls
                            .get_mut(&at(index))
                            .expect("begun")
                            .2
                            .push_str(&said);
                    }
                    Some(_) => {}
                    None => panic!("a block speaks before its start"),
                }
            }
            Event::BlockEnd(index) => self.ended.push(at(index)),
            Event::Usage(usage) => self.usage.merge(usage),
            Event::Finish(choice, reason) => {
                assert!(
                    self.finish.insert(choice, reason).is_none(),
                    "a choice finishes twice"
                );
            }
            Event::Sealed(..) | Event::Cited(..) | Event::Logprobs(..) | Event::Unsaid(_) => {}
            Event::Error(error) => panic!("{error}"),
        }
    }

    /// Names and arguments of the tool calls, in order.
    pub(crate) fn called(&self) -> Vec<(String, String)> {
        self.calls
            .values()
            .map(|(_, name, arguments)| (name.clone(), arguments.clone()))
            .collect()
    }
}

/// What became of a whole stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Streamed {
    pub(crate) heard: Heard,
    pub(crate) forwarded: Vec<u8>,
    pub(crate) is_done: bool,
    pub(crate) end: Result<(), Error>,
}

/// Sends a stream through decoder and tap in the given pieces.
pub(crate) fn stream<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Streamed {
    let mut tap = StreamTap::new(stamp());
    let mut decoder = Decoder::new();
    let mut streamed = Streamed {
        heard: Heard::default(),
        forwarded: Vec::new(),
        is_done: false,
        end: Ok(()),
    };
    for piece in pieces {
        decoder.push(piece);
        if let Err(error) = drain(&mut decoder, &mut tap, &mut streamed) {
            streamed.end = Err(error);
            return streamed;
        }
    }
    decoder.finish();
    streamed.end = drain(&mut decoder, &mut tap, &mut streamed).and_then(|()| tap.end());
    streamed
}

fn drain(decoder: &mut Decoder, tap: &mut StreamTap, into: &mut Streamed) -> Result<(), Error> {
    while let Some(frame) = decoder.next() {
        let data = frame.expect("a frame of modest size").data;
        match tap.frame(&data, &mut |event| into.heard.hear(event))? {
            Passed::Forward(bytes) => into.forwarded.extend_from_slice(&bytes),
            Passed::Swallow => {}
            Passed::Done => into.is_done = true,
            Passed::Last(bytes) => {
                into.forwarded.extend_from_slice(&bytes);
                into.is_done = true;
            }
        }
    }
    Ok(())
}

/// The forwarded frames, as trees.
pub(crate) fn frames(forwarded: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(forwarded).expect("UTF-8");
    text.split_terminator("\n\n")
        .map(|frame| {
            tree(
                frame
                    .strip_prefix("data: ")
                    .expect("one data line")
                    .as_bytes(),
            )
        })
        .collect()
}

/// What becomes of a stream that ends after each of its bytes, in one pass.
pub(crate) fn cut_everywhere(
    bytes: &[u8],
    mut check: impl FnMut(usize, &Heard, Result<(), Error>),
) {
    let mut tap = StreamTap::new(stamp());
    let mut decoder = Decoder::new();
    let mut streamed = Streamed {
        heard: Heard::default(),
        forwarded: Vec::new(),
        is_done: false,
        end: Ok(()),
    };
    for (at, byte) in bytes.iter().enumerate() {
        let (mut last_tap, mut last_decoder) = (tap.clone(), decoder.clone());
        let mut last = Streamed {
            forwarded: Vec::new(),
            ..streamed.clone()
        };
        last_decoder.finish();
        let drained = drain(&mut last_decoder, &mut last_tap, &mut last);
        check(at, &last.heard, drained.and_then(|()| last_tap.end()));
        decoder.push(std::slice::from_ref(byte));
        drain(&mut decoder, &mut tap, &mut streamed).expect("a sound stream");
        streamed.forwarded.clear();
    }
}
