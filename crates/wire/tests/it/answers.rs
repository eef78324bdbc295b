//! Whole answers: read, stamped, and refused when they are none.

use chat::{Kind, Next, Reason, Unit};
use serde_json::Value;
use wire::CostText;
use wire::openai_chat::Whole;

use crate::cases::{Heard, stamp, tree};
use crate::fixtures::fixture;

fn read(name: &str) -> (Heard, Value) {
    let body = fixture(&format!("{name}.response.json"));
    let mut heard = Heard::default();
    let whole = Whole::read(body.into(), &stamp(), &mut |event| heard.hear(event));
    let mut whole = whole.expect(name);
    let cost = CostText {
        total: Some("0.5".to_owned()),
        is_byok: true,
        ..CostText::default()
    };
    let stamped = whole.write(&heard.usage, &cost).expect(name);
    let stamped = tree(&stamped);
    assert_eq!(stamped["id"], "gen-test", "{name}");
    assert_eq!(stamped["model"], "author/model", "{name}");
    assert_eq!(stamped["provider"], "Provider", "{name}");
    // The caller's own credential has paid the provider.
    assert_eq!(stamped["usage"]["cost"], 0, "{name}");
    assert_eq!(stamped["usage"]["is_byok"], true, "{name}");
    assert!(stamped.get("system_fingerprint").is_some(), "{name}");
    assert_eq!(
        stamped["choices"][0]["message"]["role"], "assistant",
        "{name}"
    );
    (heard, stamped)
}

#[test]
fn each_answer_says_what_its_provider_meant() {
    let (heard, stamped) = read("openai-text");
    assert_eq!(heard.text[&0], "Hi \"you\"");
    assert_eq!(stamped["service_tier"], "default");
    assert_eq!(stamped["choices"][0]["native_finish_reason"], "stop");
    assert_eq!(
        stamped["usage"]["prompt_tokens_details"]["cached_tokens"],
        4
    );

    let (heard, stamped) = read("deepseek-tools");
    assert_eq!(
        heard.called(),
        [("f".to_owned(), "{\"x\": 1.0}".to_owned())]
    );
    let message = &stamped["choices"][0]["message"];
    assert_eq!(message["reasoning"], "I need\nthe tool");
    assert_eq!(message["reasoning_content"], message["reasoning"]);
    assert_eq!(message["reasoning_details"][0]["type"], "reasoning.text");

    let (heard, stamped) = read("mistral-thinking");
    assert_eq!(
        (heard.text[&0].as_str(), heard.reasoning[&0].as_str()),
        ("Ja", "Soll ich?")
    );
    let message = &stamped["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning"]),
        (&"Ja".into(), &"Soll ich?".into())
    );
    assert!(message.get("tool_calls").is_none());

    let (heard, stamped) = read("local-arguments-as-json");
    let call = &stamped["choices"][0]["message"]["tool_calls"][0];
    let arguments = call["function"]["arguments"]
        .as_str()
        .expect("text that holds JSON");
    assert_eq!(tree(arguments.as_bytes())["a"], "b\n");
    assert_eq!(
        (&call["id"], &call["type"]),
        (&"call_0_0".into(), &"function".into())
    );
    assert_eq!(stamped["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(heard.finish[&0].native.as_deref(), Some("stop"));

    let (heard, stamped) = read("perplexity-cost");
    assert_eq!(heard.usage.native_cost_nanos, Some(5_150_000));
    assert_eq!(heard.usage.count(Unit::WebSearch), 2);
    assert_eq!(stamped["citations"][0], "https://example.com");
    assert_eq!(
        stamped["usage"]["server_tool_use_details"]["web_search_requests"],
        2
    );

    let (heard, stamped) = read("azure-filtered");
    assert_eq!(heard.finish[&0].reason, Reason::ContentFilter);
    assert!(stamped["choices"][0]["message"]["content"].is_null());
}

#[test]
fn what_is_no_answer_is_the_providers_failure() {
    for (body, kind) in [
        ("", Kind::ProviderUnavailable),
        ("<html>Bad gateway</html>", Kind::ProviderUnavailable),
        ("[]", Kind::ProviderUnavailable),
        ("{}", Kind::ProviderUnavailable),
        (r#"{"id":"1","choices":null}"#, Kind::ProviderUnavailable),
        (r#"{"id":"1","choices":[]}"#, Kind::ProviderUnavailable),
        (
            r#"{"choices":[{"index":0,"finish_reason":null}]}"#,
            Kind::ProviderUnavailable,
        ),
        (
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            Kind::ProviderUnavailable,
        ),
        (
            r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":"}}]},"finish_reason":"tool_calls"}]}"#,
            Kind::ProviderUnavailable,
        ),
        (
            r#"{"error":{"message":"The server is overloaded","code":503}}"#,
            Kind::ProviderOverloaded,
        ),
        (
            r#"{"error":{"message":"Rate limit","type":"rate_limit_error"}}"#,
            Kind::RateLimitExceeded,
        ),
        (
            r#"{"choices":[{"message":{"content":"part"},"finish_reason":"error","error":{"code":502,"message":"gone"}}]}"#,
            Kind::ProviderUnavailable,
        ),
    ] {
        let error = Whole::read(body.into(), &stamp(), &mut |_| {}).expect_err(body);
        assert_eq!(
            (error.kind, error.next),
            (kind, Next::TryNextEndpoint),
            "{body}"
        );
    }
    let filtered = r#"{"error":{"code":"content_filter","message":"filtered","status":400}}"#;
    let error = Whole::read(filtered.into(), &stamp(), &mut |_| {}).expect_err("filtered");
    assert_eq!(
        (error.kind, error.next),
        (Kind::ContentPolicyViolation, Next::Stop)
    );
}

#[test]
fn a_missing_finish_reason_is_derived_from_the_content() {
    for (message, reason) in [
        (r#"{"content":"x"}"#, Reason::Stop),
        (
            r#"{"tool_calls":[{"id":"1","function":{"name":"f","arguments":""}}]}"#,
            Reason::ToolCalls,
        ),
    ] {
        let body =
            format!(r#"{{"choices":[{{"index":0,"message":{message},"finish_reason":""}}]}}"#);
        let mut heard = Heard::default();
        let whole = Whole::read(body.into(), &stamp(), &mut |event| heard.hear(event));
        whole.expect(message);
        assert_eq!(
            (heard.finish[&0].reason, &heard.finish[&0].native),
            (reason, &None),
            "{message}"
        );
    }
}

#[test]
fn what_was_never_read_cannot_be_written() {
    let written = Whole::default().write(&chat::Usage::default(), &CostText::default());
    assert!(written.is_err());
}
