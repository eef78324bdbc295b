//! Answers of Chat Completions through the vocabulary and back, whole and streamed.

use bytes::Bytes;
use chat::response::{Fold, Response};
use chat::{Error, Event, Usage};
use serde_json::{Value, json};
use wire::codec::{Inbound, Outbound, Reader, Writer};
use wire::frame::{Decoder, Framing};
use wire::openai_chat::{OpenaiChat, read_request};
use wire::{Asked, CostText};

use crate::cases::{Heard, stamp, stream};
use crate::fixtures::fixture;
use crate::recorded::recordings;

fn usage_cost() -> (Usage, CostText) {
    let usage = Usage::default().with(chat::Unit::Input, 3);
    let cost = CostText {
        total: Some("0.5".to_owned()),
        ..CostText::default()
    };
    (usage, cost)
}

fn writer() -> Box<dyn Writer> {
    writer_for(br#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#)
}

fn writer_for(body: &[u8]) -> Box<dyn Writer> {
    let request = read_request(body).expect("a request");
    OpenaiChat.writer(&Asked {
        body,
        request: &request,
        stamp: stamp(),
    })
}

/// Reads a stream in pieces; every event goes to the listener.
fn read_stream<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    let mut reader = OpenaiChat.reader();
    let mut decoder = Decoder::new(Framing::Sse);
    for piece in pieces {
        decoder.push(piece);
        drain(&mut decoder, reader.as_mut(), listen)?;
    }
    decoder.finish();
    drain(&mut decoder, reader.as_mut(), listen)?;
    reader.end(listen)
}

fn drain(
    decoder: &mut Decoder,
    reader: &mut dyn Reader,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    while let Some(frame) = decoder.next() {
        reader.frame(&frame.expect("a frame of modest size"), listen)?;
    }
    Ok(())
}

/// A stream's events folded, and what is written of them for a caller.
fn translated(stream: &[u8]) -> Result<(Response, Heard, String), Error> {
    let (mut fold, mut heard, mut out) = (Fold::default(), Heard::default(), String::new());
    let mut writer = writer();
    read_stream([stream], &mut |event| {
        writer.event(&event, &mut out);
        heard.hear(event.clone());
        fold.hear(event);
    })?;
    let (usage, cost) = usage_cost();
    writer.last(&usage, &cost, &mut out);
    Ok((fold.finish(), heard, out))
}

/// What an answer says, without what differs between a stream and its whole: who numbered what.
fn said(response: &Response) -> Vec<Value> {
    let mut all = Vec::new();
    for choice in &response.choices {
        for said in &choice.blocks {
            all.push(json!([
                choice.index,
                format!("{:?}", said.block),
                said.text,
                format!("{:?}", said.opaque.as_ref().map(|it| (&it.value, it.seal))),
                said.citations.len(),
                said.logprobs,
            ]));
        }
        let reason = choice.finish.as_ref().map(|finish| finish.reason.name());
        all.push(json!(reason));
    }
    all
}

fn read_whole(body: &[u8]) -> Result<(Response, Heard), Error> {
    let (mut fold, mut heard) = (Fold::default(), Heard::default());
    OpenaiChat.reader().whole(body, &mut |event| {
        heard.hear(event.clone());
        fold.hear(event);
    })?;
    Ok((fold.finish(), heard))
}

#[test]
fn recorded_streams_mean_the_same_in_both_lanes_and_after_being_written_anew() {
    let mut seen = 0;
    for folder in ["exchanges/openai-chat", "exchanges/mistral"] {
        for (name, exchange) in recordings(folder) {
            let Some(text) = exchange["response"]["text"]
                .as_str()
                .filter(|_| exchange["response"]["kind"] == "sse")
            else {
                continue;
            };
            let same = stream([text.as_bytes()]);
            let Ok((response, heard, out)) = translated(text.as_bytes()) else {
                assert!(same.end.is_err(), "{folder}/{name}");
                continue;
            };
            assert!(same.end.is_ok(), "{folder}/{name}");
            assert_eq!(same.heard.called(), heard.called(), "{folder}/{name}");
            assert_eq!(same.heard.finish, heard.finish, "{folder}/{name}");
            assert_eq!(same.heard.usage, heard.usage, "{folder}/{name}");
            if !text.contains("\"transcript\"") {
                assert_eq!(same.heard.text, heard.text, "{folder}/{name}");
            }
            let (again, _, _) = translated(out.as_bytes())
                .unwrap_or_else(|error| panic!("{folder}/{name}: {error}\n{out}"));
            assert_eq!(said(&response), said(&again), "{folder}/{name}");
            let mut bytewise = Fold::default();
            read_stream(text.as_bytes().chunks(7), &mut |event| bytewise.hear(event))
                .expect("as before");
            assert_eq!(bytewise.finish(), response, "{folder}/{name}");
            seen += 1;
        }
    }
    println!("{seen} streams written anew");
}

#[test]
fn recorded_whole_answers_mean_the_same_after_being_written_anew() {
    let mut seen = 0;
    for folder in ["exchanges/openai-chat", "exchanges/mistral"] {
        for (name, exchange) in recordings(folder) {
            let json = &exchange["response"]["json"];
            if exchange["response"]["status"] != 200 || !json["choices"].is_array() {
                continue;
            }
            let (first, heard) = read_whole(json.to_string().as_bytes())
                .unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
            let (_, cost) = usage_cost();
            let written = writer().whole(&first, &heard.usage, &cost);
            let (second, again) = read_whole(written.as_bytes())
                .unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
            assert_eq!(said(&first), said(&second), "{folder}/{name}");
            assert_eq!(
                heard.usage.completion_tokens(),
                again.usage.completion_tokens(),
                "{folder}/{name}"
            );
            seen += 1;
        }
    }
    println!("{seen} answers written anew");
}

#[test]
fn a_stream_that_is_cut_anywhere_is_no_whole_answer() {
    let bytes = fixture("openai-tools-parallel.stream.sse");
    for cut in 0..bytes.len() {
        let mut heard = Heard::default();
        let end = read_stream([&bytes[..cut]], &mut |event| heard.hear(event));
        if end.is_ok() {
            assert!(!heard.finish.is_empty(), "cut at {cut}");
        }
        for (_, _, arguments) in heard.calls.values().filter(|_| end.is_ok()) {
            assert!(
                serde_json::from_str::<Value>(arguments).is_ok(),
                "cut at {cut}: {arguments}"
            );
        }
    }
}

#[test]
fn sealed_reasoning_sources_and_probabilities_are_told_in_order() {
    let bytes = fixture("sealed-reasoning.stream.sse");
    let (response, _, out) = translated(&bytes).expect("a whole stream");
    let blocks = &response.choices[0].blocks;
    let shown: Vec<_> = blocks
        .iter()
        .map(|said| {
            let seal = said.opaque.as_ref();
            (
                said.text.as_str(),
                seal.map(|it| (it.format.name(), it.seal, it.value.as_str())),
            )
        })
        .collect();
    use chat::Seal::{Encrypted, Signature};
    assert_eq!(
        shown,
        [
            (
                "First I look.",
                Some(("anthropic-claude-v1", Signature, "sig-1"))
            ),
            ("", Some(("anthropic-claude-v1", Encrypted, "hidden"))),
            (
                "A summary.",
                Some(("openai-responses-v1", Encrypted, "cipher"))
            ),
            ("It is so.", None),
            ("{\"a\":1}", Some(("google-gemini-v1", Signature, "tsig"))),
        ]
    );
    assert_eq!(
        blocks[2].opaque.as_ref().unwrap().id.as_deref(),
        Some("rs_1")
    );
    assert_eq!(blocks[3].citations[0].url, "https://x.test");
    assert_eq!(blocks[3].citations[0].span, Some((0, 5)));
    assert_eq!(blocks[3].logprobs[0]["token"], "It is so.");
    assert!(out.starts_with("data: {\"id\":\"gen-test\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"author/model\",\"provider\":\"Provider\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","));
    assert!(out.ends_with("data: [DONE]\n\n"), "{out}");
    let (again, _, _) = translated(out.as_bytes()).expect("our own stream");
    assert_eq!(said(&response), said(&again));
}

#[test]
fn reasoning_can_be_kept_from_the_answer() {
    let body =
        br#"{"model":"m","messages":[{"role":"user","content":"x"}],"reasoning":{"exclude":true}}"#;
    let mut writer = writer_for(body);
    let mut out = String::new();
    let stream = fixture("sealed-reasoning.stream.sse");
    read_stream([&*stream], &mut |event| writer.event(&event, &mut out)).expect("whole");
    assert!(!out.contains("reasoning"), "{out}");
    assert!(out.contains("It is so."));
}

#[test]
fn both_lanes_write_errors_and_usage_in_the_same_form() {
    let (usage, cost) = usage_cost();
    let error = Error::provider(chat::Kind::ProviderUnavailable, "gone");
    let tap = wire::openai_chat::StreamTap::new(stamp());
    let mut writer = writer();
    let (mut last, mut broken) = (String::new(), String::new());
    writer.last(&usage, &cost, &mut last);
    writer.error(&error, &mut broken);
    let mut expected = Vec::from(tap.usage_frame(&usage, &cost));
    expected.extend_from_slice(wire::openai_chat::DONE);
    assert_eq!(Bytes::from(last), Bytes::from(expected));
    assert_eq!(Bytes::from(broken), tap.error_frame(&error));
}
