//! Orderings, section by section of the digest: chance, sorts, cut-offs, tools, canaries.

use std::collections::BTreeMap;

use catalog::health::{Percentiles, Tools};
use catalog::{Mode, Question, Reason, Standing, Vital};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fleet::{
    DIALECTS, MODEL, ask, chi_squared, firsts, fleet, fleet_of, known, needs, preferences, tags,
    with_tools,
};

/// Exceeded once in a thousand, by degrees of freedom.
const CHI_SQUARED: [f64; 4] = [0.0, 10.83, 13.82, 16.27];

fn flat(value: u32) -> Option<Percentiles> {
    Some(Percentiles {
        p50: value,
        p75: value,
        p90: value,
        p99: value,
    })
}

fn standing(standing: Standing) -> Vital {
    Vital {
        standing,
        ..Vital::default()
    }
}

fn speed(tenths: u32) -> Vital {
    Vital {
        speed: flat(tenths),
        ..Vital::default()
    }
}

fn latency(first_token_ms: u32) -> Vital {
    Vital {
        first_token_ms: flat(first_token_ms),
        ..Vital::default()
    }
}

#[test]
fn section_9_7_the_first_is_drawn_with_weight_one_over_price_squared_and_outages_come_last() {
    let catalog = fleet(&[
        ("a", "1", json!({})),
        ("b", "2", json!({})),
        ("c", "3", json!({})),
    ]);
    let vitals = known(&[("b", standing(Standing::Out))]);
    let (needs, none) = (needs(), preferences(&json!({})));
    let question = Question::new(MODEL, &needs, &none, DIALECTS);
    let counts = firsts(&catalog, &question, &vitals, 100_000);
    let chi = chi_squared(&counts, &[("a", 0.9), ("c", 0.1)]);
    assert!(chi < CHI_SQUARED[1], "{chi} {counts:?}");
    for seed in 0..100 {
        let plan = ask(&catalog, &question, &vitals, seed).unwrap();
        assert!(
            ["a c b", "c a b"].contains(&tags(&plan).as_str()),
            "{}",
            tags(&plan)
        );
        assert!(plan.attempts[0].rank.reasons.contains(Reason::Chance));
        assert_eq!(plan.mode, Mode::Balanced);
    }
}

#[test]
fn weights_converge_over_100_000_seeds() {
    let (needs, none) = (needs(), preferences(&json!({})));
    let question = Question::new(MODEL, &needs, &none, DIALECTS);
    // price and the operator's weight → shares
    for (endpoints, shares) in [
        (
            vec![
                ("a", "1", json!({})),
                ("b", "2", json!({})),
                ("c", "4", json!({})),
            ],
            vec![("a", 16.0 / 21.0), ("b", 4.0 / 21.0), ("c", 1.0 / 21.0)],
        ),
        (
            vec![("a", "1", json!({"weight": 25})), ("b", "1", json!({}))],
            vec![("a", 0.2), ("b", 0.8)],
        ),
        // A price of nothing is not divided by: the free ones share everything.
        (
            vec![
                ("a", "0", json!({})),
                ("b", "0", json!({"weight": 300})),
                ("c", "1", json!({})),
            ],
            vec![("a", 0.25), ("b", 0.75)],
        ),
        // Whoever has no price comes after those that have one.
        (
            vec![
                ("a", "", json!({})),
                ("b", "5", json!({})),
                ("c", "5", json!({})),
            ],
            vec![("b", 0.5), ("c", 0.5)],
        ),
        (
            vec![("a", "", json!({})), ("b", "", json!({}))],
            vec![("a", 0.5), ("b", 0.5)],
        ),
        // A canary gets its share exactly, whatever its price, and no more.
        (
            vec![("a", "1", json!({})), ("b", "100", json!({"canary": 5}))],
            vec![("a", 0.95), ("b", 0.05)],
        ),
        (
            vec![
                ("a", "1", json!({"canary": 10})),
                ("b", "1", json!({})),
                ("c", "1", json!({"canary": 20})),
            ],
            vec![("a", 0.1), ("b", 0.7), ("c", 0.2)],
        ),
    ] {
        let catalog = fleet(&endpoints);
        let counts = firsts(&catalog, &question, &BTreeMap::new(), 100_000);
        assert_eq!(counts.len(), shares.len(), "{counts:?}");
        let chi = chi_squared(&counts, &shares);
        assert!(chi < CHI_SQUARED[shares.len() - 1], "{chi} {counts:?}");
    }
}

#[test]
fn section_9_10_degraded_ones_are_drawn_less_and_ones_that_are_down_only_stand_in() {
    let catalog = fleet(&[
        ("a", "1", json!({})),
        ("b", "1", json!({})),
        ("c", "1", json!({})),
    ]);
    let vitals = known(&[
        ("a", standing(Standing::Degraded)),
        ("c", standing(Standing::Down)),
    ]);
    let (needs, none) = (needs(), preferences(&json!({})));
    let question = Question::new(MODEL, &needs, &none, DIALECTS);
    let counts = firsts(&catalog, &question, &vitals, 100_000);
    let chi = chi_squared(&counts, &[("a", 1.0 / 11.0), ("b", 10.0 / 11.0)]);
    assert!(chi < CHI_SQUARED[1], "{chi} {counts:?}");
}

/// Plans the fleet for each row of a table, with and without vitals, and compares the order.
fn check(catalog: &catalog::Catalog, vitals: &BTreeMap<String, Vital>, rows: &[(Value, &str)]) {
    for (object, expected) in rows {
        let (needs, own) = (needs(), preferences(object));
        let question = Question::new(MODEL, &needs, &own, DIALECTS);
        for seed in 0..20 {
            let plan = ask(catalog, &question, vitals, seed).expect("somebody is left");
            assert_eq!(&tags(&plan), expected, "{object}");
        }
    }
}

#[test]
fn section_9_6_sorts_are_exact_and_only_what_is_surely_in_vain_comes_last() {
    let catalog = fleet(&[
        ("a", "1", json!({})),
        ("b", "2", json!({})),
        ("c", "3", json!({})),
        ("d", "4", json!({})),
    ]);
    let vitals = known(&[
        (
            "a",
            Vital {
                standing: Standing::Out,
                ..speed(900)
            },
        ),
        (
            "b",
            Vital {
                standing: Standing::Down,
                first_token_ms: flat(900),
                ..speed(100)
            },
        ),
        (
            "c",
            Vital {
                first_token_ms: flat(200),
                ..speed(400)
            },
        ),
        // Nobody has measured d: it counts as the middle of the others.
    ]);
    check(
        &catalog,
        &vitals,
        &[
            (json!({"sort": "price"}), "b c d a"),
            (json!({"sort": "throughput"}), "c d b a"),
            (json!({"sort": "latency"}), "c b d a"),
            (
                json!({"sort": {"by": "price", "partition": "model"}}),
                "b c d a",
            ),
            // An order is the caller's own: health does not touch it.
            (json!({"order": ["a", "d"]}), "a d c b"),
            (json!({"order": ["a"], "sort": "latency"}), "a c d b"),
        ],
    );
}

#[test]
fn section_9_8_cut_offs_move_to_the_end_and_never_remove() {
    let catalog = fleet(&[
        ("a", "1", json!({})),
        ("b", "2", json!({})),
        ("c", "3", json!({})),
    ]);
    let percentiles = |p50, p75, p90, p99| Some(Percentiles { p50, p75, p90, p99 });
    let vitals = known(&[
        (
            "a",
            Vital {
                first_token_ms: percentiles(500, 900, 2_000, 9_000),
                ..speed(300)
            },
        ),
        (
            "b",
            Vital {
                first_token_ms: percentiles(700, 800, 900, 1_000),
                speed: percentiles(452, 385, 283, 151),
                ..Vital::default()
            },
        ),
    ]);
    check(
        &catalog,
        &vitals,
        &[
            (json!({"sort": "price"}), "a b c"),
            // A bare number is the median; c was never measured and gets the benefit of the doubt.
            (
                json!({"sort": "price", "preferred_max_latency": 0.6}),
                "a c b",
            ),
            (
                json!({"sort": "price", "preferred_max_latency": {"p90": 1}}),
                "b c a",
            ),
            (
                json!({"sort": "price", "preferred_max_latency": {"p50": 0.6, "p90": 1}}),
                "c a b",
            ),
            (
                json!({"sort": "price", "preferred_min_throughput": 40}),
                "b c a",
            ),
            // Throughput at p90 is what nine of ten calls exceed.
            (
                json!({"sort": "price", "preferred_min_throughput": {"p90": 29}}),
                "a c b",
            ),
            (
                json!({"sort": "price", "preferred_min_throughput": {"p90": 1000}}),
                "c a b",
            ),
        ],
    );
}

#[test]
fn section_9_8_a_fallback_model_that_meets_the_cut_offs_goes_before_the_first_that_does_not() {
    let catalog = fleet_of(&[
        (MODEL, &[("a", "1", json!({}))]),
        ("acme/two", &[("b", "9", json!({}))]),
    ]);
    let vitals = known(&[("a", latency(5_000))]);
    let needs = needs();
    let fallbacks = ["acme/two".to_owned()];
    for (object, expected) in [
        (json!({}), "a b"),
        (json!({"preferred_max_latency": 1}), "b a"),
    ] {
        let own = preferences(&object);
        let question = Question {
            fallbacks: &fallbacks,
            ..Question::new(MODEL, &needs, &own, DIALECTS)
        };
        assert_eq!(
            tags(&ask(&catalog, &question, &vitals, 1).unwrap()),
            expected
        );
    }
}

#[test]
fn section_11_a_sort_without_partition_goes_across_models() {
    let catalog = fleet_of(&[
        (MODEL, &[("a", "3", json!({})), ("b", "1", json!({}))]),
        ("acme/two", &[("c", "2", json!({}))]),
    ]);
    let needs = needs();
    let fallbacks = ["acme/two".to_owned()];
    for (object, expected) in [
        (json!({"sort": "price"}), "b a c"),
        (
            json!({"sort": {"by": "price", "partition": "none"}}),
            "b c a",
        ),
    ] {
        let own = preferences(&object);
        let question = Question {
            fallbacks: &fallbacks,
            ..Question::new(MODEL, &needs, &own, DIALECTS)
        };
        let plan = ask(&catalog, &question, &BTreeMap::new(), 1).unwrap();
        assert_eq!(tags(&plan), expected);
    }
    // The deprecated `route` says the same.
    let mut own = preferences(&json!({"sort": "price"}));
    own.take_route("sort");
    assert!(own.sorts_across_models);
}

#[test]
fn section_9_9_calls_with_tools_avoid_bad_tool_callers_and_a_sort_by_price_opts_out() {
    let catalog = fleet(&[
        ("a", "1", json!({})),
        ("b", "2", json!({})),
        ("c", "9", json!({})),
    ]);
    let tools = |valid, invalid| Vital {
        tools: Tools { valid, invalid },
        ..Vital::default()
    };
    let vitals = known(&[("a", tools(10, 30)), ("b", tools(50, 0))]);
    let none = preferences(&json!({}));
    let needs = with_tools();
    let question = Question::new(MODEL, &needs, &none, DIALECTS);
    for seed in 0..100 {
        let plan = ask(&catalog, &question, &vitals, seed).unwrap();
        assert_eq!(
            (tags(&plan).as_str(), plan.mode),
            ("b c a", Mode::AutoExacto)
        );
        assert!(plan.attempts[2].rank.reasons.contains(Reason::BadTools));
    }
    for (model, object, mode, expected) in [
        (MODEL, json!({"sort": "price"}), Mode::Price, "a b c"),
        ("acme/one:floor", json!({}), Mode::Price, "a b c"),
        ("acme/one:exacto", json!({}), Mode::Exacto, "b c a"),
        // An explicit sort beats the suffix.
        (
            "acme/one:exacto",
            json!({"sort": "price"}),
            Mode::Price,
            "a b c",
        ),
    ] {
        let own = preferences(&object);
        let question = Question::new(model, &needs, &own, DIALECTS);
        let plan = ask(&catalog, &question, &vitals, 3).unwrap();
        assert_eq!(
            (tags(&plan).as_str(), plan.mode),
            (expected, mode),
            "{model} {object}"
        );
    }
    // Ours: weighted by price also with tools (contradiction 4 of section 31).
    let own = preferences(&json!({"sort": "balanced"}));
    let question = Question::new(MODEL, &needs, &own, DIALECTS);
    let counts = firsts(&catalog, &question, &vitals, 1_000);
    assert!(counts["a"] > 700, "{counts:?}");
}

#[test]
fn the_price_is_that_of_this_very_call() {
    // Cheap input and dear output, or the other way round, and a price that steps up.
    let price = |input: &str, output: &str| json!({"price": {"input": input, "output": output}});
    let stepped = json!({"price": {"input": "1", "output": "1",
        "tiers": [{"above_prompt_tokens": 100_000, "input": "50"}]}});
    let catalog = fleet(&[
        ("reader", "", price("1", "20")),
        ("writer", "", price("10", "2")),
        ("stepped", "", stepped),
    ]);
    let own = preferences(&json!({"sort": "price"}));
    for (prompt, output, expected) in [
        (10_000, 10, "stepped reader writer"),
        (10, 10_000, "stepped writer reader"),
        (200_000, 10, "reader writer stepped"),
    ] {
        let needs = chat::Needs {
            prompt_tokens: prompt,
            ..needs()
        };
        let question = Question {
            expected_output_tokens: Some(output),
            ..Question::new(MODEL, &needs, &own, DIALECTS)
        };
        let plan = ask(&catalog, &question, &BTreeMap::new(), 0).unwrap();
        assert_eq!(tags(&plan), expected, "{prompt} {output}");
    }
}

#[test]
fn a_call_that_needs_more_tokens_than_are_left_goes_elsewhere_first() {
    let catalog = fleet(&[("a", "1", json!({})), ("b", "50", json!({}))]);
    let vitals = known(&[(
        "a",
        Vital {
            tokens_left: Some(900),
            ..Vital::default()
        },
    )]);
    let (needs, none) = (needs(), preferences(&json!({})));
    let question = Question::new(MODEL, &needs, &none, DIALECTS);
    for seed in 0..50 {
        assert_eq!(
            tags(&ask(&catalog, &question, &vitals, seed).unwrap()),
            "b a"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// An endpoint that is left out anyway moves nobody; one that is added takes calls only to itself.
    #[test]
    fn the_order_is_stable_under_irrelevant_changes(
        prices in proptest::collection::vec(1_u32..20, 2..6),
        seed in any::<u64>(),
        price in 1_u32..20,
    ) {
        let names = ["p", "q", "r", "s", "t"];
        let texts: Vec<String> = prices.iter().map(ToString::to_string).collect();
        let base: Vec<(&str, &str, Value)> = names.iter().zip(&texts)
            .map(|(name, price)| (*name, price.as_str(), json!({}))).collect();
        let (needs, ignoring) = (needs(), preferences(&json!({"ignore": ["n"]})));
        let question = Question::new(MODEL, &needs, &ignoring, DIALECTS);
        let before = ask(&fleet(&base), &question, &BTreeMap::new(), seed).unwrap();
        let added = price.to_string();
        let more: Vec<_> = base.iter().cloned().chain([("n", added.as_str(), json!({}))]).collect();
        let catalog = fleet(&more);
        let after = ask(&catalog, &question, &BTreeMap::new(), seed).unwrap();
        prop_assert_eq!(tags(&before), tags(&after));
        let none = preferences(&json!({}));
        let question = Question::new(MODEL, &needs, &none, DIALECTS);
        let with_it = ask(&catalog, &question, &BTreeMap::new(), seed).unwrap();
        let first = with_it.attempts[0].endpoint.tag.as_ref();
        prop_assert!(first == "n" || first == before.attempts[0].endpoint.tag.as_ref());
    }
}
