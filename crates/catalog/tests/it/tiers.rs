//! Service tiers and suffixes: the table of section 16 of the digest, and sections 10 and 9.2.

use std::collections::BTreeMap;

use catalog::health::Percentiles;
use catalog::{Catalog, Filter, Question, ServiceTier, Vital};
use serde_json::json;

use crate::fleet::{DIALECTS, MODEL, ask, fleet, needs, preferences, tags};

/// Two providers, one of them with three tiers, and how fast each is.
fn tiered() -> (Catalog, BTreeMap<String, Vital>) {
    let catalog = fleet(&[
        ("a", "4", json!({})),
        (
            "a",
            "9",
            json!({"tier": "priority", "tag": "priority", "upstream_model": "p"}),
        ),
        (
            "a",
            "2",
            json!({"tier": "flex", "tag": "flex", "upstream_model": "f"}),
        ),
        ("b", "5", json!({})),
    ]);
    let speed = |p50| Vital {
        speed: Some(Percentiles {
            p50,
            p75: p50,
            p90: p50,
            p99: p50,
        }),
        ..Vital::default()
    };
    let vitals: BTreeMap<String, Vital> = [
        ("acme/one@a".to_owned(), speed(300)),
        ("acme/one@a/priority".to_owned(), speed(500)),
        ("acme/one@a/flex".to_owned(), speed(50)),
        ("acme/one@b".to_owned(), speed(700)),
    ]
    .into();
    (catalog, vitals)
}

#[test]
fn section_16_selectors_open_and_order_the_tiers() {
    let (catalog, vitals) = tiered();
    let needs = needs();
    // model | service_tier | provider object | order
    for (model, tier, object, expected) in [
        (MODEL, None, json!({"sort": "price"}), "a b"),
        (MODEL, Some("priority"), json!({}), "a/priority b a"),
        (MODEL, Some("fast"), json!({}), "a/priority b a"),
        (MODEL, Some("flex"), json!({}), "a/flex"),
        (MODEL, None, json!({"only": ["a/priority"]}), "a/priority"),
        (MODEL, None, json!({"only": ["a"]}), "a"),
        (MODEL, None, json!({"order": ["a/flex"]}), "a/flex a b"),
        (
            MODEL,
            None,
            json!({"order": ["a/flex"], "allow_fallbacks": false}),
            "a/flex",
        ),
        ("acme/one:nitro", None, json!({}), "b a/priority a"),
        ("acme/one:floor", None, json!({}), "a/flex a b"),
        (MODEL, None, json!({"sort": "throughput"}), "b a"),
        // `order` and an explicit default tier shut the tiers that a suffix opens.
        ("acme/one:floor", None, json!({"order": ["b"]}), "b a"),
        ("acme/one:floor", Some("default"), json!({}), "a b"),
        ("acme/one:nitro", Some("default"), json!({}), "b a"),
        // Without fallbacks only the first of the tier.
        (
            MODEL,
            Some("priority"),
            json!({"allow_fallbacks": false}),
            "a/priority",
        ),
        (
            "acme/one:floor:nitro",
            None,
            json!({}),
            "b a/priority a a/flex",
        ),
    ] {
        let own = preferences(&object);
        let question = Question {
            service_tier: tier.and_then(ServiceTier::read),
            ..Question::new(model, &needs, &own, DIALECTS)
        };
        let plan = ask(&catalog, &question, &vitals, 7).unwrap();
        assert_eq!(tags(&plan), expected, "{model} {tier:?} {object}");
    }
}

#[test]
fn section_16_flex_is_served_at_the_usual_rate_where_there_is_none() {
    let catalog = fleet(&[("a", "1", json!({})), ("b", "2", json!({}))]);
    let (needs, none) = (needs(), preferences(&json!({})));
    let question = Question {
        service_tier: Some(ServiceTier::Flex),
        ..Question::new(MODEL, &needs, &none, DIALECTS)
    };
    let plan = ask(&catalog, &question, &BTreeMap::new(), 0).unwrap();
    assert_eq!(tags(&plan), "a b");
}

#[test]
fn an_account_is_a_ceiling_and_its_order_and_sort_are_defaults() {
    let catalog = fleet(&[
        ("a", "1", json!({"region": "us"})),
        ("b", "2", json!({"region": "eu", "distillable": true})),
        ("c", "3", json!({"region": "eu"})),
    ]);
    let needs = needs();
    // account | request | order
    for (account, own, expected) in [
        // Section 31, contradiction 3: lists of both are intersected.
        (
            json!({"only": ["a", "b"]}),
            json!({"only": ["b", "c"]}),
            "b",
        ),
        (json!({"ignore": ["a"]}), json!({"ignore": ["c"]}), "b"),
        (
            json!({"sort": "price", "regions": ["EU"]}),
            json!({}),
            "b c",
        ),
        (json!({"order": ["c"]}), json!({}), "c a b"),
        (json!({"order": ["c"]}), json!({"sort": "price"}), "a b c"),
        (json!({"sort": "price"}), json!({"order": ["b"]}), "b a c"),
        (
            json!({"allow_fallbacks": false, "sort": "price"}),
            json!({"allow_fallbacks": true}),
            "a",
        ),
        (json!({}), json!({"enforce_distillable_text": true}), "b"),
    ] {
        let (account, own) = (preferences(&account), preferences(&own));
        let question = Question {
            account: Some(&account),
            ..Question::new(MODEL, &needs, &own, DIALECTS)
        };
        let plan = ask(&catalog, &question, &BTreeMap::new(), 0).unwrap();
        assert_eq!(tags(&plan), expected, "{account:?} {own:?}");
    }
    let (account, own) = (
        preferences(&json!({"regions": ["mars"]})),
        preferences(&json!({})),
    );
    let question = Question {
        account: Some(&account),
        ..Question::new(MODEL, &needs, &own, DIALECTS)
    };
    let error = ask(&catalog, &question, &BTreeMap::new(), 0).unwrap_err();
    assert_eq!(error.excluded_by(), ["data_region"]);
    assert_eq!(Filter::Region.name(), "data_region");
}
