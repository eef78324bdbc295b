//! Tools that are called with free text, asked of hosts of Chat Completions: one that knows them, and
//! one that refuses them, as nearly all do. The simulated provider judges by the name of the model.

use http::Method;
use serde_json::{Value, json};
use simulator::Simulator;

use crate::stage::{Seen, Stage};

/// Slug, model, the provider's name of it, habits.
const HOSTS: [(&str, &str, &str, &str); 4] = [
    ("knowing", "a/knowing", "gpt-5.4", "free-text-tools-gpt-5"),
    ("plain", "a/plain", "deepseek-chat", "no-seed"),
    ("both-knowing", "a/both", "gpt-5.4", "free-text-tools"),
    ("both-plain", "a/both", "deepseek-chat", "no-seed"),
];

fn hosts(simulator: &Simulator) -> String {
    let personas = simulator.personas();
    let persona = personas.iter().find(|it| it.dialect == "openai-chat");
    let base_url = &persona.expect("a persona").base_url;
    let row = |(slug, model, upstream, habit): (&str, &str, &str, &str)| {
        // The one that does not know is cheaper, so that it would be asked first.
        let input = if slug.ends_with("plain") {
            "1.00"
        } else {
            "2.00"
        };
        format!(
            "[providers.{slug}]\nname = {slug:?}\nkind = \"simulated\"\nbase_url = {base_url:?}\n\
             dialects = [\"openai-chat\"]\nauth = \"none\"\nquirks = [{habit:?}]\n\
             [[providers.{slug}.endpoints]]\nmodel = {model:?}\nupstream_model = {upstream:?}\n\
             context_length = 100000\nprice = {{ input = {input:?}, output = \"2.00\" }}\n"
        )
    };
    HOSTS.map(row).concat()
}

/// The text that a tool is called with, and the script that makes the simulator call it so.
const TEXT: &str = "a \"b\" c";
const CALLS: &str = "tools=1,arguments=%7B%22input%22:%22a%20%5C%22b%5C%22%20c%22%7D";
const GRAMMAR: &str = "start: /.+/";

async fn ask(stage: &Stage, path: &str, body: &Value, script: &str) -> Seen {
    let headers = [("x-simulate", script)];
    let body = body.to_string().into();
    let seen = stage.send((Method::POST, path), &stage.key, body, &headers);
    let seen = seen.await;
    assert_eq!(seen.status, 200, "{path}: {}", seen.text());
    seen
}

/// What the provider was asked last.
fn told(stage: &Stage) -> (String, Value) {
    let entry = stage.simulator.ledger().last().expect("a call");
    let body = serde_json::from_slice(&entry.body).expect("JSON");
    (entry.model, body)
}

/// What the caller says, and how a call and its result go back.
#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Chat,
    Responses,
}

impl Caller {
    const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/api/v1/chat/completions",
            Self::Responses => "/api/v1/responses",
        }
    }

    fn asks(self, model: &str) -> Value {
        match self {
            Self::Chat => {
                let grammar = json!({"syntax": "lark", "definition": GRAMMAR});
                let format = json!({"type": "grammar", "grammar": grammar});
                json!({
                    "model": model,
                    "messages": [{"role": "user", "content": "Patch it."}],
                    "tools": [{"type": "custom", "custom": {"name": "patch", "format": format}}],
                })
            }
            Self::Responses => {
                let format = json!({"type": "grammar", "syntax": "lark", "definition": GRAMMAR});
                json!({
                    "model": model,
                    "input": [{"role": "user", "content": "Patch it."}],
                    "tools": [{"type": "custom", "name": "patch", "format": format}],
                })
            }
        }
    }

    /// The call in a whole answer.
    fn call_in(self, answer: &Value) -> Value {
        match self {
            Self::Chat => answer["choices"][0]["message"]["tool_calls"][0].clone(),
            Self::Responses => answer["output"][0].clone(),
        }
    }

    /// The text in a call.
    fn text_of(self, call: &Value) -> &str {
        let text = match self {
            Self::Chat => &call["custom"]["input"],
            Self::Responses => &call["input"],
        };
        text.as_str().unwrap_or_default()
    }

    /// The text as it came in a stream, and in how many pieces.
    fn streamed(self, seen: &Seen) -> (String, usize) {
        let text = seen.text();
        let frames = text.lines().filter_map(|line| line.strip_prefix("data: {"));
        let frames = frames.map(|frame| format!("{{{frame}"));
        let pieces: Vec<String> = frames
            .map(|frame| serde_json::from_str::<Value>(&frame).expect("JSON"))
            .filter_map(|frame| {
                let piece = match self {
                    Self::Chat => {
                        frame["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"].clone()
                    }
                    Self::Responses if frame["type"] == "response.custom_tool_call_input.delta" => {
                        frame["delta"].clone()
                    }
                    Self::Responses => Value::Null,
                };
                piece.as_str().map(str::to_owned)
            })
            .filter(|piece| !piece.is_empty())
            .collect();
        (pieces.concat(), pieces.len())
    }

    /// The conversation with a call and its result.
    fn goes_on(self, asked: &Value, call: &Value) -> Value {
        let mut body = asked.clone();
        let more = match self {
            Self::Chat => vec![
                json!({"role": "assistant", "content": null, "tool_calls": [call]}),
                json!({"role": "tool", "tool_call_id": call["id"], "content": "patched"}),
            ],
            Self::Responses => vec![
                call.clone(),
                json!({"type": "custom_tool_call_output", "call_id": call["call_id"],
                    "output": "patched"}),
            ],
        };
        let list = if self == Self::Chat {
            "messages"
        } else {
            "input"
        };
        body[list].as_array_mut().expect("a list").extend(more);
        body
    }
}

#[tokio::test]
async fn free_text_makes_its_round_through_both_kinds_of_hosts() {
    let stage = Stage::open_facing(hosts, &[]).await;
    for caller in [Caller::Chat, Caller::Responses] {
        for (model, kind) in [("a/knowing", "custom"), ("a/plain", "function")] {
            let path = caller.path();
            let mut asked = caller.asks(model);
            let seen = ask(&stage, path, &asked, CALLS).await;
            let dropped = if kind == "custom" {
                ""
            } else {
                "tools[0].format"
            };
            assert_eq!(seen.header("x-waybill-dropped"), dropped, "{model}");
            let (_, body) = told(&stage);
            assert_eq!(body["tools"][0]["type"], kind, "{model}: {body:#}");
            assert!(body["tools"].to_string().contains(GRAMMAR), "{body:#}");
            let call = caller.call_in(&seen.json());
            assert_eq!(caller.text_of(&call), TEXT, "{model}: {call:#}");

            asked["stream"] = json!(true);
            let streamed = ask(&stage, path, &asked, CALLS).await;
            let (text, pieces) = caller.streamed(&streamed);
            assert_eq!((text.as_str(), pieces > 1), (TEXT, true), "{model}");

            let on = caller.goes_on(&caller.asks(model), &call);
            ask(&stage, path, &on, "text=Done.").await;
            let (_, body) = told(&stage);
            let before = &body["messages"][1]["tool_calls"][0];
            assert_eq!(before["type"], kind, "{body:#}");
        }
    }
}

#[tokio::test]
async fn bytes_travel_to_a_host_that_knows_all_of_its_dialect() {
    let stage = Stage::open_facing(hosts, &[]).await;
    let mut asked = Caller::Chat.asks("a/knowing");
    asked["of_tomorrow"] = json!({"kept": [1.50]});
    ask(&stage, Caller::Chat.path(), &asked, CALLS).await;
    let (_, body) = told(&stage);
    asked["model"] = json!("gpt-5.4");
    assert_eq!(body, asked);
}

#[tokio::test]
async fn the_host_that_knows_is_asked_before_the_cheaper_one() {
    let stage = Stage::open_facing(hosts, &[]).await;
    for caller in [Caller::Chat, Caller::Responses] {
        let asked = caller.asks("a/both");
        ask(&stage, caller.path(), &asked, CALLS).await;
        assert_eq!(told(&stage).0, "gpt-5.4");
        // Who wants all of it is not sent to the other one, even where that is named.
        let mut only = caller.asks("a/plain");
        only["provider"] = json!({"require_parameters": true});
        let body = only.to_string().into();
        let seen = stage.send((Method::POST, caller.path()), &stage.key, body, &[]);
        assert_eq!(seen.await.status, 404);
    }
    // Without such tools nothing is preferred.
    let mut asked = Caller::Chat.asks("a/both");
    asked.as_object_mut().expect("fields").remove("tools");
    asked["provider"] = json!({"sort": "price"});
    ask(&stage, Caller::Chat.path(), &asked, "").await;
    assert_eq!(told(&stage).0, "deepseek-chat");
}
