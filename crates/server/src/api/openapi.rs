//! `GET /api/v1/openapi.json`: our own document, one JSON file per noun under `openapi/`.
//!
//! The files are data, edited by hand. Tests hold them to the truth: every route is in the
//! document and every path of the document is a route, every reference resolves, and the answers
//! of the integration tests are checked against the schemas here.

use chat::{Error, Kind};
use http::StatusCode;
use serde_json::{Map, Value};

use crate::reply::{self, Answer};

/// What is neither a path nor the schema of a noun.
const FRAME: &str = include_str!("../../openapi/document.json");

/// One file per noun: `{"paths": {…}, "schemas": {…}}`.
const NOUNS: [&str; 19] = [
    include_str!("../../openapi/chat.json"),
    include_str!("../../openapi/calls.json"),
    include_str!("../../openapi/messages.json"),
    include_str!("../../openapi/native.json"),
    include_str!("../../openapi/responses.json"),
    include_str!("../../openapi/gemini.json"),
    include_str!("../../openapi/models.json"),
    include_str!("../../openapi/keys.json"),
    include_str!("../../openapi/budgets.json"),
    include_str!("../../openapi/byok.json"),
    include_str!("../../openapi/records.json"),
    include_str!("../../openapi/content.json"),
    include_str!("../../openapi/analytics.json"),
    include_str!("../../openapi/datasets.json"),
    include_str!("../../openapi/status.json"),
    include_str!("../../openapi/observability.json"),
    include_str!("../../openapi/providers.json"),
    include_str!("../../openapi/console.json"),
    include_str!("../../openapi/server.json"),
];

/// Answers `GET /openapi.json`. Made anew each time: a millisecond, seldom.
pub async fn get() -> Answer {
    let document = document().map_err(|error| {
        Error::gateway(Kind::Server, "the document could not be read")
            .with_detail(error.to_string())
    })?;
    reply::json(StatusCode::OK, &document)
}

/// The whole document.
///
/// # Errors
/// When one of the built-in files is no JSON, which a test rules out.
pub fn document() -> Result<Value, serde_json::Error> {
    let mut document: Value = serde_json::from_str(FRAME)?;
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    let mut paths = Map::new();
    for noun in NOUNS {
        let mut noun: Value = serde_json::from_str(noun)?;
        move_into(&mut paths, &mut noun["paths"]);
        if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
            move_into(schemas, &mut noun["schemas"]);
        }
    }
    document["paths"] = Value::Object(paths);
    Ok(document)
}

/// Every method and full path that the document describes, for example
/// `("GET", "/api/v1/models")`.
///
/// # Errors
/// As [`document`].
pub fn described_routes() -> Result<Vec<(String, String)>, serde_json::Error> {
    let document = document()?;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let servers = item.get("servers").unwrap_or(&document["servers"]);
        let methods: Vec<String> = item
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.as_str() != "servers")
            .map(|(method, _)| method.to_uppercase())
            .collect();
        for server in servers.as_array().into_iter().flatten() {
            let prefix = server["url"].as_str().unwrap_or("").trim_end_matches('/');
            let full = |method: &String| (method.clone(), format!("{prefix}{path}"));
            routes.extend(methods.iter().map(full));
        }
    }
    Ok(routes)
}

fn move_into(target: &mut Map<String, Value>, source: &mut Value) {
    if let Some(source) = source.as_object_mut() {
        target.append(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `visit` with every object in the document.
    fn walk(value: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                visit(object);
                object.values().for_each(|value| walk(value, visit));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, visit)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_reference_resolves() {
        let document = document().unwrap();
        let mut count = 0;
        walk(&document, &mut |object| {
            if let Some(target) = object.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').expect("a local reference");
                assert!(document.pointer(pointer).is_some(), "{target}");
                count += 1;
            }
        });
        assert!(count > 100, "{count} references");
    }

    #[test]
    fn no_noun_takes_a_name_that_another_has() {
        let sizes = |key: &str| -> usize {
            NOUNS
                .iter()
                .map(|noun| {
                    let noun: Value = serde_json::from_str(noun).unwrap();
                    noun[key].as_object().unwrap().len()
                })
                .sum()
        };
        let frame: Value = serde_json::from_str(FRAME).unwrap();
        let of_frame = frame["components"]["schemas"].as_object().unwrap().len();
        let document = document().unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        assert_eq!(schemas.len(), sizes("schemas") + of_frame);
        assert_eq!(document["paths"].as_object().unwrap().len(), sizes("paths"));
    }

    #[test]
    fn every_schema_is_used() {
        let document = document().unwrap();
        let mut used = Vec::new();
        walk(&document, &mut |object| {
            if let Some(target) = object.get("$ref").and_then(Value::as_str) {
                used.push(target.to_owned());
            }
        });
        for name in document["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys()
        {
            let reference = format!("#/components/schemas/{name}");
            assert!(used.contains(&reference), "{name} is not used");
        }
    }

    #[test]
    fn every_operation_is_named_once_tagged_and_answers_something() {
        let document = document().unwrap();
        let tags: Vec<&Value> = document["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| &tag["name"])
            .collect();
        let mut ids = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if method == "servers" {
                    continue;
                }
                let id = operation["operationId"].as_str().unwrap();
                assert!(!ids.contains(&id), "{id} twice");
                ids.push(id);
                assert!(tags.contains(&&operation["tags"][0]), "{method} {path}");
                assert!(!operation["responses"].as_object().unwrap().is_empty());
                for name in path.split(['{', '}']).skip(1).step_by(2) {
                    let parameters = operation["parameters"].as_array().unwrap();
                    let is_it = |p: &Value| p["name"] == name && p["in"] == "path";
                    assert!(parameters.iter().any(is_it), "{method} {path} lacks {name}");
                }
            }
        }
    }

    #[test]
    fn required_properties_are_described() {
        walk(&document().unwrap(), &mut |object| {
            if let (Some(Value::Array(required)), Some(Value::Object(properties))) =
                (object.get("required"), object.get("properties"))
            {
                for name in required {
                    let name = name.as_str().unwrap();
                    assert!(properties.contains_key(name), "{name} in {properties:?}");
                }
            }
        });
    }
}
