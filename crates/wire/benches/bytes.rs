//! What the bytes cost where nothing is translated: frames told apart, requests read and edited, a
//! stream stamped on its way through.

#![expect(
    missing_docs,
    reason = "the functions are written by criterion's macros"
)]
use std::hint::black_box;

use bytes::Bytes;
use chat::{Dialect, Usage};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wire::frame::eventstream::{Header, Message, Value};
use wire::frame::{Decoder, Frame, Framing};
use wire::{Asked, Beside, CostText, Incoming, Lane, Outgoing, Sequence, Stamp, door, lane};

const CHAT: Dialect = Dialect::OpenaiChat;
const CHUNKS: usize = 100;

/// A request of about so many bytes.
fn request(bytes: usize) -> String {
    let words = "Say how the weather was. ".repeat(bytes / 25);
    format!(
        r#"{{"model":"author/model","messages":[{{"role":"user","content":"{words}"}}],"stream":true,"temperature":0.7}}"#
    )
}

fn read(body: &str) -> Incoming {
    let door = door(CHAT).expect("a door");
    door.read_request(body.as_bytes(), Beside::default())
        .expect("our own text")
}

fn chunk(index: usize) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1800000000,"model":"m","choices":[{{"index":0,"delta":{{"content":"word {index} "}},"finish_reason":null}}]}}"#
    )
}

fn sse() -> String {
    let events = (0..CHUNKS).map(|index| format!("data: {}\n\n", chunk(index)));
    events.collect::<String>() + "data: [DONE]\n\n"
}

/// The same texts in AWS's binary messages.
fn event_stream() -> Vec<u8> {
    let header = |name: &str, value: &str| Header {
        name: name.into(),
        value: Value::Text(value.into()),
    };
    let messages = (0..CHUNKS).map(|index| Message {
        headers: vec![
            header(":message-type", "event"),
            header(":event-type", "contentBlockDelta"),
        ],
        payload: chunk(index).into(),
    });
    messages.flat_map(|message| message.encode()).collect()
}

fn frames(framing: Framing, bytes: &[u8]) -> Vec<Frame> {
    let mut decoder = Decoder::new(framing);
    decoder.push(bytes);
    decoder.finish();
    std::iter::from_fn(|| decoder.next())
        .map(|frame| frame.expect("our own text"))
        .collect()
}

fn decode(criterion: &mut Criterion) {
    let (sse, event_stream) = (sse(), event_stream());
    let mut group = criterion.benchmark_group("decode, 100 frames");
    for (name, framing, bytes) in [
        ("server-sent events", Framing::Sse, sse.as_bytes()),
        ("AWS's messages", Framing::EventStream, &event_stream[..]),
    ] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bench| bench.iter(|| frames(framing, bytes).len()));
    }
}

fn edit(criterion: &mut Criterion) {
    let Some(Lane::Same(same, _)) = lane(CHAT, CHAT, CHAT) else {
        panic!("the bytes travel from chat to chat");
    };
    let to = Outgoing {
        dialect: CHAT,
        native_model: "the-provider-s-own-name",
        quirks: &[],
        supported: None,
        output_limit: Some(4_096),
        output_most: None,
    };
    for kilobytes in [1, 50, 500] {
        let body = request(kilobytes * 1024);
        let incoming = read(&body);
        criterion.bench_function(&format!("read a request, {kilobytes} kB"), |bench| {
            bench.iter(|| read(black_box(&body)));
        });
        criterion.bench_function(&format!("splice a request, {kilobytes} kB"), |bench| {
            bench.iter(|| same.splice((body.as_bytes(), &incoming), black_box(&to)));
        });
    }
}

fn tap(criterion: &mut Criterion) {
    let lane = lane(CHAT, CHAT, CHAT).expect("a lane");
    let (body, frames) = (request(1024), frames(Framing::Sse, sse().as_bytes()));
    let asked = Asked {
        body: body.as_bytes(),
        request: &read(&body),
        stamp: Stamp {
            id: "gen-1".to_owned(),
            model: "author/model".to_owned(),
            native_model: "m".to_owned(),
            provider: "Provider".to_owned(),
            created: 1_800_000_000,
            sequence: Sequence::default(),
        },
    };
    criterion.bench_function("stamp a stream, 100 chunks", |bench| {
        bench.iter(|| {
            let mut tap = lane.tap(&asked);
            for frame in &frames {
                let _ = black_box(tap.frame(frame, &mut |_| ()));
            }
            tap.last_frames(&Usage::default(), &CostText::default())
        });
    });
    let whole = Bytes::from(
        r#"{"id":"1","object":"chat.completion","created":1800000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"CONTENT"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":128,"total_tokens":137}}"#
            .replace("CONTENT", &"word ".repeat(100)),
    );
    criterion.bench_function("stamp a whole answer", |bench| {
        bench.iter(|| {
            let mut tap = lane.tap(&asked);
            tap.read_whole(&whole, &mut |_| ()).expect("our own text");
            tap.write_whole(&Usage::default(), &CostText::default())
        });
    });
}

criterion_group!(benches, decode, edit, tap);
criterion_main!(benches);
