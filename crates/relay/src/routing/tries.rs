//! The planned endpoints, one after another, until one answers.
//!
//! No endpoint is asked twice, but with another credential where one was refused, and after one short
//! wait where it is the only one. Attempts are capped,
//! a retry budget bounds them over all calls, and one deadline holds for the whole call.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catalog::{Endpoint, Plan};
use chat::{Error, Kind};
use ledger::settlement::Ending;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::after::{After, Others, after};
use super::gates::{Pass, Shut};
use super::race::Place;
use super::route::Skip;
use super::stops::Stop;
use super::wallets::Chosen;
use crate::attempt::{Asking, Attempted, attempt};
use crate::door::Gone;
use crate::failures::{self, Failures};
use crate::meter::Meter;
use crate::money::{self, drain};
use crate::relay::{Relay, Underway};

/// The tries of one call.
pub(super) struct Tries<'p> {
    /// Who may still be asked, in order.
    pub(super) left: VecDeque<Stop<'p>>,
    /// Whether money is held for stops at which a workspace pays itself, or for the others.
    pub(super) is_own: bool,
    pub(super) failures: Failures<'p>,
    /// How many were asked.
    pub(super) asked: usize,
    same_again: bool,
    pub(super) deadline: Instant,
}

impl Tries<'_> {
    /// What is done after a failure; whoever would answer the same is asked no more.
    fn after(&mut self, endpoint: &Endpoint, error: &Error) -> After {
        let is_too_long = error.kind == Kind::ContextLengthExceeded;
        let may_do_better = |other: &Endpoint| {
            other.model != endpoint.model || is_too_long && takes_more(other, endpoint)
        };
        let others = Others {
            endpoint: !self.left.is_empty(),
            model: self.left.iter().any(|other| may_do_better(other.endpoint)),
            same_again: self.same_again,
        };
        let after = after(error, others);
        if after == After::NextModel {
            self.left.retain(|other| may_do_better(other.endpoint));
        }
        after
    }
}

/// Whether an endpoint takes longer prompts than another one of the same model; who states no limit
/// may.
fn takes_more(other: &Endpoint, endpoint: &Endpoint) -> bool {
    let room = |of: &Endpoint| of.max_prompt_tokens.or(of.context_length);
    match (room(other), room(endpoint)) {
        (Some(other), Some(own)) => other > own,
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

/// How a try ended.
pub(super) enum Tried {
    Answered(Box<Attempted>),
    Failed(Error),
    /// The caller has left; the call is settled.
    Left,
}

impl From<Result<Box<Attempted>, Error>> for Tried {
    fn from(begun: Result<Box<Attempted>, Error>) -> Self {
        match begun {
            Ok(answered) => Self::Answered(answered),
            Err(error) => Self::Failed(error),
        }
    }
}

/// What comes of asking an endpoint before the deadline of the call.
type Outcome = Result<Result<Attempted, Error>, Elapsed>;

/// An endpoint that is being asked.
pub(super) trait Trying: Future<Output = Outcome> + Send + Unpin {}

impl<F: Future<Output = Outcome> + Send + Unpin> Trying for F {}

/// What an answer's beginning means. An answer with nothing in it is worth another endpoint, but not
/// an error: the last one's is passed on as it is (section 7.7 of the digest).
pub(super) fn begun(
    result: Outcome,
    endpoint: &Endpoint,
    has_others: bool,
) -> Result<Box<Attempted>, Error> {
    match result {
        Ok(Ok(answered)) if answered.is_empty() && has_others => Err(failures::empty(endpoint)),
        Ok(answered) => answered.map(Box::new),
        Err(_) => Err(failures::deadline(endpoint)),
    }
}

impl Relay {
    /// The endpoints of the plan whose limits are not met.
    pub(crate) fn open_endpoints<'p>(
        &self,
        plan: &'p Plan,
        way: &mut Underway<'p>,
    ) -> Result<Vec<&'p Arc<Endpoint>>, Error> {
        let call = way.call;
        let mut met = Failures::new(&call.models);
        let mut open = Vec::with_capacity(plan.attempts.len());
        for endpoint in plan.attempts.iter().map(|attempt| &attempt.endpoint) {
            if !money::is_admissible(call, endpoint) {
                way.draft.route.pass_over(endpoint, Skip::Unpriced);
            } else if let Some(error) = self.parts.provider_limits.met(call, endpoint) {
                way.draft.route.pass_over(endpoint, Skip::Limit);
                met.push(endpoint, error);
            } else {
                open.push(endpoint);
            }
        }
        if open.is_empty() && !met.is_empty() {
            return Err(met.into_error());
        }
        Ok(open)
    }

    /// Holds the money for the first of these stops and those that are paid for in the same way. Where
    /// it does not reach they are taken out, and the others have their turn; says whether a workspace
    /// pays at them itself.
    ///
    /// # Errors
    /// When the money reaches for none of them.
    pub(crate) async fn hold_money<'p>(
        &self,
        stops: &mut VecDeque<Stop<'p>>,
        way: &mut Underway<'p>,
    ) -> Result<bool, Error> {
        let mut refused = None;
        loop {
            let is_own = stops.front().is_some_and(Stop::is_own);
            let alike = stops.iter().filter(|stop| stop.is_own() == is_own);
            let alike: Vec<&Arc<Endpoint>> = alike.map(|stop| stop.endpoint).collect();
            let error = match money::admit(self, (way.call, is_own), &alike).await {
                Ok(reserved) => {
                    way.door.admission = reserved.as_ref().map(|reserved| reserved.by);
                    way.reserved = reserved;
                    return Ok(is_own);
                }
                Err(error) => refused.unwrap_or(error),
            };
            stops.retain(|stop| stop.is_own() != is_own);
            if stops.is_empty() {
                return Err(error);
            }
            refused = Some(error);
        }
    }

    /// The next stop is paid for in another way than those before: what was held for them is given
    /// back, and held anew; says whether the money reaches. Nothing has been charged yet, for nobody has
    /// answered.
    async fn pay_otherwise<'p>(
        &self,
        stop: Stop<'p>,
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> bool {
        if let Some(reserved) = way.reserved.take() {
            self.parts.books.release(reserved.into_ticket());
        }
        let endpoint = stop.endpoint;
        tries.left.push_front(stop);
        match self.hold_money(&mut tries.left, way).await {
            Ok(is_own) => tries.is_own = is_own,
            Err(error) => {
                tries.failures.push(endpoint, error);
                return false;
            }
        }
        true
    }

    /// Asks at a stop, and perhaps at another beside it; says which of them the outcome is of.
    async fn ask<'p>(
        &self,
        (stop, pass): (Stop<'p>, Option<Pass>),
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> (Place<'p>, Tried) {
        let endpoint = stop.endpoint;
        let place = Place {
            endpoint,
            pass,
            chosen: self.credential_at(way.call, &stop).map(Arc::new),
        };
        match self.patience(way.call, endpoint) {
            Some(patience) if !tries.left.is_empty() && stop.pinned.is_none() => {
                Box::pin(self.race(place, patience, tries, way)).await
            }
            _ => {
                let trying = (endpoint, place.chosen.as_deref());
                let tried = self.try_one(trying, tries, way).await;
                (place, tried)
            }
        }
    }

    /// Notes a failed attempt; whether to go on.
    async fn after_failure<'p>(
        &self,
        (stop, chosen): (Stop<'p>, Option<&Chosen>),
        error: Error,
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> Result<bool, Gone> {
        let endpoint = stop.endpoint;
        self.parts.provider_limits.leave(way.call, endpoint);
        way.draft.fail_attempt(&error);
        let goes_on = if self.has_another_credential(chosen, endpoint, &error) {
            // Nothing is said of the endpoint yet: its provider refused this credential only.
            if !chosen.is_some_and(Chosen::is_pinned) {
                tries.left.push_front(Stop::house(endpoint));
            }
            Ok(self.may_go_on(tries))
        } else {
            self.report(endpoint, &error);
            self.goes_on(stop, &error, tries, way).await
        };
        tries.failures.push(endpoint, error);
        goes_on
    }

    /// Asks the endpoints in order until one answers, delivers what it says, and settles. The money for
    /// the first of them is held.
    pub(crate) async fn try_endpoints<'p>(
        &self,
        (left, is_own): (VecDeque<Stop<'p>>, bool),
        way: &mut Underway<'p>,
    ) {
        let call = way.call;
        let mut tries = Tries {
            left,
            is_own,
            failures: Failures::new(&call.models),
            asked: 0,
            same_again: false,
            deadline: call.arrived + self.parts.timers.deadline,
        };
        let model = call.models.first().map_or("", String::as_str);
        self.retries.earn(model);
        while let Some((stop, pass)) = self.next(&mut tries, way) {
            let endpoint = stop.endpoint;
            if stop.is_own() != tries.is_own {
                drop(pass);
                if self.pay_otherwise(stop, &mut tries, way).await {
                    continue;
                }
                break;
            }
            if let Err(error) = self.parts.provider_limits.enter(call, endpoint).await {
                way.draft.route.pass_over(endpoint, Skip::Limit);
                tries.failures.push(endpoint, error);
                continue;
            }
            tries.asked += 1;
            let pinned = stop.pinned.clone();
            // Apart, so that its room is free again while the answer is delivered.
            let asking = Box::pin(self.ask((stop, pass), &mut tries, way));
            let (place, tried) = asking.await;
            let Place {
                endpoint,
                pass,
                chosen,
            } = place;
            let error = match tried {
                Tried::Left => return,
                Tried::Answered(answered) => {
                    let broken = self.deliver(endpoint, *answered, way).await;
                    drop(pass);
                    if let Some(broken) = broken {
                        Box::pin(self.recover((endpoint, broken), &mut tries, way)).await;
                    }
                    return;
                }
                Tried::Failed(error) => error,
            };
            drop(pass);
            let failed = (Stop { endpoint, pinned }, chosen.as_deref());
            let goes_on = self.after_failure(failed, error, &mut tries, way).await;
            match goes_on {
                Ok(true) if self.retries.spend(model) => {}
                Ok(_) => break,
                Err(Gone) => return self.left_between(way).await,
            }
        }
        self.refuse(way, tries.failures.into_error()).await;
    }

    /// The next endpoint that lets the call in. Those that are being probed after an outage are
    /// asked when nobody else is left; those that are full are not asked at all.
    fn next<'p>(
        &self,
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> Option<(Stop<'p>, Option<Pass>)> {
        let now_ms = self.parts.clock.now_ms();
        let mut being_probed = None;
        let mut full = None;
        for (place, stop) in tries.left.iter().enumerate() {
            let endpoint = stop.endpoint;
            let is_unproven = self.health.is_unproven(&endpoint.id, now_ms);
            match self.gates.enter(endpoint, is_unproven) {
                Ok(pass) => {
                    return Some((tries.left.remove(place)?, Some(pass)));
                }
                Err(shut) => {
                    way.draft.route.pass_over(endpoint, shut.into());
                    match shut {
                        Shut::BeingProbed => being_probed = being_probed.or(Some(place)),
                        Shut::Full => full = full.or(Some(endpoint)),
                    }
                }
            }
        }
        if let Some(place) = being_probed {
            return Some((tries.left.remove(place)?, None));
        }
        if let Some(endpoint) = full {
            tries.failures.push(endpoint, failures::full(endpoint));
        }
        None
    }

    /// One try at one endpoint. Waits with the caller; when it leaves, the call is settled.
    async fn try_one<'p>(
        &self,
        (endpoint, chosen): (&'p Arc<Endpoint>, Option<&Chosen>),
        tries: &Tries<'p>,
        way: &mut Underway<'p>,
    ) -> Tried {
        let call = way.call;
        let sequence = way.door.sequence().clone();
        let limit = way.reserved.as_ref().and_then(|held| held.output_limit);
        way.draft.begin_attempt(endpoint, chosen);
        let has_head = AtomicBool::new(false);
        let asking = Asking {
            call,
            sequence: &sequence,
            chosen,
            output_limit: limit,
            told: None,
        };
        let trying = attempt(self, asking, endpoint, &has_head);
        let trying = std::pin::pin!(timeout_at(tries.deadline, trying));
        self.wait((endpoint, trying, &has_head), tries, way).await
    }

    /// Waits, with the caller, for an endpoint that is being asked.
    pub(super) async fn wait<'p>(
        &self,
        (endpoint, mut trying, has_head): (&'p Arc<Endpoint>, impl Trying, &AtomicBool),
        tries: &Tries<'p>,
        way: &mut Underway<'p>,
    ) -> Tried {
        match way.door.wait_for(&mut trying).await {
            Err(Gone) => Box::pin(self.left(endpoint, (trying, has_head), way)).await,
            Ok(result) => begun(result, endpoint, !tries.left.is_empty()).into(),
        }
    }

    /// The caller left while an endpoint was being asked.
    pub(super) async fn left(
        &self,
        endpoint: &Endpoint,
        (trying, has_head): (impl Trying, &AtomicBool),
        way: &mut Underway<'_>,
    ) -> Tried {
        let ending = match has_head.load(Ordering::Relaxed) {
            true => Ending::LeftBeforeFirstToken,
            false => Ending::LeftBeforeHeaders,
        };
        let draft = &mut way.draft;
        let heard = drain::before_tokens(self, endpoint, (trying, ending), draft).await;
        self.settle_left(ending, heard.as_ref(), way).await;
        Tried::Left
    }

    /// Settles a call whose caller has left; `heard` is what its answer said, if it was read.
    pub(super) async fn settle_left(
        &self,
        ending: Ending,
        heard: Option<&Meter>,
        way: &mut Underway<'_>,
    ) {
        let generation = way.draft.cancelled(ending, heard, &self.parts);
        self.settle(way.reserved.take(), generation).await;
    }

    /// Whether to go on after a failure; waits where the same endpoint is asked again.
    async fn goes_on<'p>(
        &self,
        stop: Stop<'p>,
        error: &Error,
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> Result<bool, Gone> {
        match tries.after(stop.endpoint, error) {
            After::Stop => return Ok(false),
            After::NextEndpoint | After::NextModel => {}
            After::SameAgain(wait) => {
                let until = Instant::now() + wait;
                if until >= tries.deadline {
                    return Ok(false);
                }
                let pause = way.call.waits.during(sleep_until(until));
                way.door.wait_for(std::pin::pin!(pause)).await?;
                tries.same_again = true;
                tries.left.push_front(stop);
            }
        }
        Ok(self.may_go_on(tries))
    }

    /// Whether the call has attempts and time left.
    pub(super) fn may_go_on(&self, tries: &Tries<'_>) -> bool {
        let is_capped = tries.asked >= self.parts.timers.attempts_max;
        !is_capped && Instant::now() < tries.deadline
    }

    /// The caller left while nobody was being asked.
    async fn left_between(&self, way: &mut Underway<'_>) {
        self.settle_left(Ending::LeftBeforeHeaders, None, way).await;
    }
}

/// At most so many endpoints, in order, and of each model the first as long as they last, so that
/// `models` means something.
pub(super) fn shortlist<'p>(all: &[&'p Arc<Endpoint>], most: usize) -> Vec<&'p Arc<Endpoint>> {
    let is_first = |place: usize| {
        let (before, rest) = all.split_at(place);
        let own = rest.first().map(|endpoint| &endpoint.model);
        before.iter().all(|other| Some(&other.model) != own)
    };
    let firsts = (0..all.len()).filter(|place| is_first(*place));
    let others = (0..all.len()).filter(|place| !is_first(*place));
    let mut places: Vec<usize> = firsts.chain(others).take(most).collect();
    places.sort_unstable();
    places
        .into_iter()
        .filter_map(|place| all.get(place).copied())
        .collect()
}
