//! Against the published facts, where they lie beside the repository.
#![expect(clippy::print_stdout, reason = "a skipped check says so")]

use std::path::PathBuf;

use catalog::{Access, Rows, diff, import};
use chat::Unit;

fn facts(file: &str) -> Option<String> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/catalog"
    ));
    let text = std::fs::read_to_string(folder.join(file)).ok();
    if text.is_none() {
        println!("skipped: ../shared/data/catalog/{file} is not here");
    }
    text
}

#[test]
fn deriving_again_gives_the_builtin_rows() {
    let (Some(models), Some(providers)) = (facts("models.json"), facts("providers.json")) else {
        return;
    };
    let builtin = catalog::builtin().unwrap();
    let derived = import::curated(&models, &providers, &builtin).unwrap();
    let difference = diff(&builtin, &derived);
    assert!(
        difference.is_empty(),
        "run scripts/derive-catalog:\n{difference}"
    );
    assert!(derived == builtin);
    let again = import::curated(&models, &providers, &derived).unwrap();
    assert_eq!(
        import::files(&again).unwrap(),
        import::files(&derived).unwrap()
    );
}

#[test]
fn prices_agree_with_the_checked_ones() {
    let Some(checked) = facts("price_check.json") else {
        return;
    };
    let rows: Rows = catalog::builtin().unwrap();
    let catalog = catalog::load(&rows, &[], &Access::ALL).unwrap();
    let checked: Vec<serde_json::Value> = serde_json::from_str(&checked).unwrap();
    assert!(checked.len() >= 40);
    for entry in &checked {
        let text = |key: &str| entry[key].as_str().unwrap();
        let provider = catalog.provider(text("provider")).unwrap();
        let model = catalog
            .model(text("canonical"))
            .unwrap_or_else(|| panic!("{}", text("canonical")));
        let mut endpoints = model
            .endpoints
            .iter()
            .filter(|e| e.provider.slug == provider.slug);
        let endpoint = endpoints
            .find(|e| e.upstream_model.as_ref() == text("model_id"))
            .unwrap_or_else(|| panic!("{} at {}", model.slug, provider.slug));
        for (unit, key) in [
            (Unit::Input, "input"),
            (Unit::Output, "output"),
            (Unit::CacheRead, "cache_read"),
        ] {
            let Some(published) = entry["models.dev"][key].as_number() else {
                continue;
            };
            // A free cache beside a priced input is how "unknown" was written down.
            if published.as_f64() == Some(0.0) {
                continue;
            }
            let expected = ledger::Price::from_usd_per_million(&published.to_string()).unwrap();
            assert_eq!(
                endpoint.prices.get(unit),
                Some(expected),
                "{} {key}",
                endpoint.id
            );
        }
    }
}
