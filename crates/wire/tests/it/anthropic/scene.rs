//! What the tests of this dialect share: requests, endpoints, and answers read and told again.

use chat::response::Fold;
use chat::{Dialect, Error, Event, Request, Response};
use serde_json::Value;
use wire::anthropic_messages::AnthropicMessages;
use wire::codec::{Asked, Door as _, Inbound as _, Listen, Outbound as _, Transparent as _};
use wire::frame::sse;
use wire::{Beside, CostText, Incoming, Outgoing, Passed, Stamp, Tap, Written};

use crate::cases::{stamp, tree};

/// An endpoint for a model.
pub(crate) const fn endpoint(native_model: &str) -> Outgoing<'_> {
    at(Dialect::AnthropicMessages, native_model)
}

/// An endpoint of a host.
pub(crate) const fn at(dialect: Dialect, native_model: &str) -> Outgoing<'_> {
    Outgoing {
        dialect,
        native_model,
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: Some(64_000),
    }
}

/// A request, read at the door.
pub(crate) fn read(body: &Value, betas: Option<&str>) -> (String, Incoming) {
    let text = body.to_string();
    let beside = Beside {
        betas: betas.map(ToOwned::to_owned),
        ..Beside::default()
    };
    let read = AnthropicMessages.read_request(text.as_bytes(), beside);
    (text, read.expect("a request"))
}

/// The mistake that the door finds in a request.
pub(crate) fn mistake(body: &Value) -> Error {
    AnthropicMessages
        .read_request(body.to_string().as_bytes(), Beside::default())
        .expect_err("a mistake")
}

/// A request in the vocabulary.
pub(crate) fn parsed(body: &Value) -> Request {
    let (text, incoming) = read(body, None);
    AnthropicMessages
        .parse(text.as_bytes(), &incoming)
        .expect("a request")
}

/// A request of this dialect for an endpoint of this dialect.
pub(crate) fn spliced(body: &Value, to: &Outgoing<'_>) -> Written {
    let (text, incoming) = read(body, Some("one-2025,two-2025"));
    AnthropicMessages
        .splice((text.as_bytes(), &incoming), to)
        .expect("a request")
}

/// A request out of the vocabulary, as a tree.
pub(crate) fn written(request: &Request, to: &Outgoing<'_>) -> (Value, Vec<String>) {
    let written = AnthropicMessages.write(request, to).expect("a request");
    (tree(&written.body), written.dropped)
}

/// A stamp for a model.
pub(crate) fn stamp_of(model: &str) -> Stamp {
    Stamp {
        model: model.to_owned(),
        native_model: model.to_owned(),
        ..stamp()
    }
}

/// A tap between two sides of this dialect.
pub(crate) fn tap(model: &str) -> Box<dyn Tap> {
    AnthropicMessages.tap(&Asked {
        body: b"{}",
        request: &Incoming::default(),
        stamp: stamp_of(model),
    })
}

/// A price.
pub(crate) fn cost() -> CostText {
    CostText {
        total: Some("0.0123".to_owned()),
        prompt: Some("0.01".to_owned()),
        completion: Some("0.0023".to_owned()),
        ..CostText::default()
    }
}

/// How a stream went: what was heard, what went out, how it ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Went {
    pub(crate) response: Response,
    pub(crate) out: String,
    pub(crate) end: Result<(), Error>,
}

/// Sends a stream through a tap, in pieces.
pub(crate) fn stream<'a>(
    mut tap: Box<dyn Tap>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Went {
    let mut decoder = sse::Decoder::default();
    let mut fold = Fold::default();
    let mut out = Vec::new();
    let mut end = Ok(());
    let mut is_done = false;
    let mut take = |decoder: &mut sse::Decoder, tap: &mut Box<dyn Tap>, out: &mut Vec<u8>| {
        while let Some(frame) = decoder.next() {
            let frame = frame.expect("a frame");
            match tap.frame(&frame, &mut |event: Event<'_>| fold.hear(event))? {
                Passed::Forward(bytes) => out.extend_from_slice(&bytes),
                Passed::Swallow => {}
                Passed::Done => is_done = true,
                Passed::Last(bytes) => {
                    out.extend_from_slice(&bytes);
                    is_done = true;
                }
            }
        }
        Ok(())
    };
    for piece in pieces {
        decoder.push(piece);
        if end.is_ok() {
            end = take(&mut decoder, &mut tap, &mut out);
        }
    }
    decoder.finish();
    if end.is_ok() {
        end = take(&mut decoder, &mut tap, &mut out);
    }
    if end.is_ok() {
        let listen: &mut Listen<'_> = &mut |event| fold.hear(event);
        end = tap.end(listen).map(|held| out.extend_from_slice(&held));
    }
    let response = fold.finish();
    let last = match &end {
        Ok(()) => tap.last_frames(&response.usage, &cost()),
        Err(error) => tap.error_frame(error),
    };
    out.extend_from_slice(&last);
    Went {
        response,
        out: String::from_utf8(out).expect("UTF-8"),
        end,
    }
}

/// Sends a whole answer through a tap.
pub(crate) fn whole(mut tap: Box<dyn Tap>, body: &str) -> Result<(Response, Value), Error> {
    let mut fold = Fold::default();
    let body = body.to_owned().into();
    tap.read_whole(&body, &mut |event: Event<'_>| fold.hear(event))?;
    let response = fold.finish();
    let out = tap.write_whole(&response.usage, &cost())?;
    Ok((response, tree(&out)))
}

/// The frames of a stream: names and data.
pub(crate) fn frames(stream: &str) -> Vec<(String, Value)> {
    let mut decoder = sse::Decoder::default();
    decoder.push(stream.as_bytes());
    decoder.finish();
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next() {
        let frame = frame.expect("a frame");
        let name = frame
            .event
            .map(|name| String::from_utf8_lossy(&name).into_owned());
        frames.push((name.unwrap_or_default(), tree(&frame.data)));
    }
    frames
}

/// What a client of this dialect makes of a stream: the message, put together as the SDKs do.
pub(crate) fn accumulated(stream: &str) -> Value {
    let mut message = Value::Null;
    let mut open: Option<u64> = None;
    let mut json: Vec<String> = Vec::new();
    for (name, data) in frames(stream) {
        assert_eq!(data["type"], name.as_str(), "a frame is named by its type");
        let at = data["index"]
            .as_u64()
            .and_then(|at| usize::try_from(at).ok())
            .unwrap_or(0);
        match name.as_str() {
            "message_start" => message = data["message"].clone(),
            "content_block_start" => {
                assert_eq!(open, None, "a block begins inside another");
                open = data["index"].as_u64();
                let content = message["content"].as_array_mut().expect("content");
                assert_eq!(at, content.len(), "blocks are numbered in order");
                content.push(data["content_block"].clone());
                json.push(String::new());
            }
            "content_block_delta" => {
                assert_eq!(open, data["index"].as_u64(), "a delta of the open block");
                let block = &mut message["content"][at];
                let delta = &data["delta"];
                let add = |block: &mut Value, name: &str| {
                    let so_far = block[name].as_str().unwrap_or_default();
                    let more = delta[name].as_str().expect("text");
                    block[name] = format!("{so_far}{more}").into();
                };
                match delta["type"].as_str().expect("a type") {
                    "text_delta" => add(block, "text"),
                    "thinking_delta" => add(block, "thinking"),
                    "signature_delta" => add(block, "signature"),
                    "input_json_delta" => {
                        json[at].push_str(delta["partial_json"].as_str().expect("text"));
                    }
                    "citations_delta" => {
                        if !block["citations"].is_array() {
                            block["citations"] = Value::Array(Vec::new());
                        }
                        let list = block["citations"].as_array_mut().expect("a list");
                        list.push(delta["citation"].clone());
                    }
                    _ => {}
                }
            }
            "content_block_stop" => {
                assert_eq!(open.take(), data["index"].as_u64(), "the open block ends");
                if !json[at].is_empty() {
                    message["content"][at]["input"] = serde_json::from_str(&json[at])
                        .unwrap_or_else(|_| Value::String(json[at].clone()));
                }
            }
            "message_delta" => {
                for (name, value) in data["delta"].as_object().expect("a delta") {
                    message[name] = value.clone();
                }
                for (name, value) in data["usage"].as_object().into_iter().flatten() {
                    message["usage"][name] = value.clone();
                }
            }
            _ => {}
        }
    }
    message
}
