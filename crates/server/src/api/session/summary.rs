//! What the calls of a session add up to, as the list and the page of one session show it.

use ledger::Amount;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{SessionKey, SessionSums};

use crate::money::usd;
use crate::time::iso;

/// The sums of all calls of a session.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    id: &'a str,
    workspace_id: &'a str,
    /// Of the key that called first.
    api_key_hash: &'a str,
    started_at: String,
    last_call_at: String,
    calls: i64,
    failed: i64,
    unpriced: i64,
    total_cost: Box<RawValue>,
    cache_discount: Box<RawValue>,
    tokens_prompt: i64,
    tokens_cached: i64,
    tokens_completion: i64,
    /// The time that the calls took, added up, milliseconds.
    latency: i64,
}

impl<'a> Summary<'a> {
    /// As the API has them.
    pub(super) fn of(key: &'a SessionKey, sums: &'a SessionSums) -> Self {
        Self {
            id: &key.session_id,
            workspace_id: &key.workspace_id,
            api_key_hash: &sums.key_hash,
            started_at: iso(sums.first_ms),
            last_call_at: iso(sums.last_ms),
            calls: sums.calls,
            failed: sums.failed,
            unpriced: sums.unpriced,
            total_cost: usd(Amount::from_nanos(sums.cost_nanos)),
            cache_discount: usd(Amount::from_nanos(sums.cache_saved_nanos)),
            tokens_prompt: sums.prompt_tokens,
            tokens_cached: sums.cached_tokens,
            tokens_completion: sums.completion_tokens,
            latency: sums.total_ms,
        }
    }
}
