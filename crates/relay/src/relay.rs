//! THE hot path: plan, attempt, answer, record.

use std::sync::Arc;

use arc_swap::ArcSwap;
use catalog::{Catalog, Endpoint, Health, Moment, Plan, Question, ServiceTier};
use chat::{Error, Kind, Next};
use ledger::settlement::Ending;
use ledger::{Books, Generation, Outcome};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use wire::{SENDABLE, Sequence};

use crate::attempt::{Answer, Attempted, attempt};
use crate::auth::Signer;
use crate::call::{Call, Reply, ReplyHead};
use crate::credentials::Credentials;
use crate::door::{Door, Gone};
use crate::draft::Draft;
use crate::failures::{self, Failures};
use crate::meter::Meter;
use crate::money::{self, Counts, DrainBounds, Learned, Reserved, Tallies, drain};
use crate::provider_limits::ProviderLimits;
use crate::timers::{Clock, Timers};
use crate::upstream::Upstream;
use crate::{no_plan, pump, watch, whole};

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

    /// Relays one call in a task of its own, and waits for what the caller is to see first: a
    /// whole answer, the beginning of a stream, or an error. Dropping this future, or the
    /// receiver of the stream, cancels the upstream at once; the record is made all the same.
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
        self.parts.tasks.spawn(Arc::clone(self).carry(call, door));
        answer.await.unwrap_or_else(|_| {
            Err(Error::gateway(
                Kind::Server,
                "the call ended without an answer",
            ))
        })
    }

    /// The plan for a call, without making it.
    ///
    /// # Errors
    /// When no endpoint can serve it.
    pub fn plan(&self, call: &Call) -> Result<Plan, Error> {
        let catalog = self.parts.catalog.load();
        let Some((model, fallbacks)) = call.models.split_first() else {
            return Err(
                Error::caller(Kind::InvalidRequest, "no model was asked for").with_field("model"),
            );
        };
        let tier = call.request.service_tier.as_deref();
        let question = Question {
            fallbacks,
            service_tier: tier.and_then(ServiceTier::read),
            ..Question::new(model, &call.request.needs, &call.preferences, SENDABLE)
        };
        let moment = Moment {
            seed: call.seed,
            now_ms: self.parts.clock.now_ms(),
        };
        catalog::plan(&catalog, &question, &self.health, moment)
            .map_err(|no_plan| no_plan::error(&no_plan, &call.models))
    }

    /// One call from its plan to its record. The caller's departure is a message, never a dropped
    /// future: this runs to its end whatever happens at the door.
    async fn carry(self: Arc<Self>, call: Call, door: Door) {
        let mut way = Underway {
            call: &call,
            door,
            draft: Draft::open(&call),
            reserved: None,
        };
        match self.plan(&call) {
            Ok(plan) => self.carry_out(&plan, &mut way).await,
            Err(error) => self.refuse(&mut way, error).await,
        }
    }

    /// Holds the money for a call, then tries the planned endpoints in order until one answers.
    async fn carry_out(&self, plan: &Plan, way: &mut Underway<'_>) {
        let open = match self.open_endpoints(way.call, plan) {
            Ok(open) => open,
            Err(error) => return self.refuse(way, error).await,
        };
        match money::admit(self, way.call, open.iter()).await {
            Ok(reserved) => way.reserved = reserved,
            Err(error) => return self.refuse(way, error).await,
        }
        way.door.admission = way.reserved.as_ref().map(|reserved| reserved.by);
        self.try_endpoints(open.iter(), way).await;
    }

    /// The endpoints to try: those of the plan whose limits are not met.
    fn open_endpoints(&self, call: &Call, plan: &Plan) -> Result<Vec<Arc<Endpoint>>, Error> {
        let most = self.parts.timers.attempts_max;
        let mut met = Failures::new(&call.models);
        let open = money::planned(call, plan, usize::MAX).filter(|endpoint| {
            let error = self.parts.provider_limits.met(call, endpoint);
            error.map(|error| met.push(endpoint, error)).is_none()
        });
        let open: Vec<_> = open.take(most).map(Arc::clone).collect();
        if open.is_empty() && !met.is_empty() {
            return Err(met.into_error());
        }
        Ok(open)
    }

    async fn try_endpoints<'p>(
        &self,
        planned: impl Iterator<Item = &'p Arc<Endpoint>>,
        way: &mut Underway<'_>,
    ) {
        let call = way.call;
        let sequence = way.door.sequence().clone();
        let deadline = call.arrived + self.parts.timers.deadline;
        let limit = way.reserved.as_ref().and_then(|held| held.output_limit);
        let mut failures = Failures::new(&call.models);
        for endpoint in planned {
            if let Err(error) = self.parts.provider_limits.enter(call, endpoint).await {
                failures.push(endpoint, error);
                continue;
            }
            way.draft.begin_attempt(endpoint);
            let trying = timeout_at(deadline, attempt(self, (call, &sequence), endpoint, limit));
            tokio::pin!(trying);
            let error = match way.door.wait_for(&mut trying).await {
                Err(Gone) => {
                    let draft = &mut way.draft;
                    let heard = drain::before_headers(self, endpoint, trying, draft).await;
                    let ending = Ending::LeftBeforeHeaders;
                    let generation = draft.cancelled(ending, heard.as_ref(), &self.parts);
                    return self.settle(way.reserved.take(), generation).await;
                }
                Ok(Ok(Ok(answered))) => {
                    return self.deliver(endpoint, answered, way).await;
                }
                Ok(Ok(Err(error))) => error,
                Ok(Err(_)) => failures::deadline(endpoint),
            };
            self.report(endpoint, &error);
            self.parts.provider_limits.leave(call);
            way.draft.fail_attempt(&error);
            let stop = error.next == Next::Stop || Instant::now() >= deadline;
            failures.push(endpoint, error);
            if stop {
                break;
            }
        }
        self.refuse(way, failures.into_error()).await;
    }

    /// Records a call that nothing could serve, and tells its caller.
    async fn refuse(&self, way: &mut Underway<'_>, error: Error) {
        let generation = way.draft.refused(&error, &self.parts);
        self.settle(way.reserved.take(), generation).await;
        if way.door.is_open() {
            // The status line went out while we waited: the error travels as an event. A caller
            // that has left by now has its record.
            let frame = way.door.error_frame(&error);
            let _ = way.door.send(frame).await;
        } else {
            way.door.refuse(error);
        }
    }

    async fn deliver(&self, endpoint: &Endpoint, answered: Attempted, way: &mut Underway<'_>) {
        way.draft.answered(&answered);
        let head = ReplyHead {
            provider_name: Some(endpoint.provider.name.to_string()),
            dropped: answered.dropped,
            attempts: way.draft.attempts(),
            admission: way.door.admission,
        };
        match answered.answer {
            Answer::Whole(answer) => {
                let sent_at = way.draft.attempt_started();
                self.report_served(endpoint, &answer.meter, sent_at);
                whole::deliver(self, *answer, head, way).await;
            }
            Answer::Stream(stream) => pump::pump(self, endpoint, stream, head, way).await,
        }
    }

    /// Posts a failed attempt on the health board.
    pub(crate) fn report(&self, endpoint: &Endpoint, error: &Error) {
        if let Some(sample) = watch::failed(error) {
            let now_ms = self.parts.clock.now_ms();
            self.health.record(&endpoint.id, &sample, now_ms);
        }
    }

    /// Posts an answer that came to its end on the health board.
    pub(crate) fn report_served(&self, endpoint: &Endpoint, meter: &Meter, sent_at: Instant) {
        let now_ms = self.parts.clock.now_ms();
        let sample = watch::served(meter, sent_at);
        self.health.record(&endpoint.id, &sample, now_ms);
    }

    /// Hands a record to the books, and with it what was held for the call: every ending comes
    /// through here, once. What they cannot take is logged whole: nothing is lost.
    pub(crate) async fn settle(&self, reserved: Option<Reserved>, generation: Generation) {
        self.note(reserved.as_ref(), &generation);
        let generation = Arc::new(generation);
        let books = &self.parts.books;
        let kept = match reserved {
            Some(reserved) => {
                let ticket = reserved.into_ticket();
                books.settle_reserved(ticket, Arc::clone(&generation)).await
            }
            None => books.settle(Arc::clone(&generation)).await,
        };
        if let Err(error) = kept {
            tracing::error!(generation.id = %generation.id, %error, record = ?generation, "a record could not be kept");
        }
    }

    /// Counts what metrics want to know of a record, and learns from it how long answers are.
    fn note(&self, reserved: Option<&Reserved>, generation: &Generation) {
        if let Some(gap) = generation.settled.cost_gap {
            tracing::warn!(generation.id = %generation.id, gap_nanos = gap.nanos(), "the provider reports another cost than ours");
            Tallies::count(&self.tallies.cost_gaps);
        }
        let Some(reserved) = reserved else { return };
        if reserved.is_exceeded_by(&generation.charge) {
            Tallies::count(&self.tallies.overages);
        }
        if generation.outcome == Outcome::Completed {
            self.learned.note(
                &generation.caller.key_hash,
                &generation.requested_model,
                generation.usage.completion_tokens(),
            );
        }
    }
}
