//! Amazon Bedrock: signatures, binary streams, Converse and the Anthropic form.

use serde_json::{Value, json};
use simulator::AwsCredentials;

use crate::binary::messages;
use crate::client::{send, start};
use crate::signing::{aws_headers, base64_url, from_base64, signed};

const PATH: &str = "/model/anthropic.claude-v1%3A0/converse";
const STREAM: &str = "/model/anthropic.claude-v1%3A0/converse-stream";

fn question() -> Value {
    json!({
        "messages": [{"role": "user", "content": [{"text": "Hello there"}]}],
        "inferenceConfig": {"maxTokens": 5000},
    })
}

fn with_tool(mut body: Value) -> Value {
    body["toolConfig"] = json!({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json":
        {"type": "object", "properties": {"n": {"type": "integer"}}}}}}],
        "toolChoice": {"any": {}}});
    body
}

fn thinking(mut body: Value) -> Value {
    body["additionalModelRequestFields"] =
        json!({"thinking": {"type": "enabled", "budget_tokens": 1024}});
    body
}

#[tokio::test]
async fn whole_and_streamed_answers_agree() {
    let simulator = start().await;
    let body = thinking(question());
    let whole = signed(&simulator, PATH, &body).await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    let whole = whole.json();
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!(entry.model, "anthropic.claude-v1:0");
    let reply = signed(&simulator, STREAM, &body).await;
    let kind = reply.header("content-type");
    assert_eq!(kind, Some("application/vnd.amazon.eventstream"));
    let events = messages(&reply.body);
    let kinds: Vec<&str> = events.iter().map(|e| e.header(":event-type")).collect();
    assert_eq!(kinds[0], "messageStart");
    assert_eq!(kinds[kinds.len() - 2..], ["messageStop", "metadata"]);
    let last = &events[events.len() - 1].payload;
    assert_eq!(last["usage"], whole["usage"]);
    let said = |pointer: &str| -> String {
        let texts = events
            .iter()
            .filter_map(|e| e.payload.pointer(pointer)?.as_str());
        texts.collect()
    };
    let content = &whole["output"]["message"]["content"];
    assert_eq!(json!(said("/delta/text")), content[1]["text"]);
    let reasoning = &content[0]["reasoningContent"]["reasoningText"];
    assert_eq!(
        json!(said("/delta/reasoningContent/text")),
        reasoning["text"]
    );
    assert_eq!(
        json!(said("/delta/reasoningContent/signature")),
        reasoning["signature"]
    );
}

#[tokio::test]
async fn a_signature_must_fit_the_secret_the_path_and_the_body() {
    let simulator = start().await;
    let body = question().to_string();
    let attempt = async |headers: Vec<(String, String)>, path: &str| {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let reply = send(&simulator, "POST", path, &headers, &question()).await;
        let kind = reply
            .header("x-amzn-errortype")
            .unwrap_or_default()
            .to_owned();
        (reply.status, kind)
    };
    let credentials = AwsCredentials::default();
    let good = aws_headers(&credentials, PATH, &body);
    assert_eq!(attempt(good.clone(), PATH).await.0, 200);
    let wrong = (403, "InvalidSignatureException".to_owned());
    let other = STREAM;
    assert_eq!(attempt(good.clone(), other).await, wrong);
    let tampered = aws_headers(&credentials, PATH, &body.replace("there", "where"));
    assert_eq!(attempt(tampered, PATH).await, wrong);
    let forged = AwsCredentials {
        secret_access_key: "another".to_owned(),
        ..credentials.clone()
    };
    assert_eq!(
        attempt(aws_headers(&forged, PATH, &body), PATH).await,
        wrong
    );
    let stranger = AwsCredentials {
        access_key_id: "AKIASTRANGER".to_owned(),
        ..credentials
    };
    let stranger = attempt(aws_headers(&stranger, PATH, &body), PATH).await;
    assert_eq!(stranger, (403, "UnrecognizedClientException".to_owned()));
    let mut loose = good;
    loose.push(("x-amz-security-token".to_owned(), "unsigned".to_owned()));
    assert_eq!(attempt(loose, PATH).await, wrong);
    let nobody = attempt(Vec::new(), PATH).await;
    assert_eq!(
        nobody,
        (403, "MissingAuthenticationTokenException".to_owned())
    );
    let simulator = simulator.with_key("bedrock-key");
    let bearer = [("authorization", "Bearer bedrock-key")];
    let reply = send(&simulator, "POST", PATH, &bearer, &question()).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_tool_loop_keeps_its_signatures() {
    let simulator = start().await;
    let body = with_tool(question());
    let path = "/model/m!tools=1%2Creasoning=4/converse";
    let first = signed(&simulator, path, &body).await.json();
    assert_eq!(first["stopReason"], "tool_use");
    let message = first["output"]["message"].clone();
    let id = message["content"][1]["toolUse"]["toolUseId"].clone();
    let mut next = body.clone();
    let result = json!({"toolResult": {"toolUseId": id, "content": [{"json": {"n": 7}}]}});
    next["messages"] = json!([body["messages"][0], message,
        {"role": "user", "content": [result]}]);
    assert_eq!(signed(&simulator, PATH, &next).await.status, 200);
    let mut forged = next.clone();
    forged["messages"][1]["content"][0]["reasoningContent"]["reasoningText"]["signature"] =
        json!("Zm9yZ2Vk");
    let reply = signed(&simulator, PATH, &forged).await;
    assert!(
        reply.text().contains("Invalid `signature`"),
        "{}",
        reply.text()
    );
    next["messages"][2] = json!({"role": "user", "content": [{"text": "x"}]});
    let reply = signed(&simulator, PATH, &next).await;
    assert!(
        reply.text().contains("Expected toolResult blocks"),
        "{}",
        reply.text()
    );
    let events = messages(&signed(&simulator, STREAM, &body).await.body);
    let inputs = events
        .iter()
        .filter_map(|e| e.payload.pointer("/delta/toolUse/input"));
    let input: String = inputs.filter_map(Value::as_str).collect();
    assert_eq!(input, "{\"n\":1}");
}

#[tokio::test]
async fn bad_requests_are_validation_exceptions() {
    let simulator = start().await;
    let text = json!({"role": "user", "content": [{"text": "x"}]});
    let point = json!({"cachePoint": {"type": "default"}});
    let cases = [
        (json!({"messages": []}), "must start with a user message"),
        (json!({"messages": [text, text]}), "must alternate"),
        (
            json!({"messages": [{"role": "user", "content": []}]}),
            "is empty",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"text": ""}]}]}),
            "is blank",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
            "extraneous key [type]",
        ),
        (
            json!({"messages": [{"role": "system", "content": [{"text": "x"}]}]}),
            "enum value set",
        ),
        (json!({"max_tokens": 5}), "extraneous key [max_tokens]"),
        (
            json!({"system": [{"text": "x"}, point, point, point, point, point]}),
            "A maximum of 4 blocks",
        ),
    ];
    for (change, expected) in cases {
        let mut body = question();
        for (name, value) in change.as_object().expect("fields") {
            body[name] = value.clone();
        }
        let reply = signed(&simulator, PATH, &body).await;
        assert_eq!(reply.status, 400, "{change}");
        assert_eq!(
            reply.header("x-amzn-errortype"),
            Some("ValidationException")
        );
        assert!(
            reply.text().contains(expected),
            "{change}: {}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn errors_inside_a_stream_are_exceptions_with_good_checksums() {
    let simulator = start().await;
    let path = "/model/m!error=2%2Cstatus=200/converse-stream";
    let events = messages(&signed(&simulator, path, &question()).await.body);
    let last = events.last().expect("a message");
    assert_eq!(last.header(":message-type"), "exception");
    assert_eq!(last.header(":exception-type"), "internalServerException");
    let reply = signed(&simulator, "/model/m!status=429/converse", &question()).await;
    assert_eq!(
        reply.header("x-amzn-errortype"),
        Some("ThrottlingException")
    );
}

#[tokio::test]
async fn the_anthropic_form_is_wrapped_in_chunks() {
    let simulator = start().await;
    let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500,
        "messages": [{"role": "user", "content": "Hello there"}]});
    let whole = signed(&simulator, "/model/m/invoke", &body).await.json();
    let reply = signed(&simulator, "/model/m/invoke-with-response-stream", &body).await;
    let events: Vec<Value> = messages(&reply.body)
        .iter()
        .map(|message| {
            assert_eq!(message.header(":event-type"), "chunk");
            let bytes = message.payload["bytes"].as_str().expect("bytes");
            serde_json::from_slice(&from_base64(bytes)).expect("JSON")
        })
        .collect();
    let texts = events.iter().filter_map(|e| e["delta"]["text"].as_str());
    assert_eq!(
        json!(texts.collect::<String>()),
        whole["content"][0]["text"]
    );
    let metrics = &events.last().expect("an event")["amazon-bedrock-invocationMetrics"];
    assert_eq!(metrics["outputTokenCount"], whole["usage"]["output_tokens"]);
    let mut named = body.clone();
    named["model"] = json!("m");
    let reply = signed(&simulator, "/model/m/invoke", &named).await;
    assert!(reply.text().contains("Extra inputs"), "{}", reply.text());
}

#[tokio::test]
async fn tokens_are_counted_for_a_model_in_either_form() {
    let simulator = start().await;
    let count = async |model: &str, input: Value| {
        let path = format!("/model/{model}/count-tokens");
        signed(&simulator, &path, &json!({"input": input})).await
    };
    let converse = json!({"converse": {"messages": question()["messages"]}});
    let reply = count("m", converse.clone()).await;
    assert_eq!(reply.json(), json!({"inputTokens": 7}));
    let mut body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500,
        "messages": [{"role": "user", "content": "Hello there"}]});
    let invoke =
        |body: &Value| json!({"invokeModel": {"body": base64_url(body.to_string().as_bytes())}});
    let reply = count("m", invoke(&body)).await;
    assert_eq!(reply.json(), json!({"inputTokens": 7}));
    // A body that could not be sent is not counted, and a profile is no model.
    body["stream"] = json!(true);
    assert_eq!(count("m", invoke(&body)).await.status, 400);
    assert_eq!(count("eu.m", converse).await.status, 400);
    assert_eq!(count("m", json!({})).await.status, 400);
}

#[tokio::test]
async fn a_guardrail_stands_in_headers_and_has_a_version() {
    let simulator = start().await;
    let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500,
        "messages": [{"role": "user", "content": "Hello there"}]});
    let mut guarded = body.clone();
    guarded["amazon-bedrock-guardrailConfig"] = json!({"streamProcessingMode": "SYNCHRONOUS"});
    let (identifier, version) = (
        ("x-amzn-bedrock-guardrailidentifier", "gr1"),
        ("x-amzn-bedrock-guardrailversion", "1"),
    );
    let wrong_tier = ("x-amzn-bedrock-service-tier", "batch");
    for (headers, body, status) in [
        (vec![identifier, version], &guarded, 200),
        (vec![identifier], &body, 400),
        (vec![], &guarded, 400),
        (vec![wrong_tier], &body, 400),
    ] {
        let own = aws_headers(
            &AwsCredentials::default(),
            "/model/m/invoke",
            &body.to_string(),
        );
        let own = own
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = own.chain(headers.clone()).collect();
        let reply = send(&simulator, "POST", "/model/m/invoke", &all, body).await;
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
    }
}
