//! A kept input gives the same plan, reasons and all.

use std::collections::BTreeMap;

use catalog::health::{Percentiles, Tools};
use catalog::{
    EndpointId, Input, InputError, Kept, Moment, Preferences, Question, ServiceTier, Standing,
    Sticky, Vital,
};
use chat::{Modality, Needs, Parameter};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fleet::{DIALECTS, MODEL, fleet, preferences};

const NAMES: [&str; 5] = ["p", "q", "r", "s", "t"];

fn vital() -> impl Strategy<Value = Vital> {
    let percentiles = proptest::option::of((1_u32..90_000).prop_map(|p50| Percentiles {
        p50,
        p75: p50 + 1,
        p90: p50 + 2,
        p99: p50 + 3,
    }));
    let standing = proptest::sample::select(vec![
        Standing::Normal,
        Standing::Degraded,
        Standing::Pressed,
        Standing::Down,
        Standing::Limited,
        Standing::Out,
    ]);
    (
        standing,
        percentiles.clone(),
        percentiles,
        0_u32..40,
        0_u32..40,
    )
        .prop_map(|(standing, first_token_ms, speed, valid, invalid)| Vital {
            standing,
            first_token_ms,
            speed,
            tools: Tools { valid, invalid },
            tokens_left: Some(u64::from(valid) * 100),
            cached_permille: (valid % 3 == 1).then_some(250),
            is_stale: valid % 2 == 1,
        })
}

fn object() -> impl Strategy<Value = Value> {
    let names = proptest::sample::subsequence(NAMES.to_vec(), 0..3);
    let sort = proptest::sample::select(vec![
        Value::Null,
        json!("price"),
        json!("throughput"),
        json!({"by": "latency", "partition": "none"}),
        json!("exacto"),
        json!("balanced"),
    ]);
    let cutoff = proptest::option::of(0.1_f64..50.0);
    let price = proptest::option::of(1_u32..30);
    (names.clone(), names, sort, cutoff, price, any::<bool>()).prop_map(
        |(order, ignore, sort, cutoff, price, on)| {
            json!({ "order": order, "ignore": ignore, "sort": sort, "sticky": on,
                "preferred_max_latency": { "p90": cutoff }, "max_price": { "prompt": price },
                "preferred_min_throughput": cutoff, "allow_fallbacks": on })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_kept_input_gives_the_same_plan(
        own in object(),
        account in proptest::option::of(object()),
        vitals in proptest::collection::vec(vital(), 5),
        (seed, now_ms, prompt, tools) in (any::<u64>(), 0_i64..2_000_000_000_000, 0_u64..9_000, any::<bool>()),
        cached in 0_u64..9_000,
    ) {
        let catalog = fleet(&[
            ("p", "1", json!({"cache_read": "0.1"})), ("q", "2", json!({"canary": 30})),
            ("r", "3", json!({"weight": 10})), ("s", "", json!({})), ("t", "0", json!({})),
        ]);
        let vitals: BTreeMap<String, Vital> = NAMES.iter().zip(vitals)
            .map(|(name, vital)| (format!("{MODEL}@{name}"), vital)).collect();
        let mut needs = Needs { prompt_tokens: prompt, max_output_tokens: Some(77), ..Needs::default() };
        needs.input.insert(Modality::Text);
        if tools {
            needs.parameters.insert(Parameter::Tools);
        }
        let (own, account) = (preferences(&own), account.as_ref().map(preferences));
        let sticky = [Sticky { endpoint: EndpointId::new("acme/one@p"), cached_tokens: cached, used_ms: now_ms - 5 }];
        let fallbacks = ["acme/one:floor".to_owned()];
        let lacking: Vec<String> = tools.then(|| "a \"quoted\" \\ \u{1} slug".to_owned()).into_iter().collect();
        let question = Question {
            fallbacks: &fallbacks,
            account: account.as_ref(),
            service_tier: Some(ServiceTier::Priority),
            sticky: &sticky,
            expected_output_tokens: Some(123),
            further_calls: cached % 5,
            lacking: &lacking,
            ..Question::new("acme/one:exacto", &needs, &own, DIALECTS)
        };
        let moment = Moment { seed, now_ms };
        let Ok(plan) = catalog::plan(&catalog, &question, &vitals, moment) else { return Ok(()) };
        let text = Input::keep(&question, &plan, moment).to_json().unwrap();
        prop_assert!(text.len() < 3_000, "{}", text.len());
        let input = Input::from_json(&text).unwrap();
        let passed = [(&plan.attempts[0].endpoint.id, "limit")];
        prop_assert_eq!(&*Input::text(&question, &plan, moment), &text);
        let kept = catalog::plan::keep(&plan, &text, &passed).unwrap();
        prop_assert!(kept.len() < 3_500, "{}", kept.len());
        let kept = Kept::from_json(&kept).unwrap();
        let said: Vec<&str> = kept.attempts.iter().map(|(id, _)| id.as_str()).collect();
        let planned: Vec<&str> = plan.attempts.iter().map(|a| a.endpoint.id.as_str()).collect();
        prop_assert_eq!(said, planned);
        let left_out: usize = kept.excluded.values().flat_map(|by| by.values()).map(Vec::len).sum();
        prop_assert_eq!(left_out, plan.excluded.len());
        prop_assert_eq!(kept.passed_over.len(), 1);
        prop_assert_eq!(&kept.input, &input);
        let again = input.replay(&catalog).unwrap();
        prop_assert_eq!(again, plan);
        let never = plan_is_sound(&catalog, &question, &vitals, moment);
        prop_assert!(never);
    }

    #[test]
    fn preferences_are_written_as_they_were_read(own in object()) {
        let read = preferences(&own);
        prop_assert_eq!(Preferences::read(&read.write()).unwrap(), read);
    }
}

/// No endpoint twice, none both planned and left out.
fn plan_is_sound(
    catalog: &catalog::Catalog,
    question: &Question<'_>,
    vitals: &BTreeMap<String, Vital>,
    moment: Moment,
) -> bool {
    let Ok(plan) = catalog::plan(catalog, question, vitals, moment) else {
        return true;
    };
    let mut seen = std::collections::BTreeSet::new();
    let planned = plan.attempts.iter().map(|a| a.endpoint.id.as_str());
    let excluded = plan.excluded.iter().map(|out| out.endpoint.id.as_str());
    planned.chain(excluded).all(|id| seen.insert(id.to_owned()))
}

#[test]
fn a_plain_input_is_short_and_another_form_is_refused() {
    let catalog = fleet(&[("p", "1", json!({}))]);
    let (needs, none) = (Needs::default(), Preferences::default());
    let question = Question::new(MODEL, &needs, &none, DIALECTS);
    let moment = Moment::default();
    let known: BTreeMap<String, Vital> = BTreeMap::new();
    let plan = catalog::plan(&catalog, &question, &known, moment).unwrap();
    let text = Input::keep(&question, &plan, moment).to_json().unwrap();
    assert!(text.len() < 250, "{text}");
    let newer = text.replace("\"form\":1", "\"form\":2");
    assert!(matches!(Input::from_json(&newer), Err(InputError::Form(2))));
}

#[test]
fn a_plan_that_is_too_long_is_not_kept() {
    let catalog = fleet(&[("p", "1", json!({}))]);
    let needs = Needs::default();
    let many: Vec<String> = (0..4_000)
        .map(|number| format!("nobody-{number}"))
        .collect();
    let own = preferences(&json!({ "ignore": many }));
    let question = Question::new(MODEL, &needs, &own, DIALECTS);
    let moment = Moment::default();
    let known: BTreeMap<String, Vital> = BTreeMap::new();
    let plan = catalog::plan(&catalog, &question, &known, moment).unwrap();
    let input = Input::text(&question, &plan, moment);
    assert_eq!(catalog::plan::keep(&plan, &input, &[]), None);
}
