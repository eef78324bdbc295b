//! What is offered never waits; what does not fit is dropped and counted.

use std::sync::Arc;

use chat::{Dialect, Usage};
use http::HeaderMap;
use ledger::generation::{CallerNote, Settled};
use ledger::trace::{SpanId, TraceId, TraceParent};
use ledger::{Attempt, Bill, Generation, GenerationId, Outcome, UsageSource};
use telemetry::call::Told;
use telemetry::export::{Collector, Exporter, Protocol, is_sampled};
use telemetry::otlp::Teller;
use telemetry::span::{Attributes, Span};

fn collector(endpoint: &str, sampled_ppm: u32) -> Collector {
    Collector {
        endpoint: endpoint.to_owned(),
        protocol: Protocol::HttpProtobuf,
        headers: HeaderMap::new(),
        sampled_ppm,
        teller: Teller {
            resource: Attributes::default(),
            scope: "test",
            version: "0",
        },
    }
}

fn attempt(credential: Option<&str>) -> Attempt {
    Attempt {
        endpoint: "acme".to_owned(),
        provider: "acme".to_owned(),
        provider_name: "Acme".to_owned(),
        model: "acme/one".to_owned(),
        credential: credential.map(str::to_owned),
        is_byok: false,
        started_ms: 1,
        latency_ms: 2,
        status: Some(200),
        outcome: Outcome::Completed,
        may_be_billed: false,
        share: None,
        recovered_at_chars: None,
    }
}

pub(crate) fn call(number: u8) -> Told {
    let generation = Generation {
        id: GenerationId::new(i64::from(number), [number; 10]),
        created_at_ms: 1_000,
        caller: CallerNote::default(),
        dialect: Dialect::OpenaiChat,
        requested_model: "one".to_owned(),
        model: "acme/one".to_owned(),
        endpoint: Some("acme".to_owned()),
        provider: Some("acme".to_owned()),
        provider_name: Some("Acme".to_owned()),
        upstream_id: None,
        attempts: vec![attempt(None), attempt(Some("spare")), attempt(None)],
        streamed: false,
        status: 200,
        outcome: Outcome::Completed,
        finish: None,
        usage: Usage::default(),
        usage_source: UsageSource::Nothing,
        price_sheet: None,
        charge: Ok(Bill::default()),
        settled: Settled::default(),
        noticed: ledger::generation::Noticed::default(),
        first_token_ms: None,
        total_ms: 5,
        overhead_us: 1,
        dropped: Vec::new(),
        plan: None,
    };
    Told {
        generation: Arc::new(generation),
        parent: None,
        content: None,
        heeds_note: false,
    }
}

#[tokio::test]
async fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits() {
    let (exporter, queue) = Exporter::new(collector("http://127.0.0.1:1", 1_000_000)).unwrap();
    for _ in 0..5_000 {
        exporter.offer(call(1));
    }
    assert_eq!(exporter.figures().dropped_calls, 5_000 - 4_096);
    // At the end what waits is tried once, and then counted as well.
    queue.run(std::future::ready(())).await;
    assert_eq!(exporter.figures().dropped_calls, 5_000);
    assert_eq!(exporter.figures().sent_spans, 0);
}

#[test]
fn spans_of_one_call_have_ids_of_their_own_and_one_parent() {
    let spans = call(1).spans();
    let mut ids: Vec<SpanId> = spans.iter().map(|span| span.id).collect();
    ids.sort_by_key(|id| id.0);
    ids.dedup();
    assert_eq!((spans.len(), ids.len()), (4, 4));
    let is_child = |span: &Span| span.parent == Some(spans[0].id);
    assert!(spans[1..].iter().all(is_child));
}

#[test]
fn sampling_keeps_about_its_share_and_always_the_same_traces() {
    let traces: Vec<TraceId> = (0..10_000_u32)
        .map(|number| {
            let mut random = [0; 10];
            random[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            random[6..].copy_from_slice(&number.wrapping_mul(0x85eb_ca6b).to_be_bytes());
            random[3..7].copy_from_slice(&number.wrapping_mul(0xc2b2_ae35).to_be_bytes());
            TraceId::of(&GenerationId::new(1, random))
        })
        .collect();
    let kept = |ppm: u32| {
        traces
            .iter()
            .filter(|trace| is_sampled(**trace, ppm))
            .count()
    };
    assert_eq!((kept(0), kept(1_000_000)), (0, 10_000));
    assert!((2_000..3_000).contains(&kept(250_000)), "{}", kept(250_000));
    let few: Vec<_> = traces
        .iter()
        .filter(|trace| is_sampled(**trace, 100_000))
        .collect();
    assert!(few.iter().all(|trace| is_sampled(**trace, 250_000)));
}

#[tokio::test]
async fn a_caller_decides_over_its_own_trace() {
    let (exporter, _queue) = Exporter::new(collector("http://127.0.0.1:1", 0)).unwrap();
    for (flags, is_kept) in [("01", true), ("00", false)] {
        let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        let before = exporter.figures().dropped_calls;
        for _ in 0..4_097 {
            exporter.offer(Told {
                parent: TraceParent::read(&parent, None),
                ..call(1)
            });
        }
        assert_eq!(
            exporter.figures().dropped_calls > before,
            is_kept,
            "{flags}"
        );
    }
    exporter.offer(call(1));
}

#[test]
fn a_destination_is_told_what_the_caller_says_of_its_trace_and_a_collector_is_not() {
    let mut told = call(1);
    let generation = std::sync::Arc::make_mut(&mut told.generation);
    generation.caller.trace = Some(Box::new(ledger::generation::TraceNote {
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        parent_span_id: Some("a step of mine".to_owned()),
        generation_name: Some("plan".to_owned()),
        metadata: Some("{\"team\":\"a\",\"n\":1}".into()),
        ..ledger::generation::TraceNote::default()
    }));
    let plain = told.spans();
    assert!(plain[0].parent.is_none() && plain[0].name != "plan");
    told.heeds_note = true;
    let spans = told.spans();
    let first = &spans[0];
    assert_eq!(first.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    let parent = ledger::trace::SpanId::of_words("a step of mine");
    assert_eq!((first.parent, &*first.name), (Some(parent), "plan"));
    let said = |name: &str| first.attributes.get(name).cloned();
    let text = |text: &str| Some(telemetry::span::Value::Text(text.to_owned()));
    assert_eq!(said("trace.metadata.team"), text("a"));
    assert_eq!(said("trace.metadata.n"), text("1"));
    assert!(spans.iter().all(|span| span.trace == first.trace));
}
