//! Stickiness: section 13 of the digest, and what it costs to leave.

use std::collections::BTreeMap;

use catalog::sticky::IDLE_MS;
use catalog::{
    Catalog, Conversation, Conversations, EndpointId, ModelSlug, Question, Reason, Standing,
    Sticky, Vital,
};
use chat::Needs;
use serde_json::json;

use crate::fleet::{DIALECTS, MODEL, ask, firsts, fleet, known, preferences, tags};

fn two() -> Catalog {
    fleet(&[
        ("cheap", "1", json!({"cache_read": "0.1"})),
        ("dear", "2", json!({"cache_read": "0.2"})),
        ("plain", "3", json!({})),
    ])
}

fn long() -> Needs {
    Needs {
        prompt_tokens: 50_000,
        ..Needs::default()
    }
}

fn at(slug: &str, cached_tokens: u64, used_ms: i64) -> Sticky {
    let endpoint = EndpointId::new(&format!("{MODEL}@{slug}"));
    Sticky {
        endpoint,
        cached_tokens,
        used_ms,
    }
}

#[test]
fn a_conversation_stays_where_leaving_would_cost_more() {
    let catalog = two();
    let needs = long();
    // where it was | cached | provider object | order
    for (slug, cached, object, expected) in [
        // A warm dear one beats a cold cheap one.
        ("dear", 49_000, json!({}), "dear cheap plain"),
        // With little cached the cheap one wins, and always, not by chance.
        ("dear", 1_000, json!({}), "cheap dear plain"),
        // A sort by price sees the warm cache too.
        ("dear", 49_000, json!({"sort": "price"}), "dear cheap plain"),
        // Section 13: off with `order`; ours: on again when the caller asks for both.
        (
            "dear",
            49_000,
            json!({"order": ["cheap", "dear"]}),
            "cheap dear plain",
        ),
        (
            "dear",
            49_000,
            json!({"order": ["cheap", "dear"], "sticky": true}),
            "dear cheap plain",
        ),
        (
            "dear",
            49_000,
            json!({"order": ["cheap"], "sticky": true}),
            "cheap dear plain",
        ),
        (
            "cheap",
            0,
            json!({"sort": "throughput"}),
            "cheap dear plain",
        ),
    ] {
        let own = preferences(&object);
        let sticky = [at(slug, cached, 0)];
        let question = Question {
            sticky: &sticky,
            ..Question::new(MODEL, &needs, &own, DIALECTS)
        };
        for seed in 0..50 {
            let plan = ask(&catalog, &question, &known(&[]), seed).unwrap();
            assert_eq!(tags(&plan), expected, "{slug} {cached} {object}");
        }
    }
}

#[test]
fn a_conversation_leaves_an_endpoint_that_is_out() {
    let (catalog, needs, none) = (two(), long(), preferences(&json!({})));
    let out = Vital {
        standing: Standing::Out,
        ..Vital::default()
    };
    let sticky = [at("dear", 49_000, 0)];
    let question = Question {
        sticky: &sticky,
        ..Question::new(MODEL, &needs, &none, DIALECTS)
    };
    for seed in 0..50 {
        let plan = ask(&catalog, &question, &known(&[("dear", out)]), seed).unwrap();
        assert!(tags(&plan).ends_with(" dear"));
    }
}

#[test]
fn staying_and_leaving_are_told_in_the_reasons() {
    let (catalog, needs, none) = (two(), long(), preferences(&json!({})));
    for (cached, reason) in [(49_000, Reason::Sticky), (0, Reason::StickyTooDear)] {
        let sticky = [at("dear", cached, 0)];
        let question = Question {
            sticky: &sticky,
            ..Question::new(MODEL, &needs, &none, DIALECTS)
        };
        let plan = ask(&catalog, &question, &BTreeMap::new(), 1).unwrap();
        let dear = plan
            .attempts
            .iter()
            .find(|a| a.endpoint.tag.as_ref() == "dear")
            .unwrap();
        assert!(dear.rank.is_sticky && dear.rank.reasons.contains(reason));
    }
}

#[test]
fn a_conversation_is_forgotten_after_ten_silent_minutes_or_the_caches_own_lifetime() {
    let catalog = fleet(&[
        ("short", "1", json!({"cache_read": "0.1"})),
        ("long", "1", json!({"cache_read": "0.1", "cache_ttl": 3600})),
        ("none", "1", json!({})),
    ]);
    let model = catalog.model(MODEL).unwrap();
    for endpoint in &model.endpoints {
        let sticky = at(&endpoint.tag, 1, 0);
        let (ten, hour) = match endpoint.tag.as_ref() {
            "short" => (false, false),
            "long" => (true, false),
            _ => (false, false),
        };
        assert_eq!(
            sticky.is_warm(endpoint, IDLE_MS - 1),
            endpoint.tag.as_ref() != "none"
        );
        assert_eq!(sticky.is_warm(endpoint, IDLE_MS), ten);
        assert_eq!(sticky.is_warm(endpoint, 3_600_000), hour);
    }
}

#[test]
fn conversations_are_kept_by_workspace_and_model_and_begin_when_section_13_says() {
    let catalog = two();
    let model = catalog.model(MODEL).unwrap();
    let cheap = model
        .endpoints
        .iter()
        .find(|e| e.tag.as_ref() == "cheap")
        .unwrap();
    let plain = model
        .endpoints
        .iter()
        .find(|e| e.tag.as_ref() == "plain")
        .unwrap();
    let board = Conversations::default();
    let slug = ModelSlug::new(MODEL);
    let named = Conversation::named("session");
    let opening = Conversation::Opening(7);
    let sticky = at("cheap", 10, 0);
    // A named one after any answer; another only after a cache hit.
    board.note(("w", named), cheap, (sticky.clone(), 0));
    assert_eq!(board.look_up(("w", &slug, named)).0, Some(sticky.clone()));
    board.note(("w", opening), cheap, (sticky.clone(), 0));
    assert_eq!(board.look_up(("w", &slug, opening)).0, None);
    board.note(("w", opening), cheap, (sticky.clone(), 5));
    assert_eq!(board.look_up(("w", &slug, opening)).0, Some(sticky.clone()));
    // Where nothing is cached there is nothing to stay for, but the calls are counted.
    board.note(("v", named), plain, (at("plain", 10, 0), 0));
    let there = board.look_up(("v", &slug, named)).0.unwrap();
    assert!(!there.is_warm(plain, 0));
    assert_eq!(board.look_up(("v", &slug, named)).1, 2);
    (0..20).for_each(|_| board.note(("v", named), plain, (there.clone(), 0)));
    assert_eq!(board.look_up(("v", &slug, named)).1, 8);
    assert_eq!(board.look_up(("v", &slug, Conversation::Opening(9))).1, 0);
    // Another workspace and another model know nothing of it.
    assert_eq!(board.look_up(("other", &slug, named)).0, None);
    assert_eq!(
        board.look_up(("w", &ModelSlug::new("acme/two"), named)).0,
        None
    );
}

#[test]
fn a_conversation_that_goes_on_moves_to_where_its_prompt_will_be_cached() {
    // Cold, plain is the cheapest by far; with a cache the others are, from the third call on.
    let catalog = fleet(&[
        ("caching", "1", json!({"cache_read": "0.1"})),
        ("plain", "0.6", json!({})),
    ]);
    let (needs, none) = (long(), preferences(&json!({})));
    for (further_calls, share) in [(0, 0.27), (1, 0.60), (8, 0.90)] {
        let question = Question {
            further_calls,
            ..Question::new(MODEL, &needs, &none, DIALECTS)
        };
        let counts = firsts(&catalog, &question, &known(&[]), 2_000);
        let found = counts["caching"] as f64 / 2_000.0;
        assert!((found - share).abs() < 0.1, "{further_calls}: {found}");
    }
    // What is already cached elsewhere is left for it, when enough calls will follow.
    let sticky = [at("plain", 49_000, 0)];
    let question = Question {
        sticky: &sticky,
        further_calls: 8,
        ..Question::new(MODEL, &needs, &none, DIALECTS)
    };
    let plan = ask(&catalog, &question, &known(&[]), 3).unwrap();
    assert_eq!(plan.attempts.len(), 2);
}
