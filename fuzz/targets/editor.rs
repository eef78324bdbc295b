//! The editor of top-level members: on valid input it must equal a full parse, edit and write; on
//! anything else it must say so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use wire::members::Members;
use wire::splice::{Edits, ObjectEdits, quoted};

fuzz_target!(|input: (u8, &str, &str)| {
    let (choice, name, text) = input;
    let parsed = serde_json::from_str::<Map<String, Value>>(text).ok();
    let Ok(members) = Members::of_text(text) else {
        return;
    };
    let Some(mut expected) = parsed else {
        // What serde_json refuses beyond the grammar: numbers without end, surrogates, depth.
        return;
    };
    let mut edited = ObjectEdits::new(&members);
    match choice % 3 {
        0 => {
            edited.remove(name);
            expected.shift_remove(name);
        }
        1 => {
            edited.set(name, quoted("new"));
            expected.insert(name.to_owned(), "new".into());
        }
        _ => {
            edited.set("model", quoted(name));
            edited.remove("stream");
            expected.insert("model".to_owned(), name.into());
            expected.shift_remove("stream");
        }
    }
    let mut edits = Edits::default();
    edited.commit(&mut edits);
    let written = edits.apply(text, "", "");
    let reread: Map<String, Value> =
        serde_json::from_slice(&written).expect("what is written is an object");
    assert_eq!(reread, expected, "the edit differs from a full parse");
});
