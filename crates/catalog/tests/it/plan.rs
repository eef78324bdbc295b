//! Plans: needs × preferences × health → order and exclusions, as a table.

use catalog::health::Sample;
use catalog::preferences::Sort;
use catalog::{
    Access, Catalog, EndpointId, Filter, Health, Moment, NoPlan, Plan, Preferences, Question, Rows,
};
use chat::{Dialect, Feature, Modality, Needs, Parameter};
use proptest::prelude::*;
use serde_json::{Value, json};

const MODEL: &str = "acme/one";

/// Five hosts of one model, and models that are no use for chat.
const CONFIG: &str = r#"
[cheap]
base_url = "http://cheap/v1"
data_policy = { training = true }
[[cheap.endpoints]]
model = "acme/one"
upstream_model = "one"
context_length = 8000
price = { input = "1", output = "1" }

[dear]
base_url = "http://dear/v1"
data_policy = { training = false, retention_days = 0 }
[[dear.endpoints]]
model = "acme/one"
upstream_model = "one"
context_length = 200000
max_completion_tokens = 4000
quantization = "mxfp8"
tools = true
structured_outputs = true
price = { input = "5", output = "5", tiers = [{ above_prompt_tokens = 10000, input = "50" }] }
input = ["text", "image"]
[[dear.endpoints]]
model = "acme/one"
upstream_model = "one-flex"
tag = "flex"
tier = "flex"
price = { input = "0.1", output = "0.1" }

[mid]
name = "Middle House"
base_url = "http://mid/v1"
data_policy = { training = false }
[[mid.endpoints]]
model = "acme/one"
upstream_model = "one"
context_length = 32000
tools = true
price = { input = "2", output = "2" }
[[mid.endpoints]]
model = "acme/two"
upstream_model = "two"
price = { input = "1", output = "1" }

[old]
base_url = "http://old/v1"
[[old.endpoints]]
model = "acme/one"
upstream_model = "one"
status = "deprecated"
price = { input = "0.5", output = "0.5" }

[unknown-price]
base_url = "http://unknown/v1"
[[unknown-price.endpoints]]
model = "acme/one"
upstream_model = "one"

[foreign]
base_url = "http://foreign/v1"
dialects = ["anthropic-messages"]
[[foreign.endpoints]]
model = "acme/one"
upstream_model = "one"
price = { input = "0.2", output = "0.2" }

[locked]
base_url = "http://${LOCKED_HOST}/v1"
env = "LOCKED_KEY"
[[locked.endpoints]]
model = "acme/one"
upstream_model = "one"
[[locked.endpoints]]
model = "acme/locked"
upstream_model = "locked"
"#;

fn catalog() -> Catalog {
    let (mut rows, errors) = Rows::read_config(&CONFIG.parse().expect("the test's own text"));
    assert_eq!(errors, []);
    let embedding = json!({ "slug": "acme/vectors", "kind": "embedding", "output": ["embeddings"],
        "endpoints": [{ "provider": "mid", "upstream_model": "v" }] });
    rows.models.insert(
        "acme/vectors".into(),
        serde_json::from_value(embedding).expect("the test's own text"),
    );
    let access = Access {
        has_credential: &|provider| provider.slug.as_str() != "locked",
        variable: &|_, _| None,
    };
    catalog::load(&Rows::default(), &[&rows], &access).expect("the test's own text")
}

/// Plans for one model, cheapest first: chance has its own tests.
fn ask(catalog: &Catalog, model: &str, needs: &Needs, preferences: &Value) -> Result<Plan, NoPlan> {
    let mut preferences = Preferences::read(preferences).expect("the test's own text");
    preferences.sort = preferences.sort.or(Some(Sort::Price));
    let question = Question::new(model, needs, &preferences, &[Dialect::OpenaiChat]);
    catalog::plan(catalog, &question, &Health::default(), Moment::default())
}

fn cheapest_first() -> Preferences {
    Preferences {
        sort: Some(Sort::Price),
        ..Preferences::default()
    }
}

fn tags(plan: &Plan) -> String {
    let tags: Vec<&str> = plan
        .attempts
        .iter()
        .map(|attempt| attempt.endpoint.tag.as_ref())
        .collect();
    tags.join(" ")
}

fn needs(words: &str) -> Needs {
    let mut needs = Needs {
        prompt_tokens: 100,
        ..Needs::default()
    };
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some(("prompt", n)) => needs.prompt_tokens = n.parse().expect("the test's own text"),
            Some(("output", n)) => {
                needs.max_output_tokens = Some(n.parse().expect("the test's own text"))
            }
            _ if word == "image" => needs.input.insert(Modality::Image),
            _ => needs
                .parameters
                .insert(Parameter::from_name(word).expect("the test's own text")),
        }
    }
    needs
}

/// Plans the one model for each row of a table, and compares the order.
fn check(rows: &[(&str, Value, &str)]) {
    let catalog = catalog();
    let all = catalog.model(MODEL).map(|model| model.endpoints.len());
    for (words, preferences, expected) in rows {
        let plan = ask(&catalog, MODEL, &needs(words), preferences);
        let plan = plan.unwrap_or_else(|error| panic!("{words} {preferences}: {error}"));
        assert_eq!(&tags(&plan), expected, "{words} {preferences}");
        let planned = plan.attempts.len() + plan.excluded.len();
        assert_eq!(Some(planned), all, "nobody is lost: {preferences}");
    }
}

#[test]
fn needs_and_the_callers_list_decide_the_order() {
    // needs | provider object | order
    check(&[
        ("", json!({}), "cheap mid dear/mxfp8 unknown-price old"),
        // capabilities
        ("image", json!({}), "dear/mxfp8"),
        ("tools", json!({}), "mid dear/mxfp8"),
        (
            "tools response_format structured_outputs",
            json!({}),
            "dear/mxfp8",
        ),
        ("prompt=9000", json!({}), "mid dear/mxfp8 unknown-price old"),
        (
            "prompt=7000 output=1500",
            json!({}),
            "mid dear/mxfp8 unknown-price old",
        ),
        ("output=5000", json!({}), "cheap mid unknown-price old"),
        (
            "seed top_a",
            json!({}),
            "cheap mid dear/mxfp8 unknown-price old",
        ),
        // the caller's list
        (
            "",
            json!({ "order": ["unknown-price", "dear"] }),
            "unknown-price dear/mxfp8 cheap mid old",
        ),
        (
            "",
            json!({ "order": ["nobody", "mid"] }),
            "mid cheap dear/mxfp8 unknown-price old",
        ),
        (
            "",
            json!({ "order": ["dear", "mid"], "allow_fallbacks": false }),
            "dear/mxfp8 mid",
        ),
        ("", json!({ "allow_fallbacks": false }), "cheap"),
        ("", json!({ "only": ["mid", "old"] }), "mid old"),
        ("", json!({ "only": ["Middle House"] }), "mid"),
        (
            "",
            json!({ "ignore": ["cheap", "old"] }),
            "mid dear/mxfp8 unknown-price",
        ),
    ]);
}

#[test]
fn tags_data_policies_quantizations_and_prices_decide_the_order() {
    // needs | provider object | order
    check(&[
        // tags and tiers
        ("", json!({ "only": ["dear/mxfp8"] }), "dear/mxfp8"),
        ("", json!({ "only": ["dear"] }), "dear/mxfp8"),
        ("", json!({ "only": ["dear/flex"] }), "dear/flex"),
        (
            "",
            json!({ "order": ["dear/flex"] }),
            "dear/flex cheap mid dear/mxfp8 unknown-price old",
        ),
        // data, quantization, price
        ("", json!({ "data_collection": "deny" }), "mid dear/mxfp8"),
        ("", json!({ "zdr": true }), "dear/mxfp8"),
        ("", json!({ "quantizations": ["fp8"] }), "dear/mxfp8"),
        (
            "",
            json!({ "quantizations": ["unknown"] }),
            "cheap mid unknown-price old",
        ),
        (
            "",
            json!({ "max_price": { "prompt": 2, "completion": 2 } }),
            "cheap mid old",
        ),
        ("", json!({ "max_price": { "prompt": 1.99 } }), "cheap old"),
        (
            "prompt=10001",
            json!({ "max_price": { "prompt": 49 } }),
            "mid old",
        ),
        // parameters
        (
            "tools",
            json!({ "require_parameters": true }),
            "mid dear/mxfp8",
        ),
        (
            "tools structured_outputs",
            json!({ "require_parameters": true }),
            "dear/mxfp8",
        ),
    ]);
}

#[test]
fn everybody_left_out_has_a_reason() {
    let plan = ask(
        &catalog(),
        MODEL,
        &needs("image"),
        &json!({ "ignore": ["old"] }),
    )
    .unwrap();
    let mut reasons: Vec<String> = plan
        .excluded
        .iter()
        .map(|out| format!("{}:{}", out.endpoint.tag, out.filter))
        .collect();
    reasons.sort();
    assert_eq!(
        reasons.join(" "),
        "cheap:input_modality dear/flex:tier foreign:dialect locked:credential mid:input_modality \
         old:ignore unknown-price:input_modality"
    );
}

#[test]
fn an_empty_plan_says_which_filter_took_the_last_ones() {
    let catalog = catalog();
    for (words, preferences, last, excluded_by) in [
        (
            "",
            json!({ "only": ["nobody"] }),
            Filter::Only,
            vec!["allowed_providers"],
        ),
        (
            "",
            json!({ "only": ["cheap"], "data_collection": "deny" }),
            Filter::DataCollection,
            vec!["allowed_providers", "data_policy:training"],
        ),
        (
            "prompt=1000000",
            json!({ "only": ["dear"] }),
            Filter::ContextLength,
            vec!["allowed_providers", "context_length"],
        ),
        (
            "",
            json!({ "max_price": { "prompt": 0 } }),
            Filter::MaxPrice,
            vec!["max_price"],
        ),
        (
            "logprobs",
            json!({ "require_parameters": true }),
            Filter::RequireParameters,
            vec!["require_parameters"],
        ),
        (
            "",
            json!({ "quantizations": ["int4"] }),
            Filter::Quantization,
            vec!["quantization"],
        ),
        (
            "",
            json!({ "zdr": true, "ignore": ["dear"] }),
            Filter::Zdr,
            vec!["allowed_providers", "data_policy:zdr"],
        ),
    ] {
        let error = ask(&catalog, MODEL, &needs(words), &preferences).unwrap_err();
        let NoPlan::Filtered { last: found, .. } = &error else {
            panic!("{preferences}: {error}");
        };
        assert_eq!(
            (*found, error.excluded_by()),
            (last, excluded_by),
            "{preferences}"
        );
    }
}

#[test]
fn a_model_without_credential_names_what_would_help() {
    let error = ask(&catalog(), "acme/locked", &needs(""), &json!({})).unwrap_err();
    let NoPlan::NoCredential { missing, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(missing[0].provider.env, ["LOCKED_KEY".into()]);
}

#[test]
fn unknown_models_and_wrong_paths_are_told_apart() {
    let catalog = catalog();
    let NoPlan::UnknownModel { suggestions, .. } =
        ask(&catalog, "acme/oen", &needs(""), &json!({})).unwrap_err()
    else {
        panic!("known?");
    };
    assert_eq!(suggestions[0].as_str(), "acme/one");
    let NoPlan::WrongEndpoint { path, .. } =
        ask(&catalog, "acme/vectors", &needs(""), &json!({})).unwrap_err()
    else {
        panic!("chat with vectors?");
    };
    assert_eq!(path, "/embeddings");
}

#[test]
fn fallback_models_come_after_all_of_the_first_and_none_twice() {
    let catalog = catalog();
    let (needs, preferences) = (needs(""), cheapest_first());
    let fallbacks = ["acme/two".to_owned(), "acme/one".to_owned()];
    let question = Question {
        fallbacks: &fallbacks,
        ..Question::new(
            "acme/one:nitro",
            &needs,
            &preferences,
            &[Dialect::OpenaiChat],
        )
    };
    let plan = catalog::plan(&catalog, &question, &Health::default(), Moment::default()).unwrap();
    assert_eq!(tags(&plan), "cheap mid dear/mxfp8 unknown-price old mid");
    assert_eq!(plan.attempts[5].model.slug.as_str(), "acme/two");
    assert_eq!(plan.suffixes, [catalog::Suffix::Nitro]);
}

#[test]
fn an_endpoint_in_trouble_is_asked_last_until_it_has_cooled_down() {
    let catalog = catalog();
    let health = Health::default();
    let failed = Sample::Failed {
        retry_after_ms: None,
    };
    health.record(&EndpointId::new("acme/one@cheap"), &failed, 0);
    let (needs, preferences) = (needs(""), cheapest_first());
    let question = Question::new(MODEL, &needs, &preferences, &[Dialect::OpenaiChat]);
    let at = |now_ms| {
        let moment = Moment { seed: 0, now_ms };
        tags(&catalog::plan(&catalog, &question, &health, moment).unwrap())
    };
    assert_eq!(at(29_999), "mid dear/mxfp8 unknown-price old cheap");
    assert_eq!(at(30_000), "cheap mid dear/mxfp8 unknown-price old");
}

#[test]
fn the_callers_own_dialect_is_spoken_where_the_endpoint_knows_it() {
    let catalog = catalog();
    let needs = Needs {
        dialect: Dialect::AnthropicMessages,
        ..needs("")
    };
    let preferences = cheapest_first();
    let dialects = [Dialect::OpenaiChat, Dialect::AnthropicMessages];
    let question = Question::new(MODEL, &needs, &preferences, &dialects);
    let plan = catalog::plan(&catalog, &question, &Health::default(), Moment::default()).unwrap();
    for attempt in &plan.attempts {
        let is_foreign = attempt.endpoint.tag.as_ref() == "foreign";
        let own = if is_foreign {
            Dialect::AnthropicMessages
        } else {
            Dialect::OpenaiChat
        };
        assert_eq!(attempt.dialect, own);
    }
    assert_eq!(plan.attempts[0].endpoint.tag.as_ref(), "foreign");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_excluded_endpoint_is_ever_planned(
        only in proptest::option::of(proptest::sample::subsequence(vec!["cheap", "dear", "mid", "old"], 0..4)),
        ignore in proptest::sample::subsequence(vec!["cheap", "dear", "mid", "old", "unknown-price"], 0..5),
        deny in any::<bool>(),
        zdr in any::<bool>(),
        prompt in 0_u64..300_000,
        max in proptest::option::of(0_u32..6),
        fallbacks in any::<bool>(),
    ) {
        let catalog = catalog();
        let preferences = json!({
            "only": only, "ignore": ignore, "zdr": zdr, "allow_fallbacks": fallbacks,
            "data_collection": if deny { "deny" } else { "allow" },
            "max_price": { "prompt": max },
        });
        let needs = needs(&format!("prompt={prompt}"));
        let Ok(plan) = ask(&catalog, MODEL, &needs, &preferences) else { return Ok(()) };
        for attempt in &plan.attempts {
            let endpoint = &attempt.endpoint;
            let slug = endpoint.provider.slug.as_str();
            prop_assert!(plan.excluded.iter().all(|out| out.endpoint.id != endpoint.id));
            prop_assert!(endpoint.provider.is_enabled());
            prop_assert!(only.as_ref().is_none_or(|only| only.contains(&slug)));
            prop_assert!(!ignore.contains(&slug));
            prop_assert!(!deny || !endpoint.provider.data_policy.may_train());
            prop_assert!(!zdr || endpoint.provider.data_policy.is_zdr());
            prop_assert!(endpoint.context_length.is_none_or(|limit| prompt < limit));
        }
        prop_assert!(fallbacks || plan.attempts.len() == 1);
        let ids: std::collections::BTreeSet<&str> = plan.attempts.iter().map(|a| a.endpoint.id.as_str()).collect();
        prop_assert_eq!(ids.len(), plan.attempts.len());
    }
}

#[test]
fn what_is_better_said_in_one_dialect_goes_where_it_can_be_said() {
    let catalog = catalog();
    let needs = Needs {
        dialect: Dialect::AnthropicMessages,
        preferred: [Feature::ServerTools].into_iter().collect(),
        prompt_tokens: 100,
        ..Needs::default()
    };
    let ask = |preferences: &Value, sendable: &[Dialect]| {
        let preferences = Preferences::read(preferences).expect("the test's own text");
        let question = Question::new(MODEL, &needs, &preferences, sendable);
        catalog::plan(&catalog, &question, &Health::default(), Moment::default())
    };
    let both = [Dialect::OpenaiChat, Dialect::AnthropicMessages];
    let plan = ask(&json!({}), &both).expect("a plan");
    assert_eq!(tags(&plan), "foreign");
    let filters = plan.excluded.iter().map(|out| out.filter);
    assert!(
        filters
            .into_iter()
            .any(|filter| filter == Filter::PreferredFeatures)
    );
    // Nobody can: then it is given up, unless the caller insists.
    for (preferences, sendable) in [
        (json!({"sort": "price"}), &both[..1]),
        (json!({"sort": "price", "ignore": ["foreign"]}), &both[..]),
    ] {
        let plan = ask(&preferences, sendable).expect("a plan");
        assert_eq!(tags(&plan), "cheap mid dear/mxfp8 unknown-price old");
    }
    let insisting = json!({"require_parameters": true});
    let NoPlan::Filtered { last, .. } = ask(&insisting, &both[..1]).expect_err("no plan") else {
        panic!("another reason");
    };
    assert_eq!(last, Filter::RequireParameters);
}

#[test]
fn what_must_be_fetched_goes_to_those_who_fetch() {
    let text = CONFIG.replace(
        "dialects = [\"anthropic-messages\"]",
        "dialects = [\"bedrock-converse\"]",
    );
    let (rows, errors) = Rows::read_config(&text.parse().expect("the test's own text"));
    assert_eq!(errors, []);
    let access = Access {
        has_credential: &|provider| ["foreign", "mid"].contains(&provider.slug.as_str()),
        variable: &|_, _| None,
    };
    let catalog = catalog::load(&Rows::default(), &[&rows], &access).expect("a catalog");
    let both = [Dialect::OpenaiChat, Dialect::BedrockConverse];
    let preferences = Preferences::read(&json!({"sort": "price"})).expect("preferences");
    let plan = |features: &[Feature]| {
        let needs = Needs {
            features: features.iter().copied().collect(),
            ..Needs::default()
        };
        let question = Question::new(MODEL, &needs, &preferences, &both);
        catalog::plan(&catalog, &question, &Health::default(), Moment::default())
    };
    assert_eq!(tags(&plan(&[]).expect("a plan")), "foreign mid");
    let remote = plan(&[Feature::RemoteMedia]).expect("a plan");
    assert_eq!(tags(&remote), "mid");
    let out = remote
        .excluded
        .iter()
        .find(|out| &*out.endpoint.tag == "foreign");
    assert_eq!(out.map(|out| out.filter), Some(Filter::RemoteMedia));
}
