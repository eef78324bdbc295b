//! What a door hands to the relay, and what it gets back.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use catalog::endpoint::Endpoint;
use catalog::{Conversation, Preferences};
use http::HeaderMap;
use ledger::generation::CallerNote;
use ledger::{Budget, GenerationId};
use tokio::time::Instant;
use wire::codec::Door;
use wire::{Incoming, Sequence, Stamp};

use crate::money::{AdmissionPolicy, AdmittedBy, UnpricedPolicy};
use crate::queue::Queue;
use crate::{Trace, Waits};

/// One request to be relayed, in flight.
pub struct Call {
    /// Our id of it; the idempotency key of all that follows.
    pub id: GenerationId,
    /// When it had arrived, Unix milliseconds: for the record.
    pub created_at_ms: i64,
    /// When it had arrived: for measuring.
    pub arrived: Instant,
    /// For how long it has waited for others since.
    pub waits: Arc<Waits>,
    /// The trace that it belongs to, where that is told to providers.
    pub trace: Option<Trace>,
    /// Decides what is left to chance in the plan.
    pub seed: u64,
    /// The door it came through, where its caller's dialect is spoken.
    pub door: &'static dyn Door,
    /// The body exactly as it came.
    pub body: Bytes,
    /// What was read of the body.
    pub request: Incoming,
    /// Models to try, the first one first. Never empty.
    pub models: Vec<String>,
    /// The caller's routing preferences.
    pub preferences: Preferences,
    /// The account's, under which the caller's stand.
    pub account: Option<Arc<Preferences>>,
    /// Whether the caller wants to know how it was routed.
    pub wants_metadata: bool,
    /// Who calls, for the record.
    pub caller: CallerNote,
    /// The member whose key it is, when the key belongs to one.
    pub member_id: Option<String>,
    /// Whether a second endpoint is asked when the first keeps it waiting.
    pub hedge: Hedge,
    /// Whether another endpoint goes on with its answer when the stream breaks half-way.
    pub recovers: bool,
    /// Headers for simulated providers only (`x-simulate`).
    pub simulation: HeaderMap,
    /// The budgets that it falls under; none for an ungoverned call.
    pub budgets: Vec<Arc<Budget>>,
    /// What happens when the money does not reach; absent for the default: a stream is clamped,
    /// anything else refused.
    pub admission: Option<AdmissionPolicy>,
    /// What happens when nobody states a price.
    pub unpriced: UnpricedPolicy,
    /// Whether a call that costs nothing is refused, too, when a budget has nothing left.
    pub free_needs_money: bool,
    /// What names its conversation: found when it is first asked for. Begins empty.
    pub conversation: OnceLock<Option<Conversation>>,
}

/// When a second endpoint is asked beside one that is silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hedge {
    /// Never.
    #[default]
    Never,
    /// When the first has been silent for longer than nineteen of twenty of its recent calls.
    Measured,
    /// After this long.
    After(Duration),
}

impl Call {
    /// When it began, Unix seconds: decides the budget windows and the prices of its ceiling.
    pub(crate) const fn at(&self) -> i64 {
        self.created_at_ms.div_euclid(1000)
    }

    /// What names its conversation. Section 13 of the digest: the first of `session_id`,
    /// `x-session-id`, `prompt_cache_key`, and the opening messages.
    pub(crate) fn conversation(&self) -> Option<Conversation> {
        *self.conversation.get_or_init(|| {
            let session = self.caller.session_id.as_deref();
            let named = session.or(self.request.prompt_cache_key.as_deref());
            if let Some(name) = named {
                return Some(Conversation::named(name));
            }
            self.request.opening.map(Conversation::Opening)
        })
    }

    /// What happens when the money does not reach.
    pub(crate) fn admission(&self) -> AdmissionPolicy {
        let default = if self.request.needs.stream {
            AdmissionPolicy::Clamp
        } else {
            AdmissionPolicy::Reject
        };
        self.admission.unwrap_or(default)
    }

    /// What the answer is stamped with, once it is known who gives it.
    pub(crate) fn stamp(&self, endpoint: Option<&Endpoint>, sequence: &Sequence) -> Stamp {
        Stamp {
            id: self.id.as_str().to_owned(),
            model: endpoint.map_or_else(
                || self.models.first().cloned().unwrap_or_default(),
                |endpoint| endpoint.model.as_str().to_owned(),
            ),
            native_model: endpoint
                .map(|endpoint| String::from(&*endpoint.upstream_model))
                .unwrap_or_default(),
            provider: endpoint
                .map(|endpoint| String::from(&*endpoint.provider.name))
                .unwrap_or_default(),
            created: self.created_at_ms.div_euclid(1000),
            sequence: sequence.clone(),
        }
    }
}

/// What is known of an answer when it begins.
#[derive(Debug, Clone, Default)]
pub struct ReplyHead {
    /// Display name of the provider that serves; absent when a stream was opened before any
    /// provider had spoken.
    pub provider_name: Option<String>,
    /// Request fields that could not be passed on.
    pub dropped: Vec<String>,
    /// How many endpoints were tried, the serving one included.
    pub attempts: usize,
    /// On which ground the call was let in; absent for an ungoverned one.
    pub admission: Option<AdmittedBy>,
}

/// How many pieces of a stream may wait for a slow caller. With the buffers of the two sockets
/// this bounds the memory of a stream; when it is full the provider is not read any further.
pub const PIECES_WAITING_MAX: usize = 8;

/// An answer on its way down.
#[derive(Debug)]
pub enum Reply {
    /// All of it.
    Whole {
        /// What is known of it.
        head: ReplyHead,
        /// The body, in the caller's dialect.
        body: Bytes,
    },
    /// A stream. Dropping its body cancels the call.
    Stream {
        /// What is known of it.
        head: ReplyHead,
        /// Pieces of the body, each one or more whole frames; ends when the answer has ended.
        body: Queue,
    },
}
