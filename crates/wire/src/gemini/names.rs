//! Names of members: Google's parser takes camel case and snake case alike, so we do.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::members::{Member, Members};

/// A name in camel case, whichever case it came in.
pub(super) fn camel(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len());
    let mut is_next_upper = false;
    for letter in name.chars() {
        if letter == '_' {
            is_next_upper = !out.is_empty();
        } else if std::mem::take(&mut is_next_upper) {
            out.extend(letter.to_uppercase());
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// A camel-case name in snake case.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
            out.push(letter.to_ascii_lowercase());
        } else {
            out.push(letter);
        }
    }
    out
}

/// A member by its camel-case name, in either case; the last of several; none where it is null.
pub(super) fn get<'m, 'a>(members: &'m Members<'a>, name: &str) -> Option<&'m Member<'a>> {
    let found = members.list.iter().rfind(|member| {
        let said = member.name.decode();
        said == name || camel(&said) == name
    });
    found.filter(|member| member.kind != crate::scan::ValueKind::Null)
}

/// What the caller's own JSON is inside of: its names are not ours to change.
const THEIRS: &[&str] = &[
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
    "labels",
    "provider",
    "metadata",
];

/// Puts every name of a request into camel case, but those of the caller's own JSON. Where a member
/// is there in both cases, the last one counts.
pub(super) fn to_camel(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut out = Map::with_capacity(members.len());
            for (name, value) in members {
                let name = camel(&name).into_owned();
                let value = match THEIRS.contains(&name.as_str()) {
                    true => value,
                    false => to_camel(value),
                };
                out.insert(name, value);
            }
            Value::Object(out)
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(to_camel).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_turn_both_ways() {
        for (snakes, camels) in [
            ("system_instruction", "systemInstruction"),
            ("parameters_json_schema", "parametersJsonSchema"),
            ("contents", "contents"),
        ] {
            assert_eq!(camel(snakes), camels);
            assert_eq!(camel(camels), camels);
            assert_eq!(snake(camels), snakes);
        }
    }

    #[test]
    fn the_callers_own_json_keeps_its_names() {
        let request = json!({"generation_config": {"top_p": 1, "response_schema": {"a_b": 1}},
            "contents": [{"parts": [{"function_call": {"name": "x", "args": {"a_b": 2}}}]}]});
        assert_eq!(
            to_camel(request),
            json!({"generationConfig": {"topP": 1, "responseSchema": {"a_b": 1}},
                "contents": [{"parts": [{"functionCall": {"name": "x", "args": {"a_b": 2}}}]}]})
        );
    }
}
