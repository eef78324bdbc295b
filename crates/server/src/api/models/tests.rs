//! Lists of a small catalog: which models, in which order, in which shape.

use std::sync::Arc;

use catalog::{Catalog, Rows, load};
use serde_json::Value;

use super::listing::{Scope, endpoints, listing};
use super::{json, query};

const PROVIDERS: &str = r#"
[[provider]]
slug = "acme"
name = "Acme"
kind = "first_party"
base_url = "https://acme.test/v1"
dialects = ["openai-chat"]
auth = "bearer"
env = "ACME_API_KEY"

[[provider]]
slug = "vault"
name = "Vault Inc"
kind = "host"
base_url = "https://vault.test/v1"
dialects = ["openai-chat"]
auth = "bearer"
env = "VAULT_API_KEY"
data_policy = { training = false, retention_days = 0, region = "eu" }

[[provider]]
slug = "quiet"
name = "Quiet"
base_url = "https://quiet.test/v1"
dialects = ["rerank"]
auth = "bearer"
env = "QUIET_API_KEY"
"#;

const MODELS: &str = r#"[
  {"slug": "acme/small", "name": "Small", "family": "acme", "released": "2025-01-01", "knowledge_cutoff": "2024-10",
   "input": ["text"], "output": ["text"], "context_length": 1000, "tools": true, "aliases": ["acme/tiny"],
   "endpoints": [
     {"provider": "acme", "upstream_model": "small", "price": {"input": "2", "output": "4", "cache_read": "0.2"}},
     {"provider": "vault", "upstream_model": "small", "price": {"input": "1", "output": "3"}, "quantization": "fp8"}]},
  {"slug": "acme/large", "name": "Large", "released": "2025-06-01", "open_weights": true,
   "input": ["text", "image"], "output": ["text"], "context_length": 200000, "reasoning": true,
   "reasoning_options": {"efforts": ["low", "high"], "budget": true},
   "endpoints": [{"provider": "acme", "upstream_model": "large", "price": {"input": "10", "output": "30"}}]},
  {"slug": "acme/riddle", "name": "Riddle", "input": ["text"], "output": ["text"],
   "endpoints": [{"provider": "vault", "upstream_model": "riddle"}]},
  {"slug": "hush/whisper", "name": "Whisper of Hush", "input": ["text"], "output": ["text"],
   "endpoints": [{"provider": "quiet", "upstream_model": "whisper", "price": {"input": "0.1", "output": "0.1"}}]},
  {"slug": "acme/vectors", "name": "Vectors", "kind": "embedding", "input": ["text"], "output": ["embeddings"],
   "endpoints": [{"provider": "acme", "upstream_model": "vectors", "price": {"input": "0.1"}}]}
]"#;

/// 1 July 2025, when `acme/large` is 30 days old.
const NOW: i64 = 1_751_328_000;

/// The catalog with credentials for these providers.
fn catalog(credentials: &'static [&'static str]) -> Catalog {
    let mut rows = Rows {
        providers: catalog::providers(PROVIDERS).unwrap(),
        ..Rows::default()
    };
    catalog::models("test", MODELS, &mut rows).unwrap();
    let access = catalog::load::Access {
        has_credential: &|provider| credentials.contains(&provider.slug.as_str()),
        variable: &|_, _| None,
    };
    load(&rows, &[], &access).unwrap()
}

fn read(text: &str) -> query::Query {
    let pairs: Vec<(String, String)> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    query::read(&pairs).unwrap()
}

fn slugs(catalog: &Catalog, scope: Scope, text: &str) -> Vec<String> {
    let models = listing(catalog, scope, &read(text), NOW);
    models.iter().map(|model| model.slug.to_string()).collect()
}

#[test]
fn a_list_holds_what_can_be_asked_for() {
    let both = catalog(&["acme", "vault", "quiet"]);
    // hush/whisper is served in a dialect in which nobody is asked.
    for (catalog, scope, expected) in [
        (
            &both,
            Scope::UsableIfAny,
            &["acme/large", "acme/riddle", "acme/small"][..],
        ),
        (
            &catalog(&["vault"]),
            Scope::UsableIfAny,
            &["acme/riddle", "acme/small"],
        ),
        (
            &catalog(&["vault"]),
            Scope::Whole,
            &["acme/large", "acme/riddle", "acme/small", "hush/whisper"],
        ),
        (
            &catalog(&[]),
            Scope::UsableIfAny,
            &["acme/large", "acme/riddle", "acme/small", "hush/whisper"],
        ),
        (&catalog(&[]), Scope::Usable, &[]),
    ] {
        assert_eq!(slugs(catalog, scope, ""), expected, "{scope:?}");
    }
}

#[test]
fn filters_leave_out_what_does_not_fulfil_them_or_is_not_known_to() {
    let catalog = catalog(&["acme", "vault"]);
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(
            slugs(&catalog, Scope::UsableIfAny, text),
            expected,
            "{text}"
        );
    };
    check("q=LARGE", &["acme/large"]);
    check("q=acme open weights", &["acme/large"]);
    check("supported_parameters=tools", &["acme/small"]);
    check("supported_parameters=reasoning", &["acme/large"]);
    check("input_modalities=text,image", &["acme/large"]);
    check("output_modalities=embeddings", &["acme/vectors"]);
    check(
        "output_modalities=all",
        &["acme/large", "acme/riddle", "acme/small", "acme/vectors"],
    );
    check("context=1000", &["acme/large", "acme/small"]);
    check("context=1001", &["acme/large"]);
    check("min_price=1&max_price=1", &["acme/small"]);
    check("max_output_price=30", &["acme/large", "acme/small"]);
    check("min_price=0", &["acme/large", "acme/small"]);
    check(
        "model_authors=OpenAI,Acme",
        &["acme/large", "acme/riddle", "acme/small"],
    );
    check("model_authors=openai", &[]);
    check("providers=vault", &["acme/riddle", "acme/small"]);
    check("providers=Vault Inc", &["acme/riddle", "acme/small"]);
    check("zdr=true", &["acme/riddle", "acme/small"]);
    check("region=eu", &["acme/riddle", "acme/small"]);
    check("region=us", &[]);
    check("min_age_days=31", &["acme/small"]);
    check("max_age_days=30", &["acme/large"]);
    check("arch=claude", &[]);
    check("min_coding_index=1", &[]);
    check("distillable=true", &[]);
    check(
        "category=programming",
        &["acme/large", "acme/riddle", "acme/small"],
    );
}

#[test]
fn models_without_the_value_are_sorted_last() {
    let catalog = catalog(&["acme", "vault"]);
    for (sort, expected) in [
        (
            "pricing-low-to-high",
            ["acme/small", "acme/large", "acme/riddle"],
        ),
        (
            "pricing-high-to-low",
            ["acme/large", "acme/small", "acme/riddle"],
        ),
        (
            "context-high-to-low",
            ["acme/large", "acme/small", "acme/riddle"],
        ),
        ("newest", ["acme/large", "acme/small", "acme/riddle"]),
        ("most-popular", ["acme/large", "acme/riddle", "acme/small"]),
    ] {
        let sorted = slugs(&catalog, Scope::UsableIfAny, &format!("sort={sort}"));
        assert_eq!(sorted, expected, "{sort}");
    }
}

#[test]
fn the_cheapest_endpoint_that_can_be_asked_speaks_for_a_model() {
    for (credentials, prompt, tags, status) in [
        (
            &["acme", "vault"][..],
            "0.000001",
            &["vault/fp8", "acme"][..],
            0,
        ),
        (&["acme"], "0.000002", &["acme"], 0),
        (&[], "0.000001", &["vault/fp8", "acme"], -1),
    ] {
        let catalog = catalog(credentials);
        let model = catalog.model("acme/tiny").unwrap();
        assert_eq!(json::model(model)["pricing"]["prompt"], prompt);
        let shown = json::model_endpoints(model, &|_| None);
        let shown = shown["endpoints"].as_array().unwrap();
        let found: Vec<&Value> = shown.iter().map(|endpoint| &endpoint["tag"]).collect();
        assert_eq!(found, tags);
        assert!(shown.iter().all(|endpoint| endpoint["status"] == status));
    }
}

#[test]
fn a_model_carries_what_both_apis_ask_of_it() {
    let catalog = catalog(&["acme", "vault"]);
    let large = json::model(catalog.model("acme/large").unwrap());
    assert_eq!(large["object"], "model");
    assert_eq!(large["owned_by"], "acme");
    assert_eq!(large["created"], 1_748_736_000);
    assert_eq!(large["architecture"]["modality"], "text+image->text");
    assert_eq!(
        large["links"]["details"],
        "/api/v1/models/acme/large/endpoints"
    );
    assert_eq!(
        large["reasoning"]["supported_efforts"],
        serde_json::json!(["high", "low"])
    );
    assert_eq!(large["reasoning"]["supports_max_tokens"], true);
    let small = json::model(catalog.model("acme/small").unwrap());
    assert_eq!(small["knowledge_cutoff"], "2024-10-01");
    assert!(small.get("reasoning").is_none());
    let riddle = json::model(catalog.model("acme/riddle").unwrap());
    assert_eq!(riddle["pricing"]["prompt"], "-1");
    assert_eq!(riddle["context_length"], Value::Null);
}

#[test]
fn a_cache_that_fills_itself_shows_by_its_prices() {
    let catalog = catalog(&["acme"]);
    let model = catalog.model("acme/small").unwrap();
    let own = *endpoints(model).first().unwrap();
    assert_eq!(
        json::endpoint(model, own, None)["supports_implicit_caching"],
        true
    );
    let large = catalog.model("acme/large").unwrap();
    let own: &Arc<_> = endpoints(large).first().unwrap();
    assert_eq!(
        json::endpoint(large, own, None)["supports_implicit_caching"],
        false
    );
}
