//! What translation costs beside passing bytes on: `cargo run --release -p wire --example translation_cost`.
//!
//! A conversation of 50 kB is read at the door and written for each kind of provider, and a stream of
//! 2,000 deltas is told to callers in its own dialect and in others. Times are medians, microseconds.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::hint::black_box;
use std::time::Duration;

use chat::Dialect;
use wire::frame::{Decoder, Framing};
use wire::{Asked, Beside, CostText, Outgoing, Passed, Stamp, door, lane};

const BODIES: [(Dialect, &str); 6] = [
    (Dialect::OpenaiChat, "gpt-5.1"),
    (Dialect::OpenaiResponses, "gpt-5.1"),
    (Dialect::AnthropicMessages, "claude-sonnet-4-5"),
    (Dialect::Gemini, "gemini-3-pro-preview"),
    (
        Dialect::BedrockConverse,
        "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
    (Dialect::Cohere, "command-a-03-2025"),
];

fn main() {
    let body = conversation();
    println!("a conversation of {} bytes, from openai-chat", body.len());
    for (to, model) in BODIES {
        let spent = median(300, || write(&body, to, model));
        println!("  to {to}: {} us", spent.as_micros());
    }
    let frames = stream();
    println!("a stream of {} bytes, from openai-chat", frames.len());
    for caller in [
        Dialect::OpenaiChat,
        Dialect::OpenaiResponses,
        Dialect::AnthropicMessages,
        Dialect::Gemini,
    ] {
        let spent = median(60, || tell(&frames, caller));
        println!("  for {caller}: {} us", spent.as_micros());
    }
}

/// The median time of a call.
#[expect(clippy::disallowed_methods, reason = "an example measures real time")]
fn median<T>(times: usize, mut call: impl FnMut() -> T) -> Duration {
    let mut spent: Vec<Duration> = (0..times)
        .map(|_| {
            let start = std::time::Instant::now();
            black_box(call());
            start.elapsed()
        })
        .collect();
    spent.sort();
    spent.get(times / 2).copied().unwrap_or_default()
}

/// Turns of an agent with a tool, about 50 kB.
fn conversation() -> String {
    let text =
        "The tide \\\"turns\\\" at seven.\\nBring the small boat, and a lamp for the way back. ";
    let mut messages = String::from(r#"{"role":"system","content":"You mind the harbour."}"#);
    for turn in 0..40 {
        let said = text.repeat(4);
        messages.push_str(&format!(
            r#",{{"role":"user","content":"{said}"}},{{"role":"assistant","content":"{said}","tool_calls":[{{"id":"call_{turn}","type":"function","function":{{"name":"tide","arguments":"{{\"day\":{turn}}}"}}}}]}},{{"role":"tool","tool_call_id":"call_{turn}","content":"{said}"}}"#
        ));
    }
    messages.push_str(r#",{"role":"user","content":"And now?"}"#);
    format!(
        r#"{{"model":"author/model","messages":[{messages}],"tools":[{{"type":"function","function":{{"name":"tide","parameters":{{"type":"object","properties":{{"day":{{"type":"integer"}}}}}}}}}}],"temperature":0.5,"max_tokens":900,"stream":true}}"#
    )
}

/// The request for one provider, from its first byte.
fn write(body: &str, to: Dialect, model: &str) -> usize {
    let door = door(Dialect::OpenaiChat).expect("a door");
    let request = door.read_request(body.as_bytes(), Beside::default());
    let request = request.expect("a request");
    let lane = lane(Dialect::OpenaiChat, to, to).expect("a lane");
    let to = Outgoing {
        dialect: to,
        native_model: model,
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: Some(64_000),
    };
    let written = lane.write((body.as_bytes(), &request), &to);
    written.expect("a request").body.len()
}

/// A stream of a provider.
fn stream() -> String {
    let mut out = String::new();
    for _ in 0..2_000 {
        out.push_str("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" tides\"},\"finish_reason\":null}]}\n\n");
    }
    out.push_str("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2000,\"total_tokens\":2009}}\n\ndata: [DONE]\n\n");
    out
}

/// The stream as a caller gets it.
fn tell(frames: &str, caller: Dialect) -> usize {
    let body = match caller {
        Dialect::OpenaiResponses => r#"{"model":"author/model","input":"Hello","stream":true}"#,
        Dialect::Gemini => r#"{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}"#,
        _ => {
            r#"{"model":"author/model","max_tokens":9,"messages":[{"role":"user","content":"Hello"}],"stream":true}"#
        }
    };
    let beside = Beside {
        model: (caller == Dialect::Gemini).then(|| "author/model".to_owned()),
        stream: caller == Dialect::Gemini,
        ..Beside::default()
    };
    let door = door(caller).expect("a door");
    let request = door
        .read_request(body.as_bytes(), beside)
        .expect("a request");
    let lane = lane(caller, Dialect::OpenaiChat, Dialect::OpenaiChat).expect("a lane");
    let mut tap = lane.tap(&Asked {
        body: body.as_bytes(),
        request: &request,
        stamp: Stamp {
            id: "gen-1".to_owned(),
            model: "author/model".to_owned(),
            native_model: "native".to_owned(),
            provider: "Provider".to_owned(),
            created: 1,
            sequence: wire::Sequence::default(),
        },
    });
    let mut decoder = Decoder::new(Framing::Sse);
    let mut sent = 0;
    // As the network brings them.
    for piece in frames.as_bytes().chunks(1_400) {
        decoder.push(piece);
        while let Some(frame) = decoder.next() {
            let frame = frame.expect("a frame");
            match tap.frame(&frame, &mut |_| ()).expect("a sound stream") {
                Passed::Forward(bytes) | Passed::Last(bytes) => sent += bytes.len(),
                Passed::Swallow | Passed::Done => {}
            }
        }
    }
    sent + tap
        .last_frames(&chat::Usage::default(), &CostText::default())
        .len()
}
