//! The record of a call while it is being made; every ending turns it into a `Generation`.

use std::sync::Arc;
use std::time::Duration;

use catalog::endpoint::Endpoint;
use chat::{Error, FinishReason, Reason, Usage};
use ledger::generation::{Noticed, Settled, cost_gap};
use ledger::settlement::{self, Action, Ending};
use ledger::{Attempt, Generation, Outcome, UsageSource};
use tokio::time::Instant;

use super::charges::{charge, forgive_races, now, sheet_of, with_parts, with_shares};
use crate::attempt::{Answer, Attempted};
use crate::cache_hit::CacheHit;
use crate::call::Call;
use crate::meter::Meter;
use crate::money::ending::{self, Break};
use crate::relay::Parts;
use crate::routing::{Chosen, Route};

/// A record under way.
pub(crate) struct Draft<'a> {
    pub(super) call: &'a Call,
    /// How it was routed.
    pub(crate) route: Route<'a>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) attempt_started: Instant,
    /// Our own time until the head of the answer; absent until there is one.
    overhead: Option<Duration>,
    pub(super) serving: Option<Serving>,
    /// The attempt that is under way beside the one that is being tried.
    pub(super) beside: Option<Beside>,
    /// The endpoint whose stream broke, and when it was asked, while another is asked to go on.
    pub(super) broken: Option<(Arc<Endpoint>, Instant)>,
    /// Where its attempt stood, when it was taken back to the end.
    pub(super) taken_from: Option<usize>,
    /// When the first of several that gave an answer said its first word.
    pub(super) first_token: Option<Instant>,
    dropped: Vec<String>,
    /// Whether the answer calls tools that do not fit the request's.
    pub(crate) has_invalid_tools: bool,
}

/// An attempt under way beside another one.
pub(super) struct Beside {
    pub(super) attempt: Attempt,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) started: Instant,
}

/// The endpoint that is being tried or that serves.
pub(super) struct Serving {
    pub(super) endpoint: Arc<Endpoint>,
    /// Whether its answer has begun.
    pub(super) answered: bool,
}

impl<'a> Draft<'a> {
    /// The record of a call that has just arrived.
    pub(crate) fn open(call: &'a Call) -> Self {
        Self {
            call,
            route: Route::default(),
            // One is the rule; a vector that is let grow by itself makes room for four.
            attempts: Vec::with_capacity(1),
            attempt_started: call.arrived,
            overhead: None,
            serving: None,
            beside: None,
            broken: None,
            taken_from: None,
            first_token: None,
            dropped: Vec::new(),
            has_invalid_tools: false,
        }
    }

    /// When the endpoint that is being tried was asked.
    pub(crate) fn attempt_started(&self) -> Instant {
        self.attempt_started
    }

    /// The attempts so far.
    pub(crate) fn tried(&self) -> &[Attempt] {
        &self.attempts
    }

    /// How many endpoints have been tried.
    pub(crate) fn attempts(&self) -> usize {
        self.attempts.len()
    }

    /// An endpoint is about to be tried. Until more is known, the attempt counts as cut off.
    pub(crate) fn begin_attempt(&mut self, endpoint: &Arc<Endpoint>, credential: Option<&Chosen>) {
        let now = Instant::now();
        self.attempt_started = now;
        self.serving = Some(Serving {
            endpoint: Arc::clone(endpoint),
            answered: false,
        });
        self.attempts.push(self.begun((endpoint, credential), now));
    }

    pub(super) fn begun(
        &self,
        (endpoint, chosen): (&Endpoint, Option<&Chosen>),
        now: Instant,
    ) -> Attempt {
        Attempt {
            endpoint: String::from(&*endpoint.tag),
            provider: endpoint.provider.slug.as_str().to_owned(),
            provider_name: String::from(&*endpoint.provider.name),
            model: endpoint.model.as_str().to_owned(),
            credential: chosen.and_then(Chosen::label).map(str::to_owned),
            is_byok: chosen.is_some_and(Chosen::is_own),
            started_ms: millis(now - self.call.arrived),
            latency_ms: 0,
            status: None,
            outcome: Outcome::Cancelled,
            may_be_billed: true,
            share: None,
            recovered_at_chars: None,
        }
    }

    /// The endpoint has failed before its answer began.
    pub(crate) fn fail_attempt(&mut self, error: &Error) {
        self.serving = None;
        let latency_ms = millis(self.attempt_started.elapsed());
        let status = error
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.upstream_status);
        self.update_attempt(|attempt| {
            attempt.latency_ms = latency_ms;
            attempt.status = status;
            attempt.outcome = failed(error);
            // A provider that refused with a status of its own did no work; one that fell silent
            // may have done all of it.
            attempt.may_be_billed =
                status.is_none() && error.kind != chat::Kind::ProviderUnavailable;
        });
    }

    /// The endpoint has begun to answer.
    pub(crate) fn answered(&mut self, attempted: &Attempted) {
        match &attempted.answer {
            Answer::Stream(_) => {
                self.answered_with(attempted.status, attempted.dropped.clone());
            }
            // Its head is written when all of it has been read and recorded.
            Answer::Whole(_) => self.note_answer(attempted.status, attempted.dropped.clone()),
        }
    }

    /// The same of an answer whose head goes down now: with this status, and without these fields of
    /// the request.
    pub(crate) fn answered_with(&mut self, status: u16, dropped: Vec<String>) {
        // The head goes down once, whoever goes on with the answer.
        self.overhead = self.overhead.or_else(|| Some(self.own_time()));
        self.note_answer(status, dropped);
    }

    /// Our own time so far.
    fn own_time(&self) -> Duration {
        self.call.waits.own_since(self.call.arrived)
    }

    fn note_answer(&mut self, status: u16, dropped: Vec<String>) {
        let latency_ms = millis(self.attempt_started.elapsed());
        for name in dropped {
            if !self.dropped.contains(&name) {
                self.dropped.push(name);
            }
        }
        if let Some(serving) = &mut self.serving {
            serving.answered = true;
        }
        self.update_attempt(|attempt| {
            attempt.latency_ms = latency_ms;
            attempt.status = Some(status);
        });
    }

    /// A whole answer was delivered.
    pub(crate) fn completed(&mut self, meter: &Meter, parts: &Parts) -> Generation {
        self.update_attempt(|attempt| attempt.outcome = Outcome::Completed);
        let usage = self.usage(meter);
        let ending = ending::of_answer(meter.finish.as_ref(), &usage.0);
        let last = Last {
            outcome: Outcome::Completed,
            status: 200,
            ending: Some(ending),
            usage,
        };
        self.close(last, Some(meter), parts)
    }

    /// An answer was passed on that generated nothing.
    pub(crate) fn passed(&mut self, status: u16, parts: &Parts) -> Generation {
        self.update_attempt(|attempt| attempt.outcome = Outcome::Completed);
        let last = Last {
            outcome: Outcome::Completed,
            status,
            ending: None,
            usage: (Usage::default(), UsageSource::Nothing),
        };
        self.close(last, None, parts)
    }

    /// The answer to an earlier call was told again; no provider was asked.
    pub(crate) fn told_again(&mut self, hit: CacheHit, parts: &Parts) -> Generation {
        let last = Last {
            outcome: Outcome::Completed,
            status: 200,
            ending: Some(Ending::CacheHit),
            usage: (Usage::default(), UsageSource::Nothing),
        };
        let mut generation = self.close(last, None, parts);
        generation.model = hit.model;
        generation.finish = hit.finish;
        generation.settled.response_cache_source_id = Some(hit.source_id);
        generation
    }

    /// The provider failed after its answer had begun.
    pub(crate) fn broken(
        &mut self,
        meter: &Meter,
        error: &Error,
        (broke, parts): (Break, &Parts),
    ) -> Generation {
        self.update_attempt(|attempt| attempt.outcome = failed(error));
        let last = Last {
            outcome: failed(error),
            status: 200,
            ending: Some(broke.ending(meter.first_token.is_some())),
            usage: self.usage(meter),
        };
        let mut generation = self.close(last, Some(meter), parts);
        let native = generation.finish.take().and_then(|finish| finish.native);
        generation.finish = Some(FinishReason {
            reason: Reason::Error,
            native,
        });
        generation
    }

    /// The caller left. Once a provider has been asked, the prompt and what was streamed are
    /// counted: leaving early is never a free ride. `meter` is what was heard, also after they left.
    pub(crate) fn cancelled(
        &mut self,
        ending: Ending,
        meter: Option<&Meter>,
        parts: &Parts,
    ) -> Generation {
        let silence = Meter::default();
        let (ending, usage) = if self.serving.is_some() {
            (Some(ending), self.usage(meter.unwrap_or(&silence)))
        } else if self.attempts.is_empty() {
            (None, (Usage::default(), UsageSource::Nothing))
        } else {
            // It failed after the caller had left.
            let nothing = (Usage::default(), UsageSource::Nothing);
            (Some(Ending::ErrorBeforeTokens), nothing)
        };
        let (usage, source) = usage;
        let was_drained = ending.is_some_and(|ending| self.action(ending) == Action::Drain);
        let source = match source {
            UsageSource::Provider if was_drained => UsageSource::Drained,
            source => source,
        };
        let latency_ms = millis(self.attempt_started.elapsed());
        self.update_attempt(|attempt| {
            attempt.outcome = Outcome::Cancelled;
            if attempt.latency_ms == 0 {
                attempt.latency_ms = latency_ms;
            }
        });
        if let Some(serving) = &mut self.serving {
            // Whoever was asked may bill for it, answered or not.
            serving.answered = true;
        }
        let last = Last {
            outcome: Outcome::Cancelled,
            status: 499,
            ending,
            usage: (usage, source),
        };
        self.close(last, meter, parts)
    }

    /// Nothing could serve the call.
    pub(crate) fn refused(&mut self, error: &Error, parts: &Parts) -> Generation {
        let was_tried = !self.attempts.is_empty();
        let last = Last {
            outcome: failed(error),
            status: error.kind.status(),
            ending: was_tried.then_some(Ending::ErrorBeforeTokens),
            usage: (Usage::default(), UsageSource::Nothing),
        };
        self.close(last, None, parts)
    }

    /// What the table says is done with the provider's answer.
    fn action(&self, ending: Ending) -> Action {
        let endpoint = self.serving.as_ref().map(|serving| &serving.endpoint);
        let abort = endpoint.map(|endpoint| ending::abort(endpoint));
        settlement::action(ending, abort.unwrap_or_default())
    }

    pub(super) fn usage(&self, meter: &Meter) -> (Usage, UsageSource) {
        meter.usage(self.call.request.needs.prompt_tokens)
    }

    pub(super) fn update_attempt(&mut self, update: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.attempts.last_mut() {
            update(attempt);
        }
    }

    fn close(&mut self, last: Last, meter: Option<&Meter>, parts: &Parts) -> Generation {
        let call = self.call;
        let (usage, usage_source) = last.usage;
        let endpoint = self
            .serving
            .as_ref()
            .filter(|s| s.answered)
            .map(|s| &s.endpoint);
        let (price_sheet, is_fallback_price) =
            endpoint.map_or((None, false), |endpoint| sheet_of(call, endpoint));
        let abort = endpoint.map(|endpoint| ending::abort(endpoint));
        let rule = last.ending.map(|ending| {
            settlement::rule(
                ending,
                abort.unwrap_or_default(),
                ending::known(usage_source),
            )
        });
        let own = charge(rule, &usage, price_sheet.as_ref(), now(parts));
        let settled = Settled {
            rule: rule.map(|rule| rule.name.into()),
            is_fallback_price,
            cost_gap: cost_gap(&own, usage.native_cost_nanos),
            is_byok: self.attempts.last().is_some_and(|last| last.is_byok),
            response_cache_source_id: None,
        };
        forgive_races(rule, &mut self.attempts);
        let charge = with_shares(own, &self.attempts);
        let (usage, usage_source) = with_parts(usage, usage_source, &self.attempts);
        Generation {
            id: call.id.clone(),
            created_at_ms: call.created_at_ms,
            caller: call.caller.clone(),
            dialect: call.request.needs.dialect,
            requested_model: call.models.first().cloned().unwrap_or_default(),
            model: endpoint
                .map(|endpoint| endpoint.model.as_str().to_owned())
                .unwrap_or_default(),
            endpoint: endpoint.map(|endpoint| String::from(&*endpoint.tag)),
            provider: endpoint.map(|endpoint| endpoint.provider.slug.as_str().to_owned()),
            provider_name: endpoint.map(|endpoint| String::from(&*endpoint.provider.name)),
            upstream_id: meter.and_then(|meter| meter.upstream_id.clone()),
            attempts: std::mem::take(&mut self.attempts),
            streamed: call.request.needs.stream,
            status: last.status,
            outcome: last.outcome,
            finish: meter.and_then(|meter| meter.finish.clone()),
            charge,
            usage,
            usage_source,
            price_sheet,
            first_token_ms: self
                .first_token
                .or_else(|| meter.and_then(|meter| meter.first_token))
                .map(|at| millis(at.saturating_duration_since(call.arrived))),
            total_ms: millis(call.arrived.elapsed()),
            overhead_us: micros(self.overhead.unwrap_or_else(|| self.own_time())),
            dropped: std::mem::take(&mut self.dropped),
            plan: self.route.keep(),
            settled,
            noticed: Noticed {
                has_invalid_tools: self.has_invalid_tools,
                ..Noticed::default()
            },
        }
    }
}

/// How it all ended.
struct Last {
    outcome: Outcome,
    status: u16,
    /// In the words of the settlement table; absent when no provider was ever asked.
    ending: Option<Ending>,
    usage: (Usage, UsageSource),
}

pub(super) fn failed(error: &Error) -> Outcome {
    Outcome::Failed {
        kind: error.kind,
        message: error.message.clone(),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
