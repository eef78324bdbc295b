//! Providers that speak a dialect of their own, behind `POST /chat/completions` and `/messages`.
//!
//! The simulated providers judge as the real ones do: signatures, roles, thoughts, ids of calls.

use http::Method;
use serde_json::{Value, json};
use simulator::Simulator;

use crate::stage::{Seen, Stage};

/// A model and the persona that serves it, with the provider's own name of it.
struct Served {
    persona: &'static str,
    model: &'static str,
    upstream: &'static str,
}

const SERVED: &[Served] = &[
    Served {
        persona: "bedrock",
        model: "converse/claude",
        upstream: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    },
    Served {
        persona: "bedrock",
        model: "converse/nova",
        upstream: "us.amazon.nova-pro-v1:0",
    },
    Served {
        persona: "bedrock",
        model: "converse/profile",
        upstream: "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc",
    },
    Served {
        persona: "cohere",
        model: "cohere/command",
        upstream: "command-a-reasoning-08-2025",
    },
    Served {
        persona: "azure",
        model: "azure/gpt",
        upstream: "gpt-4o",
    },
    Served {
        persona: "vertex",
        model: "vertex/gemini",
        upstream: "gemini-3-pro",
    },
    Served {
        persona: "vertex",
        model: "vertex/claude",
        upstream: "claude-sonnet-4-5@20250929",
    },
    Served {
        persona: "gemini",
        model: "google/gemini",
        upstream: "gemini-2.5-flash",
    },
    Served {
        persona: "messages",
        model: "anthropic/claude",
        upstream: "claude-sonnet-4-5",
    },
    Served {
        persona: "responses",
        model: "openai/gpt",
        upstream: "gpt-5.4",
    },
];

/// The personas as provider tables.
fn providers(simulator: &Simulator) -> String {
    let mut text = String::new();
    for served in SERVED {
        let personas = simulator.personas();
        let persona = personas.iter().find(|it| it.slug == served.persona);
        let persona = persona.expect("a persona");
        let credential = match simulator.credential(persona.auth) {
            Some(credential) => format!("credential = {credential:?}\n"),
            None => String::new(),
        };
        text.push_str(&format!(
            "[providers.{slug}]\nname = \"Simulated {slug}\"\nkind = \"simulated\"\n\
             base_url = {base_url:?}\ndialects = [{dialect:?}]\nauth = {auth:?}\n{credential}\
             [[providers.{slug}.endpoints]]\nmodel = {model:?}\nupstream_model = {upstream:?}\n\
             context_length = 100000\nreasoning = true\n\
             price = {{ input = \"1.00\", output = \"2.00\", cache_read = \"0.10\" }}\n",
            slug = served.model.replace('/', "-"),
            base_url = persona.base_url,
            dialect = persona.dialect,
            auth = persona.auth,
            model = served.model,
            upstream = served.upstream,
        ));
    }
    text
}

pub(super) async fn open() -> Stage {
    Stage::open_facing(providers, &[]).await
}

fn weather() -> Value {
    let parameters = json!({
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    });
    let function = json!({"name": "weather", "description": "Weather.", "parameters": parameters});
    json!([{"type": "function", "function": function}])
}

fn asked(model: &str) -> Value {
    json!({
        "model": model,
        "max_tokens": 4000,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is the weather in Paris?"}],
        "tools": weather(),
    })
}

/// What a stream says: text, reasoning, name and arguments of its tool call, why it ended.
#[derive(Debug, Default, PartialEq)]
struct Told {
    text: String,
    reasoning: String,
    calls: Vec<(String, String)>,
    finish: String,
}

fn told(seen: &Seen) -> Told {
    let (frames, is_done) = seen.frames();
    assert!(is_done, "{}", seen.text());
    let mut told = Told::default();
    for frame in &frames {
        assert!(frame.get("error").is_none(), "{frame:#}");
        let choice = &frame["choices"][0];
        let text = |name: &str| choice["delta"][name].as_str().unwrap_or_default();
        told.text.push_str(text("content"));
        told.reasoning.push_str(text("reasoning"));
        for call in choice["delta"]["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let at = call["index"]
                .as_u64()
                .and_then(|at| usize::try_from(at).ok());
            let at = at.expect("an index");
            if told.calls.len() <= at {
                told.calls.resize(at + 1, (String::new(), String::new()));
            }
            let function = &call["function"];
            told.calls[at]
                .0
                .push_str(function["name"].as_str().unwrap_or_default());
            told.calls[at]
                .1
                .push_str(function["arguments"].as_str().unwrap_or_default());
        }
        if let Some(word) = choice["finish_reason"].as_str() {
            word.clone_into(&mut told.finish);
        }
    }
    let usage = &frames.last().expect("frames")["usage"];
    assert!(
        usage["cost"].as_f64().is_some_and(|cost| cost > 0.0),
        "{usage:#}"
    );
    told
}

fn whole(seen: &Seen) -> Told {
    assert_eq!(seen.status, 200, "{}", seen.text());
    let json = seen.json();
    let choice = &json["choices"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = choice["message"]["tool_calls"]
        .as_array()
        .into_iter()
        .flatten();
    let call = |call: &Value| {
        let function = &call["function"];
        (text(&function["name"]), text(&function["arguments"]))
    };
    assert!(
        json["usage"]["cost"]
            .as_f64()
            .is_some_and(|cost| cost > 0.0),
        "{json:#}"
    );
    Told {
        text: text(&choice["message"]["content"]),
        reasoning: text(&choice["message"]["reasoning"]),
        calls: calls.map(call).collect(),
        finish: text(&choice["finish_reason"]),
    }
}

#[tokio::test]
async fn chat_is_answered_by_providers_of_every_dialect_whole_and_streamed() {
    let stage = open().await;
    for served in SERVED {
        for (script, calls) in [
            ("text=It%20is%20warm%2C%20%C3%A9.,chunks=3", 0),
            ("tools=1", 1),
        ] {
            let mut body = asked(served.model);
            let answered = whole(&stage.chat(&body, script).await);
            body["stream"] = json!(true);
            let seen = stage.chat(&body, script).await;
            assert_eq!(seen.status, 200, "{}: {}", served.model, seen.text());
            let streamed = told(&seen);
            assert_eq!(streamed, answered, "{}", served.model);
            assert_eq!(
                answered.calls.len(),
                calls,
                "{}: {answered:?}",
                served.model
            );
            match answered.calls.first() {
                Some((name, arguments)) => {
                    assert_eq!(
                        (name.as_str(), answered.finish.as_str()),
                        ("weather", "tool_calls")
                    );
                    let arguments: Value = serde_json::from_str(arguments).unwrap();
                    assert!(arguments["city"].is_string(), "{arguments}");
                }
                None => assert_eq!(
                    (answered.text.as_str(), answered.finish.as_str()),
                    ("It is warm, é.", "stop"),
                    "{}",
                    served.model
                ),
            }
        }
        let entry = stage.simulator.ledger().last().unwrap();
        assert_eq!(entry.persona, served.persona);
    }
}

/// A call of a tool with thoughts, its result, and the answer: what must return does.
#[tokio::test]
async fn results_and_thoughts_go_back_to_the_provider_that_judges_them() {
    let stage = open().await;
    for served in SERVED {
        for script in ["tools=2,reasoning=20", "tools=1,reasoning=20,redacted"] {
            let mut body = asked(served.model);
            if served.persona != "azure" {
                body["reasoning"] = json!({"max_tokens": 1024});
            }
            let seen = stage.chat(&body, script).await;
            assert_eq!(seen.status, 200, "{}: {}", served.model, seen.text());
            let message = seen.json()["choices"][0]["message"].clone();
            let messages = body["messages"].as_array_mut().unwrap();
            messages.push(message.clone());
            for call in message["tool_calls"].as_array().unwrap() {
                let result = json!({"role": "tool", "tool_call_id": call["id"],
                    "content": "{\"degrees\":20}"});
                messages.push(result);
            }
            let seen = stage.chat(&body, "text=Warm.").await;
            assert_eq!(whole(&seen).text, "Warm.", "{} {script}", served.model);
            let entry = stage.simulator.ledger().last().unwrap();
            if served.model == "converse/claude" {
                let sent = entry.json();
                let thought = &sent["messages"][1]["content"][0];
                assert!(thought["reasoningContent"].is_object(), "{sent:#}");
                assert!(entry.path.ends_with("/converse"), "{}", entry.path);
            }
        }
    }
}

#[tokio::test]
async fn callers_of_messages_reach_claude_on_bedrock_in_their_own_dialect() {
    let stage = open().await;
    let mut body = json!({
        "model": "converse/claude",
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"name": "weather", "input_schema": {"type": "object",
            "properties": {"city": {"type": "string"}}}}],
    });
    let ask = async |body: &Value, script: &str| {
        let to = (Method::POST, "/api/v1/messages");
        let headers = [("x-simulate", script)];
        stage
            .send(to, &stage.key, body.to_string().into(), &headers)
            .await
    };
    let seen = ask(&body, "tools=1,reasoning=20").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let answer = seen.json();
    let path = stage.simulator.ledger().last().unwrap().path.clone();
    assert!(path.ends_with("/invoke"), "{path}");
    let id = &answer["content"].as_array().unwrap().last().unwrap()["id"];
    let result = json!({"type": "tool_result", "tool_use_id": id, "content": "20 degrees"});
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": answer["content"]}));
    messages.push(json!({"role": "user", "content": [result]}));
    body["stream"] = json!(true);
    let seen = ask(&body, "text=Warm%20there.,chunks=2").await;
    let entry = stage.simulator.ledger().last().unwrap();
    assert!(
        entry.path.ends_with("/invoke-with-response-stream"),
        "{}",
        entry.path
    );
    let sent = entry.json();
    assert_eq!(sent["anthropic_version"], "bedrock-2023-05-31");
    assert_eq!(sent["messages"][1]["content"], answer["content"]);
    assert!(
        sent.get("model").is_none() && sent.get("stream").is_none(),
        "{sent:#}"
    );
    let text = seen.text();
    assert!(text.contains("event: message_stop"), "{text}");
    let deltas = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let said: String = deltas
        .filter_map(|data| {
            serde_json::from_str::<Value>(data).unwrap()["delta"]["text"]
                .as_str()
                .map(ToOwned::to_owned)
        })
        .collect();
    assert_eq!(said, "Warm there.");
}

#[tokio::test]
async fn what_bedrock_alone_knows_reaches_claude_in_signed_headers() {
    let stage = open().await;
    let body = json!({
        "model": "converse/claude", "max_tokens": 400, "service_tier": "flex",
        "guardrailConfig": {"guardrailIdentifier": "gr1", "guardrailVersion": "1", "trace": "enabled"},
        "performanceConfig": {"latency": "optimized"},
        "messages": [{"role": "user", "content": "Hi"}],
    });
    let ask = async |body: &Value| {
        let to = (Method::POST, "/api/v1/messages");
        stage
            .send(to, &stage.key, body.to_string().into(), &[])
            .await
    };
    let seen = ask(&body).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    assert_eq!(seen.header("x-waybill-dropped"), "");
    let entry = stage.simulator.ledger().last().unwrap();
    for (name, said) in [
        ("guardrailidentifier", "gr1"),
        ("guardrailversion", "1"),
        ("trace", "ENABLED"),
        ("performanceconfig-latency", "optimized"),
        ("service-tier", "flex"),
    ] {
        let header = format!("x-amzn-bedrock-{name}");
        assert_eq!(entry.header(&header), Some(said), "{name}");
    }
    assert!(entry.path.ends_with("/invoke"), "{}", entry.path);
    assert!(entry.json().get("guardrailConfig").is_none());
    // A guardrail that cannot be told is never believed to hold.
    let mut wrong = body.clone();
    wrong["guardrailConfig"]["guardrailVersion"] = json!(1);
    let seen = ask(&wrong).await;
    assert_eq!(seen.status, 400, "{}", seen.text());
    assert!(
        seen.text().contains("guardrailConfig.guardrailVersion"),
        "{}",
        seen.text()
    );
}

#[tokio::test]
async fn bedrock_counts_the_tokens_of_prompts_in_either_form() {
    let stage = open().await;
    for (model, path, pointer) in [
        (
            "converse/claude",
            "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens",
            "/input/invokeModel/body",
        ),
        (
            "converse/nova",
            "/model/amazon.nova-pro-v1%3A0/count-tokens",
            "/input/converse/messages",
        ),
    ] {
        let body = json!({"model": model, "system": "Be brief.", "guardrailConfig":
            {"guardrailIdentifier": "gr1", "guardrailVersion": "1"},
            "messages": [{"role": "user", "content": "Count these words"}]});
        let to = (Method::POST, "/api/v1/messages/count_tokens");
        let seen = stage
            .send(to, &stage.key, body.to_string().into(), &[])
            .await;
        assert_eq!(seen.status, 200, "{model}: {}", seen.text());
        // The simulated provider has checked the signature, and counts as it does for a call.
        assert_eq!(seen.header("x-waybill-token-count"), "provider", "{model}");
        let entry = stage.simulator.ledger().last().unwrap();
        assert_eq!(seen.json()["input_tokens"], json!(entry.prompt_tokens));
        assert!(entry.path.ends_with(path), "{}", entry.path);
        assert!(entry.json().pointer(pointer).is_some(), "{}", entry.json());
        assert_eq!(entry.header("x-amzn-bedrock-guardrailidentifier"), None);
        let asked = json!({"model": model, "max_tokens": 9, "system": body["system"],
            "messages": body["messages"]});
        let to = (Method::POST, "/api/v1/messages");
        let answered = stage
            .send(to, &stage.key, asked.to_string().into(), &[])
            .await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        let called = stage.simulator.ledger().last().unwrap();
        assert_eq!(called.prompt_tokens, entry.prompt_tokens, "{model}");
    }
}

#[tokio::test]
async fn what_bedrock_refuses_or_breaks_off_is_told_as_it_is() {
    let stage = open().await;
    let mut body = asked("converse/nova");
    let seen = stage
        .chat(&body, "status=429,message=Too%20many%20requests")
        .await;
    seen.error(429, "rate_limit_exceeded");
    body["stream"] = json!(true);
    let seen = stage.chat(&body, "chunks=5,error=2").await;
    let (frames, _) = seen.frames();
    assert!(
        frames.last().unwrap()["error"].is_object(),
        "{}",
        seen.text()
    );
    let seen = stage.chat(&body, "tools=1,unclosed-tool").await;
    let (frames, _) = seen.frames();
    let finished = frames
        .iter()
        .any(|frame| frame["choices"][0]["finish_reason"] == "tool_calls");
    assert!(!finished, "{}", seen.text());
    assert!(
        frames.last().unwrap()["error"].is_object(),
        "{}",
        seen.text()
    );
}
