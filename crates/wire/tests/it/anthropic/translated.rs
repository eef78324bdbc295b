//! Answers of other dialects, told in this one: one block at a time, whatever the other did.

use chat::event::BlockIndex;
use chat::opaque::{Format, Seal};
use chat::{Block, Event, FinishReason, Opaque, Reason, Usage};
use serde_json::{Value, json};
use wire::Incoming;
use wire::anthropic_messages::AnthropicMessages;
use wire::codec::{Asked, Inbound as _};

use super::scene::{accumulated, cost, frames, parsed, stamp_of};
use crate::cases::tree;

fn at(block: u32) -> BlockIndex {
    BlockIndex { choice: 0, block }
}

fn call(id: &'static str) -> Block<'static> {
    Block::ToolCall {
        id: id.into(),
        name: "look".into(),
    }
}

fn finish(reason: Reason) -> Event<'static> {
    Event::Finish(
        0,
        FinishReason {
            reason,
            native: None,
        },
    )
}

fn seal(format: Format, seal: Seal, value: &str) -> Opaque {
    Opaque {
        format,
        seal,
        value: value.to_owned(),
        id: None,
    }
}

/// The same events as a stream and as a whole answer; both must mean the same.
fn told(events: &[Event<'_>]) -> (String, Value) {
    let asked = Asked {
        body: b"{}",
        request: &Incoming::default(),
        stamp: stamp_of("a/b"),
    };
    let mut writer = AnthropicMessages.writer(&asked);
    let mut fold = chat::response::Fold::default();
    let mut out = String::new();
    for event in events {
        writer.event(event, &mut out);
        fold.hear(event.clone());
    }
    let usage = Usage::default()
        .with(chat::Unit::Input, 3)
        .with(chat::Unit::Output, 4);
    writer.last(&usage, &cost(), &mut out);
    let whole = writer.whole(&fold.finish(), &usage, &cost());
    (out, tree(whole.as_bytes()))
}

#[test]
fn blocks_that_are_said_at_once_are_told_one_after_the_other() {
    let (out, whole) = told(&[
        Event::BlockStart(at(0), Block::Reasoning { is_summary: false }),
        Event::BlockDelta(at(0), "hm".into()),
        Event::BlockStart(at(1), Block::Text),
        Event::BlockDelta(at(1), "so".into()),
        Event::BlockStart(at(2), call("a")),
        Event::BlockDelta(at(2), "{\"n\"".into()),
        Event::BlockStart(at(3), call("b")),
        Event::BlockDelta(at(3), "{}".into()),
        Event::BlockDelta(at(2), ":1}".into()),
        finish(Reason::ToolCalls),
    ]);
    let message = accumulated(&out);
    let content = json!([
        {"type": "thinking", "thinking": "hm", "signature": "waybill:none"},
        {"type": "text", "text": "so"},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"n": 1}},
        {"type": "tool_use", "id": "b", "name": "look", "input": {}},
    ]);
    assert_eq!(message["content"], content);
    assert_eq!(message["stop_reason"], "tool_use");
    assert_eq!(whole["content"], content);
    for name in ["input_tokens", "output_tokens", "cost"] {
        assert_eq!(message["usage"][name], whole["usage"][name], "{name}");
    }
}

#[test]
fn text_is_told_as_it_comes() {
    let asked = Asked {
        body: b"{}",
        request: &Incoming::default(),
        stamp: stamp_of("a/b"),
    };
    let mut writer = AnthropicMessages.writer(&asked);
    let mut out = String::new();
    writer.event(&Event::BlockStart(at(0), Block::Text), &mut out);
    writer.event(&Event::BlockDelta(at(0), "one".into()), &mut out);
    assert!(out.contains("\"text_delta\",\"text\":\"one\""), "{out}");
    writer.event(
        &Event::BlockStart(at(1), Block::Reasoning { is_summary: false }),
        &mut out,
    );
    writer.event(&Event::BlockDelta(at(1), "hm".into()), &mut out);
    writer.event(&Event::BlockDelta(at(0), " two".into()), &mut out);
    writer.last(&Usage::default(), &cost(), &mut out);
    let kinds: Vec<_> = accumulated(&out)["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["type"].clone())
        .collect();
    assert_eq!(kinds, ["text", "thinking", "text"]);
}

#[test]
fn an_answer_that_failed_is_no_clean_end() {
    let asked = Asked {
        body: b"{}",
        request: &Incoming::default(),
        stamp: stamp_of("a/b"),
    };
    let mut writer = AnthropicMessages.writer(&asked);
    let mut out = String::new();
    let failed = FinishReason {
        reason: Reason::Error,
        native: Some("MALFORMED_FUNCTION_CALL".to_owned()),
    };
    writer.event(&Event::Finish(0, failed), &mut out);
    writer.last(&Usage::default(), &cost(), &mut out);
    assert!(out.contains("event: error\n"), "{out}");
    assert!(!out.contains("message_stop"), "{out}");
    // Nor is a whole one a refusal, which clients tell as the model's own.
    let mut fold = chat::response::Fold::default();
    fold.hear(Event::BlockStart(at(0), Block::Text));
    fold.hear(Event::BlockDelta(at(0), "Half".into()));
    fold.hear(finish(Reason::Error));
    let mut writer = AnthropicMessages.writer(&asked);
    let whole = writer.whole(&fold.finish(), &Usage::default(), &cost());
    let whole: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!(whole["type"], "error");
    assert!(whole.get("stop_reason").is_none(), "{whole}");
}

#[test]
fn seals_of_other_families_come_back_as_they_were() {
    let encrypted = seal(Format::OpenaiResponses, Seal::Encrypted, "gAAA:B");
    let signature = seal(Format::GoogleGemini, Seal::Signature, "CiQ=");
    let events = [
        Event::BlockStart(at(0), Block::Reasoning { is_summary: true }),
        Event::BlockDelta(at(0), "thought".into()),
        Event::Sealed(at(0), encrypted.clone()),
        Event::BlockEnd(at(0)),
        Event::BlockStart(at(1), Block::Reasoning { is_summary: true }),
        Event::Sealed(at(1), encrypted.clone()),
        Event::BlockEnd(at(1)),
        Event::BlockStart(at(2), call("a")),
        Event::BlockDelta(at(2), "{}".into()),
        Event::Sealed(at(2), signature.clone()),
        Event::BlockEnd(at(2)),
        finish(Reason::ToolCalls),
    ];
    let (out, whole) = told(&events);
    for content in [
        accumulated(&out)["content"].clone(),
        whole["content"].clone(),
    ] {
        let request = parsed(&json!({
            "model": "m",
            "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": content}],
        }));
        let parts = &request.messages[1].parts;
        let opaque: Vec<_> = parts.iter().map(|part| part.opaque.clone()).collect();
        assert_eq!(
            opaque,
            [
                Some(encrypted.clone()),
                Some(encrypted.clone()),
                Some(signature.clone())
            ],
            "{content:#}"
        );
    }
}

#[test]
fn an_answer_that_breaks_off_ends_in_an_error_and_nothing_else() {
    let asked = Asked {
        body: b"{}",
        request: &Incoming::default(),
        stamp: stamp_of("a/b"),
    };
    let mut writer = AnthropicMessages.writer(&asked);
    let mut out = String::new();
    writer.event(&Event::BlockStart(at(0), call("a")), &mut out);
    writer.event(&Event::BlockDelta(at(0), "{\"n".into()), &mut out);
    let error = chat::Error::provider(chat::Kind::ProviderUnavailable, "gone");
    writer.error(&error, &mut out);
    let names: Vec<_> = frames(&out).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "error"
        ]
    );
}

#[test]
fn a_seal_behind_the_last_words_is_given_up_and_named() {
    let signature = seal(Format::GoogleGemini, Seal::Signature, "CiQ=");
    let text = [
        Event::BlockStart(at(0), Block::Text),
        Event::BlockDelta(at(0), "All is done.".into()),
        Event::Sealed(at(0), signature.clone()),
        Event::BlockEnd(at(0)),
    ];
    let alone = [
        Event::BlockStart(at(1), Block::Reasoning { is_summary: false }),
        Event::Sealed(at(1), signature),
        Event::BlockEnd(at(1)),
    ];
    let called = [
        Event::BlockStart(at(2), call("a")),
        Event::BlockDelta(at(2), "{}".into()),
        Event::BlockEnd(at(2)),
    ];
    let seal = "redacted_thinking";
    for (events, end, kinds) in [
        (text.to_vec(), Reason::Stop, vec!["text"]),
        ([&text[..], &alone].concat(), Reason::Stop, vec!["text"]),
        (alone.to_vec(), Reason::Stop, vec![seal]),
        ([&text[..2], &alone].concat(), Reason::Stop, vec!["text"]),
        // Where something follows, it is in nobody's way.
        (
            [&text[..], &called].concat(),
            Reason::ToolCalls,
            vec!["text", seal, "tool_use"],
        ),
    ] {
        let events = [&events[..], &[finish(end)]].concat();
        let (out, whole) = told(&events);
        for content in [&accumulated(&out)["content"], &whole["content"]] {
            let told: Vec<_> = content.as_array().unwrap().iter().collect();
            let told: Vec<_> = told.iter().map(|block| &block["type"]).collect();
            assert_eq!(told, kinds, "{content}");
        }
        let is_lost = kinds == ["text"];
        let asked = Asked {
            body: b"{}",
            request: &Incoming::default(),
            stamp: stamp_of("a/b"),
        };
        let mut writer = AnthropicMessages.writer(&asked);
        let mut fold = chat::response::Fold::default();
        let mut named = Vec::new();
        for event in &events {
            writer.event(event, &mut String::new());
            named.append(&mut writer.take_unsaid());
            fold.hear(event.clone());
        }
        let lost = ["content.redacted_thinking"];
        let lost = if is_lost { &lost[..] } else { &[] };
        assert_eq!(named, lost);
        assert_eq!(writer.unsaid_of(&fold.finish()), lost);
    }
}
