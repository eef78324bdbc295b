//! Answers of Google's dialect told to others, and answers of others told in it.

use chat::event::Block;
use chat::{Dialect, Kind, Reason, Unit};
use serde_json::{Value, json};
use wire::{Beside, Lane};

use super::{GEMINI, Streamed, cost, stream, tap, whole};
use crate::cases::{stamp, tree};
use wire::codec::Door;

const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;

/// An answer as a caller of Chat Completions sees it.
fn to_chat(answer: &Value) -> (super::Heard, chat::Response, Value) {
    let request = wire::openai_chat::read_request(CHAT.as_bytes()).expect("a request");
    whole(tap(Dialect::OpenaiChat, CHAT.as_bytes(), &request), answer).expect("an answer")
}

#[test]
fn thoughts_calls_seals_and_pictures_are_told_apart() {
    let (heard, response, chat) = to_chat(&json!({
        "candidates": [{"content": {"role": "model", "parts": [
            {"text": "hm", "thought": true},
            {"text": "Here: "}, {"text": "it is", "thoughtSignature": "c2lnMQ=="},
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2lnMg=="},
            {"functionCall": {"id": "mine", "name": "g"}},
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
            {"executableCode": {"language": "PYTHON", "code": "1"}}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 20,
            "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 5, "totalTokenCount": 155,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 80}, {"modality": "AUDIO", "tokenCount": 20}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}], "serviceTier": "flex"},
        "modelVersion": "gemini-3-flash", "responseId": "r1"}));
    let count = |unit| heard.usage.count(unit);
    assert_eq!(
        [
            Unit::Input,
            Unit::CacheRead,
            Unit::InputAudio,
            Unit::Output,
            Unit::Reasoning
        ]
        .map(count),
        [35, 60, 10, 20, 30]
    );
    assert_eq!(heard.usage.service_tier, Some(chat::ServiceTier::Flex));
    assert_eq!(heard.finish[&0].reason, Reason::ToolCalls);
    let blocks = &response.choices[0].blocks;
    let seals: Vec<Option<&str>> = blocks
        .iter()
        .map(|said| said.opaque.as_ref().map(|opaque| opaque.value.as_str()))
        .collect();
    assert_eq!(seals[..4], [None, Some("c2lnMQ=="), Some("c2lnMg=="), None]);
    assert!(matches!(blocks[4].block, Block::Image { .. }));
    assert_eq!(blocks[4].text, "AA==");
    let ids: Vec<&str> = heard.calls.values().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, ["call_r1_0_0", "mine"]);
    assert_eq!(
        response.unsaid,
        ["candidates[].content.parts[].executableCode"]
    );
    let message = &chat["choices"][0]["message"];
    assert_eq!(message["content"], "Here: it is");
    assert_eq!(message["reasoning"], "hm");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{}");
}

#[test]
fn each_way_to_end_has_its_reason() {
    for (word, reason) in [
        (json!("STOP"), Reason::Stop),
        (json!(2), Reason::Length),
        (json!("SAFETY"), Reason::ContentFilter),
        (json!("PROHIBITED_CONTENT"), Reason::ContentFilter),
    ] {
        let answer =
            json!({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": word}]});
        assert_eq!(to_chat(&answer).0.finish[&0].reason, reason, "{word}");
    }
    for word in ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"] {
        let answer =
            json!({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": word}]});
        let request = wire::openai_chat::read_request(CHAT.as_bytes()).expect("a request");
        let failed = whole(tap(Dialect::OpenaiChat, CHAT.as_bytes(), &request), &answer);
        assert_eq!(failed.expect_err(word).kind, Kind::ProviderUnavailable);
    }
    let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}});
    let finish = to_chat(&blocked).0.finish[&0].clone();
    assert_eq!(finish.reason, Reason::ContentFilter);
    assert_eq!(finish.native.as_deref(), Some("PROHIBITED_CONTENT"));
}

#[test]
fn sources_are_cited_in_characters_and_searches_are_counted() {
    let (heard, response, _) = to_chat(&json!({"candidates": [{
        "content": {"parts": [{"text": "Grüße. Yes."}]}, "finishReason": "STOP",
        "groundingMetadata": {"webSearchQueries": ["a", "b"],
            "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"web": {"uri": "https://b"}}],
            "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 8}, "groundingChunkIndices": [0]}]}}],
        "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1}, "modelVersion": "gemini-3-flash"}));
    assert_eq!(heard.usage.count(Unit::WebSearch), 2);
    let citations = &response.choices[0].blocks[0].citations;
    assert_eq!(citations[0].span, Some((0, 6)));
    assert_eq!(
        (citations[1].url.as_str(), citations[1].span),
        ("https://b", None)
    );
}

#[test]
fn errors_inside_an_answer_and_answers_of_nothing_are_errors() {
    let request = wire::openai_chat::read_request(CHAT.as_bytes()).expect("a request");
    for answer in [
        json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}),
        json!({"usageMetadata": {}}),
    ] {
        for (from, body) in [(Dialect::OpenaiChat, CHAT), (Dialect::Gemini, CHAT)] {
            let tap = tap(from, body.as_bytes(), &request);
            assert!(whole(tap, &answer).is_err(), "{from} {answer}");
        }
    }
}

/// What Google tells of tokens, and the same in OpenAI's form.
fn rated(tokens: &[&str]) -> (Value, Vec<Value>) {
    let one = |token: &&str| json!({"token": token, "tokenId": 7, "logProbability": -0.5});
    let other = json!({"token": "No", "tokenId": 8, "logProbability": -1.5});
    let chosen: Vec<Value> = tokens.iter().map(one).collect();
    let top: Vec<Value> = chosen
        .iter()
        .map(|one| json!({"candidates": [one, other]}))
        .collect();
    let ours = |token: &&str| {
        let own = json!({"token": token, "logprob": -0.5, "bytes": token.as_bytes()});
        let other = json!({"token": "No", "logprob": -1.5, "bytes": b"No"});
        let mut all = own.clone();
        all["top_logprobs"] = json!([own, other]);
        all
    };
    let result = json!({"topCandidates": top, "chosenCandidates": chosen});
    (result, tokens.iter().map(ours).collect())
}

#[test]
fn log_probabilities_are_told_in_openais_form_whole_and_streamed() {
    let (result, expected) = rated(&["Yes", ", é"]);
    let candidate = json!({"content": {"parts": [{"text": "hm", "thought": true},
        {"text": "Yes, é"}, {"functionCall": {"name": "f", "args": {}}}]},
        "avgLogprobs": -0.5, "logprobsResult": result, "finishReason": "STOP"});
    let (_, response, chat) = to_chat(&json!({"candidates": [candidate]}));
    assert_eq!(chat["choices"][0]["logprobs"]["content"], json!(expected));
    assert!(response.unsaid.is_empty(), "{:?}", response.unsaid);

    let frames: String = [("Yes", None), (", é", Some("STOP"))]
        .into_iter()
        .map(|(said, finish)| {
            let result = rated(&[said]).0;
            let candidate = json!({"content": {"parts": [{"text": said}]},
                "logprobsResult": result, "finishReason": finish});
            format!("data: {}\n\n", json!({"candidates": [candidate]}))
        })
        .collect();
    let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#;
    let request = wire::openai_chat::read_request(body.as_bytes()).expect("a request");
    let tap = tap(Dialect::OpenaiChat, body.as_bytes(), &request);
    let streamed = stream(tap, [frames.as_bytes()]);
    assert_eq!(streamed.end, Ok(()));
    assert_eq!(streamed.response.choices[0].blocks[0].logprobs, expected);
    let sent: Vec<Value> = streamed
        .sent
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| tree(data.as_bytes()))
        .filter_map(|chunk| {
            chunk["choices"][0]["logprobs"]["content"]
                .as_array()
                .cloned()
        })
        .flatten()
        .collect();
    assert_eq!(sent, expected);
}

#[test]
fn what_has_no_text_has_no_log_probabilities_and_they_are_named() {
    let (result, _) = rated(&["f"]);
    let parts = json!([{"functionCall": {"name": "f", "args": {}}}]);
    let candidate =
        json!({"content": {"parts": parts}, "logprobsResult": result, "finishReason": "STOP"});
    let (_, response, chat) = to_chat(&json!({"candidates": [candidate]}));
    assert_eq!(response.unsaid, ["candidates[].logprobsResult"]);
    assert_eq!(chat["choices"][0]["logprobs"], Value::Null);
}

#[test]
fn a_part_of_a_letter_has_no_bytes_and_what_is_left_out_is_zero() {
    let result = json!({"chosenCandidates": [{"token": "\u{fffd}"}, {"logProbability": -1}]});
    let candidate = json!({"content": {"parts": [{"text": "é"}]}, "logprobsResult": result, "finishReason": "STOP"});
    let (_, _, chat) = to_chat(&json!({"candidates": [candidate]}));
    assert_eq!(
        chat["choices"][0]["logprobs"]["content"],
        json!([{"token": "\u{fffd}", "logprob": 0, "bytes": null, "top_logprobs": []},
            {"token": "", "logprob": -1, "bytes": [], "top_logprobs": []}])
    );
}

// === Out of other dialects ===

/// A tap from a provider of another dialect to a caller of this one.
fn tap_of(provider: Dialect, body: &Value, as_array: bool) -> Box<dyn wire::Tap> {
    let beside = Beside {
        model: Some("a/b".to_owned()),
        stream: true,
        as_array,
        ..Beside::default()
    };
    let text = body.to_string();
    let incoming = GEMINI
        .read_request(text.as_bytes(), beside)
        .expect("a request");
    let lane: Lane = wire::lane(Dialect::Gemini, provider, provider).expect("a lane");
    lane.tap(&wire::Asked {
        body: text.as_bytes(),
        request: &incoming,
        stamp: stamp(),
    })
}

/// What a caller of this dialect sees of a stream of Chat Completions.
fn from_chat(body: &Value, as_array: bool, frames: &[Value]) -> Streamed {
    let tap = tap_of(Dialect::OpenaiChat, body, as_array);
    let mut sse: String = frames
        .iter()
        .map(|frame| format!("data: {frame}\n\n"))
        .collect();
    sse.push_str("data: [DONE]\n\n");
    stream(tap, [sse.as_bytes()])
}

fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    json!({"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn talk() -> Vec<Value> {
    vec![
        chunk(
            &json!({"reasoning_details": [{"type": "reasoning.text", "text": "hm",
            "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0}]}),
            None,
        ),
        chunk(&json!({"content": "Hel"}), None),
        chunk(&json!({"content": "lo"}), None),
        chunk(
            &json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{\"a\""}}]}),
            None,
        ),
        chunk(
            &json!({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
            None,
        ),
        chunk(&json!({}), Some("tool_calls")),
        json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 6, "total_tokens": 16,
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}}),
    ]
}

fn hello() -> Value {
    json!({"contents": [{"parts": [{"text": "x"}]}]})
}

#[test]
fn a_stream_of_others_is_written_in_googles_shape() {
    let mut body = hello();
    body["generationConfig"] = json!({"thinkingConfig": {"include_thoughts": true}});
    let streamed = from_chat(&body, true, &talk());
    assert_eq!(streamed.end, Ok(()));
    let array = tree(streamed.sent.as_bytes());
    let array = array.as_array().expect("an array");
    let parts: Vec<&Value> = array
        .iter()
        .map(|chunk| &chunk["candidates"][0]["content"]["parts"][0])
        .collect();
    assert_eq!(parts[0], &json!({"text": "hm", "thought": true}));
    assert_eq!(parts[1]["thought"], true);
    assert!(parts[1]["thoughtSignature"].is_string(), "{array:#?}");
    assert_eq!(parts[2]["text"], "Hel");
    assert_eq!(parts[3]["text"], "lo");
    assert_eq!(
        parts[4],
        &json!({"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}})
    );
    let last = array.last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(
        last["usageMetadata"],
        json!({"promptTokenCount": 10, "candidatesTokenCount": 4, "totalTokenCount": 16,
            "cachedContentTokenCount": 4, "thoughtsTokenCount": 2,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
            "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 4}]})
    );
    assert_eq!(last["cost"], 0.0125);
    assert_eq!(last["responseId"], "gen-test");
    assert_eq!(last["modelVersion"], "author/model");
}

#[test]
fn thoughts_that_were_not_asked_for_are_hidden_but_find_their_way_home() {
    let streamed = from_chat(&hello(), false, &talk());
    assert!(!streamed.sent.contains("\"hm\""), "{}", streamed.sent);
    let first = streamed
        .sent
        .lines()
        .next()
        .unwrap()
        .strip_prefix("data: ")
        .unwrap();
    let part = tree(first.as_bytes())["candidates"][0]["content"]["parts"][0].clone();
    assert_eq!(part["text"], "");
    let request = super::parse(
        &json!({"contents": [{"parts": [{"text": "x"}]}, {"role": "model", "parts": [part]}]}),
    );
    let back = &request.messages[1].parts[0];
    let opaque = back.opaque.as_ref().unwrap();
    assert_eq!(opaque.format, chat::opaque::Format::AnthropicClaude);
    assert_eq!(opaque.value, "c2ln");
    let thought = chat::request::Content::Reasoning {
        text: "hm".to_owned(),
        is_summary: false,
    };
    assert_eq!(back.content, thought);
}

#[test]
fn a_call_that_is_cut_is_never_shown() {
    let talk = talk();
    for end in 1..talk.len() - 2 {
        let streamed = from_chat(&hello(), false, &talk[..end]);
        let error = streamed.end.unwrap_err();
        assert_eq!(error.kind, Kind::ProviderUnavailable, "{end}");
        if end < 5 {
            assert!(
                !streamed.sent.contains("functionCall"),
                "{end}: {}",
                streamed.sent
            );
        }
    }
    assert_eq!(cost().total.as_deref(), Some("0.0125"));
}

/// A token in OpenAI's form, the likeliest itself.
fn token(said: &str, logprob: f64) -> Value {
    let own = json!({"token": said, "logprob": logprob, "bytes": said.as_bytes()});
    let mut all = own.clone();
    all["top_logprobs"] = json!([own]);
    all
}

#[test]
fn log_probabilities_of_others_are_told_in_googles_form_whole_and_streamed() {
    let tokens = [token("Hel", -0.5), token("lo", -1.5)];
    let ours = |said: &str, logprob: f64| json!({"token": said, "logProbability": logprob});
    let chosen = [ours("Hel", -0.5), ours("lo", -1.5)];
    let top = [
        json!({"candidates": [chosen[0]]}),
        json!({"candidates": [chosen[1]]}),
    ];
    let expected = json!({"topCandidates": top, "chosenCandidates": chosen});
    let check = |candidate: &Value, place: &str| {
        assert_eq!(candidate["logprobsResult"], expected, "{place}");
        assert_eq!(candidate["avgLogprobs"], -1.0, "{place}");
    };

    let choice = json!({"index": 0, "finish_reason": "stop", "logprobs": {"content": tokens},
        "message": {"role": "assistant", "content": "Hello"}});
    let chat = json!({"id": "1", "model": "m", "choices": [choice]});
    let text =
        json!({"type": "output_text", "text": "Hello", "annotations": [], "logprobs": tokens});
    let item = json!({"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]});
    let responses = json!({"id": "r", "model": "m", "status": "completed", "output": [item]});
    for (provider, answer) in [
        (Dialect::OpenaiChat, &chat),
        (Dialect::OpenaiResponses, &responses),
    ] {
        let (.., told) = whole(tap_of(provider, &hello(), false), answer).expect("an answer");
        check(&told["candidates"][0], provider.name());
    }

    let said = |at: usize, said: &str| {
        let mut chunk = chunk(&json!({"content": said}), None);
        chunk["choices"][0]["logprobs"] = json!({"content": [tokens[at]]});
        chunk
    };
    let chat = [
        said(0, "Hel"),
        said(1, "lo"),
        chunk(&json!({}), Some("stop")),
    ];
    let delta = |at: usize, said: &str| {
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0,
            "delta": said, "logprobs": [tokens[at]]})
    };
    let completed = json!({"type": "response.completed", "response": responses});
    let responses = [delta(0, "Hel"), delta(1, "lo"), completed];
    for (provider, events) in [
        (Dialect::OpenaiChat, &chat),
        (Dialect::OpenaiResponses, &responses),
    ] {
        let frames: String = events
            .iter()
            .map(|event| format!("data: {event}\n\n"))
            .collect();
        let frames = frames + "data: [DONE]\n\n";
        let streamed = stream(tap_of(provider, &hello(), true), [frames.as_bytes()]);
        assert_eq!(streamed.end, Ok(()), "{provider}");
        let sent = tree(streamed.sent.as_bytes());
        let sent = sent.as_array().expect("an array");
        check(
            &sent.last().expect("a chunk")["candidates"][0],
            provider.name(),
        );
        let earlier = &sent[..sent.len() - 1];
        assert!(
            earlier
                .iter()
                .all(|chunk| chunk["candidates"][0]["logprobsResult"].is_null())
        );
    }
}
