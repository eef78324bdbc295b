//! Imports from models.dev's own formats, on a small document of ours.

use catalog::{Access, Rows, diff, import};
use serde_json::{Value, json};

fn base() -> Rows {
    serde_json::from_value(json!({
        "providers": {
            "together": { "slug": "together", "aliases": ["togetherai"], "base_url": "https://t/v1",
                "dialects": ["openai-chat"], "quirks": ["max-tokens"] },
            "elsewhere": { "slug": "elsewhere", "base_url": "https://e/v1" },
        },
        "models": {
            "acme/one": { "name": "One", "aliases": ["acme/One-2025"], "context_length": 1000,
                "tools": true, "endpoints": [
                    { "provider": "elsewhere", "upstream_model": "one" },
                    { "provider": "together", "upstream_model": "acme/one-turbo", "tag": "turbo",
                      "quantization": "fp8", "price": { "input": "1", "output": "2" } },
                    { "provider": "together", "upstream_model": "acme/gone" },
                ] },
        },
    }))
    .expect("rows")
}

fn published() -> Value {
    json!({
        "togetherai": { "id": "togetherai", "name": "Together AI", "env": ["TOGETHER_API_KEY"],
            "npm": "@ai-sdk/togetherai", "doc": "https://docs",
            "models": {
                "acme/one-turbo": { "id": "acme/one-turbo", "name": "One Turbo", "tool_call": true,
                    "limit": { "context": 1000, "output": 100 },
                    "cost": { "input": 0.049999999999999996, "output": 2, "cache_read": 0.01,
                        "tiers": [{ "input": 0.1, "output": 4, "tier": { "size": 500 } }] } },
                "acme/one-2025": { "id": "acme/one-2025", "tool_call": false, "status": "deprecated",
                    "limit": { "context": 1000, "output": 0 }, "cost": { "input": 0, "output": 0 } },
                "acme/fresh": { "id": "acme/fresh", "name": "Fresh", "reasoning": true,
                    "reasoning_options": [{ "type": "effort", "values": ["low", "high"] }],
                    "release_date": "2026-08-01", "modalities": { "input": ["text", "pdf"], "output": ["text"] },
                    "limit": { "context": 5000, "output": 500 },
                    "cost": { "input": 3, "output": 9, "context_over_200k": { "input": 6, "output": 18 } } },
                "acme/embed-small": { "id": "acme/embed-small", "name": "Embed",
                    "modalities": { "input": ["text"], "output": ["text"] },
                    "limit": { "context": 500, "output": 0 }, "cost": { "input": 0.02, "output": 0 } },
            } },
        "newcomer": { "id": "newcomer", "name": "Newcomer", "env": ["NEWCOMER_KEY"], "api": "https://n/v1",
            "npm": "@ai-sdk/openai-compatible", "doc": "https://docs",
            "models": { "one:free": { "id": "one:free", "limit": { "context": 1000, "output": 10 },
                "cost": { "input": 0, "output": 0 } } } },
        "some-coding-plan": { "id": "some-coding-plan", "name": "Plan", "env": ["X"], "api": "https://x",
            "npm": "@ai-sdk/openai-compatible", "doc": "https://docs", "models": {} },
    })
}

#[test]
fn known_providers_and_models_are_recognised_and_new_ones_added() {
    let (base, text) = (base(), published().to_string());
    let rows = import::models_dev(&text, &base).unwrap();
    let catalog = catalog::load(&rows, &[], &Access::ALL).unwrap();
    let endpoints = |slug: &str| -> String {
        let model = catalog.model(slug).unwrap_or_else(|| panic!("{slug}"));
        let texts = model
            .endpoints
            .iter()
            .map(|e| format!("{}={}", e.tag, e.upstream_model));
        texts.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        endpoints("acme/one"),
        "elsewhere=one together=acme/one-2025 together/turbo=acme/one-turbo"
    );
    assert_eq!(endpoints("acme/one:free"), "newcomer=one:free");
    assert_eq!(endpoints("acme/fresh"), "together=acme/fresh");
    assert_eq!(
        catalog.model("acme/embed-small").unwrap().kind,
        catalog::ModelKind::Embedding
    );
    assert!(catalog.provider("some-coding-plan").is_none());
    assert_eq!(
        catalog.provider("newcomer").unwrap().env,
        ["NEWCOMER_KEY".into()]
    );
}

#[test]
fn prices_are_cleaned_and_what_was_kept_by_hand_stays() {
    let (base, text) = (base(), published().to_string());
    let rows = import::models_dev(&text, &base).unwrap();
    let find = |slug: &str, upstream: &str| {
        let found = rows.models[slug].endpoints.iter();
        let mut found = found.filter(|row| row.upstream_model.as_deref() == Some(upstream));
        found
            .next()
            .cloned()
            .unwrap_or_else(|| panic!("{slug} {upstream}"))
    };
    let turbo = find("acme/one", "acme/one-turbo");
    assert_eq!(
        (turbo.tag.as_deref(), turbo.quantization.as_deref()),
        (Some("turbo"), Some("fp8"))
    );
    assert_eq!(
        serde_json::to_value(turbo.price.unwrap()).unwrap(),
        json!({ "input": "0.05", "cache_read": "0.01", "output": "2",
            "tiers": [{ "above_prompt_tokens": 500, "input": "0.1", "output": "4" }] })
    );
    assert_eq!(turbo.tools, None, "what repeats the model is left out");
    let dated = find("acme/one", "acme/one-2025");
    assert_eq!(
        (dated.price, dated.tools),
        (None, Some(false)),
        "a zero is no price"
    );
    let free = find("acme/one", "one:free").price.unwrap();
    assert_eq!(
        serde_json::to_value(free).unwrap(),
        json!({ "input": "0", "output": "0" })
    );
    let fresh = find("acme/fresh", "acme/fresh").price.unwrap();
    assert_eq!(fresh.tiers[0].above_prompt_tokens, Some(200_000));
    assert_eq!(
        rows.providers["together"].quirks.as_deref(),
        Some(&["max-tokens".to_owned()][..])
    );
}

#[test]
fn the_difference_is_shown_and_a_second_import_changes_nothing() {
    let (base, text) = (base(), published().to_string());
    let once = import::models_dev(&text, &base).unwrap();
    let difference = diff(&base, &once);
    assert_eq!(difference.added_providers, ["newcomer"]);
    assert_eq!(difference.added_models, ["acme/embed-small", "acme/fresh"]);
    assert_eq!(difference.removed_endpoints[0].upstream_model, "acme/gone");
    assert!(
        difference.to_string().contains("price.input 1 -> 0.05"),
        "{difference}"
    );
    let twice = import::models_dev(&text, &once).unwrap();
    assert!(diff(&once, &twice).is_empty(), "{}", diff(&once, &twice));
    assert!(once == twice);
}

#[test]
fn the_combined_and_the_facts_only_documents_are_read_too() {
    let base = base();
    let facts = json!({ "acme/one": { "id": "acme/one", "name": "One", "knowledge": "2025-06", "open_weights": true } });
    let rows = import::models_dev(&facts.to_string(), &base).unwrap();
    assert_eq!(
        rows.models["acme/one"].knowledge_cutoff.as_deref(),
        Some("2025-06")
    );
    assert_eq!(rows.endpoint_count(), base.endpoint_count());
    let both = json!({ "models": facts, "providers": published() });
    let rows = import::models_dev(&both.to_string(), &base).unwrap();
    assert_eq!(rows.models["acme/one"].open_weights, Some(true));
    assert!(rows.models.contains_key("acme/fresh"));
}

#[test]
fn a_broken_document_is_refused_whole_with_every_path() {
    let base = base();
    for text in ["", "[]", "{}", "<html>", "{\"a\": 1}"] {
        assert!(import::models_dev(text, &base).is_err(), "{text}");
    }
    let mut document = published();
    document["togetherai"]["models"]["acme/fresh"]["limit"]["context"] = json!("many");
    document["newcomer"]["models"]["one:free"]["tool_call"] = json!(3);
    let errors = import::models_dev(&document.to_string(), &base).unwrap_err();
    let paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "providers.newcomer.models.one:free",
            "providers.togetherai.models.acme/fresh"
        ]
    );
}
