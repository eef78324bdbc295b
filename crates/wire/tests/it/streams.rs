//! What a stream may not do: break, lie about its end, or leave a tool call open.

use chat::{Error, Kind, Next, Unit, Usage};
use wire::openai_chat::{DONE, KEEP_ALIVE, StreamTap};
use wire::{CostText, Passed};

use crate::cases::{Heard, frames, stamp, stream, tree};

fn sse(chunks: &[&str]) -> String {
    chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect()
}

fn delta(delta: &str, finish: &str) -> String {
    format!(r#"{{"id":"1","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#)
}

fn broken(chunks: &[&str]) -> Error {
    let error = stream([sse(chunks).as_bytes()])
        .end
        .expect_err("a broken stream");
    assert_eq!(error.next, Next::TryNextEndpoint, "{error:?}");
    error
}

#[test]
fn a_stream_that_breaks_is_the_providers_failure() {
    let text = delta(r#"{"content":"Hel"}"#, "null");
    let call = delta(
        r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":[1,"}}]}"#,
        "null",
    );
    for (chunks, message) in [
        (
            vec![],
            "the provider ended its answer without saying anything",
        ),
        (
            vec!["[DONE]"],
            "the provider ended its answer without saying anything",
        ),
        (
            vec![r#"{"type":"ping"}"#],
            "the provider ended its answer without saying anything",
        ),
        (
            vec![text.as_str()],
            "the provider's stream ended before its answer did",
        ),
        (
            vec![text.as_str(), "[DONE]"],
            "the provider's stream ended before its answer did",
        ),
        (
            vec![text.as_str(), "{\"choices\":"],
            "the provider sent malformed JSON in its stream",
        ),
        (
            vec!["[1]"],
            "the provider sent malformed JSON in its stream",
        ),
        (
            vec![call.as_str()],
            "the provider's answer ended inside a tool call",
        ),
        (
            vec![call.as_str(), "[DONE]"],
            "the provider's answer ended inside a tool call",
        ),
        (
            vec![call.as_str(), &delta("{}", "\"tool_calls\"")],
            "the provider's answer ended inside a tool call",
        ),
        (
            vec![
                text.as_str(),
                &delta("{}", "\"insufficient_system_resource\""),
            ],
            "the provider broke its answer off: insufficient_system_resource",
        ),
    ] {
        let error = broken(&chunks);
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::ProviderUnavailable, message)
        );
    }
}

#[test]
fn a_finish_is_never_forwarded_while_a_tool_call_is_open() {
    let call = delta(
        r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":\"}"}}]}"#,
        "null",
    );
    let streamed = stream([sse(&[&call, &delta("{}", "\"tool_calls\"")]).as_bytes()]);
    assert!(streamed.end.is_err());
    assert_eq!(frames(&streamed.forwarded).len(), 1);
    let cut = stream([sse(&[&call, &delta("{}", "\"length\"")]).as_bytes()]);
    assert_eq!(cut.end, Ok(()), "a call cut at the output limit says so");
}

#[test]
fn errors_inside_a_stream_are_classified_like_error_answers() {
    for (chunk, kind) in [
        (
            r#"{"error":{"message":"Slow down","code":429}}"#,
            Kind::RateLimitExceeded,
        ),
        (
            r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Kind::ProviderOverloaded,
        ),
        (
            r#"{"error":"upstream exploded"}"#,
            Kind::ProviderUnavailable,
        ),
        (
            r#"{"object":"error","message":"boom","code":500}"#,
            Kind::ProviderUnavailable,
        ),
        (
            r#"{"id":"x","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"gone"}}"#,
            Kind::ProviderUnavailable,
        ),
        (
            r#"{"error":{"message":"bad call","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}"#,
            Kind::ProviderUnavailable,
        ),
    ] {
        assert_eq!(broken(&[chunk]).kind, kind, "{chunk}");
    }
}

#[test]
fn only_what_must_change_changes_in_a_frame() {
    let mut tap = StreamTap::new(stamp());
    let before = r#"{ "id":"native", "x" : 1.50e+2,"choices":[{"delta":{"content":"\u00e9", "y":{}},"index":0 ,"finish_reason":null, "logprobs":{"content":[{"logprob":-0.10000000000000001}]}}],"model":"m" ,"usage":null,"created":7}"#;
    let after = r#"data: { "id":"gen-test", "x" : 1.50e+2,"choices":[{"delta":{"content":"\u00e9", "y":{}},"index":0 ,"finish_reason":null, "logprobs":{"content":[{"logprob":-0.10000000000000001}]},"native_finish_reason":null}],"model":"author/model" ,"created":7,"object":"chat.completion.chunk","provider":"Provider"}"#;
    let passed = tap.frame(before.as_bytes(), &mut |_| {}).expect("a chunk");
    let Passed::Forward(bytes) = passed else {
        panic!("not forwarded")
    };
    assert_eq!(
        std::str::from_utf8(&bytes).expect("UTF-8"),
        format!("{after}\n\n")
    );
}

#[test]
fn a_frame_of_several_lines_goes_out_in_one() {
    let text = "data: {\"id\":\"1\",\ndata: \"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n";
    let streamed = stream([text.as_bytes()]);
    assert_eq!(streamed.end, Ok(()));
    assert_eq!(
        frames(&streamed.forwarded)[0]["choices"][0]["delta"]["content"],
        "x"
    );
}

#[test]
fn usage_frames_are_ours_to_send_and_other_empty_frames_pass() {
    let mut tap = StreamTap::new(stamp());
    let mut heard = Heard::default();
    let mut pass = |chunk: &str| {
        tap.frame(chunk.as_bytes(), &mut |event| heard.hear(event))
            .expect("a chunk")
    };
    assert_eq!(
        pass(r#"{"id":"1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#),
        Passed::Swallow
    );
    assert!(matches!(
        pass(r#"{"id":"1","choices":[],"prompt_filter_results":[]}"#),
        Passed::Forward(_)
    ));
    assert_eq!(pass("[DONE]"), Passed::Done);
    assert_eq!(heard.usage.count(Unit::Output), 2);
}

#[test]
fn the_usage_frame_has_openrouters_form() {
    let mut tap = StreamTap::new(stamp());
    let chunk =
        r#"{"created":77,"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}"#;
    tap.frame(chunk.as_bytes(), &mut |_| {}).expect("a chunk");
    let usage = Usage::default()
        .with(Unit::Input, 5)
        .with(Unit::CacheRead, 4)
        .with(Unit::Output, 3)
        .with(Unit::Reasoning, 2);
    let cost = CostText {
        total: Some("0.000010000000000000001".to_owned()),
        prompt: Some("0.000008".to_owned()),
        completion: Some("0.000002".to_owned()),
        components: vec![
            ("input", "0.0000075".to_owned()),
            ("output", "x".to_owned()),
        ],
        is_byok: false,
    };
    let frame = tap.usage_frame(&usage, &cost);
    let expected = concat!(
        r#"data: {"id":"gen-test","object":"chat.completion.chunk","created":77,"model":"author/model","#,
        r#""provider":"Provider","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":5,"#,
        r#""total_tokens":14,"cost":0.000010000000000000001,"is_byok":false,"prompt_tokens_details":"#,
        r#"{"cached_tokens":4,"cache_write_tokens":0,"audio_tokens":0,"video_tokens":0},"cost_details":"#,
        r#"{"upstream_inference_cost":null,"upstream_inference_prompt_cost":0.000008,"#,
        r#""upstream_inference_completions_cost":0.000002,"components":{"input":0.0000075}},"#,
        r#""completion_tokens_details":"#,
        r#"{"reasoning_tokens":2,"image_tokens":0,"audio_tokens":0}}}"#,
        "\n\n"
    );
    assert_eq!(std::str::from_utf8(&frame).expect("UTF-8"), expected);
    for cost in [
        CostText::default(),
        CostText {
            total: Some("1,5".to_owned()),
            ..CostText::default()
        },
    ] {
        let unpriced = frames(&tap.usage_frame(&usage, &cost)).remove(0);
        assert!(unpriced["usage"]["cost"].is_null() && unpriced["usage"]["cost_details"].is_null());
    }
}

#[test]
fn the_error_frame_is_a_chunk_with_an_error_and_an_error_finish() {
    let tap = StreamTap::new(stamp());
    let mut error = Error::provider(Kind::ProviderUnavailable, "Provider disconnected");
    error.metadata_mut().provider_code = Some("upstream_reset".to_owned());
    let frame = frames(&tap.error_frame(&error)).remove(0);
    let expected = tree(
        br#"{"id":"gen-test","object":"chat.completion.chunk","created":1700000000,"model":"author/model",
        "provider":"Provider","error":{"code":502,"message":"Provider disconnected","metadata":
        {"error_type":"provider_unavailable","provider_code":"upstream_reset"}},
        "choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","native_finish_reason":null}]}"#,
    );
    assert_eq!(frame, expected);
    let masked =
        frames(&tap.error_frame(&Error::gateway(Kind::Server, "index out of bounds"))).remove(0);
    assert_eq!(masked["error"]["message"], "internal server error");
}

#[test]
fn the_fixed_frames_are_frames() {
    assert_eq!(DONE, b"data: [DONE]\n\n");
    assert!(KEEP_ALIVE.starts_with(b":") && KEEP_ALIVE.ends_with(b"\n\n"));
}

#[test]
fn free_text_that_a_tool_is_called_with_is_heard() {
    let first = delta(
        r#"{"tool_calls":[{"index":0,"id":"c","type":"custom","custom":{"name":"patch","input":""}}]}"#,
        "null",
    );
    let more = delta(
        r#"{"tool_calls":[{"index":0,"custom":{"input":"*** \"a\"\n{"}}]}"#,
        "null",
    );
    let end = delta("{}", "\"tool_calls\"");
    let seen = stream([sse(&[&first, &more, &end, "[DONE]"]).as_bytes()]);
    assert_eq!(seen.end, Ok(()));
    let called = ("patch".to_owned(), r#"{"input":"*** \"a\"\n{"}"#.to_owned());
    assert_eq!(seen.heard.called(), [called]);
    // The caller sees it as it was said.
    let frames = frames(&seen.forwarded);
    let input = &frames[1]["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"];
    assert_eq!(input, "*** \"a\"\n{");
}
