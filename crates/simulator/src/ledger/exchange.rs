//! One call while it lasts: the hand that writes its ledger entry, and that notices when it is dropped.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::Instant;

use super::book::{Ledger, Totals};
use super::entry::{End, Entry, Usage};

/// What is known when a request's head has arrived.
pub(crate) struct Head<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) uri: &'a http::Uri,
    pub(crate) headers: &'a HeaderMap,
}

/// What is known when a request's body has been read.
pub(crate) struct Request<'a> {
    pub(crate) body: &'a Bytes,
    pub(crate) persona: &'a str,
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
    pub(crate) script: &'a str,
}

/// Counts of a call in flight, shared between the exchange and the ledger.
#[derive(Default)]
pub(super) struct Live {
    status: AtomicU16,
    bytes: AtomicU64,
    writes: AtomicU64,
    prompt: AtomicU64,
    completion: AtomicU64,
    usage: Mutex<Option<Usage>>,
}

impl Live {
    fn usage(&self) -> Option<Usage> {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn copy_to(&self, entry: &mut Entry) {
        entry.status = Some(self.status.load(Relaxed)).filter(|status| *status != 0);
        entry.bytes_written = self.bytes.load(Relaxed);
        entry.chunks_written = self.writes.load(Relaxed);
        entry.prompt_tokens = self.prompt.load(Relaxed);
        entry.completion_tokens = self.completion.load(Relaxed);
        entry.usage_sent = self.usage();
    }

    pub(super) fn add_to(&self, totals: &mut Totals, end: End) {
        match end {
            End::Finished => totals.finished += 1,
            End::Severed => totals.severed += 1,
            End::Disconnected => totals.disconnected += 1,
        }
        totals.bytes_written += self.bytes.load(Relaxed);
        totals.chunks_written += self.writes.load(Relaxed);
        totals.prompt_tokens += self.prompt.load(Relaxed);
        totals.completion_tokens += self.completion.load(Relaxed);
        totals.usage_sent += u64::from(self.usage().is_some());
        let status = self.status.load(Relaxed);
        if status != 0 {
            *totals.by_status.entry(status).or_insert(0) += 1;
        }
    }
}

/// A call in flight. Dropping it before `end` means that the client has left.
pub(crate) struct Exchange {
    ledger: Arc<Ledger>,
    live: Arc<Live>,
    seq: u64,
    ended: bool,
}

impl Exchange {
    pub(crate) fn begin(ledger: Arc<Ledger>, head: &Head<'_>) -> Self {
        let live = Arc::new(Live::default());
        let seq = ledger.begin(|seq| first_entry(seq, head), live.clone());
        Self {
            ledger,
            live,
            seq,
            ended: false,
        }
    }

    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn note_request(&self, request: &Request<'_>) {
        let most = self.ledger.limits.body_bytes;
        let body = if request.body.len() > most {
            Bytes::copy_from_slice(&request.body[..most])
        } else {
            request.body.clone()
        };
        self.ledger.update(self.seq, |entry| {
            entry.body_bytes = request.body.len() as u64;
            entry.body = body;
            request.persona.clone_into(&mut entry.persona);
            request.model.clone_into(&mut entry.model);
            request.script.clone_into(&mut entry.script);
            entry.stream = request.stream;
        });
    }

    pub(crate) fn note_prompt(&self, tokens: u64) {
        self.live.prompt.store(tokens, Relaxed);
    }

    pub(crate) fn note_status(&self, status: u16) {
        self.live.status.store(status, Relaxed);
        self.ledger.wrote();
    }

    pub(crate) fn note_write(&self, bytes: usize, tokens: u64, usage: Option<Usage>) {
        self.live.bytes.fetch_add(bytes as u64, Relaxed);
        self.live.writes.fetch_add(1, Relaxed);
        self.live.completion.fetch_add(tokens, Relaxed);
        if usage.is_some() {
            *self
                .live
                .usage
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = usage;
        }
        self.ledger.wrote();
    }

    pub(crate) fn end(&mut self, end: End) {
        if !self.ended {
            self.ended = true;
            self.ledger.close(self.seq, end, &self.live);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(End::Disconnected);
    }
}

fn first_entry(seq: u64, head: &Head<'_>) -> Entry {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    Entry {
        seq,
        received_at: Instant::now(),
        method: head.method.to_string(),
        path: path.to_owned(),
        persona: String::new(),
        headers: headers_of_interest(head.headers),
        body: Bytes::new(),
        body_bytes: 0,
        model: String::new(),
        stream: false,
        script: String::new(),
        status: None,
        bytes_written: 0,
        chunks_written: 0,
        prompt_tokens: 0,
        completion_tokens: 0,
        usage_sent: None,
        end: None,
        ended_at: None,
    }
}

const SECRETS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
const WHOLE_NAMES: [&str; 10] = [
    "accept",
    "accept-encoding",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "http-referer",
    "idempotency-key",
    "traceparent",
    "user-agent",
];
const NAME_STARTS: [&str; 3] = ["x-", "openai-", "anthropic-"];

fn headers_of_interest(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut kept = Vec::new();
    for (name, value) in headers {
        let name = name.as_str();
        let value = String::from_utf8_lossy(value.as_bytes());
        if SECRETS.contains(&name) {
            kept.push((name.to_owned(), masked(&value)));
        } else if WHOLE_NAMES.contains(&name) || NAME_STARTS.iter().any(|s| name.starts_with(s)) {
            kept.push((name.to_owned(), value.into_owned()));
        }
    }
    kept
}

/// `Bearer …1234`: the scheme and the last four characters, and of a short secret not even those.
fn masked(value: &str) -> String {
    let (scheme, secret) = match value.split_once(' ') {
        Some((scheme, secret)) => (format!("{scheme} "), secret),
        None => (String::new(), value),
    };
    let count = secret.chars().count();
    let shown: String = secret.chars().skip(count.saturating_sub(4)).collect();
    if count < 8 {
        format!("{scheme}…")
    } else {
        format!("{scheme}…{shown}")
    }
}
