//! Whether the tool calls of an answer fit the tools of its request.
//!
//! Section 9.9 of the digest: arguments that are no JSON, a name that was not offered, arguments that
//! do not fit the schema. Of JSON Schema the parts are checked that tools are written with (types,
//! required and forbidden properties, enums, items); what is not understood counts as fitting.

use std::collections::HashMap;

use serde_json::Value;

use crate::incoming::Incoming;

/// The deepest that a schema is followed.
const DEPTH_MAX: usize = 32;

/// Whether every tool call (name and JSON arguments) fits the request's tools. Tools whose form is
/// not known, as those that providers run themselves, fit always.
#[must_use]
pub fn tool_calls_fit(body: &[u8], request: &Incoming, calls: &[(String, String)]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else {
        return true;
    };
    let members = request.members(text);
    let tools = members.present("tools").map(|member| member.value.of(text));
    let tools: Vec<Value> = tools
        .and_then(|tools| serde_json::from_str(tools).ok())
        .unwrap_or_default();
    let mut offered: HashMap<&str, Option<&Value>> = HashMap::new();
    let mut is_closed = !tools.is_empty();
    for tool in &tools {
        // Chat nests the function, Responses and Messages do not; Gemini lists declarations. A tool
        // that takes free text has no schema.
        let function = tool.get("function").or_else(|| tool.get("custom"));
        let function = function.unwrap_or(tool);
        let schema = ["parameters", "input_schema"];
        let schema = schema.into_iter().find_map(|name| function.get(name));
        match function.get("name").and_then(Value::as_str) {
            // A namespace: the names of its tools are not told in one way.
            Some(_) if tool.get("tools").is_some() => is_closed = false,
            Some(name) => {
                offered.insert(name, schema);
            }
            None => is_closed = false,
        }
    }
    calls.iter().all(|(name, arguments)| {
        let arguments = match arguments.trim() {
            "" => "{}",
            arguments => arguments,
        };
        let Ok(arguments) = serde_json::from_str::<Value>(arguments) else {
            return false;
        };
        match offered.get(name.as_str()) {
            Some(schema) => schema.is_none_or(|schema| fits(&arguments, schema, DEPTH_MAX)),
            None => !is_closed,
        }
    })
}

fn fits(value: &Value, schema: &Value, depth: usize) -> bool {
    let Some(schema) = schema.as_object().filter(|_| depth > 0) else {
        return true;
    };
    if let Some(kind) = schema.get("type") {
        let words = kind
            .as_array()
            .map_or_else(|| vec![kind], |list| list.iter().collect());
        let is_any = words
            .iter()
            .filter_map(|word| word.as_str())
            .any(|word| is_of(value, word));
        if !is_any {
            return false;
        }
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        return false;
    }
    match value {
        Value::Object(object) => {
            let required = schema.get("required").and_then(Value::as_array);
            let mut required = required.into_iter().flatten().filter_map(Value::as_str);
            let properties = schema.get("properties").and_then(Value::as_object);
            let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
            required.all(|name| object.contains_key(name))
                && object.iter().all(|(name, value)| {
                    let schema = properties.and_then(|properties| properties.get(name));
                    schema.map_or(!is_closed, |schema| fits(value, schema, depth - 1))
                })
        }
        Value::Array(items) => schema
            .get("items")
            .is_none_or(|schema| items.iter().all(|item| fits(item, schema, depth - 1))),
        _ => true,
    }
}

fn is_of(value: &Value, word: &str) -> bool {
    match word {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai_chat;

    #[test]
    fn calls_are_held_to_the_tools_that_were_offered() {
        let body = br#"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[
            {"type":"function","function":{"name":"find","parameters":{"type":"object",
             "properties":{"city":{"type":"string"},"days":{"type":"integer"},"unit":{"enum":["c","f"]},
                           "tags":{"type":"array","items":{"type":"string"}}},
             "required":["city"],"additionalProperties":false}}},
            {"type":"function","function":{"name":"free"}}]}"#;
        let request = openai_chat::read_request(body).expect("the test's own text");
        for (name, arguments, fits) in [
            ("find", r#"{"city":"Ulm"}"#, true),
            (
                "find",
                r#"{"city":"Ulm","days":3.0,"unit":"c","tags":["a"]}"#,
                true,
            ),
            ("free", "", true),
            ("free", r#"{"anything":[1]}"#, true),
            // no JSON, another name, and what does not fit the schema
            ("find", r#"{"city":"Ul"#, false),
            ("lose", "{}", false),
            ("find", "{}", false),
            ("find", r#"{"city":7}"#, false),
            ("find", r#"{"city":"Ulm","days":1.5}"#, false),
            ("find", r#"{"city":"Ulm","unit":"k"}"#, false),
            ("find", r#"{"city":"Ulm","tags":[1]}"#, false),
            ("find", r#"{"city":"Ulm","more":1}"#, false),
            ("find", "[]", false),
        ] {
            let calls = [(name.to_owned(), arguments.to_owned())];
            assert_eq!(
                tool_calls_fit(body, &request, &calls),
                fits,
                "{name} {arguments}"
            );
        }
    }
}
