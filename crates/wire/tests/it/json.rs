//! The scanner accepts exactly JSON, and splicing equals editing a tree.

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wire::members::Members;
use wire::scan::{DEPTH_MAX, Malformed, Scanner, ValueKind, text};
use wire::splice::{Edits, ObjectEdits, quoted};

fn is_json(bytes: &[u8]) -> bool {
    let Ok(text) = text(bytes) else { return false };
    let mut scanner = Scanner::new(text);
    scanner.skip().is_ok() && scanner.finish().is_ok()
}

/// `serde_json` reading raw text: the grammar alone, without limits on numbers or surrogates.
fn is_json_to_serde(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        "\\PC{0,12}".prop_map(Value::from),
        "[\\x00-\\x7f\"\\\\]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-f\"é]{1,3}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_valid_text_is_accepted_and_its_span_is_all_of_it(json in any_json(), pretty: bool) {
        let written = if pretty { format!("{json:#}") } else { json.to_string() };
        let mut scanner = Scanner::new(&written);
        let span = scanner.skip().expect("valid JSON");
        prop_assert_eq!(span.of(&written), written.trim());
        prop_assert!(scanner.finish().is_ok());
    }

    #[test]
    fn a_mutated_text_is_judged_as_serde_json_judges_it(
        json in any_json(),
        at: prop::sample::Index,
        mutation in 0..4_u8,
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"{}[]:,\"\\ntf0123.eE+- \n\x01u".to_vec())],
    ) {
        let mut bytes = json.to_string().into_bytes();
        let at = at.index(bytes.len());
        match mutation {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
        prop_assert_eq!(is_json(&bytes), is_json_to_serde(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_judges_them(
        bytes in prop::collection::vec(prop::sample::select(b"{}[]:,\"\\/bntrue falsenull0123.eE+-\x01u\xc3\xa9".to_vec()), 0..12)
    ) {
        prop_assert_eq!(is_json(&bytes), is_json_to_serde(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn strings_decode_as_serde_json_decodes_them(said in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
        let written = Value::from(said.clone()).to_string();
        prop_assert_eq!(Scanner::new(&written).string().expect("a string").decode(), said.as_str());
        prop_assert_eq!(serde_json::from_str::<String>(&quoted(&said)).expect("a string"), said);
    }

    #[test]
    fn splicing_an_object_equals_editing_its_tree(
        members in prop::collection::vec(("[a-d]{1}", any_json()), 0..6),
        steps in prop::collection::vec((0..4_u8, "[a-e]{1}"), 0..6),
        pretty: bool,
    ) {
        let mut expected: Map<String, Value> = members.into_iter().collect();
        let written = Value::Object(expected.clone());
        let written = if pretty { format!("{written:#}") } else { written.to_string() };
        let object = Members::of_text(&written).expect("an object");
        let mut edits = Edits::default();
        let mut edited = ObjectEdits::new(&object);
        for (step, name) in steps {
            let is_original = object.position(&name).is_some();
            match step {
                0 => {
                    edited.remove(&name);
                    if is_original { expected.shift_remove(&name); }
                }
                1 if is_original => {
                    edited.set(&name, "7");
                    expected.insert(name, Value::from(7));
                }
                // New names, so that the tree has nothing to replace.
                2 => {
                    let name = format!("{name}{}", expected.len());
                    edited.add(&name, "\"new\"");
                    expected.insert(name, Value::from("new"));
                }
                3 => {
                    let name = format!("first{}", expected.len());
                    edited.add_first(&name, "[]");
                    expected.insert(name, Value::from(Vec::<Value>::new()));
                }
                _ => {}
            }
        }
        edited.commit(&mut edits);
        let spliced = edits.apply(&written, "", "");
        let read: Value = serde_json::from_slice(&spliced).expect("still JSON");
        prop_assert_eq!(read, Value::Object(expected));
    }
}

#[test]
fn nesting_is_limited_where_serde_json_limits_trees() {
    for depth in [DEPTH_MAX, DEPTH_MAX + 1] {
        let depth = usize::from(depth);
        let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let tree = serde_json::from_str::<Value>(&arrays).is_ok();
        assert_eq!(is_json(arrays.as_bytes()), tree, "{depth}");
    }
    let mut through_walks = Scanner::new("[[[]]]");
    let walked: Result<_, Malformed> =
        through_walks.array(|scanner, _| scanner.array(|_, _| Ok(())).map(drop));
    assert!(walked.is_ok_and(|span| span.end == 6));
}

#[test]
fn an_error_says_where_and_what_was_expected() {
    for (json, message) in [
        (
            "{\"model\" \"x\"}",
            "malformed JSON at byte 9: expected ':'",
        ),
        (
            "{\"a\":1,}",
            "malformed JSON at byte 7: expected a member name in double quotes",
        ),
        ("[1 2]", "malformed JSON at byte 3: expected ',' or ']'"),
        (
            "\"a\nb\"",
            "malformed JSON at byte 2: expected no unescaped control character in a string",
        ),
        (
            "\"\\u12x4\"",
            "malformed JSON at byte 5: expected four hex digits",
        ),
        (
            "nul",
            "malformed JSON at byte 0: expected true, false or null",
        ),
        ("-", "malformed JSON at byte 1: expected a digit"),
    ] {
        let error = Scanner::new(json).skip().expect_err(json);
        assert_eq!(error.to_string(), message);
    }
    assert_eq!(text(b"\"\xff\"").expect_err("not UTF-8").at, 1);
}

#[test]
fn escaped_names_are_found_and_the_last_of_several_counts() {
    let object =
        Members::of_text(r#"{"model":"a","mo\u0064el":"b","n":1E400}"#).expect("an object");
    assert_eq!(object.string("model").expect("a string").decode(), "b");
    assert_eq!(object.number("n"), Some("1E400"));
    assert_eq!(object.get("n").expect("a member").kind, ValueKind::Number);
    let lone = Scanner::new(r#""\ud83d!""#)
        .string()
        .expect("a string")
        .decode()
        .into_owned();
    assert_eq!(lone, "\u{fffd}!");
}
