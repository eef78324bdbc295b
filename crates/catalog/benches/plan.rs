//! What a plan costs: one model, 30 endpoints, all of them known to the health board.
//!
//! The goal is a median below 20 microseconds.

#![expect(
    missing_docs,
    reason = "the functions are written by criterion's macros"
)]
use catalog::health::{Sample, Served};
use catalog::{Access, Catalog, EndpointId, Health, Moment, Preferences, Question, Rows, Sticky};
use chat::{Dialect, Needs, Parameter};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

const ENDPOINTS: usize = 30;

fn catalog() -> Catalog {
    let providers: serde_json::Map<String, Value> = (0..ENDPOINTS)
        .map(|i| {
            let price =
                json!({ "input": format!("{}.5", i + 1), "output": "9", "cache_read": "0.1" });
            let row = json!({ "slug": format!("provider-{i}"), "auth": "none",
                "base_url": format!("http://p{i}/v1"), "dialects": ["openai-chat"],
                "endpoints": [{ "model": "author/model", "upstream_model": "m", "tools": true,
                    "context_length": 200_000, "price": price }] });
            (format!("provider-{i}"), row)
        })
        .collect();
    let rows = json!({ "providers": providers, "models": {} }).to_string();
    let rows = Rows::from_json(&rows).expect("our own text");
    catalog::load(&Rows::default(), &[&rows], &Access::ALL).expect("our own text")
}

fn health() -> Health {
    let health = Health::default();
    for i in 0..ENDPOINTS {
        let id = EndpointId::new(&format!("author/model@provider-{i}"));
        for second in 0..60 {
            let sample = Sample::Served(Served {
                first_token_ms: Some(200 + second * 7),
                total_ms: 3_000,
                output_tokens: 200,
                prompt_tokens: 9_000,
                ..Served::default()
            });
            health.record(&id, &sample, i64::from(second) * 1_000);
        }
    }
    health
}

fn plan(criterion: &mut Criterion) {
    let (catalog, health) = (catalog(), health());
    let sticky = [Sticky {
        endpoint: EndpointId::new("author/model@provider-7"),
        cached_tokens: 8_000,
        used_ms: 50_000,
    }];
    let plain = Needs {
        prompt_tokens: 9_000,
        ..Needs::default()
    };
    let mut tools = plain.clone();
    tools.parameters.insert(Parameter::Tools);
    for (name, needs, object) in [
        ("balanced", &plain, json!({})),
        ("tools", &tools, json!({})),
        (
            "sorted",
            &plain,
            json!({"sort": "throughput", "preferred_max_latency": {"p90": 2}}),
        ),
    ] {
        let preferences = Preferences::read(&object).expect("our own text");
        let question = Question {
            sticky: &sticky,
            further_calls: 4,
            ..Question::new("author/model", needs, &preferences, &[Dialect::OpenaiChat])
        };
        let mut seed = 0_u64;
        criterion.bench_function(&format!("plan, 30 endpoints, {name}"), |bench| {
            bench.iter(|| {
                seed += 1;
                let moment = Moment {
                    seed,
                    now_ms: 60_000 + i64::try_from(seed / 4_000).unwrap_or(0),
                };
                catalog::plan(&catalog, &question, &health, moment)
            });
        });
    }
    criterion.bench_function("health, one sample", |bench| {
        let id = EndpointId::new("author/model@provider-3");
        let sample = Sample::Served(Served {
            first_token_ms: Some(200),
            total_ms: 3_000,
            output_tokens: 200,
            ..Served::default()
        });
        bench.iter(|| health.record(&id, &sample, 61_000));
    });
}

criterion_group!(benches, plan);
criterion_main!(benches);
