//! Every kind makes requests from its settings, and settings survive being shown.

use serde_json::{Value, json};
use telemetry::destination::{Body, Kinds, Settings, is_chosen, parcels};
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
        all.map(|generation| is_chosen(destination, generation, 500_000))
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
