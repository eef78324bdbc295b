//! The grammar's table is true, and its mistakes are told clearly.

use simulator::{GRAMMAR, Script};

#[test]
fn every_word_has_an_example_that_parses_and_does_something() {
    for row in GRAMMAR {
        assert!(row.example.starts_with(row.word), "{}", row.example);
        let script = Script::parse(row.example).expect(row.example);
        assert!(!script.is_plain(), "{}", row.example);
    }
}

#[test]
fn nothing_and_white_space_are_a_plain_script() {
    for text in ["", " ", ",", " , "] {
        assert!(Script::parse(text).expect("parses").is_plain(), "{text:?}");
    }
}

#[test]
fn unusable_values_are_refused_with_what_was_expected() {
    for (text, expected) in [
        ("delay", "such as 200ms"),
        ("delay=2h", "such as 200ms"),
        ("delay=9999s", "one hour"),
        ("chunks=0", "above zero"),
        ("chunks=x", "whole number"),
        ("tokens=99999999", "up to 1000000"),
        ("status=199", "200 to 599"),
        ("burst=1", "without a value"),
        ("usage=sometimes", "factor"),
        ("usage=x1.2345", "factor"),
        ("text=%zz", "percent-encoded"),
        ("header=nocolon", "Name:Value"),
        ("writes=1+0", "joined by +"),
        ("comment=0ms", "above zero"),
        ("error-200=html", "error-200=json"),
        ("hang=later", "whole number"),
        ("sleep=1s", "one of: delay"),
    ] {
        let error = Script::parse(text).expect_err(text).to_string();
        assert!(error.contains(expected) && error.contains(text), "{error}");
    }
}

#[test]
fn the_documentation_page_names_every_word() {
    let page = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/simulator.md"
    ))
    .expect("docs/simulator.md is there");
    for row in GRAMMAR {
        let line = format!("| `{}` | {} |", row.example, row.meaning);
        assert!(page.contains(&line), "docs/simulator.md lacks: {line}");
    }
}
