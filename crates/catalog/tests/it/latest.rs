//! Names that move: the newest of a family, models whose time is over, offers that have ended.

use std::collections::BTreeMap;

use catalog::{Access, Catalog, Moment, NoPlan, Preferences, Question, Rows};
use serde_json::json;

use crate::fleet::{DIALECTS, needs};

const DAY: i64 = 86_400_000;

fn catalog() -> Catalog {
    let row = |slug: &str, more: serde_json::Value| {
        let mut row = json!({ "slug": slug,
            "endpoints": [{ "provider": "p", "upstream_model": slug }] });
        for (name, value) in more.as_object().expect("the test's own text") {
            row[name] = value.clone();
        }
        (slug.to_owned(), row)
    };
    let models: serde_json::Map<_, _> = [
        row(
            "acme/swift-1",
            json!({"family": "swift", "released": "2025-01-01"}),
        ),
        row(
            "acme/swift-2",
            json!({"family": "swift", "released": "2025-06-01",
            "aliases": ["acme/swift-2-20250601"]}),
        ),
        row(
            "acme/swift-latest",
            json!({"family": "swift", "released": "2026-01-01",
            "moving_alias": true}),
        ),
        row(
            "acme/old",
            json!({"retires": "1970-01-03", "successor": "acme/swift-2"}),
        ),
        row(
            "acme/older",
            json!({"retires": "1970-01-03", "successor": "acme/swift-2",
            "redirects": true}),
        ),
    ]
    .into_iter()
    .collect();
    let rows = json!({ "models": models, "providers": { "p": { "slug": "p", "auth": "none",
        "base_url": "http://p/v1", "dialects": ["openai-chat"] } } });
    let rows = Rows::from_json(&rows.to_string()).expect("the test's own text");
    catalog::load(&Rows::default(), &[&rows], &Access::ALL).expect("the test's own text")
}

/// Which model a name leads to on a day, or why there is none.
fn asked(name: &str, day: i64, fallbacks: &[String]) -> Result<String, NoPlan> {
    let (needs, none) = (needs(), Preferences::default());
    let question = Question {
        fallbacks,
        ..Question::new(name, &needs, &none, DIALECTS)
    };
    let moment = Moment {
        seed: 0,
        now_ms: day * DAY,
    };
    let none_known: BTreeMap<String, catalog::Vital> = BTreeMap::new();
    let plan = catalog::plan(&catalog(), &question, &none_known, moment)?;
    Ok(plan.attempts[0].model.slug.to_string())
}

#[test]
fn section_12_3_latest_is_the_newest_of_its_family_that_is_no_alias() {
    for (name, expected) in [
        ("~acme/swift-latest", "acme/swift-2"),
        ("~Acme/Swift-latest:nitro", "acme/swift-2"),
        ("acme/swift-latest", "acme/swift-latest"),
        ("acme/swift-2-20250601", "acme/swift-2"),
        ("ACME/swift-2-20250601:floor", "acme/swift-2"),
    ] {
        assert_eq!(asked(name, 0, &[]).unwrap(), expected, "{name}");
    }
    assert!(matches!(
        asked("~acme/heavy-latest", 0, &[]),
        Err(NoPlan::UnknownModel { .. })
    ));
}

#[test]
fn section_7_5_retired_models_name_their_successor_or_lead_to_it() {
    assert_eq!(asked("acme/old", 1, &[]).unwrap(), "acme/old");
    let Err(NoPlan::Retired { successor, .. }) = asked("acme/old", 2, &[]) else {
        panic!("still served?");
    };
    assert_eq!(successor.unwrap().as_str(), "acme/swift-2");
    assert_eq!(asked("acme/older", 2, &[]).unwrap(), "acme/swift-2");
    // With other models in the list it is passed over.
    let others = ["acme/swift-1".to_owned()];
    assert_eq!(asked("acme/old", 2, &others).unwrap(), "acme/swift-1");
}

#[test]
fn section_10_free_offers_end_and_online_says_that_there_is_no_search() {
    let Err(NoPlan::FreeVariantEnded { paid }) = asked("acme/swift-1:free", 0, &[]) else {
        panic!("still free?");
    };
    assert_eq!(paid.as_str(), "acme/swift-1");
    assert!(matches!(
        asked("acme/swift-1:online", 0, &[]),
        Err(NoPlan::NoSearch { .. })
    ));
    assert!(matches!(
        asked("acme/nothing:free", 0, &[]),
        Err(NoPlan::UnknownModel { .. })
    ));
}
