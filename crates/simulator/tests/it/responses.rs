//! OpenAI's Responses: items, numbered events, sealed reasoning, and what is refused.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::client::{Reply, send, start};

async fn respond(simulator: &Simulator, model: &str, change: impl Fn(&mut Value)) -> Reply {
    let mut body = json!({"model": model, "input": "Hello there", "store": false});
    change(&mut body);
    send(simulator, "POST", "/v1/responses", &[], &body).await
}

fn with_tool(body: &mut Value) {
    body["tools"] = json!([{"type": "function", "name": "f", "parameters":
        {"type": "object", "properties": {"n": {"type": "integer"}}}}]);
}

fn thinking(body: &mut Value) {
    body["reasoning"] = json!({"effort": "low", "summary": "auto"});
    body["include"] = json!(["reasoning.encrypted_content"]);
}

#[tokio::test]
async fn the_stream_ends_with_the_whole_response() {
    let simulator = start().await;
    let whole = respond(&simulator, "m", thinking).await.json();
    let streamed = respond(&simulator, "m", |body| {
        thinking(body);
        body["stream"] = json!(true);
    })
    .await;
    let events = streamed.events();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    for frame in streamed.text().split("\n\n").filter(|f| !f.is_empty()) {
        let (name, data) = frame.split_once("\ndata: ").expect("two lines");
        let data: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
    }
    let kinds: Vec<_> = events.iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(kinds[..2], ["response.created", "response.in_progress"]);
    let last = events.last().expect("an event");
    assert_eq!(last["type"], "response.completed");
    let kinds: Vec<_> = whole["output"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| &item["type"])
        .collect();
    assert_eq!(kinds, ["reasoning", "message"]);
    assert_eq!(last["response"]["usage"], whole["usage"]);
    assert_eq!(
        last["response"]["output"][1]["content"],
        whole["output"][1]["content"]
    );
    let of = |kind: &str| -> String {
        let these = events.iter().filter(|e| e["type"] == kind);
        these.filter_map(|e| e["delta"].as_str()).collect()
    };
    assert_eq!(
        json!(of("response.output_text.delta")),
        whole["output"][1]["content"][0]["text"]
    );
    assert_eq!(
        json!(of("response.reasoning_summary_text.delta")),
        whole["output"][0]["summary"][0]["text"]
    );
    assert_eq!(
        whole["usage"]["output_tokens_details"]["reasoning_tokens"],
        12
    );
}

#[tokio::test]
async fn a_tool_loop_carries_sealed_reasoning_and_nobody_elses() {
    let simulator = start().await;
    let first = respond(&simulator, "m!tools=1,reasoning=4", |body| {
        thinking(body);
        with_tool(body);
    })
    .await
    .json();
    let output = first["output"].as_array().expect("items").clone();
    assert_eq!(output[1]["arguments"], "{\"n\":1}");
    let input = |items: &[Value]| {
        let mut input = vec![json!({"role": "user", "content": "Hello there"})];
        input.extend_from_slice(items);
        input.push(
            json!({"type": "function_call_output", "call_id": output[1]["call_id"],
            "output": "7"}),
        );
        json!(input)
    };
    let again = async |items: Value| {
        respond(&simulator, "m", |body| {
            with_tool(body);
            body["input"] = items.clone();
        })
        .await
    };
    assert_eq!(again(input(&output)).await.status, 200);
    let mut forged = output.clone();
    forged[0]["encrypted_content"] = json!("c2ltdWxhdGVk");
    let reply = again(input(&forged)).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (400, &json!("invalid_encrypted_content"))
    );
    let reply = again(input(&output[..1])).await;
    assert!(
        reply.text().contains("No tool call found"),
        "{}",
        reply.text()
    );
    let reply = again(json!([output[0], {"role": "user", "content": "x"}])).await;
    assert!(reply.text().contains("required following item"));
    let mut bare = output.clone();
    bare[0]
        .as_object_mut()
        .expect("fields")
        .remove("encrypted_content");
    assert_eq!(again(input(&bare)).await.status, 404);
}

#[tokio::test]
async fn a_tool_that_takes_free_text_is_called_with_it() {
    let simulator = start().await;
    let asked = |body: &mut Value| {
        body["tools"] = json!([{"type": "custom", "name": "patch"}]);
    };
    // Arguments mean the same as elsewhere: their member `input` is the text.
    let model = "m!tools=1,arguments=%7B%22input%22:%22a%20b%20c%22%7D";
    let whole = respond(&simulator, model, asked).await.json();
    let call = whole["output"][0].clone();
    assert_eq!(call["type"], "custom_tool_call", "{whole}");
    assert_eq!(
        (&call["name"], &call["input"]),
        (&json!("patch"), &json!("a b c"))
    );
    let streamed = respond(&simulator, model, |body| {
        asked(body);
        body["stream"] = json!(true);
    });
    let events = streamed.await.events();
    let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let said: String = of("response.custom_tool_call_input.delta")
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(said, "a b c");
    assert_eq!(of("response.custom_tool_call_input.done").count(), 1);
    // It wants its output, as every call does.
    let answered = |body: &mut Value, output: bool| {
        asked(body);
        let output = output.then(|| {
            json!({"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "done"})
        });
        let items = [
            Some(json!({"role": "user", "content": "Hi"})),
            Some(call.clone()),
            output,
        ];
        body["input"] = items.into_iter().flatten().collect();
    };
    assert_eq!(
        respond(&simulator, "m", |body| answered(body, true))
            .await
            .status,
        200
    );
    assert_eq!(
        respond(&simulator, "m", |body| answered(body, false))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn bad_requests_name_their_field() {
    let simulator = start().await;
    let cases = [
        (json!({"messages": []}), "messages"),
        (json!({"input": null}), "input"),
        (
            json!({"input": [{"role": "robot", "content": "x"}]}),
            "input[0].role",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
            "input[0].content[0]",
        ),
        (
            json!({"previous_response_id": "resp_1"}),
            "previous_response_id",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
            "tools[0].name",
        ),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (
            json!({"text": {"format": {"type": "json_schema", "schema": {}}}}),
            "text.format.name",
        ),
    ];
    for (change, param) in cases {
        let reply = respond(&simulator, "m", |body| {
            for (name, value) in change.as_object().expect("fields") {
                body[name] = value.clone();
            }
        })
        .await;
        assert_eq!(reply.status, 400, "{change}");
        assert_eq!(reply.json()["error"]["param"], param, "{change}");
    }
}

#[tokio::test]
async fn errors_limits_and_missing_ends_are_the_dialects_own() {
    let simulator = start().await;
    let stream = |body: &mut Value| body["stream"] = json!(true);
    let reply = respond(&simulator, "m!error=2,code=rate_limit_exceeded", stream).await;
    let last = reply.events().pop().expect("an event");
    assert_eq!(last["type"], "error");
    assert_eq!(last["sequence_number"], reply.events().len() - 1);
    assert_eq!(last["code"], "rate_limit_exceeded");
    let reply = respond(&simulator, "m", |body| {
        stream(body);
        body["max_output_tokens"] = json!(16);
    })
    .await;
    let last = reply.events().pop().expect("an event");
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(
        last["response"]["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    let reply = respond(&simulator, "m!no-done", stream).await;
    assert!(!reply.text().contains("response.completed"));
    let refused = respond(&simulator, "m!refusal", |_| {}).await.json();
    assert_eq!(refused["output"][0]["content"][0]["type"], "refusal");
}
