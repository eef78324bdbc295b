//! What some of Google's models and hosts can be told and others cannot: strict functions, names of
//! files, labels.

use chat::request::ToolChoice;
use chat::{Dialect, Parameter, Parameters};
use serde_json::{Value, json};

use super::{endpoint, parse};
use crate::provider_side::written;

/// A function whose schema is strict, or is not.
fn function(name: &str, is_strict: bool) -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"], "additionalProperties": false});
    json!({"type": "function",
        "function": {"name": name, "parameters": schema, "strict": is_strict}})
}

fn asked(more: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let fields = body.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    body
}

/// Whether strict functions are said in a mode, or named as not strict.
fn check(tools: &[&Value], choice: &str, model: &str, expected: (&str, bool)) {
    let mut body = asked(&json!({"tools": tools}));
    if !choice.is_empty() {
        body["tool_choice"] = json!(choice);
    }
    let (sent, dropped) = written(Dialect::OpenaiChat, &body, &endpoint(model));
    let mode = &sent["toolConfig"]["functionCallingConfig"]["mode"];
    let is_named = dropped.iter().any(|name| name == "tools[].strict");
    assert_eq!(
        (mode.as_str().unwrap_or_default(), is_named),
        expected,
        "{tools:?} {choice} {model}: {dropped:?}"
    );
}

#[test]
fn strict_functions_are_validated_where_all_are_strict() {
    let (strict, loose) = (function("f", true), function("g", false));
    let mut lossy = function("h", true);
    lossy["function"]["parameters"]["patternProperties"] = json!({"x": {"type": "string"}});
    check(&[&strict], "", "gemini-2.5-flash", ("VALIDATED", false));
    check(&[&strict], "auto", "gemini-3-flash", ("VALIDATED", false));
    // Where a function must be called, all are followed exactly; who calls none follows nothing.
    check(&[&strict], "required", "gemini-3-flash", ("ANY", false));
    check(
        &[&strict, &loose],
        "required",
        "gemini-3-flash",
        ("ANY", false),
    );
    check(&[&strict], "none", "gemini-3-flash", ("NONE", false));
    // There is one word for all of them.
    check(&[&strict, &loose], "auto", "gemini-3-flash", ("AUTO", true));
    check(&[&strict, &loose], "", "gemini-3-flash", ("", true));
    check(&[&loose], "", "gemini-3-flash", ("", false));
    // Older models do not know it, and what a schema lost is not followed.
    check(&[&strict], "", "gemini-2.0-flash", ("", true));
    check(&[&lossy], "", "gemini-3-flash", ("VALIDATED", true));
    // An endpoint that takes no choice takes no mode.
    let mut to = endpoint("gemini-3-flash");
    let all: Parameters = Parameter::ALL.iter().copied().collect();
    to.supported = Some(all.minus(Parameters::default().with(Parameter::ToolChoice)));
    let body = asked(&json!({"tools": [strict]}));
    let (sent, dropped) = written(Dialect::OpenaiChat, &body, &to);
    assert_eq!(sent["toolConfig"], Value::Null);
    assert_eq!(dropped, ["tools[].strict"]);
}

#[test]
fn validated_calls_are_strict_functions_elsewhere() {
    let body = |mode: &str| {
        json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT",
                "properties": {"city": {"type": "STRING"}}, "required": ["city"]}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": mode}}})
    };
    for (mode, strict) in [("VALIDATED", Some(true)), ("AUTO", None)] {
        let request = parse(&body(mode));
        assert_eq!(request.tool_choice, Some(ToolChoice::Auto), "{mode}");
        assert_eq!(request.tools[0].strict, strict, "{mode}");
    }
    let to = crate::provider_side::endpoint(Dialect::OpenaiChat, "gpt-5.1");
    let (sent, dropped) = written(Dialect::Gemini, &body("VALIDATED"), &to);
    assert_eq!(sent["tools"][0]["function"]["strict"], true);
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn files_have_names_at_vertex() {
    let part =
        |data: &str| json!({"type": "file", "file": {"filename": "a.pdf", "file_data": data}});
    let parts = [
        part("data:application/pdf;base64,AA=="),
        part("https://example.org/b.pdf"),
    ];
    let body = asked(&json!({"messages": [{"role": "user", "content": parts}]}));
    let mut to = endpoint("gemini-2.5-flash");
    let name = "messages[].content[].file.filename";
    let (sent, dropped) = written(Dialect::OpenaiChat, &body, &to);
    assert!(!sent.to_string().contains("a.pdf"), "{sent}");
    assert_eq!(dropped, [name]);
    to.dialect = Dialect::Vertex;
    let (sent, dropped) = written(Dialect::OpenaiChat, &body, &to);
    assert_eq!(
        sent["contents"][0]["parts"],
        json!([
            {"inlineData": {"mimeType": "application/pdf", "data": "AA==", "displayName": "a.pdf"}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.org/b.pdf",
                "displayName": "a.pdf"}}])
    );
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn metadata_are_labels_at_vertex_where_their_letters_are_allowed() {
    let metadata = json!({"team": "tide", "cost-centre": "42", "größe": "mäßig", "Team": "x",
        "1st": "x", "who": "Me", "long": "x".repeat(64)});
    let body = asked(&json!({"metadata": metadata, "user": "u"}));
    let mut to = endpoint("gemini-2.5-flash");
    let (sent, dropped) = written(Dialect::OpenaiChat, &body, &to);
    assert_eq!(sent["labels"], Value::Null);
    assert_eq!(dropped, ["metadata", "user"]);
    to.dialect = Dialect::Vertex;
    let (sent, dropped) = written(Dialect::OpenaiChat, &body, &to);
    let labels = json!({"team": "tide", "cost-centre": "42", "größe": "mäßig"});
    assert_eq!(sent["labels"], labels);
    let names = [
        "metadata.Team",
        "metadata.1st",
        "metadata.who",
        "metadata.long",
        "user",
    ];
    assert_eq!(dropped, names);
}
