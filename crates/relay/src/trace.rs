//! `Trace`: the trace that a call belongs to, and what each attempt tells its provider of it.

use std::sync::{Mutex, PoisonError};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use ledger::GenerationId;
use ledger::trace::{SpanId, TraceId, TraceParent};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// The trace of one call. Each attempt is a span of its own, and the provider's parent.
#[derive(Debug)]
pub struct Trace {
    id: TraceId,
    is_sampled: bool,
    state: Option<String>,
    /// Who was asked so far, with which credential: for the ids of spans.
    asked: Mutex<Vec<(String, Option<String>)>>,
}

impl Trace {
    /// The trace that a caller's headers name, or the one that begins with this call; `keeps` says of
    /// a trace that begins here whether it is kept.
    #[must_use]
    pub fn new(
        parent: Option<&TraceParent>,
        generation: &GenerationId,
        keeps: impl FnOnce(TraceId) -> bool,
    ) -> Self {
        let own = TraceId::of(generation);
        Self {
            id: parent.map_or(own, |parent| parent.trace),
            is_sampled: parent.map_or_else(|| keeps(own), |parent| parent.is_sampled),
            state: parent.and_then(|parent| parent.state.clone()),
            asked: Mutex::default(),
        }
    }

    /// Tells a provider of the attempt that begins with this request.
    pub(crate) fn tell(
        &self,
        generation: &GenerationId,
        (endpoint, credential): (&str, Option<&str>),
        headers: &mut HeaderMap,
    ) {
        let own = (endpoint.to_owned(), credential.map(str::to_owned));
        let time = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let time = asked.iter().filter(|before| **before == own).count();
            asked.push(own);
            time
        };
        let span = SpanId::of_attempt(generation, (endpoint, credential), time);
        let flags = u8::from(self.is_sampled);
        let parent = format!("00-{}-{span}-{flags:02x}", self.id);
        // What is written here, and what was checked when it was read, can stand in a header.
        if let Ok(parent) = HeaderValue::from_str(&parent) {
            headers.insert(PARENT, parent);
        }
        match self.state.as_deref().map(HeaderValue::from_str) {
            Some(Ok(state)) => drop(headers.insert(STATE, state)),
            Some(Err(_)) | None => drop(headers.remove(STATE)),
        }
    }
}
