//! A bounded queue of finished calls, batches, and a collector at its end.
//!
//! A call is offered after it has been recorded and never waits. What does not fit into the queue,
//! and what the collector does not take after a few tries, is dropped and counted: the records are
//! the truth, and this is a copy of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use http::{Method, Request, Uri};
use http_body_util::Full;
use ledger::trace::TraceId;
use tokio::sync::mpsc;

use crate::call::Told;
use crate::egress::{Egress, EgressError, Guard};
use crate::metric::Metric;
use crate::otlp::{self, Teller, grpc};
use crate::span::Span;

/// So many calls may wait: with a kilobyte or two each this is a few megabytes at the most.
const WAITING_MAX: usize = 4096;

/// So many calls go into one request.
const BATCH_MAX: usize = 256;

/// For how long a batch is filled.
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// For one request to be answered.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How often a batch is tried, and the pause after the first time; it doubles.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over HTTP, in protobuf: `/v1/traces` and `/v1/metrics` behind the endpoint.
    HttpProtobuf,
    /// OTLP over gRPC.
    Grpc,
}

/// Where the copy goes.
#[derive(Debug, Clone)]
pub struct Collector {
    /// Its address, without a slash at the end.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Further headers: credentials, usually.
    pub headers: HeaderMap,
    /// Of so many of a million traces that begin here spans are sent.
    pub sampled_ppm: u32,
    /// Who tells.
    pub teller: Teller,
}

/// What became of the calls that were offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Spans that the collector has taken.
    pub sent_spans: u64,
    /// Calls whose spans were dropped, because too many waited or the collector did not take them.
    pub dropped_calls: u64,
    /// Requests to the collector that failed, those included that succeeded later.
    pub failures: u64,
}

#[derive(Debug, Default)]
struct Counts {
    sent_spans: AtomicU64,
    dropped_calls: AtomicU64,
    failures: AtomicU64,
}

/// Takes finished calls.
#[derive(Debug)]
pub struct Exporter {
    waiting: mpsc::Sender<Told>,
    sampled_ppm: u32,
    line: Arc<Line>,
}

/// The way to the collector.
#[derive(Debug)]
struct Line {
    egress: Egress,
    collector: Collector,
    counts: Counts,
}

/// The end of the queue, to be run.
pub struct Queue {
    calls: mpsc::Receiver<Told>,
    line: Arc<Line>,
}

impl Exporter {
    /// An exporter, and its queue, which somebody must run.
    ///
    /// # Errors
    /// [`EgressError::Client`].
    pub fn new(collector: Collector) -> Result<(Self, Queue), EgressError> {
        let egress = match collector.protocol {
            Protocol::HttpProtobuf => Egress::new(Guard::open())?,
            Protocol::Grpc => Egress::http2(Guard::open())?,
        };
        let (waiting, calls) = mpsc::channel(WAITING_MAX);
        let sampled_ppm = collector.sampled_ppm;
        let line = Arc::new(Line {
            egress,
            collector,
            counts: Counts::default(),
        });
        let exporter = Self {
            waiting,
            sampled_ppm,
            line: Arc::clone(&line),
        };
        Ok((exporter, Queue { calls, line }))
    }

    /// Whether a trace that begins here is told of.
    #[must_use]
    pub fn keeps(&self, trace: TraceId) -> bool {
        is_sampled(trace, self.sampled_ppm)
    }

    /// Takes a finished call, if it is to be told of and there is room. Never waits.
    pub fn offer(&self, told: Told) {
        let is_sampled = match &told.parent {
            Some(parent) => parent.is_sampled,
            None => self.keeps(told.trace()),
        };
        if is_sampled && self.waiting.try_send(told).is_err() {
            let dropped = &self.line.counts.dropped_calls;
            dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells the collector of metrics, once: the next time says everything again.
    ///
    /// # Errors
    /// With what went wrong, in words.
    pub async fn tell(&self, metrics: &[Metric], span: otlp::metrics::Span) -> Result<(), String> {
        let line = &self.line;
        let message = otlp::metrics::request(&line.collector.teller, metrics, span);
        let sent = line.send(Signal::Metrics, &message).await;
        sent.map_err(|failure| failure.what)
    }

    /// What became of the calls that were offered.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.line.counts;
        Figures {
            sent_spans: read(&counts.sent_spans),
            dropped_calls: read(&counts.dropped_calls),
            failures: read(&counts.failures),
        }
    }
}

/// Whether a trace is among so many of a million, as all who sample by its id agree.
#[must_use]
pub fn is_sampled(trace: TraceId, ppm: u32) -> bool {
    u128::from(trace.lot()) * 1_000_000 < u128::from(ppm) << 56
}

impl Queue {
    /// Sends what is offered, batch by batch, until `stop` ends; then what still waits, once.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            let is_over = tokio::select! {
                biased;
                () = &mut stop => true,
                taken = self.fill(&mut batch) => taken == 0,
            };
            if is_over {
                break self.end(batch).await;
            }
            let sending = self.line.send_batch(&batch, TRIES);
            tokio::select! {
                () = sending => {}
                () = &mut stop => break self.end(batch).await,
            }
        }
    }

    /// Waits for a first call, and then for a moment for more.
    async fn fill(&mut self, batch: &mut Vec<Told>) -> usize {
        let Some(first) = self.calls.recv().await else {
            return 0;
        };
        batch.push(first);
        let more = async {
            while batch.len() < BATCH_MAX {
                let room = BATCH_MAX - batch.len();
                if self.calls.recv_many(batch, room).await == 0 {
                    return;
                }
            }
        };
        // A batch that is not full after that time is sent as it is.
        let _ = tokio::time::timeout(BATCH_WAIT, more).await;
        batch.len()
    }

    async fn end(mut self, mut batch: Vec<Told>) {
        while let Ok(told) = self.calls.try_recv() {
            batch.push(told);
        }
        for batch in batch.chunks(BATCH_MAX) {
            self.line.send_batch(batch, 1).await;
        }
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
enum Signal {
    Traces,
    Metrics,
}

/// Why a request was not taken.
struct Failure {
    what: String,
    may_be_retried: bool,
}

impl Line {
    async fn send_batch(&self, batch: &[Told], tries: u32) {
        if batch.is_empty() {
            return;
        }
        let spans: Vec<Span> = batch.iter().flat_map(Told::spans).collect();
        let message = otlp::traces::request(&self.collector.teller, &spans);
        let mut pause = PAUSE;
        for attempt in 1..=tries {
            let failure = match self.send(Signal::Traces, &message).await {
                Ok(()) => {
                    let sent = u64::try_from(spans.len()).unwrap_or(u64::MAX);
                    self.counts.sent_spans.fetch_add(sent, Ordering::Relaxed);
                    return;
                }
                Err(failure) => failure,
            };
            self.counts.failures.fetch_add(1, Ordering::Relaxed);
            if attempt == tries || !failure.may_be_retried {
                tracing::warn!(
                    calls = batch.len(),
                    why = failure.what,
                    "the collector did not take spans; they are dropped"
                );
                break;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let dropped = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.counts
            .dropped_calls
            .fetch_add(dropped, Ordering::Relaxed);
    }

    async fn send(&self, signal: Signal, message: &[u8]) -> Result<(), Failure> {
        let request = self.request(signal, message)?;
        let answer = self.egress.send(request, ANSWER_MAX).await;
        let answer = answer.map_err(|error| Failure {
            what: error.to_string(),
            may_be_retried: true,
        })?;
        let status = answer.status.as_u16();
        if self.collector.protocol == Protocol::Grpc && answer.status.is_success() {
            return match grpc::Status::read(&answer.headers).unwrap_or(grpc::Status::UNKNOWN) {
                grpc::Status::OK => Ok(()),
                status => Err(Failure {
                    what: format!("it answered with gRPC status {}", status.0),
                    may_be_retried: status.may_be_retried(),
                }),
            };
        }
        if answer.status.is_success() {
            return Ok(());
        }
        Err(Failure {
            what: format!("it answered {status}"),
            may_be_retried: matches!(status, 429 | 502 | 503 | 504),
        })
    }

    fn request(&self, signal: Signal, message: &[u8]) -> Result<Request<Full<Bytes>>, Failure> {
        let (path, media_type, body) = match (self.collector.protocol, signal) {
            (Protocol::HttpProtobuf, Signal::Traces) => ("/v1/traces", PROTOBUF, None),
            (Protocol::HttpProtobuf, Signal::Metrics) => ("/v1/metrics", PROTOBUF, None),
            (Protocol::Grpc, Signal::Traces) => {
                (grpc::TRACES, grpc::CONTENT_TYPE, Some(grpc::frame(message)))
            }
            (Protocol::Grpc, Signal::Metrics) => (
                grpc::METRICS,
                grpc::CONTENT_TYPE,
                Some(grpc::frame(message)),
            ),
        };
        let body = body.unwrap_or_else(|| Bytes::copy_from_slice(message));
        let url = format!("{}{path}", self.collector.endpoint);
        let uri: Uri = url.parse().map_err(|_| Failure {
            what: "its endpoint is no URL".to_owned(),
            may_be_retried: false,
        })?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.extend(self.collector.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if self.collector.protocol == Protocol::Grpc {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        Ok(request)
    }
}

const PROTOBUF: &str = "application/x-protobuf";
