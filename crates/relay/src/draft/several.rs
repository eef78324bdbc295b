//! Attempts of which more than one is charged: a race, of which one serves, and an answer that several
//! gave one after another.

use std::sync::Arc;

use catalog::endpoint::Endpoint;
use chat::{Error, Usage};
use ledger::settlement::{self, Ending};
use ledger::{Amount, Attempt, Share};
use tokio::time::Instant;

use super::charges::{charge, now, sheet_of};
use super::record::{Beside, Draft, Serving, failed, millis};
use crate::meter::Meter;
use crate::money::ending::{self, Break};
use crate::relay::Parts;
use crate::routing::Chosen;

impl Draft<'_> {
    // === Two at once ===

    /// A second endpoint is about to be tried beside the first.
    pub(crate) fn begin_beside(&mut self, endpoint: &Arc<Endpoint>, credential: Option<&Chosen>) {
        let started = Instant::now();
        self.beside = Some(Beside {
            attempt: self.begun((endpoint, credential), started),
            endpoint: Arc::clone(endpoint),
            started,
        });
    }

    /// What happens next is about the second attempt: the two change places.
    pub(crate) fn change_places(&mut self) {
        let (Some(beside), Some(serving), Some(attempt)) = (
            &mut self.beside,
            &mut self.serving,
            self.attempts.last_mut(),
        ) else {
            return;
        };
        std::mem::swap(&mut beside.attempt, attempt);
        std::mem::swap(&mut beside.endpoint, &mut serving.endpoint);
        std::mem::swap(&mut beside.started, &mut self.attempt_started);
    }

    /// The other attempt has failed; the one beside it goes on alone.
    pub(crate) fn go_on_alone(&mut self) {
        let Some(beside) = self.beside.take() else {
            return;
        };
        self.attempt_started = beside.started;
        self.serving = Some(Serving {
            endpoint: beside.endpoint,
            answered: false,
        });
        self.attempts.push(beside.attempt);
    }

    /// The attempt beside the one that is being tried is let go before it has spoken. It may be
    /// billed for the prompt, and so it is charged.
    pub(crate) fn let_go_beside(&mut self, parts: &Parts) {
        let Some(mut beside) = self.beside.take() else {
            return;
        };
        let (usage, source) = self.usage(&Meter::default());
        let (sheet, _) = sheet_of(self.call, &beside.endpoint);
        let abort = ending::abort(&beside.endpoint);
        let rule = settlement::rule(Ending::LostRace, abort, ending::known(source));
        beside.attempt.latency_ms = millis(beside.started.elapsed());
        beside.attempt.share = Some(Share {
            rule: rule.name.into(),
            usage_source: source,
            usage: None,
            charge: charge(Some(rule), &usage, sheet.as_ref(), now(parts)),
        });
        let place = self.attempts.len().saturating_sub(1);
        self.attempts.insert(place, beside.attempt);
    }

    // === One after another ===

    /// The stream of the endpoint that serves broke, and another one is about to be asked to go on with
    /// it: what it has given is charged as if the call had ended there.
    pub(crate) fn hand_over(
        &mut self,
        meter: &Meter,
        error: &Error,
        (broke, parts): (Break, &Parts),
    ) {
        let Some(serving) = self.serving.take() else {
            return;
        };
        let (usage, source) = self.usage(meter);
        let (sheet, _) = sheet_of(self.call, &serving.endpoint);
        let abort = ending::abort(&serving.endpoint);
        let rule = settlement::rule(broke.ending(true), abort, ending::known(source));
        let share = Share {
            rule: rule.name.into(),
            usage_source: source,
            charge: charge(Some(rule), &usage, sheet.as_ref(), now(parts)),
            usage: Some(usage),
        };
        self.update_attempt(|attempt| {
            attempt.outcome = failed(error);
            attempt.share = Some(share);
        });
        // In the order in which they ended.
        if let Some(place) = self.taken_from.take()
            && let Some(attempt) = self.attempts.pop()
        {
            self.attempts.insert(place, attempt);
        }
        self.first_token = self.first_token.or(meter.first_token);
        self.broken = Some((serving.endpoint, self.attempt_started));
    }

    /// Who was asked to go on has not: the endpoint whose stream broke is again the last that served.
    pub(crate) fn take_back(&mut self) {
        let Some((endpoint, started)) = self.broken.take() else {
            return;
        };
        self.attempt_started = started;
        self.serving = Some(Serving {
            endpoint,
            answered: true,
        });
        let has_served = |attempt: &Attempt| {
            let share = attempt.share.as_ref();
            share.is_some_and(|share| share.usage.is_some())
        };
        if let Some(place) = self.attempts.iter().rposition(has_served) {
            let mut attempt = self.attempts.remove(place);
            attempt.share = None;
            self.attempts.push(attempt);
            self.taken_from = Some(place);
        }
    }

    /// An endpoint goes on with an answer of which the caller has so many characters.
    pub(crate) fn recovered(&mut self, chars: usize) {
        self.broken = None;
        let chars = u64::try_from(chars).ok();
        self.update_attempt(|attempt| attempt.recovered_at_chars = chars);
    }

    /// What the attempts before the last one that gave a part of the answer have counted, and cost.
    pub(crate) fn given(&self) -> (Usage, Amount) {
        let shares = self
            .attempts
            .iter()
            .filter_map(|attempt| attempt.share.as_ref());
        let parts = shares.filter_map(|share| Some((share.usage.as_ref()?, &share.charge)));
        parts.fold(
            <(Usage, Amount)>::default(),
            |(all, spent), (usage, charge)| {
                let cost = charge.as_ref().map_or(Amount::ZERO, |bill| bill.total);
                (all.plus(usage), spent.saturating_add(cost))
            },
        )
    }
}
