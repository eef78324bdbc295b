//! The `provider` object: accepted as documented, refused with a path.

use catalog::Preferences;
use catalog::preferences::Sort;
use serde_json::json;

#[test]
fn every_documented_field_is_read() {
    let read = Preferences::read(&json!({
        "order": ["openai", "azure"],
        "allow_fallbacks": false,
        "only": ["openai"],
        "ignore": ["azure"],
        "require_parameters": true,
        "data_collection": "deny",
        "zdr": true,
        "enforce_distillable_text": null,
        "quantizations": ["fp8", "unknown"],
        "sort": { "by": "latency", "partition": "none" },
        "preferred_min_throughput": 50,
        "preferred_max_latency": { "p90": 1.5 },
        "max_price": { "prompt": 0.5, "completion": "2", "request": 0, "image": "0.01", "audio": 1 },
        "options": {},
    }))
    .unwrap();
    assert_eq!(read.order, ["openai", "azure"]);
    assert!(!read.allow_fallbacks && read.require_parameters && read.zdr);
    assert!(read.denies_data_collection && read.sorts_across_models);
    assert_eq!(read.sort, Some(Sort::Latency));
    assert_eq!(read.preferred_min_throughput.p50, Some(50.0));
    assert_eq!(read.preferred_max_latency.p90, Some(1.5));
    assert_eq!(read.max_price.prompt.unwrap().to_usd_per_million(), "0.5");
    assert_eq!(read.max_price.request.unwrap().picos(), 0);
}

#[test]
fn null_and_nothing_mean_the_defaults() {
    assert_eq!(Preferences::read(&json!(null)), Ok(Preferences::default()));
    assert_eq!(Preferences::read(&json!({})), Ok(Preferences::default()));
    assert_eq!(
        Preferences::read(&json!({ "only": null })),
        Ok(Preferences::default())
    );
}

#[test]
fn a_limit_between_two_price_steps_is_the_lower_one() {
    let read = Preferences::read(&json!({ "max_price": { "prompt": "0.1234567" } })).unwrap();
    assert_eq!(
        read.max_price.prompt.unwrap().to_usd_per_million(),
        "0.123456"
    );
}

#[test]
fn what_is_wrong_is_said_with_its_path() {
    for (object, path) in [
        (json!([]), "provider"),
        (json!({ "olny": [] }), "provider.olny"),
        (json!({ "only": "openai" }), "provider.only"),
        (json!({ "order": ["a", 1] }), "provider.order[1]"),
        (json!({ "zdr": "yes" }), "provider.zdr"),
        (
            json!({ "data_collection": "maybe" }),
            "provider.data_collection",
        ),
        (
            json!({ "quantizations": ["fp7"] }),
            "provider.quantizations[0]",
        ),
        (json!({ "sort": "beauty" }), "provider.sort"),
        (json!({ "sort": { "by": 1 } }), "provider.sort.by"),
        (json!({ "sort": { "then": "price" } }), "provider.sort.then"),
        (
            json!({ "max_price": { "prompt": [] } }),
            "provider.max_price.prompt",
        ),
        (
            json!({ "max_price": { "prompt": -1 } }),
            "provider.max_price.prompt",
        ),
        (
            json!({ "max_price": { "token": 1 } }),
            "provider.max_price.token",
        ),
        (
            json!({ "preferred_max_latency": { "p42": 1 } }),
            "provider.preferred_max_latency.p42",
        ),
    ] {
        assert_eq!(
            Preferences::read(&object).unwrap_err().path,
            path,
            "{object}"
        );
    }
}
