//! Differences: what changed between two sets of rows, in words and numbers.

use catalog::{Rows, diff};
use serde_json::json;

fn rows(models: &serde_json::Value) -> Rows {
    serde_json::from_value(json!({ "providers": { "p": { "slug": "p" } }, "models": models }))
        .expect("rows")
}

#[test]
fn nothing_changed_is_no_difference() {
    let rows = catalog::builtin().unwrap();
    assert!(diff(&rows, &rows).is_empty());
}

#[test]
fn added_removed_and_changed_are_told_apart() {
    let before = rows(&json!({
        "a/gone": { "endpoints": [{ "provider": "p", "upstream_model": "g" }] },
        "a/kept": { "context_length": 1000, "endpoints": [
            { "provider": "p", "upstream_model": "k", "price": { "input": "1", "output": "2" } },
            { "provider": "p", "upstream_model": "old" },
        ] },
    }));
    let after = rows(&json!({
        "a/kept": { "context_length": 2000, "endpoints": [
            { "provider": "p", "upstream_model": "k", "price": { "input": "1.5", "cache_read": "0.1" } },
            { "provider": "p", "upstream_model": "new" },
        ] },
        "a/new": { "endpoints": [{ "provider": "p", "upstream_model": "n" }] },
    }));
    let difference = diff(&before, &after);
    assert_eq!(
        difference.to_string(),
        "+ model a/new\n\
         - model a/gone\n\
         + endpoint a/kept at p (new)\n\
         - endpoint a/kept at p (old)\n\
         ~ a/kept at p (k): context_length 1000 -> 2000\n\
         ~ a/kept at p (k): price.cache_read unknown -> 0.1\n\
         ~ a/kept at p (k): price.input 1 -> 1.5\n\
         ~ a/kept at p (k): price.output 2 -> unknown\n\
         models +1 -1, endpoints +1 -1, providers +0 -0, 3 prices and 1 limits or abilities changed\n"
    );
    assert_eq!(difference.price_changes(), 3);
}
