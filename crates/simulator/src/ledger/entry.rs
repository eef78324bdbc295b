//! One line of the ledger: a request as it came in and an answer as far as it went.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Token counts, as the simulator counts them or as it reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt: u64,
    /// Tokens of the answer, reasoning included.
    pub completion: u64,
    /// Prompt tokens read from a cache.
    pub cached: u64,
    /// Prompt tokens written to a cache.
    pub cache_written: u64,
    /// The part of `cache_written` that was written for an hour.
    pub cache_written_one_hour: u64,
    /// Completion tokens that were reasoning.
    pub reasoning: u64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything that was scripted has been written.
    Finished,
    /// The script broke the answer off by closing or resetting the connection.
    Severed,
    /// The client left (or the simulator was shut down) before the end.
    Disconnected,
}

/// What the ledger knows of one request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Sequence number; the first request is 1. Ids inside answers carry it.
    pub seq: u64,
    /// When the request's head arrived.
    pub received_at: Instant,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Slug of the persona that was asked, empty for the plain simulator.
    pub persona: String,
    /// Headers of interest, lower case; secrets are masked to their last four characters.
    pub headers: Vec<(String, String)>,
    /// The body as it came in, cut to the ledger's limit.
    pub body: Bytes,
    /// Length of the whole body in bytes.
    pub body_bytes: u64,
    /// The model as asked for, a script in its name included.
    pub model: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The script that was applied, empty for none.
    pub script: String,
    /// The status that was sent, or `None` while nothing was.
    pub status: Option<u16>,
    /// Bytes of body written so far, without transfer framing.
    pub bytes_written: u64,
    /// Socket writes so far (with `burst`, several may have shared one).
    pub chunks_written: u64,
    /// Tokens of the prompt, as the simulator counts them.
    pub prompt_tokens: u64,
    /// Tokens of the answer that have been written so far, as the simulator counts them.
    pub completion_tokens: u64,
    /// The last usage that was reported to the client, as it was reported (wrong when scripted so).
    pub usage_sent: Option<Usage>,
    /// How the call ended, or `None` while it lasts.
    pub end: Option<End>,
    /// When the call ended.
    pub ended_at: Option<Instant>,
}

impl Entry {
    /// Whether everything that was scripted has been written.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.end == Some(End::Finished)
    }

    /// When the client was seen to have left, if it left before the end.
    #[must_use]
    pub fn disconnected_at(&self) -> Option<Instant> {
        self.ended_at
            .filter(|_| self.end == Some(End::Disconnected))
    }

    /// The value of a header of interest, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON, `Null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The entry as `GET /ledger` shows it; times are microseconds since the simulator started.
    pub(crate) fn shown(&self, started: Instant) -> Value {
        let since = |at: Instant| {
            u64::try_from(at.saturating_duration_since(started).as_micros()).unwrap_or(u64::MAX)
        };
        let headers: serde_json::Map<String, Value> = self
            .headers
            .iter()
            .map(|(n, v)| (n.clone(), Value::from(v.as_str())))
            .collect();
        json!({
            "seq": self.seq,
            "received_us": since(self.received_at),
            "method": self.method,
            "path": self.path,
            "persona": self.persona,
            "headers": headers,
            "body": String::from_utf8_lossy(&self.body),
            "body_bytes": self.body_bytes,
            "model": self.model,
            "stream": self.stream,
            "script": self.script,
            "status": self.status,
            "bytes_written": self.bytes_written,
            "chunks_written": self.chunks_written,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "usage_sent": self.usage_sent.map(|usage| json!({
                "prompt": usage.prompt,
                "completion": usage.completion,
                "cached": usage.cached,
                "cache_written": usage.cache_written,
                "cache_written_one_hour": usage.cache_written_one_hour,
                "reasoning": usage.reasoning,
            })),
            "finished": self.is_finished(),
            "disconnected": self.end == Some(End::Disconnected),
            "severed": self.end == Some(End::Severed),
            "ended_us": self.ended_at.map(since),
        })
    }
}
