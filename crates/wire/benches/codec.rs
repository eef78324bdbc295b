//! What translating costs: every dialect's readers and writers, on both sides.
//!
//! A caller's request is read and written for each provider's dialect; a provider's stream (the
//! fixture `tools`: some text and a tool call) is read; an answer of 100 pieces is written in each
//! dialect of callers.

#![expect(
    missing_docs,
    reason = "the functions are written by criterion's macros"
)]
use std::fs;
use std::hint::black_box;
use std::path::Path;

use chat::event::BlockIndex;
use chat::{Block, Dialect, Event, FinishReason, Reason, Unit, Usage};
use criterion::{Criterion, criterion_group, criterion_main};
use wire::codec::Inbound;
use wire::frame::{Decoder, Frame, Framing};
use wire::{Asked, Beside, CostText, Incoming, Lane, Outgoing, Sequence, Stamp};
use wire::{reader, translation};

/// What callers speak, each with a request of about a kilobyte in it.
const CALLERS: [(Dialect, &str); 5] = [
    (
        Dialect::OpenaiChat,
        r#"{"model":"author/model","max_tokens":900,"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"WORDS"}],"stream":true}"#,
    ),
    (
        Dialect::OpenaiResponses,
        r#"{"model":"author/model","instructions":"Be kind.","input":"WORDS","stream":true}"#,
    ),
    (
        Dialect::OpenaiCompletions,
        r#"{"model":"author/model","prompt":"WORDS","stream":true}"#,
    ),
    (
        Dialect::AnthropicMessages,
        r#"{"model":"author/model","max_tokens":900,"system":"Be kind.","messages":[{"role":"user","content":"WORDS"}],"stream":true}"#,
    ),
    (
        Dialect::Gemini,
        r#"{"contents":[{"role":"user","parts":[{"text":"WORDS"}]}]}"#,
    ),
];

/// What providers speak, each with the fixture of a stream in it.
const PROVIDERS: [(Dialect, &str); 6] = [
    (Dialect::OpenaiChat, "openai-tools-parallel.stream.sse"),
    (Dialect::OpenaiResponses, "tools.stream.sse"),
    (Dialect::AnthropicMessages, "tools.stream.sse"),
    (Dialect::Gemini, "tools.stream.sse"),
    (Dialect::BedrockConverse, "tools.stream.ndjson"),
    (Dialect::Cohere, "tools.stream.sse"),
];

fn inbound(caller: Dialect) -> &'static dyn Inbound {
    match translation(caller, Dialect::Cohere, Dialect::Cohere) {
        Some(Lane::Translated(inbound, ..)) => inbound,
        _ => panic!("{caller} is not translated"),
    }
}

fn request(caller: Dialect, template: &str) -> (String, Incoming) {
    let body = template.replace("WORDS", &"Say how the weather was. ".repeat(36));
    let beside = Beside {
        model: (caller == Dialect::Gemini).then(|| "author/model".to_owned()),
        stream: caller == Dialect::Gemini,
        ..Beside::default()
    };
    let read = inbound(caller).read_request(body.as_bytes(), beside);
    (body, read.expect("our own text"))
}

fn requests(criterion: &mut Criterion) {
    for (caller, template) in CALLERS {
        let (body, incoming) = request(caller, template);
        criterion.bench_function(&format!("parse a request, {caller}"), |bench| {
            bench.iter(|| inbound(caller).parse(black_box(body.as_bytes()), &incoming));
        });
    }
    let (caller, template) = CALLERS[0];
    let (body, incoming) = request(caller, template);
    let parsed = inbound(caller).parse(body.as_bytes(), &incoming);
    let parsed = parsed.expect("our own text");
    for (provider, _) in PROVIDERS {
        let Some(Lane::Translated(_, outbound, _)) = translation(caller, provider, provider) else {
            panic!("{provider} is not asked");
        };
        let to = Outgoing {
            dialect: provider,
            native_model: "the-provider-s-own-name",
            quirks: &[],
            supported: None,
            output_limit: None,
            output_most: Some(64_000),
        };
        criterion.bench_function(&format!("write a request, {provider}"), |bench| {
            bench.iter(|| outbound.write(black_box(&parsed), &to));
        });
    }
}

/// The frames of a fixture, decoded.
fn frames(provider: Dialect, file: &str) -> Vec<Frame> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let bytes = fs::read(folder.join(provider.to_string()).join(file)).expect("a fixture");
    if provider == Dialect::BedrockConverse {
        return frames_of_lines(&bytes);
    }
    let mut decoder = Decoder::new(Framing::Sse);
    decoder.push(&bytes);
    decoder.finish();
    std::iter::from_fn(|| decoder.next())
        .map(|frame| frame.expect("our own text"))
        .collect()
}

/// The fixtures of AWS's binary messages are lines of JSON with a kind and a payload.
fn frames_of_lines(bytes: &[u8]) -> Vec<Frame> {
    let lines = std::str::from_utf8(bytes).expect("our own text").lines();
    lines
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("our own text");
            Frame {
                event: line["kind"].as_str().map(|kind| kind.to_owned().into()),
                data: line["payload"].to_string().into(),
            }
        })
        .collect()
}

fn answers(criterion: &mut Criterion) {
    for (provider, file) in PROVIDERS {
        let frames = frames(provider, file);
        let name = format!("read a stream, {provider}, {} frames", frames.len());
        criterion.bench_function(&name, |bench| {
            bench.iter(|| {
                let mut reader = reader(provider).expect("a reader");
                let mut told = 0_usize;
                for frame in &frames {
                    let read = reader.frame(frame, &mut |_| told += 1);
                    if read.expect("our own text") {
                        break;
                    }
                }
                reader.end(&mut |_| told += 1).expect("our own text");
                told
            });
        });
    }
    let (events, usage) = (events(), Usage::default().with(Unit::Output, 100));
    for (caller, template) in CALLERS {
        let (body, incoming) = request(caller, template);
        let asked = Asked {
            body: body.as_bytes(),
            request: &incoming,
            stamp: stamp(),
        };
        criterion.bench_function(&format!("write a stream, {caller}, 100 pieces"), |bench| {
            bench.iter(|| {
                let mut writer = inbound(caller).writer(&asked);
                let mut out = String::new();
                for event in &events {
                    writer.event(event, &mut out);
                }
                writer.last(&usage, &CostText::default(), &mut out);
                out
            });
        });
    }
}

/// An answer of 100 pieces of text.
fn events() -> Vec<Event<'static>> {
    let at = BlockIndex {
        choice: 0,
        block: 0,
    };
    let start = Event::Start {
        native_id: Some("answer-1".into()),
        native_model: Some("m".into()),
    };
    let finish = FinishReason {
        reason: Reason::Stop,
        native: Some("stop".to_owned()),
    };
    let mut events = vec![start, Event::BlockStart(at, Block::Text)];
    events.extend((0..100).map(|index| Event::BlockDelta(at, format!("word {index} ").into())));
    events.extend([Event::BlockEnd(at), Event::Finish(0, finish)]);
    events
}

fn stamp() -> Stamp {
    Stamp {
        id: "gen-1".to_owned(),
        model: "author/model".to_owned(),
        native_model: "m".to_owned(),
        provider: "Provider".to_owned(),
        created: 1_800_000_000,
        sequence: Sequence::default(),
    }
}

criterion_group!(benches, requests, answers);
criterion_main!(benches);
