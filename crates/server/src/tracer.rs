//! `Tracer`: which calls belong to whose trace, and the copy of finished calls for a collector.

use std::sync::{Arc, Mutex, PoisonError};

use foldhash::HashMap;
use http::HeaderMap;
use ledger::trace::TraceParent;
use ledger::{Generation, GenerationId};
use relay::{Call, Trace};
use telemetry::call::Told;
use telemetry::export::{Collector, Exporter, Figures, Queue};
use telemetry::metric::Metric;
use telemetry::otlp::Teller;
use telemetry::otlp::metrics::Span;
use telemetry::span::Attributes;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Environment};

/// So many calls in flight may belong to somebody's trace; of more than that the caller's part is
/// forgotten when they end. More calls than this no process holds.
const PARENTS_MAX: usize = 200_000;

/// Tells a collector of calls.
#[derive(Debug)]
pub struct Tracer {
    exporter: Exporter,
    /// What callers said of the trace of calls in flight.
    parents: Mutex<HashMap<GenerationId, TraceParent>>,
    end: CancellationToken,
}

/// What a configuration says of the collector; `None` where there is none.
///
/// # Errors
/// When its headers cannot be read; never with a value.
pub fn collector(
    config: &Config,
    environment: &Environment,
    node: &str,
) -> anyhow::Result<Option<Collector>> {
    let telemetry = &config.telemetry;
    let headers = telemetry
        .read_headers(environment)
        .map_err(|what| anyhow::anyhow!("telemetry.headers: {what}"))?;
    let Some(endpoint) = &telemetry.endpoint else {
        return Ok(None);
    };
    let version = env!("CARGO_PKG_VERSION");
    let resource = Attributes::default()
        .text("service.name", telemetry.service_name.as_str())
        .text("service.version", version)
        .text("service.instance.id", node);
    Ok(Some(Collector {
        endpoint: endpoint.clone(),
        protocol: telemetry.protocol,
        headers,
        sampled_ppm: telemetry.sampled_ppm,
        teller: Teller {
            resource,
            scope: "waybill",
            version,
        },
    }))
}

impl Tracer {
    /// A tracer for a collector, and what must run for it.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(
        collector: Collector,
    ) -> anyhow::Result<(Arc<Self>, impl Future<Output = ()> + use<>)> {
        let (exporter, queue): (Exporter, Queue) = Exporter::new(collector)?;
        let end = CancellationToken::new();
        let tracer = Self {
            exporter,
            parents: Mutex::default(),
            end: end.clone(),
        };
        let running = async move { queue.run(end.cancelled()).await };
        Ok((Arc::new(tracer), running))
    }

    /// A call is about to be relayed: its trace, which is remembered until it is finished.
    pub fn begin(&self, call: &mut Call, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let parent =
            text("traceparent").and_then(|parent| TraceParent::read(parent, text("tracestate")));
        let trace = Trace::new(parent.as_ref(), &call.id, |id| self.exporter.keeps(id));
        call.trace = Some(trace);
        let Some(parent) = parent else { return };
        let mut parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        if parents.len() < PARENTS_MAX {
            parents.insert(call.id.clone(), parent);
        }
    }

    /// A call has been finished; what its caller said of its trace. Never waits.
    pub fn end(&self, generation: &Arc<Generation>) -> Option<TraceParent> {
        let parent = {
            let mut parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
            parents.remove(&generation.id)
        };
        self.exporter.offer(Told {
            generation: Arc::clone(generation),
            parent: parent.clone(),
            // What was asked and answered is for destinations that ask for it.
            content: None,
            heeds_note: false,
        });
        parent
    }

    /// Tells the collector of metrics.
    ///
    /// # Errors
    /// With what went wrong, in words.
    pub async fn tell(&self, metrics: &[Metric], span: Span) -> Result<(), String> {
        self.exporter.tell(metrics, span).await
    }

    /// What became of the calls.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.exporter.figures()
    }

    /// No further call will end: what waits is sent, once.
    pub fn close(&self) {
        self.end.cancel();
    }
}
