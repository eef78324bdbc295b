//! Errors: from a provider's words to whose fault it is, and to the caller's envelope.

use std::time::Duration;

use chat::error::{Availability, PreviousError};
use chat::{Error, Kind, Next, Origin};
use wire::openai_chat::write_error;
use wire::read_error;

use crate::cases::tree;
use chat::Kind::{
    ContentPolicyViolation, ContextLengthExceeded, InvalidImage, InvalidRequest, MaxTokensExceeded,
    NotFound, PayloadTooLarge, ProviderOverloaded, ProviderUnavailable, RateLimitExceeded, Timeout,
    Unprocessable,
};

const ANSWERS: &[(u16, &str, Kind)] = &[
    (
        400,
        r#"{"error":{"message":"bad","type":"invalid_request_error","param":"top_p","code":null}}"#,
        InvalidRequest,
    ),
    (
        400,
        r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#,
        ContextLengthExceeded,
    ),
    (
        400,
        r#"{"error":{"message":"This model's maximum context length is 5 tokens."}}"#,
        ContextLengthExceeded,
    ),
    (
        413,
        r#"{"object":"error","message":"Prompt too long","code":3051}"#,
        ContextLengthExceeded,
    ),
    (
        500,
        r#"{"error":{"message":"the request exceeds the context window"}}"#,
        ContextLengthExceeded,
    ),
    (
        400,
        r#"{"error":{"message":"max_tokens is too large: 99999."}}"#,
        MaxTokensExceeded,
    ),
    (
        400,
        r#"{"error":{"code":"content_filter","message":"filtered"}}"#,
        ContentPolicyViolation,
    ),
    (
        403,
        r#"{"error":{"message":"model requires moderation","code":403}}"#,
        ContentPolicyViolation,
    ),
    (
        400,
        r#"{"error":{"code":"invalid_image_url","message":"Error while downloading https://x."}}"#,
        InvalidImage,
    ),
    (
        401,
        r#"{"error":{"message":"Incorrect API key provided: sk-12345678."}}"#,
        ProviderUnavailable,
    ),
    (
        400,
        r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]"#,
        ProviderUnavailable,
    ),
    (403, r#"{"message":"forbidden"}"#, ProviderUnavailable),
    (
        402,
        r#"{"error":{"message":"Insufficient Balance"}}"#,
        ProviderUnavailable,
    ),
    (
        429,
        r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#,
        RateLimitExceeded,
    ),
    (
        404,
        r#"{"error":{"code":"model_not_found","message":"no such model"}}"#,
        NotFound,
    ),
    (400, r#"{"error":{"message":"Model Not Exist"}}"#, NotFound),
    (404, "", NotFound),
    (408, "", Timeout),
    (413, "", PayloadTooLarge),
    (
        422,
        r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#,
        Unprocessable,
    ),
    (429, "slow down", RateLimitExceeded),
    (500, "<html>oops</html>", ProviderUnavailable),
    (502, "", ProviderUnavailable),
    (503, r#"{"error":{"message":"x"}}"#, ProviderOverloaded),
    (504, "", Timeout),
    (
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ProviderOverloaded,
    ),
    (599, "\u{0}\u{1}", ProviderUnavailable),
    (302, "", ProviderUnavailable),
    (
        200,
        r#"{"error":{"message":"x","code":429}}"#,
        RateLimitExceeded,
    ),
    (
        200,
        r#"{"error":{"message":"x","type":"invalid_request_error"}}"#,
        InvalidRequest,
    ),
    (200, r#"{"error":"boom"}"#, ProviderUnavailable),
];

#[test]
fn what_a_provider_says_decides_before_its_status() {
    for (status, body, kind) in ANSWERS.iter().copied() {
        let error = read_error(status, body.as_bytes());
        assert_eq!(error.kind, kind, "{status} {body}: {error:?}");
        let next = if error.origin == Origin::Caller {
            Next::Stop
        } else {
            Next::TryNextEndpoint
        };
        assert_eq!(error.next, next, "{status} {body}");
        assert_ne!(error.kind.status(), 401, "{status} {body}");
        if status == 408 || status == 429 || status >= 500 && kind != ContextLengthExceeded {
            assert_eq!(error.next, Next::TryNextEndpoint, "{status} {body}");
        }
    }
}

#[test]
fn what_one_endpoint_lacks_may_be_had_at_the_next() {
    for message in [
        "Logprobs is not enabled for models/gemini-2.5-pro",
        "Unable to submit request because Logprobs is not supported for this model.",
    ] {
        let body = format!(
            r#"{{"error":{{"code":400,"message":"{message}","status":"INVALID_ARGUMENT"}}}}"#
        );
        let error = read_error(400, body.as_bytes());
        assert_eq!((error.kind, error.origin), (InvalidRequest, Origin::Caller));
        assert_eq!(
            (error.next, &*error.message),
            (Next::TryNextEndpoint, message)
        );
    }
}

#[test]
fn what_a_provider_says_is_kept_masked_and_short() {
    let body = br#"{"error":{"message":"Wrong temperature; key sk-abcdef123456","type":"invalid_request_error","param":"temperature","code":"bad_value"}}"#;
    let error = read_error(400, body);
    assert_eq!(error.message, "Wrong temperature; key [masked]");
    let metadata = error.metadata.expect("facts");
    assert_eq!(metadata.provider_code.as_deref(), Some("bad_value"));
    assert_eq!(metadata.upstream_status, Some(400));
    assert_eq!(metadata.field.as_deref(), Some("temperature"));
    assert!(
        metadata
            .raw
            .is_some_and(|raw| raw.contains("[masked]") && !raw.contains("sk-abc"))
    );
    let long = read_error(500, "é".repeat(1_000_000).as_bytes());
    assert!(long.message.chars().count() < 700);
    assert!(
        long.metadata
            .and_then(|metadata| metadata.raw)
            .is_some_and(|raw| raw.chars().count() == 2_001)
    );
    let ours = read_error(401, br#"{"error":{"message":"Incorrect API key: zzz"}}"#);
    assert!(
        !ours.message.contains("zzz") && ours.message.contains("credential"),
        "{}",
        ours.message
    );
}

#[test]
fn the_wait_a_provider_asks_for_is_found_in_its_body() {
    for (body, wait) in [
        (
            r#"{"error":{"message":"Rate limit. Please try again in 1.2s."}}"#,
            Some(1_200),
        ),
        (
            r#"{"error":{"message":"Please try again in 90ms"}}"#,
            Some(90),
        ),
        (
            r#"{"error":{"message":"Retry after 2 minutes"}}"#,
            Some(120_000),
        ),
        (
            r#"{"error":{"message":"busy","retry_after":3}}"#,
            Some(3_000),
        ),
        (
            r#"{"error":{"message":"Please try again in a while"}}"#,
            None,
        ),
        (
            r#"{"error":{"message":"Please try again in 99999999999999999999s"}}"#,
            None,
        ),
    ] {
        let found = read_error(429, body.as_bytes())
            .metadata
            .expect("facts")
            .retry_after;
        assert_eq!(found, wait.map(Duration::from_millis), "{body}");
    }
}

#[test]
fn every_kind_is_written_with_its_status_and_type_in_both_places() {
    for kind in Kind::ALL {
        let mut error = Error::caller(*kind, "what was wrong");
        error.metadata_mut().provider_code = Some("their_code".to_owned());
        error.metadata_mut().raw = Some("their words".to_owned());
        let (status, body) = write_error(&error, None);
        assert_eq!(status, kind.status());
        let body = tree(&body);
        let written = &body["error"];
        assert!(body.get("user_id").is_some_and(serde_json::Value::is_null));
        assert_eq!(written["code"], kind.status(), "{kind:?}");
        assert_eq!(written["http_status"], kind.status(), "{kind:?}");
        assert_eq!(written["error_type"], kind.error_type(), "{kind:?}");
        assert_eq!(
            written["metadata"]["error_type"],
            kind.error_type(),
            "{kind:?}"
        );
        let is_masked = kind.status() == 500;
        assert_eq!(
            written["message"] == "what was wrong",
            !is_masked,
            "{kind:?}"
        );
        assert_eq!(
            written["metadata"].get("provider_code").is_none(),
            is_masked,
            "{kind:?}"
        );
        assert_eq!(
            written["metadata"].get("raw").is_none(),
            is_masked,
            "{kind:?}"
        );
    }
}

#[test]
fn the_envelope_carries_what_a_caller_may_know() {
    let mut error =
        Error::provider(Kind::RateLimitExceeded, "all providers are busy").with_detail("secret");
    let metadata = error.metadata_mut();
    metadata.provider_name = Some("Some Host".to_owned());
    metadata.retry_after = Some(Duration::from_millis(1_500));
    metadata.previous.push(PreviousError {
        provider: "Other".to_owned(),
        code: "timeout",
        status: 504,
    });
    metadata.availability = Some(Availability {
        code: "capacity_exhausted",
        retryable: true,
        requested_models: vec!["a/b".to_owned()],
        affected_providers: vec!["Other".to_owned()],
        excluded_by: Vec::new(),
        fallback_models: Vec::new(),
    });
    let (status, body) = write_error(&error, Some("gen-1"));
    let expected = tree(
        br#"{"error":{"code":429,"message":"all providers are busy","metadata":{"error_type":"rate_limit_exceeded",
        "provider_name":"Some Host","retry_after":2,"previous_errors":[{"provider":"Other","code":"timeout","status":504}],
        "generation_id":"gen-1"},"availability":{"code":"capacity_exhausted","retryable":true,"retry_after":2,
        "requested_models":["a/b"],"affected_providers":["Other"],
        "docs_url":"https://github.com/waybill/waybill/blob/main/docs/errors.md#capacity_exhausted"},
        "error_type":"rate_limit_exceeded","http_status":429},"user_id":null}"#,
    );
    assert_eq!((status, tree(&body)), (429, expected));
}
