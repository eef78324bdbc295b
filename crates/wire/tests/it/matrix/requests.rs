//! Every request, written for every provider, says what it said; what it does not say is named.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::{Dialect, Error, Origin, Request};
use serde_json::{Value, json};

use super::leaves::{Leaf, leaves, says};
use super::shapes;
use super::source::exchanges;
use super::{BODIES, CALLERS, beside, endpoint, inbound, outbound};
use crate::cases::tree;

pub(super) fn read(caller: Dialect, body: &Value) -> Result<(Request, chat::Features), Error> {
    let text = body.to_string();
    let door = inbound(caller);
    let incoming = door.read_request(text.as_bytes(), beside(caller, false))?;
    let request = door.parse(text.as_bytes(), &incoming)?;
    Ok((request, incoming.needs.features))
}

/// What of a request is neither in what was written of it, nor named.
fn vanished(
    request: &Request,
    body: Dialect,
    (written, dropped): (&Value, &[String]),
) -> Result<Vec<Leaf>, Error> {
    let there = match CALLERS.contains(&body) {
        true => Some(leaves(&read(body, written)?.0)),
        false => None,
    };
    let mut all = Vec::new();
    strings(written, &mut all);
    let texts = all.join("\n");
    let is_there = |leaf: &Leaf| match (&there, &leaf.said) {
        (Some(there), said) if leaf.kind == "tool_parameters" || leaf.kind == "format_schema" => {
            let said = normal(said);
            let mut others = there.iter().filter(|other| other.kind == leaf.kind);
            others.any(|other| says(&normal(&other.said), &said))
        }
        (_, Value::String(text)) if is_prose(leaf) => {
            texts.contains(text.as_str()) || is_said_as_json(text, written)
        }
        (Some(there), said) => there
            .iter()
            .any(|other| other.kind == leaf.kind && says(&other.said, said)),
        // Nobody reads this dialect back: what it is to say in its own words is the survival matrix's.
        (None, Value::Number(_) | Value::String(_)) if leaf.kind != "tool_choice" => {
            all.iter().any(|said| is_same(said, &leaf.said))
        }
        (None, _) => true,
    };
    let mut gone: Vec<Leaf> = leaves(request)
        .into_iter()
        .filter(|leaf| !is_told_otherwise(leaf, body, written))
        .filter(|leaf| !is_there(leaf) && !leaf.is_named(dropped))
        .collect();
    if let Some(there) = &there {
        let marks = |leaves: &[Leaf]| leaves.iter().filter(|leaf| leaf.kind == "cache").count();
        let mine = leaves(request);
        let mark = mine.iter().find(|leaf| leaf.kind == "cache");
        if let Some(mark) =
            mark.filter(|mark| marks(there) < marks(&mine) && !mark.is_named(dropped))
        {
            gone.push(mark.clone());
        }
    }
    Ok(gone)
}

/// What a dialect says in another way than the vocabulary does.
fn is_told_otherwise(leaf: &Leaf, body: Dialect, written: &Value) -> bool {
    let is_claude = matches!(body, Dialect::AnthropicMessages | Dialect::BedrockConverse);
    match (leaf.kind, leaf.said.as_str().unwrap_or_default()) {
        // Its default, whether it is said or not.
        ("service_tier", "auto" | "default" | "standard" | "standard_only") => true,
        // Claude has one word for whatever is better than the standard.
        ("service_tier", "priority") => body == Dialect::AnthropicMessages,
        // Ids of calls: here other letters are allowed, and fewer of them. `shapes` holds the results
        // to their calls.
        ("call" | "result_of", id) => {
            let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
            (is_claude && !id.chars().all(is_allowed)) || id.len() > 60
        }
        // The answer is what a tool of ours is called with.
        ("format" | "format_schema" | "format_strict", _)
            if is_claude && written.to_string().contains("waybill_answer") =>
        {
            true
        }
        // No parameters at all.
        ("tool_parameters", _) if normal(&leaf.said) == json!({"type": "object"}) => true,
        // What nobody reads back has other words for these: the survival matrix looks at them.
        ("format" | "format_schema", _) if !CALLERS.contains(&body) => true,
        // Documents have names of few letters there.
        ("filename", _) => body == Dialect::BedrockConverse,
        // There every schema is followed exactly.
        ("format_strict", _) => body == Dialect::Gemini,
        // And every function's where one must be called; who calls none has nothing to follow.
        ("tool_strict", _) => {
            let mode = &written["toolConfig"]["functionCallingConfig"]["mode"];
            body == Dialect::Gemini && (mode == "ANY" || mode == "NONE")
        }
        _ => false,
    }
}

/// A schema with its references followed and its nullable types in one form, without what says
/// nothing: two schemas that mean the same look the same.
pub(crate) fn normal(schema: &Value) -> Value {
    fn walk(schema: &Value, root: &Value, depth: usize) -> Value {
        let Value::Object(members) = schema else {
            // `true` is anything.
            return match schema {
                Value::Bool(true) => json!({}),
                other => other.clone(),
            };
        };
        let target = members.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|path| root.pointer(path.strip_prefix('#')?));
        if let Some(target) = target.filter(|_| depth < 12) {
            return walk(target, root, depth + 1);
        }
        let mut out = serde_json::Map::new();
        for (name, value) in members {
            let value = match (name.as_str(), value) {
                ("$defs" | "definitions" | "$schema" | "title" | "$ref", _) => continue,
                ("description" | "default" | "examples", _) => continue,
                ("additionalProperties", Value::Bool(false)) => continue,
                ("properties", Value::Object(named)) => {
                    let walked = named.iter();
                    let walked = walked.map(|(name, it)| (name.clone(), walk(it, root, depth + 1)));
                    let walked: serde_json::Map<_, _> = walked.collect();
                    if walked.is_empty() {
                        continue;
                    }
                    Value::Object(walked)
                }
                ("required", Value::Array(list)) if list.is_empty() => continue,
                ("type", Value::Array(list)) => match list.iter().find(|kind| *kind != "null") {
                    Some(kind) if list.len() == 2 && list.contains(&json!("null")) => kind.clone(),
                    _ => value.clone(),
                },
                ("enum", Value::Array(list)) => {
                    list.iter().filter(|it| !it.is_null()).cloned().collect()
                }
                ("items", value) => walk(value, root, depth + 1),
                ("anyOf" | "oneOf", Value::Array(list)) => {
                    let cases = list.iter().filter(|case| case["type"] != "null");
                    let cases: Vec<_> = cases.map(|case| walk(case, root, depth + 1)).collect();
                    if let [Value::Object(one)] = cases.as_slice() {
                        out.extend(one.clone());
                        continue;
                    }
                    out.insert("anyOf".to_owned(), Value::Array(cases));
                    continue;
                }
                ("const", value) => {
                    out.insert("enum".to_owned(), json!([value]));
                    continue;
                }
                _ => value.clone(),
            };
            out.insert(name.clone(), value);
        }
        Value::Object(out)
    }
    walk(schema, schema, 0)
}

/// Text that is said in so many words, wherever it stands.
fn is_prose(leaf: &Leaf) -> bool {
    [
        "text",
        "thought",
        "seal",
        "image",
        "audio",
        "video",
        "file",
        "call",
        "call_name",
        "result_of",
        "filename",
        "tool",
        "tool_description",
        "stop",
        "format_description",
    ]
    .contains(&leaf.kind)
}

/// Whether text is JSON that stands in a tree as such, or is carried as bytes.
fn is_said_as_json(text: &str, tree: &Value) -> bool {
    let all = tree.to_string();
    let json = serde_json::from_str::<Value>(text).ok();
    json.is_some_and(|json| all.contains(&json.to_string())) || all.contains(&STANDARD.encode(text))
}

fn is_same(said: &str, what: &Value) -> bool {
    match what {
        Value::String(what) => said == what,
        Value::Number(what) => said.parse::<f64>().ok() == what.as_f64(),
        _ => false,
    }
}

fn is_blank(request: &Request) -> bool {
    leaves(request).iter().all(|leaf| leaf.kind != "text")
}

/// Every scalar of a tree as text; JSON in a string is looked into as well.
fn strings(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                strings(&inner, all);
            }
            all.push(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|value| strings(value, all)),
        Value::Object(members) => {
            for (name, value) in members {
                all.push(name.clone());
                strings(value, all);
            }
        }
        other => all.push(other.to_string()),
    }
}

/// Whether an error says that somebody else should be asked.
fn is_of_another(error: &Error) -> bool {
    let mut begins = ["messages[", "n: "].into_iter();
    begins.any(|begin| error.message.starts_with(begin))
}

#[test]
fn every_request_says_the_same_to_every_provider_or_names_what_is_lost() {
    let (mut written, mut refused, mut unheard) = (0, 0, 0);
    let mut lost = BTreeMap::<_, usize>::new();
    let mut wrong = Vec::new();
    for exchange in exchanges() {
        let Some(body) = &exchange.request else {
            continue;
        };
        let from = exchange.dialect;
        if !CALLERS.contains(&from) {
            continue;
        }
        // What a door refuses is each dialect's own tests' business.
        let Ok((request, features)) = read(from, body) else {
            continue;
        };
        for to in BODIES.into_iter().filter(|to| *to != from) {
            let name = format!("{} for {to}", exchange.name);
            if !from.reaches(to, features) {
                refused += 1;
                continue;
            }
            let said = match outbound(to).write(&request, &endpoint(to)) {
                Ok(said) => said,
                // Nobody is asked a question of nothing but blanks.
                Err(error) if error.origin == Origin::Caller && is_blank(&request) => continue,
                // Media that this provider has no word for, or several answers, which Google does
                // not stream: the caller is told.
                Err(error) if is_of_another(&error) => {
                    unheard += 1;
                    continue;
                }
                Err(error) => {
                    wrong.push(format!("{name}: refused: {error}"));
                    continue;
                }
            };
            let tree = tree(&said.body);
            written += 1;
            let was_sound = shapes::check(from, body).is_ok();
            if let (true, Err(flaw)) = (was_sound, shapes::check(to, &tree)) {
                wrong.push(format!("{name}: ill-formed: {flaw}"));
            }
            let gone = vanished(&request, to, (&tree, &said.dropped)).unwrap_or_else(|error| {
                wrong.push(format!("{name}: unreadable: {error}"));
                Vec::new()
            });
            for leaf in gone {
                let shown: String = leaf.said.to_string().chars().take(150).collect();
                wrong.push(format!(
                    "{name}: vanished: {} {shown}; named {:?}",
                    leaf.kind, said.dropped
                ));
            }
            for name in said.dropped {
                let name: String = name
                    .chars()
                    .filter(|letter| !letter.is_ascii_digit())
                    .collect();
                *lost.entry(name).or_default() += 1;
            }
        }
    }
    println!(
        "{written} requests written; {refused} not routed; {unheard} refused for their media or their number of answers; named: {lost:#?}"
    );
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
