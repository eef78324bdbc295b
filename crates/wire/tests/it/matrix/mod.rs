//! Every dialect to every other: the proof that nothing is lost in silence.

mod answers;
mod beside;
mod cuts;
mod leaves;
mod marks;
mod requests;
mod schemas;
mod shapes;
mod source;
mod survival;
mod too_many;
mod turns;

use bytes::Bytes;
use chat::response::Fold;
use chat::{Dialect, Error, Event, Kind, Response, Usage};
use wire::codec::{Inbound, Outbound, Reader};
use wire::frame::{Decoder, Framing};
use wire::{Asked, Beside, CostText, Incoming, Lane, Outgoing, Passed, Tap};

use crate::cases::stamp;

/// What callers hold conversations in.
pub(crate) const CALLERS: [Dialect; 5] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
    Dialect::Gemini,
    Dialect::OpenaiCompletions,
];

/// What providers are sent.
pub(crate) const BODIES: [Dialect; 6] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
    Dialect::Gemini,
    Dialect::BedrockConverse,
    Dialect::Cohere,
];

/// How a caller's dialect is read into the vocabulary and written out of it.
pub(crate) fn inbound(caller: Dialect) -> &'static dyn Inbound {
    let other = BODIES.into_iter().find(|body| *body != caller);
    let other = other.expect("more than one");
    match wire::lane(caller, other, other) {
        Some(Lane::Translated(inbound, _, _)) => inbound,
        _ => panic!("{caller} has no door"),
    }
}

/// How a provider's dialect is written out of the vocabulary and read into it.
pub(crate) fn outbound(body: Dialect) -> &'static dyn Outbound {
    let other = CALLERS.into_iter().find(|caller| *caller != body);
    match wire::lane(other.expect("more than one"), body, body) {
        Some(Lane::Translated(_, outbound, _)) => outbound,
        _ => panic!("nobody is asked in {body}"),
    }
}

/// An endpoint of a dialect, with a model that can do everything that can be done there.
pub(crate) const fn endpoint(body: Dialect) -> Outgoing<'static> {
    Outgoing {
        dialect: body,
        native_model: match body {
            Dialect::AnthropicMessages => "claude-sonnet-4-5",
            Dialect::Gemini => "gemini-3-pro-preview",
            Dialect::BedrockConverse => "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            Dialect::Cohere => "command-a-reasoning-08-2025",
            _ => "gpt-5.1",
        },
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: Some(64_000),
    }
}

/// What stands beside a caller's body.
pub(crate) fn beside(caller: Dialect, stream: bool) -> Beside {
    Beside {
        model: (caller == Dialect::Gemini).then(|| "author/model".to_owned()),
        stream: stream && caller == Dialect::Gemini,
        ..Beside::default()
    }
}

/// A small request of a caller.
pub(crate) fn small_request(caller: Dialect, stream: bool) -> (String, Incoming) {
    let body = match caller {
        Dialect::OpenaiResponses => r#"{"model":"author/model","input":"Hello","stream":STREAM}"#,
        Dialect::Gemini => {
            r#"{"contents":[{"role":"user","parts":[{"text":"Hello"}]}],"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}"#
        }
        Dialect::OpenaiCompletions => {
            r#"{"model":"author/model","prompt":"Hello","stream":STREAM}"#
        }
        _ => {
            r#"{"model":"author/model","max_tokens":900,"messages":[{"role":"user","content":"Hello"}],"stream":STREAM}"#
        }
    };
    let body = body.replace("STREAM", &stream.to_string());
    let read = inbound(caller).read_request(body.as_bytes(), beside(caller, stream));
    (body, read.expect("a request"))
}

/// A price.
pub(crate) fn cost() -> CostText {
    CostText {
        total: Some("0.0123".to_owned()),
        ..CostText::default()
    }
}

/// A tap of a lane for a small request.
pub(crate) fn tap(lane: &Lane, caller: Dialect, stream: bool) -> Box<dyn Tap> {
    let (body, request) = small_request(caller, stream);
    lane.tap(&Asked {
        body: body.as_bytes(),
        request: &request,
        stamp: stamp(),
    })
}

/// The events of a whole answer.
pub(crate) fn read_whole(body: Dialect, answer: &[u8]) -> Result<Vec<Event<'static>>, Error> {
    let mut events = Vec::new();
    reader(body).whole(answer, &mut |event| events.push(owned(event)))?;
    Ok(events)
}

/// The events of a stream, to its proper end.
pub(crate) fn read_stream(
    body: Dialect,
    framing: Framing,
    bytes: &[u8],
) -> Result<Vec<Event<'static>>, Error> {
    let mut reader = reader(body);
    let mut events = Vec::new();
    let mut decoder = Decoder::new(framing);
    decoder.push(bytes);
    decoder.finish();
    let mut is_done = false;
    while let Some(frame) = decoder.next() {
        let frame =
            frame.map_err(|error| Error::provider(Kind::ProviderUnavailable, error.to_string()))?;
        if !is_done {
            is_done = reader.frame(&frame, &mut |event| events.push(owned(event)))?;
        }
    }
    reader.end(&mut |event| events.push(owned(event)))?;
    Ok(events)
}

fn reader(body: Dialect) -> Box<dyn Reader> {
    wire::reader(body).unwrap_or_else(|| panic!("{body} is not read"))
}

/// An event with nothing borrowed.
fn owned(event: Event<'_>) -> Event<'static> {
    let text = |text: std::borrow::Cow<'_, str>| text.into_owned().into();
    match event {
        Event::Start {
            native_id,
            native_model,
        } => Event::Start {
            native_id: native_id.map(text),
            native_model: native_model.map(text),
        },
        Event::BlockStart(at, block) => Event::BlockStart(at, block.into_owned()),
        Event::BlockDelta(at, said) => Event::BlockDelta(at, text(said)),
        Event::BlockEnd(at) => Event::BlockEnd(at),
        Event::Sealed(at, opaque) => Event::Sealed(at, opaque),
        Event::Cited(at, citation) => Event::Cited(at, citation),
        Event::Logprobs(at, tokens) => Event::Logprobs(at, tokens),
        Event::Unsaid(what) => Event::Unsaid(text(what)),
        Event::Usage(usage) => Event::Usage(usage),
        Event::Finish(choice, reason) => Event::Finish(choice, reason),
        Event::Error(error) => Event::Error(error),
    }
}

/// A whole answer from its events.
pub(crate) fn fold(events: &[Event<'static>]) -> Response {
    let mut fold = Fold::default();
    events.iter().for_each(|event| fold.hear(event.clone()));
    fold.finish()
}

/// How a provider's stream went through a lane.
pub(crate) struct Went {
    /// What the caller got, the last frames or the error frame included.
    pub(crate) sent: String,
    /// How it ended.
    pub(crate) end: Result<(), Error>,
}

/// Sends a stream through a tap as the relay does, to its last frames or its error.
pub(crate) fn stream(mut tap: Box<dyn Tap>, framing: Framing, bytes: &[u8]) -> Went {
    let mut sent = Vec::new();
    let mut usage = Usage::default();
    let mut decoder = Decoder::new(framing);
    decoder.push(bytes);
    decoder.finish();
    let mut run = || -> Result<(), Error> {
        let mut listen = |event: Event<'_>| {
            if let Event::Usage(counted) = event {
                usage.merge(counted);
            }
        };
        while let Some(frame) = decoder.next() {
            let frame = frame
                .map_err(|error| Error::provider(Kind::ProviderUnavailable, error.to_string()))?;
            match tap.frame(&frame, &mut listen)? {
                Passed::Forward(bytes) => sent.extend_from_slice(&bytes),
                Passed::Swallow => {}
                Passed::Done => break,
                Passed::Last(bytes) => {
                    sent.extend_from_slice(&bytes);
                    break;
                }
            }
        }
        let held: Bytes = tap.end(&mut listen)?;
        sent.extend_from_slice(&held);
        Ok(())
    };
    let end = run();
    let last = match &end {
        Ok(()) => tap.last_frames(&usage, &cost()),
        Err(error) => tap.error_frame(error),
    };
    sent.extend_from_slice(&last);
    Went {
        sent: String::from_utf8(sent).expect("UTF-8"),
        end,
    }
}
