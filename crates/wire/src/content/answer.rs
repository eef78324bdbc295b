//! The pieces of a stream as one answer, and what an answer says.

use chat::event::BlockIndex;
use chat::response::{Choice, Fold};
use chat::{Block, Dialect, Event, FinishReason, Reason, Response};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::frame::{Decoder, Frame, Framing};
use crate::lane::reader;

/// What an answer says, as far as the record of a call shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The words of the first choice.
    pub completion: Option<String>,
    /// Its thoughts, where they were told.
    pub reasoning: Option<String>,
}

/// The pieces of a stream, as a caller got them, folded into one answer; whether it was whole. What
/// cannot be read ends the folding, and what was said until then counts.
#[must_use]
pub fn fold<'p>(form: (Dialect, Framing), pieces: impl Iterator<Item = &'p [u8]>) -> (Value, bool) {
    let heard = hear(form, pieces);
    let response = heard.fold.finish();
    (written(&response, heard.error.as_deref()), heard.is_whole)
}

/// The same as the vocabulary has it.
#[must_use]
pub fn answer_of<'p>(form: (Dialect, Framing), pieces: impl Iterator<Item = &'p [u8]>) -> Response {
    hear(form, pieces).fold.finish()
}

fn hear<'p>(
    (dialect, framing): (Dialect, Framing),
    pieces: impl Iterator<Item = &'p [u8]>,
) -> Heard {
    let mut heard = Heard::default();
    let mut decoder = Decoder::new(framing);
    let mut array: Option<Vec<u8>> = None;
    let mut has_begun = false;
    for piece in pieces {
        if !has_begun && dialect == Dialect::Gemini && piece.first() == Some(&b'[') {
            array = Some(Vec::new());
        }
        has_begun |= !piece.is_empty();
        match &mut array {
            Some(all) => all.extend_from_slice(piece),
            None => decoder.push(piece),
        }
    }
    decoder.finish();
    let frames: Vec<Frame> = match array {
        Some(all) => elements(&all),
        None => std::iter::from_fn(|| decoder.next())
            .map_while(Result::ok)
            .collect(),
    };
    heard.read(dialect, &frames);
    heard
}

/// What the body of a whole answer says; nothing where it is no answer, or not in words.
#[must_use]
pub fn said_in(dialect: Dialect, body: &[u8]) -> Said {
    said(&answer_in(dialect, body))
}

/// The body of a whole answer as the vocabulary has it; empty where it is no answer.
#[must_use]
pub fn answer_in(dialect: Dialect, body: &[u8]) -> Response {
    let mut fold = Fold::default();
    if dialect == Dialect::OpenaiCompletions {
        hear_text(body, &mut fold);
    } else if let Some(mut reader) = reader(dialect) {
        // What was read before something made no sense was said all the same.
        let _ = reader.whole(body, &mut |event| fold.hear(event));
    }
    fold.finish()
}

impl Said {
    /// What a folded answer ([`fold`]) says.
    #[must_use]
    pub fn of_folded(folded: &Value) -> Self {
        let blocks = folded
            .pointer("/choices/0/blocks")
            .and_then(Value::as_array);
        let text = |kinds: &[&str]| {
            let blocks = blocks?.iter().filter(|block| {
                let kind = block.get("type").and_then(Value::as_str);
                kind.is_some_and(|kind| kinds.contains(&kind))
            });
            joined(blocks.filter_map(|block| block.get("text")?.as_str()))
        };
        Self {
            completion: text(&["text", "refusal"]),
            reasoning: text(&["reasoning"]),
        }
    }
}

#[derive(Default)]
struct Heard {
    fold: Fold,
    is_whole: bool,
    error: Option<String>,
}

impl Heard {
    fn read(&mut self, dialect: Dialect, frames: &[Frame]) {
        if dialect == Dialect::OpenaiCompletions {
            for frame in frames {
                self.is_whole |= &*frame.data == b"[DONE]";
                hear_text(&frame.data, &mut self.fold);
            }
            return;
        }
        let Some(mut reader) = reader(dialect) else {
            return;
        };
        let fold = &mut self.fold;
        for frame in frames {
            match reader.frame(frame, &mut |event| fold.hear(event)) {
                Ok(false) => {}
                Ok(true) => break,
                Err(error) => {
                    self.error = Some(error.message);
                    return;
                }
            }
        }
        self.is_whole = reader.end(&mut |event| fold.hear(event)).is_ok();
    }
}

/// The objects of a JSON array that may have been cut off.
fn elements(array: &[u8]) -> Vec<Frame> {
    let mut rest = array;
    let mut frames = Vec::new();
    loop {
        let begin = rest.iter().position(|byte| *byte == b'{');
        rest = begin
            .and_then(|begin| rest.get(begin..))
            .unwrap_or_default();
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
        let Some(Ok(value)) = values.next() else {
            return frames;
        };
        frames.push(Frame {
            event: None,
            data: value.get().as_bytes().to_vec().into(),
        });
        rest = rest.get(values.byte_offset()..).unwrap_or_default();
    }
}

/// Hears a text completion, or a piece of one.
fn hear_text(json: &[u8], fold: &mut Fold) {
    let Ok(value) = serde_json::from_slice::<Value>(json) else {
        return;
    };
    for choice in value
        .get("choices")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        let choice_index = u32::try_from(index).unwrap_or(u32::MAX);
        let at = BlockIndex {
            choice: choice_index,
            block: 0,
        };
        if let Some(text) = choice.get("text").and_then(Value::as_str) {
            fold.begin(at, Block::Text);
            fold.hear(Event::BlockDelta(at, text.into()));
        }
        if let Some(native) = choice.get("finish_reason").and_then(Value::as_str) {
            let finish = FinishReason {
                reason: Reason::from_name(native).unwrap_or(Reason::Stop),
                native: Some(native.to_owned()),
            };
            fold.hear(Event::Finish(choice_index, finish));
        }
    }
}

fn said(response: &Response) -> Said {
    let Some(first) = response.choice(0) else {
        return Said::default();
    };
    let text = |wanted: fn(&Block<'_>) -> bool| {
        let blocks = first.blocks.iter().filter(|said| wanted(&said.block));
        joined(blocks.map(|said| &*said.text))
    };
    Said {
        completion: text(|block| matches!(block, Block::Text | Block::Refusal)),
        reasoning: text(|block| matches!(block, Block::Reasoning { .. })),
    }
}

fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.concat())
}

fn written(response: &Response, error: Option<&str>) -> Value {
    let choices: Vec<Value> = response.choices.iter().map(choice_of).collect();
    json!({
        "id": response.native_id,
        "model": response.native_model,
        "choices": choices,
        "error": error,
    })
}

fn choice_of(choice: &Choice) -> Value {
    let blocks = choice.blocks.iter().map(|said| {
        let text = &said.text;
        match &said.block {
            Block::Text => json!({"type": "text", "text": text}),
            Block::Refusal => json!({"type": "refusal", "text": text}),
            Block::Reasoning { is_summary } => {
                json!({"type": "reasoning", "text": text, "is_summary": is_summary})
            }
            Block::ToolCall { id, name } => {
                json!({"type": "tool_call", "id": id, "name": name, "arguments": text})
            }
            Block::Image { media_type } => {
                json!({"type": "image", "media_type": media_type, "data": text})
            }
            Block::Audio => json!({"type": "audio", "data": text}),
        }
    });
    let finish = choice.finish.as_ref();
    json!({
        "index": choice.index,
        "finish_reason": finish.map(|finish| finish.reason.name()),
        "native_finish_reason": finish.and_then(|finish| finish.native.as_deref()),
        "blocks": blocks.collect::<Vec<_>>(),
    })
}
