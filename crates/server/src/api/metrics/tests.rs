//! The page, read back line by line after known calls.

use chat::{Dialect, Kind, Unit, Usage};
use ledger::generation::CallerNote;
use ledger::{Amount, Attempt, Bill, Generation, GenerationId, Outcome, Unpriced, UsageSource};

use super::page::{Now, page};
use super::recorder::{MODELS_MAX, Metrics, PROVIDERS_MAX};

fn attempt(provider: &str, outcome: Outcome) -> Attempt {
    Attempt {
        endpoint: provider.to_owned(),
        provider: provider.to_owned(),
        provider_name: provider.to_uppercase(),
        model: "acme/one".to_owned(),
        credential: None,
        is_byok: false,
        started_ms: 0,
        latency_ms: 5,
        status: Some(200),
        outcome,
        may_be_billed: false,
        share: None,
        recovered_at_chars: None,
    }
}

fn failed(kind: Kind) -> Outcome {
    Outcome::Failed {
        kind,
        message: "told to".to_owned(),
    }
}

/// A call that `provider` served: 10 tokens in, 3 out, 35 nano-dollars, 1.5 s, first token at 20 ms.
fn served_by(provider: &str) -> Generation {
    Generation {
        id: GenerationId::new(0, [0; 10]),
        created_at_ms: 0,
        caller: CallerNote::default(),
        dialect: Dialect::OpenaiChat,
        requested_model: "acme/one".to_owned(),
        model: "acme/one".to_owned(),
        endpoint: Some(provider.to_owned()),
        provider: Some(provider.to_owned()),
        provider_name: Some(provider.to_uppercase()),
        upstream_id: None,
        attempts: vec![attempt(provider, Outcome::Completed)],
        streamed: false,
        status: 200,
        outcome: Outcome::Completed,
        finish: None,
        usage: Usage::default().with(Unit::Input, 10).with(Unit::Output, 3),
        usage_source: UsageSource::Provider,
        price_sheet: None,
        charge: Ok(Bill {
            total: Amount::from_nanos(35),
            lines: Vec::new(),
        }),
        first_token_ms: Some(20),
        total_ms: 1_500,
        overhead_us: 120,
        dropped: Vec::new(),
        plan: None,
        settled: ledger::generation::Settled::default(),
        noticed: ledger::generation::Noticed::default(),
    }
}

fn page_after(calls: &[Generation]) -> String {
    let metrics = Metrics::new(1_500);
    for call in calls {
        metrics.observe(call);
    }
    page(&metrics, &Now::default()).text
}

#[track_caller]
fn has_line(page: &str, line: &str) {
    assert!(page.lines().any(|l| l == line), "no line {line} in\n{page}");
}

#[test]
fn a_served_call_moves_its_providers_counters() {
    let page = page_after(&[served_by("acme"), served_by("acme")]);
    for line in [
        r#"waybill_calls_total{gen_ai_provider_name="acme",outcome="completed",status_class="2xx"} 2"#,
        r#"waybill_attempts_total{gen_ai_provider_name="acme",outcome="completed"} 2"#,
        r#"waybill_units_total{gen_ai_provider_name="acme",unit="input"} 20"#,
        r#"waybill_units_total{gen_ai_provider_name="acme",unit="output"} 6"#,
        r#"waybill_cost_nanodollars_total{gen_ai_provider_name="acme"} 70"#,
        r#"gen_ai_client_operation_duration_seconds_bucket{gen_ai_operation_name="chat",gen_ai_provider_name="acme",le="1.28"} 0"#,
        r#"gen_ai_client_operation_duration_seconds_bucket{gen_ai_operation_name="chat",gen_ai_provider_name="acme",le="2.56"} 2"#,
        r#"gen_ai_client_operation_duration_seconds_sum{gen_ai_operation_name="chat",gen_ai_provider_name="acme"} 3"#,
        r#"gen_ai_client_operation_time_to_first_chunk_seconds_bucket{gen_ai_operation_name="chat",gen_ai_provider_name="acme",le="0.02"} 2"#,
        r#"gen_ai_client_token_usage_sum{gen_ai_operation_name="chat",gen_ai_provider_name="acme",gen_ai_token_type="input"} 20"#,
        r#"waybill_overhead_seconds_bucket{le="0.0001"} 0"#,
        r#"waybill_overhead_seconds_bucket{le="0.0002"} 2"#,
        "waybill_overhead_seconds_count 2",
        "process_start_time_seconds 1.5",
    ] {
        has_line(&page, line);
    }
    assert!(!page.contains("waybill_unpriced_calls_total{"), "{page}");
    assert!(!page.contains("waybill_fallbacks_total{"), "{page}");
}

#[test]
fn an_unpriced_call_is_counted_apart_and_never_as_free() {
    let mut call = served_by("acme");
    call.charge = Err(Unpriced::NoPrice(Unit::Output));
    let page = page_after(&[call]);
    has_line(
        &page,
        r#"waybill_unpriced_calls_total{gen_ai_provider_name="acme"} 1"#,
    );
    assert!(!page.contains("waybill_cost_nanodollars_total{"), "{page}");
}

#[test]
fn a_fallback_counts_the_failed_attempt_where_it_failed() {
    let mut call = served_by("second");
    let failure = attempt("first", failed(Kind::RateLimitExceeded));
    call.attempts.insert(0, failure);
    let page = page_after(&[call]);
    for line in [
        r#"waybill_attempts_total{gen_ai_provider_name="first",outcome="failed"} 1"#,
        r#"waybill_attempts_total{gen_ai_provider_name="second",outcome="completed"} 1"#,
        r#"waybill_fallbacks_total{gen_ai_provider_name="second"} 1"#,
    ] {
        has_line(&page, line);
    }
    assert!(
        !page.contains(r#"waybill_calls_total{gen_ai_provider_name="first""#),
        "{page}"
    );
}

#[test]
fn a_call_that_nobody_served_is_counted_as_failed_by_kind() {
    let mut call = served_by("acme");
    (call.provider, call.endpoint, call.status) = (None, None, 404);
    call.attempts.clear();
    call.outcome = failed(Kind::NoEndpoints);
    let page = page_after(&[call]);
    has_line(
        &page,
        r#"waybill_calls_total{gen_ai_provider_name="none",outcome="failed",status_class="4xx"} 1"#,
    );
    has_line(
        &page,
        r#"waybill_failures_total{kind="NoEndpoints",error_type="not_found"} 1"#,
    );
}

#[test]
fn many_providers_share_one_label_beyond_the_cap() {
    let calls: Vec<_> = (0..PROVIDERS_MAX + 10)
        .map(|n| served_by(&format!("p{n}")))
        .collect();
    let metrics = Metrics::new(0);
    calls.iter().for_each(|call| metrics.observe(call));
    assert_eq!(metrics.providers().len(), PROVIDERS_MAX + 1);
    has_line(
        &page(&metrics, &Now::default()).text,
        r#"waybill_cost_nanodollars_total{gen_ai_provider_name="other"} 350"#,
    );
}

#[test]
fn models_are_counted_by_what_served_and_share_one_label_beyond_the_cap() {
    let metrics = Metrics::new(0);
    for number in 0..MODELS_MAX + 10 {
        let mut call = served_by("acme");
        call.model = format!("acme/{number}");
        call.requested_model = format!("what-a-caller-wrote-{number}");
        metrics.observe(&call);
    }
    assert_eq!(metrics.models().len(), MODELS_MAX + 1);
    let page = page(&metrics, &Now::default()).text;
    for line in [
        r#"waybill_model_calls_total{gen_ai_response_model="acme/0",outcome="completed"} 1"#,
        r#"waybill_model_calls_total{gen_ai_response_model="other",outcome="completed"} 10"#,
        r#"waybill_model_tokens_total{gen_ai_response_model="other",gen_ai_token_type="input"} 100"#,
        r#"waybill_model_cost_nanodollars_total{gen_ai_response_model="other"} 350"#,
    ] {
        has_line(&page, line);
    }
    assert!(!page.contains("what-a-caller-wrote"));
}

#[test]
fn label_values_cannot_break_out() {
    let page = page_after(&[served_by("a\"b\\c\nd")]);
    has_line(
        &page,
        r#"waybill_cost_nanodollars_total{gen_ai_provider_name="a\"b\\c\nd"} 35"#,
    );
}

#[test]
fn every_line_is_a_comment_or_a_sample_and_every_family_is_declared_once() {
    let page = page_after(&[served_by("acme")]);
    let mut declared = Vec::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap();
            assert!(!declared.contains(&name), "{name} twice");
            declared.push(name);
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            assert!(declared.iter().any(|d| name.starts_with(d)), "{line}");
        }
    }
}

/// What Prometheus and Grafana add to every series.
const THEIR_LABELS: [&str; 3] = ["instance", "job", "le"];

/// Words of an expression that begin like our metrics.
fn metrics_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| {
        let starts = ["waybill_", "process_", "gen_ai_client_"];
        starts.iter().any(|start| word.starts_with(start))
    })
}

/// Labels of an expression: those it selects by, and those it groups by.
fn labels_in(text: &str) -> Vec<&str> {
    let mut labels = Vec::new();
    for part in text.split('{').skip(1) {
        let inner = part.split('}').next().unwrap_or_default();
        for matcher in inner.split("\",").filter(|matcher| matcher.contains('=')) {
            labels.extend(matcher.split(['=', '!']).next().map(str::trim));
        }
    }
    for part in text.split("by (").skip(1) {
        let inner = part.split(')').next().unwrap_or_default();
        labels.extend(inner.split(',').map(str::trim));
    }
    labels
}

#[test]
fn dashboard_and_alerts_name_only_what_is_on_the_page() {
    let metrics = Metrics::new(1_500);
    let mut failing = served_by("acme");
    failing.outcome = failed(Kind::GatewayUnavailable);
    failing.attempts = vec![
        attempt("acme", failed(Kind::Timeout)),
        attempt("acme", Outcome::Completed),
    ];
    failing.charge = Err(Unpriced::NoUsage);
    metrics.observe(&failing);
    metrics.observe(&served_by("acme"));
    let now = Now {
        resident_bytes: Some(1),
        told: Some(telemetry::export::Figures::default()),
        link: Some(cluster::Figures {
            is_there: true,
            losses: 0,
            questions: 0,
            failures: 0,
            replicas: 2,
        }),
        ..Now::default()
    };
    let page = page(&metrics, &now).text;
    let families: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");
    let dashboard = std::fs::read_to_string(format!("{deploy}/grafana/waybill.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let mut expressions: Vec<String> = targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    let rules = std::fs::read_to_string(format!("{deploy}/prometheus/waybill.rules.yaml")).unwrap();
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    expressions.extend(alerts.map(str::to_owned));
    assert!(expressions.len() > 30, "{}", expressions.len());
    for expression in &expressions {
        for name in metrics_in(expression) {
            let short = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(name);
            let is_known = families.contains(&name) || families.contains(&short);
            assert!(is_known, "{name} is not on the page: {expression}");
        }
        for label in labels_in(expression) {
            let is_known = THEIR_LABELS.contains(&label) || page.contains(&format!("{label}=\""));
            assert!(is_known, "no series has the label {label}: {expression}");
        }
    }
}
