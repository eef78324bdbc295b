//! Every kind makes requests from its settings, and settings survive being shown.

use chat::Response;
use serde_json::{Value, json};
use telemetry::call::Told;
use telemetry::content::{Asked, Conversation};
use telemetry::destination::{Body, Filter, Kinds, Seen, Settings, is_chosen, parcels};
use telemetry::otlp::Teller;
use telemetry::span::Attributes;

use crate::export::call;

fn teller() -> Teller {
    Teller {
        resource: Attributes::default().text("service.name", "test"),
        scope: "test",
        version: "0",
    }
}

/// Something for every setting that any kind requires.
fn config(name: &str) -> Value {
    let all = [
        (
            "otel-collector",
            json!({"endpoint": "https://otel.example.com:4318"}),
        ),
        ("webhook", json!({"url": "https://example.com/hook"})),
        (
            "s3",
            json!({"bucketName": "traces", "accessKeyId": "AKIA0123456789ABCDEF", "secretAccessKey": "0123456789abcdef0123", "pathTemplate": "{prefix}/{year}/{apiKeyName}"}),
        ),
        (
            "langfuse",
            json!({"publicKey": "pk-0123456789abcdef", "secretKey": "sk-0123456789abcdef"}),
        ),
        ("langsmith", json!({"apiKey": "0123456789abcdef"})),
        (
            "grafana",
            json!({"apiKey": "0123456789abcdef", "instanceId": "42"}),
        ),
        (
            "newrelic",
            json!({"licenseKey": "0123456789abcdef", "region": "eu"}),
        ),
        (
            "sentry",
            json!({"otlpEndpoint": "https://o1.ingest.example.com/api/2/integration/otlp", "dsn": "https://0123456789abcdef@o1.ingest.example.com/2"}),
        ),
        (
            "arize",
            json!({"apiKey": "0123456789abcdef", "spaceKey": "0123456789abcdef", "modelId": "m"}),
        ),
        (
            "braintrust",
            json!({"apiKey": "0123456789abcdef", "projectId": "p"}),
        ),
        (
            "weave",
            json!({"apiKey": "0123456789abcdef", "entity": "e", "project": "p"}),
        ),
        (
            "opik",
            json!({"apiKey": "0123456789abcdef", "workspace": "w", "projectName": "p"}),
        ),
        ("ramp", json!({"apiKey": "0123456789abcdef"})),
        ("posthog", json!({"apiKey": "0123456789abcdef"})),
        (
            "clickhouse",
            json!({"host": "https://ch.example.com:8443", "database": "db", "username": "u", "password": "0123456789abcdef"}),
        ),
        (
            "datadog",
            json!({"apiKey": "0123456789abcdef", "mlApp": "bot"}),
        ),
        (
            "snowflake",
            json!({"account": "my-org.eu", "token": "0123456789abcdef"}),
        ),
    ];
    let found = all.into_iter().find(|(known, _)| *known == name);
    found
        .map(|(_, config)| config)
        .unwrap_or_else(|| panic!("no settings for {name}"))
}

#[test]
fn every_kind_makes_requests_and_shows_no_secret() {
    let kinds = Kinds::built_in().unwrap();
    for name in kinds.names() {
        let kind = kinds.get(name).unwrap();
        let settings = Settings::read(kind, &config(name), None).unwrap();
        let shown = settings.shown(kind);
        assert!(
            !shown.to_string().contains("0123456789abcdef"),
            "{name}: {shown}"
        );
        let again = Settings::read(kind, &shown, Some(&settings)).unwrap();
        assert_eq!(again.shown(kind), shown, "{name}");
        assert!(
            !again.to_text().contains("..."),
            "{name}: a mask was taken for a secret"
        );
        assert_eq!(
            Settings::from_text(&settings.to_text()).unwrap(),
            settings,
            "{name}"
        );
        assert!(!format!("{settings:?}").contains("0123456789"), "{name}");

        let calls = [(call(1), "key".to_owned()), (call(2), "key".to_owned())];
        for calls in [&calls[..], &[]] {
            let parcels = parcels(kind, &settings, (calls, &teller())).unwrap();
            let expected = if kind.body() == Body::Object {
                calls.len().max(1)
            } else {
                1
            };
            assert_eq!(parcels.len(), expected, "{name}");
            for parcel in parcels {
                let uri = parcel.request.uri().to_string();
                assert!(
                    uri.starts_with("https://") && !uri.contains('{'),
                    "{name}: {uri}"
                );
                assert!(!uri.contains("0123456789abcdef"), "{name}: {uri}");
                assert!(!format!("{parcel:?}").contains("sk-0123"), "{name}");
                if calls.len() == 2 && kind.body() != Body::Event {
                    let body = String::from_utf8_lossy(&parcel.body);
                    assert!(body.contains("acme/one"), "{name}: {body}");
                }
            }
        }
    }
}

#[test]
fn addresses_and_headers_are_those_that_vendors_document() {
    let kinds = Kinds::built_in().unwrap();
    let first = |name: &str| {
        let kind = kinds.get(name).unwrap();
        let settings = Settings::read(kind, &config(name), None).unwrap();
        let calls = [(call(1), "my key/1".to_owned())];
        parcels(kind, &settings, (&calls, &teller()))
            .unwrap()
            .remove(0)
    };
    for (name, uri) in [
        ("otel-collector", "https://otel.example.com:4318/v1/traces"),
        ("webhook", "https://example.com/hook"),
        (
            "langfuse",
            "https://us.cloud.langfuse.com/api/public/otel/v1/traces",
        ),
        ("newrelic", "https://otlp.eu01.nr-data.net/v1/traces"),
        (
            "sentry",
            "https://o1.ingest.example.com/api/2/integration/otlp/v1/traces",
        ),
        (
            "datadog",
            "https://api.us5.datadoghq.com/api/intake/llm-obs/v1/trace/spans",
        ),
        (
            "snowflake",
            "https://my-org.eu.snowflakecomputing.com/api/v2/statements",
        ),
        (
            "clickhouse",
            "https://ch.example.com:8443/?query=INSERT%20INTO%20db.OPENROUTER_TRACES%20FORMAT%20JSONEachRow",
        ),
    ] {
        assert_eq!(first(name).request.uri().to_string(), uri);
    }
    let header = |name: &str, header: &str| {
        let parcel = first(name);
        parcel.request.headers()[header]
            .to_str()
            .unwrap()
            .to_owned()
    };
    // "pk-0123456789abcdef:sk-0123456789abcdef", as base64 has it
    let basic = "Basic cGstMDEyMzQ1Njc4OWFiY2RlZjpzay0wMTIzNDU2Nzg5YWJjZGVm";
    assert_eq!(header("langfuse", "authorization"), basic);
    assert_eq!(
        header("sentry", "x-sentry-auth"),
        "sentry sentry_key=0123456789abcdef"
    );
    assert_eq!(header("weave", "project_id"), "e/p");
    assert_eq!(header("datadog", "dd-api-key"), "0123456789abcdef");
    assert_eq!(
        header("snowflake", "x-snowflake-authorization-token-type"),
        "PROGRAMMATIC_ACCESS_TOKEN"
    );
    let object = first("s3");
    let uri = object.request.uri().to_string();
    let expected = "https://traces.s3.us-east-1.amazonaws.com/openrouter-traces/1970/my_key_1/";
    assert!(
        uri.starts_with(expected) && uri.ends_with("-1000.json"),
        "{uri}"
    );
    assert!(object.bucket.is_some());
}

#[test]
fn a_session_is_told_whole_or_not_at_all_and_destinations_choose_apart() {
    let mut told = Vec::new();
    for number in 0..200_u8 {
        let mut one = call(number);
        let generation = std::sync::Arc::make_mut(&mut one.generation);
        generation.caller.session_id = Some(format!("session-{}", number / 10));
        told.push(one.generation);
    }
    let chosen = |destination: &str| -> Vec<bool> {
        let all = told.iter();
        all.map(|one| is_chosen(destination, (&one.id, &one.caller), 500_000))
            .collect()
    };
    let (one, two) = (chosen("one"), chosen("two"));
    for session in one.chunks(10) {
        assert!(session.iter().all(|is| *is == session[0]));
    }
    assert_ne!(one, two);
    let sessions = one.chunks(10).filter(|session| session[0]).count();
    assert!((3..=17).contains(&sessions), "{sessions} of 20");
}

/// Where each kind is told what was asked and answered: what must stand in the body, and once only.
#[test]
fn every_kind_carries_content_where_its_reader_looks_and_only_when_it_is_given() {
    let kinds = Kinds::built_in().unwrap();
    let places = [
        ("langfuse", "langfuse.observation.input"),
        ("langsmith", "gen_ai.prompt"),
        ("arize", "input.value"),
        ("weave", "input.value"),
        ("opik", "input.value"),
        ("braintrust", "braintrust.input_json"),
        ("posthog", "$ai_input"),
        ("clickhouse", "\"INPUT\""),
        ("datadog", "\"input\":{\"messages\":[{"),
        ("snowflake", "\\\"INPUT\\\""),
    ];
    for name in kinds.names() {
        let kind = kinds.get(name).unwrap();
        let settings = Settings::read(kind, &config(name), None).unwrap();
        let bodies = |told: Told| {
            let calls = [(told, "key".to_owned())];
            let parcels = parcels(kind, &settings, (&calls, &teller())).unwrap();
            String::from_utf8_lossy(&parcels[0].body).into_owned()
        };
        let place = places.iter().find(|(known, _)| *known == name);
        let place = place.map_or("gen_ai.input.messages", |(_, place)| place);
        let without = bodies(call(1));
        assert!(!without.contains("what-was-asked"), "{name}: {without}");
        let mut told = call(1);
        let asked = Conversation::new(Asked::Prompt("what-was-asked"), &Response::default());
        told.content = Some(asked.into());
        let with = bodies(told);
        assert_eq!(with.matches("what-was-asked").count(), 1, "{name}: {with}");
        assert!(with.contains(place), "{name}: {with}");
    }
}

#[test]
fn rules_about_words_see_words_and_a_call_without_any_has_none() {
    let rule = |operator: &str, value: &str| {
        let rules = json!([{"field": "input", "operator": operator, "value": value}]);
        Filter::read(&json!({"groups": [{"rules": rules}]})).unwrap()
    };
    let told = call(1);
    let asked = Conversation::new(Asked::Prompt("say \"hello\"\nnow"), &Response::default());
    let passes = |filter: &Filter, content| {
        filter.passes(Seen {
            generation: &told.generation,
            key_name: "key",
            content,
        })
    };
    for (operator, value, with, without) in [
        ("contains", "\"hello\"", true, false),
        ("regex", "(?m)^now$", true, false),
        ("not_contains", "hello", false, true),
        ("exists", "", true, false),
        ("not_exists", "", false, true),
    ] {
        let filter = rule(operator, value);
        assert!(filter.reads_content());
        assert_eq!(passes(&filter, Some(&asked)), with, "{operator}");
        assert_eq!(passes(&filter, None), without, "{operator}");
    }
    let other = json!({"groups": [{"rules": [{"field": "model", "operator": "exists"}]}]});
    assert!(!Filter::read(&other).unwrap().reads_content());
}
