//! A fleet for tests: endpoints of one model, and what is known of them.

use std::collections::BTreeMap;

use catalog::{Access, Catalog, Moment, NoPlan, Plan, Preferences, Question, Rows, Vital};
use chat::{Dialect, Needs, Parameter};
use serde_json::{Value, json};

pub(crate) const MODEL: &str = "acme/one";
pub(crate) const DIALECTS: &[Dialect] = &[Dialect::OpenaiChat];

/// An endpoint: slug of its provider, price of a million tokens in and out, other fields of its row.
pub(crate) type Spec<'a> = (&'a str, &'a str, Value);

/// A call of 1,000 tokens that will be answered with 1,000.
pub(crate) fn needs() -> Needs {
    Needs {
        prompt_tokens: 1_000,
        ..Needs::default()
    }
}

pub(crate) fn with_tools() -> Needs {
    let mut needs = needs();
    needs.parameters.insert(Parameter::Tools);
    needs
}

/// These endpoints of `acme/one`.
pub(crate) fn fleet(endpoints: &[Spec<'_>]) -> Catalog {
    fleet_of(&[(MODEL, endpoints)])
}

pub(crate) fn fleet_of(models: &[(&str, &[Spec<'_>])]) -> Catalog {
    let mut providers = serde_json::Map::new();
    let mut rows = serde_json::Map::new();
    for (model, endpoints) in models {
        let mut listed = Vec::new();
        for (slug, price, more) in *endpoints {
            let provider = json!({ "slug": slug, "base_url": format!("http://{slug}/v1"),
                "dialects": ["openai-chat"], "auth": "none" });
            providers.insert((*slug).to_owned(), provider);
            let mut row = json!({ "provider": slug, "upstream_model": model, "tools": true });
            if !price.is_empty() {
                row["price"] = json!({ "input": price, "output": price });
            }
            let fields = more.as_object().expect("the test's own text");
            for (name, value) in fields {
                if name == "cache_read" {
                    row["price"]["cache_read"] = value.clone();
                } else {
                    row[name] = value.clone();
                }
            }
            listed.push(row);
        }
        let name = (*model).to_owned();
        rows.insert(name, json!({ "slug": model, "endpoints": listed }));
    }
    let rows = json!({ "providers": providers, "models": rows });
    let rows = Rows::from_json(&rows.to_string()).expect("the test's own text");
    catalog::load(&Rows::default(), &[&rows], &Access::ALL).expect("the test's own text")
}

/// What is known, by provider slug.
pub(crate) fn known(vitals: &[(&str, Vital)]) -> BTreeMap<String, Vital> {
    let all = vitals.iter();
    all.map(|(slug, vital)| (format!("{MODEL}@{slug}"), *vital))
        .collect()
}

pub(crate) fn preferences(object: &Value) -> Preferences {
    Preferences::read(object).expect("the test's own text")
}

/// Plans with a seed.
pub(crate) fn ask(
    catalog: &Catalog,
    question: &Question<'_>,
    vitals: &BTreeMap<String, Vital>,
    seed: u64,
) -> Result<Plan, NoPlan> {
    catalog::plan(catalog, question, vitals, Moment { seed, now_ms: 0 })
}

/// The tags of a plan, in order.
pub(crate) fn tags(plan: &Plan) -> String {
    let attempts = plan.attempts.iter();
    let tags: Vec<&str> = attempts.map(|a| a.endpoint.tag.as_ref()).collect();
    tags.join(" ")
}

/// How often each endpoint is the first, over so many seeds.
pub(crate) fn firsts(
    catalog: &Catalog,
    question: &Question<'_>,
    vitals: &BTreeMap<String, Vital>,
    seeds: u64,
) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for seed in 0..seeds {
        let plan = ask(catalog, question, vitals, seed).expect("somebody is left");
        let first = plan.attempts[0].endpoint.tag.to_string();
        *counts.entry(first).or_default() += 1;
    }
    counts
}

/// The chi-squared statistic of what was counted against these shares.
pub(crate) fn chi_squared(counts: &BTreeMap<String, u64>, shares: &[(&str, f64)]) -> f64 {
    let all: u64 = counts.values().sum();
    let term = |(name, share): &(&str, f64)| {
        let expected = all as f64 * share;
        let found = counts.get(*name).copied().unwrap_or(0) as f64;
        (found - expected).powi(2) / expected
    };
    shares.iter().map(term).sum()
}
