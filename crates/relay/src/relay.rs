//! THE hot path: plan, attempt, answer, record.

use std::sync::Arc;

use arc_swap::ArcSwap;
use catalog::{Catalog, Conversations, Endpoint, Health, Plan};
use chat::{Error, Kind};
use ledger::{Books, Generation, Outcome};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use wire::Sequence;

use crate::attempt::{Answer, Attempted};
use crate::auth::Signer;
use crate::call::{Call, Reply, ReplyHead};
use crate::credentials::Credentials;
use crate::door::Door;
use crate::draft::Draft;
use crate::money::{Counts, DrainBounds, Learned, Reserved, Tallies};
use crate::provider_limits::ProviderLimits;
use crate::pump::{self, BrokenOff};
use crate::routing::{Gates, Retries, Silences, Wallets};
use crate::timers::{Clock, Timers};
use crate::upstream::Upstream;
use crate::{failures, whole};

/// What a relay is made of. Built once, by the app.
pub struct Parts {
    /// The current catalog; swapped whole.
    pub catalog: Arc<ArcSwap<Catalog>>,
    /// What we present to providers; swapped whole.
    pub credentials: Arc<ArcSwap<Credentials>>,
    /// Who carries requests.
    pub upstream: Arc<dyn Upstream>,
    /// Who keeps the records.
    pub books: Arc<dyn Books>,
    /// What may be sent to providers and endpoints.
    pub provider_limits: Arc<dyn ProviderLimits>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How long each step may take.
    pub timers: Timers,
    /// Owner of every call's task; awaited at shutdown.
    pub tasks: TaskTracker,
}

/// A call under way: what was asked, who waits, and the record that it will become.
pub(crate) struct Underway<'a> {
    pub(crate) call: &'a Call,
    pub(crate) door: Door,
    pub(crate) draft: Draft<'a>,
    /// What is held for it; nothing for an ungoverned call, and nothing once it is settled.
    pub(crate) reserved: Option<Reserved>,
}

/// Relays calls.
pub struct Relay {
    pub(crate) parts: Parts,
    pub(crate) signer: Signer,
    pub(crate) health: Health,
    pub(crate) conversations: Conversations,
    pub(crate) gates: Gates,
    pub(crate) retries: Retries,
    pub(crate) wallets: Wallets,
    pub(crate) silences: Silences,
    pub(crate) learned: Learned,
    pub(crate) tallies: Tallies,
    pub(crate) drain_bounds: DrainBounds,
    pub(crate) drains: Semaphore,
}

impl Relay {
    /// A relay with an empty health board.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Self::with_drain_bounds(parts, DrainBounds::default())
    }

    /// The same with other bounds on what is read for callers that have left.
    #[must_use]
    pub fn with_drain_bounds(parts: Parts, drain_bounds: DrainBounds) -> Arc<Self> {
        let signer = Signer::new(
            Arc::clone(&parts.upstream),
            Arc::clone(&parts.clock),
            parts.tasks.clone(),
        );
        Arc::new(Self {
            parts,
            signer,
            health: Health::default(),
            conversations: Conversations::default(),
            gates: Gates::default(),
            retries: Retries::default(),
            wallets: Wallets::default(),
            silences: Silences::default(),
            learned: Learned::default(),
            tallies: Tallies::default(),
            drain_bounds,
            drains: Semaphore::new(drain_bounds.answers),
        })
    }

    /// How often calls met a limit in money since the relay began, for metrics.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.tallies.read()
    }

    /// What the calls of this process say of each endpoint.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Relays one call in a task of its own, and waits for what the caller is to see first: a
    /// whole answer, the beginning of a stream, or an error. Dropping this future, or the
    /// body of the stream, cancels the upstream at once; the record is made all the same.
    ///
    /// # Errors
    /// When no endpoint could serve the call. Nothing has been sent to the caller then.
    pub async fn relay(self: &Arc<Self>, call: Call) -> Result<Reply, Error> {
        let (caller, answer) = oneshot::channel();
        let timers = self.parts.timers;
        let stamp = call.stamp(None, &Sequence::default());
        let door = Door::held(
            caller,
            timers,
            call.request.needs.stream,
            (call.door, stamp),
        );
        // On the heap before it is handed over: a task is moved some ten times on its way into the
        // runtime and out of it, and this one is large.
        let carried = Box::pin(Arc::clone(self).carry(Box::new(call), door));
        self.parts.tasks.spawn(carried);
        answer.await.unwrap_or_else(|_| {
            Err(Error::gateway(
                Kind::Server,
                "the call ended without an answer",
            ))
        })
    }

    /// One call from its plan to its record. The caller's departure is a message, never a dropped
    /// future: this runs to its end whatever happens at the door.
    async fn carry(self: Arc<Self>, call: Box<Call>, door: Door) {
        let planned = self.plan(&call);
        let mut way = Underway {
            call: &call,
            door,
            draft: Draft::open(&call),
            reserved: None,
        };
        match &planned {
            Ok(planned) => {
                way.draft.route.planned = Some(planned);
                self.carry_out(&planned.plan, &mut way).await;
            }
            Err(error) => self.refuse(&mut way, error.clone()).await,
        }
    }

    /// Holds the money for a call, then tries the planned endpoints in order until one answers.
    async fn carry_out<'p>(&self, plan: &'p Plan, way: &mut Underway<'p>) {
        let open = match self.open_endpoints(plan, way) {
            Ok(open) => open,
            Err(error) => return self.refuse(way, error).await,
        };
        let mut stops = self.stops(way.call, &open);
        if let Some(endpoint) = open.first().filter(|_| stops.is_empty()) {
            let error = failures::no_credential(endpoint);
            return self.refuse(way, error).await;
        }
        match self.hold_money(&mut stops, way).await {
            Ok(is_own) => self.try_endpoints((stops, is_own), way).await,
            Err(error) => self.refuse(way, error).await,
        }
    }

    /// Records a call that nothing could serve, and tells its caller.
    pub(crate) async fn refuse(&self, way: &mut Underway<'_>, mut error: Error) {
        let metadata = way.metadata_of(&error);
        let generation = way.draft.refused(&error, &self.parts);
        self.settle(way.reserved.take(), generation).await;
        if way.door.is_open() {
            // The status line went out while we waited: the error travels as an event. A caller
            // that has left by now has its record.
            let mut frame = way.door.error_frame(&error);
            if let Some(metadata) = metadata {
                frame = metadata.put_into_last_frame(&frame);
            }
            let _ = way.door.send(frame).await;
        } else {
            if let Some(metadata) = metadata {
                error.metadata_mut().route = Some(metadata.to_json().to_string().into());
            }
            way.door.refuse(error);
        }
    }

    /// Sends an answer down, and settles the call. A stream that broke half-way, and that another
    /// endpoint may go on with, is given back instead.
    pub(crate) async fn deliver(
        &self,
        endpoint: &Endpoint,
        answered: Attempted,
        way: &mut Underway<'_>,
    ) -> Option<BrokenOff> {
        way.draft.answered(&answered);
        let head = ReplyHead {
            provider_name: Some(String::from(&*endpoint.provider.name)),
            dropped: answered.dropped,
            attempts: way.draft.attempts(),
            admission: way.door.admission,
        };
        match answered.answer {
            Answer::Whole(answer) => {
                self.report_answered(endpoint, &answer.meter, way);
                Box::pin(whole::deliver(self, *answer, head, way)).await;
                None
            }
            Answer::Stream(stream) => pump::pump(self, endpoint, stream, head, way).await,
        }
    }

    /// Hands a record to the books, and with it what was held for the call: every ending comes
    /// through here, once. What they cannot take is logged whole: nothing is lost.
    ///
    /// No `async fn`, so that the future holds the record by a pointer: one that held it by value would
    /// add its size to that of every call that waits.
    pub(crate) fn settle(
        &self,
        reserved: Option<Reserved>,
        mut generation: Generation,
    ) -> impl Future<Output = ()> + Send {
        self.note(reserved.as_ref(), &generation);
        self.parts.books.notice(&mut generation);
        let generation = Arc::new(generation);
        let books = &self.parts.books;
        let kept = match reserved {
            Some(reserved) => {
                books.settle_reserved(reserved.into_ticket(), Arc::clone(&generation))
            }
            None => books.settle(Arc::clone(&generation)),
        };
        async move {
            if let Err(error) = kept.await {
                tracing::error!(generation.id = %generation.id, %error, record = ?generation, "a record could not be kept");
            }
        }
    }

    /// Counts what metrics want to know of a record, and learns from it how long answers are.
    fn note(&self, reserved: Option<&Reserved>, generation: &Generation) {
        if let Some(gap) = generation.settled.cost_gap {
            tracing::warn!(generation.id = %generation.id, gap_nanos = gap.nanos(), "the provider reports another cost than ours");
            Tallies::count(&self.tallies.cost_gaps);
        }
        if reserved.is_some_and(|reserved| reserved.is_exceeded_by(&generation.charge)) {
            Tallies::count(&self.tallies.overages);
        }
        let is_told_again = generation.settled.response_cache_source_id.is_some();
        if generation.outcome == Outcome::Completed && !is_told_again {
            self.learned.note(
                &generation.caller.key_hash,
                &generation.requested_model,
                generation.usage.completion_tokens(),
            );
        }
    }
}
