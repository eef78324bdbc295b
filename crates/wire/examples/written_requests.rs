//! What we write to providers, for others to judge: `cargo run -p wire --example written_requests`.
//!
//! Every feature of the survival matrix and every schema of a real tool, from every caller's dialect
//! to every provider's, one JSON object a line: the dialect, the provider whose habits it has, where
//! it comes from, and the body. `tests/validators/run` holds them against the types of the providers'
//! own SDKs.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::fs;
use std::path::PathBuf;

use chat::Dialect;
use serde_json::{Map, Value, json};
use wire::{Beside, Outgoing, Quirk, door, lane};

const CALLERS: [Dialect; 5] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
    Dialect::Gemini,
    Dialect::OpenaiCompletions,
];

fn main() {
    let features = fixture("features.json");
    let tools = fixture("tools.json");
    let providers = fixture("providers.json");
    for row in providers.as_array().into_iter().flatten() {
        let text = |name: &str| row[name].as_str().expect("a text");
        let (provider, model) = (text("provider"), text("model"));
        let to: Dialect = text("dialect").parse().expect("a dialect");
        let quirks = quirks(provider);
        let endpoint = Outgoing {
            dialect: to,
            native_model: model,
            quirks: &quirks,
            supported: None,
            output_limit: None,
            output_most: Some(64_000),
        };
        for caller in CALLERS.into_iter().filter(|caller| *caller != to) {
            let mut asked: Vec<(String, Value)> = vec![("plain".to_owned(), json!({}))];
            for row in features.as_array().into_iter().flatten() {
                let name = row["feature"].as_str().unwrap_or_default();
                asked.push((name.to_owned(), row["from"][caller.name()].clone()));
            }
            for tool in tools.as_array().into_iter().flatten() {
                asked.push((format!("tool {}", tool["name"]), with_tool(caller, tool)));
            }
            for (what, members) in asked {
                let Value::Object(members) = members else {
                    continue;
                };
                let place = format!("{what} from {caller}");
                tell((provider, &place), (caller, &members), &endpoint);
            }
        }
    }
}

fn fixture(name: &str) -> Value {
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/matrix");
    let text = fs::read_to_string(place.join(name)).expect("a fixture");
    serde_json::from_str(&text).expect("JSON")
}

/// The habits of a provider, as its row names them for its first dialect.
fn quirks(provider: &str) -> Vec<&'static Quirk> {
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../catalog/data/providers.toml");
    let rows = fs::read_to_string(place).expect("the rows of providers");
    let head = format!("slug = \"{provider}\"\n");
    let row = rows.split(&head).nth(1).expect("the provider's row");
    let row = row.split("[[provider").next().unwrap_or(row);
    let own = row.split("[provider.").next().unwrap_or(row);
    let list = own.lines().find_map(|line| line.strip_prefix("quirks = "));
    let names: Vec<String> =
        list.map_or_else(Vec::new, |list| serde_json::from_str(list).expect("names"));
    names
        .iter()
        .map(|name| Quirk::from_name(name).expect("a habit"))
        .collect()
}

/// A tool in a caller's own form.
fn with_tool(caller: Dialect, tool: &Value) -> Value {
    let (name, schema) = (&tool["name"], &tool["parameters"]);
    let function =
        json!({"name": name, "description": "Does it", "parameters": schema, "strict": true});
    match caller {
        Dialect::OpenaiChat => json!({"tools": [{"type": "function", "function": function}]}),
        Dialect::OpenaiResponses => {
            json!({"tools": [{"type": "function", "name": name, "parameters": schema, "strict": true}]})
        }
        Dialect::AnthropicMessages => {
            json!({"tools": [{"name": name, "input_schema": schema, "strict": true}]})
        }
        Dialect::Gemini => json!({"tools": [{"functionDeclarations": [
            {"name": name, "parametersJsonSchema": schema}]}]}),
        _ => Value::Null,
    }
}

/// Tells what one provider is sent, whole and as a stream, if it can be asked at all.
fn tell(
    (provider, place): (&str, &str),
    (caller, members): (Dialect, &Map<String, Value>),
    endpoint: &Outgoing<'_>,
) {
    for stream in [false, true] {
        let mut body = match caller {
            Dialect::Gemini => {
                json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]})
            }
            Dialect::OpenaiResponses => json!({"model": "a/m", "input": "Hello", "stream": stream}),
            Dialect::OpenaiCompletions => {
                json!({"model": "a/m", "prompt": "Hello", "stream": stream})
            }
            _ => json!({"model": "a/m", "max_tokens": 900, "stream": stream,
                "messages": [{"role": "user", "content": "Hello"}]}),
        };
        if let Some(top) = body.as_object_mut() {
            top.extend(members.clone());
        }
        let beside = Beside {
            model: (caller == Dialect::Gemini).then(|| "a/m".to_owned()),
            stream: stream && caller == Dialect::Gemini,
            ..Beside::default()
        };
        let text = body.to_string();
        let read = door(caller).map(|door| door.read_request(text.as_bytes(), beside));
        let Some(Ok(request)) = read else { continue };
        if !caller.reaches(endpoint.dialect, request.needs.features) {
            continue;
        }
        let way = lane(caller, endpoint.dialect, endpoint.dialect).expect("a lane");
        let Ok(written) = way.write((text.as_bytes(), &request), endpoint) else {
            continue;
        };
        let body: Value = serde_json::from_slice(&written.body).expect("JSON");
        let told = json!({"dialect": endpoint.dialect.name(), "provider": provider,
            "place": place, "stream": stream, "body": body});
        println!("{told}");
    }
}
