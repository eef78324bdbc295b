//! Where a call may stop on its way: an endpoint, and whose credential is presented there.
//!
//! The order is OpenRouter's (section 14.3 of the digest): a workspace's own credentials come first,
//! at every endpoint, in the planned order; then the house's; then those that are only a fallback.

use std::collections::VecDeque;
use std::sync::Arc;

use catalog::Endpoint;

use super::tries::shortlist;
use super::wallets::Chosen;
use crate::call::Call;
use crate::credentials::Pinned;
use crate::relay::Relay;

/// An endpoint to be asked with one credential.
#[derive(Clone)]
pub(crate) struct Stop<'p> {
    pub(crate) endpoint: &'p Arc<Endpoint>,
    /// The credential; absent where one of the house's is chosen when the turn comes.
    pub(crate) pinned: Option<Arc<Pinned>>,
}

impl<'p> Stop<'p> {
    /// An endpoint that is asked with a credential of the house.
    pub(crate) const fn house(endpoint: &'p Arc<Endpoint>) -> Self {
        Self {
            endpoint,
            pinned: None,
        }
    }

    /// Whether a workspace pays the provider itself.
    pub(crate) fn is_own(&self) -> bool {
        self.pinned.as_ref().is_some_and(|pinned| pinned.is_own())
    }
}

impl Relay {
    /// Where a call to these endpoints may stop, in order.
    pub(crate) fn stops<'p>(&self, call: &Call, open: &[&'p Arc<Endpoint>]) -> VecDeque<Stop<'p>> {
        let credentials = self.parts.credentials.load();
        let short = shortlist(open, self.parts.timers.attempts_max);
        if credentials.has_no_pinned() {
            return short.into_iter().map(Stop::house).collect();
        }
        let who = (&call.caller, call.member_id.as_deref());
        let mut pinned: Vec<Stop<'p>> = Vec::new();
        for endpoint in open.iter().copied() {
            let (provider, model) = (endpoint.provider.slug.as_str(), endpoint.model.as_str());
            pinned.extend(credentials.pinned(provider, who, model).map(|one| Stop {
                endpoint,
                pinned: Some(Arc::clone(one)),
            }));
        }
        let house = short.into_iter().map(Stop::house);
        let house = house.filter(|stop| credentials.is_open(stop.endpoint.provider.slug.as_str()));
        let turn = |is_fallback, is_own| {
            let its = pinned.iter().filter(move |stop| {
                let pinned = stop.pinned.as_ref();
                pinned.is_some_and(|one| (one.is_fallback, one.is_own()) == (is_fallback, is_own))
            });
            its.cloned()
        };
        let all: VecDeque<Stop<'p>> = turn(false, true)
            .chain(turn(false, false))
            .chain(house)
            .chain(turn(true, false))
            .chain(turn(true, true))
            .collect();
        // What was just refused is asked again only where there is nothing else.
        let now_ms = self.parts.clock.now_ms();
        let fresh = |stop: &&Stop<'p>| {
            let pinned = stop.pinned.as_ref();
            pinned.is_none_or(|one| !self.wallets.is_resting(one, stop.endpoint, now_ms))
        };
        let rested: VecDeque<Stop<'p>> = all.iter().filter(fresh).cloned().collect();
        if rested.is_empty() { all } else { rested }
    }

    /// The credential to present at an endpoint that is asked alone: that of its first stop.
    pub(crate) fn credential(&self, call: &Call, endpoint: &Arc<Endpoint>) -> Option<Chosen> {
        let stop = self.stops(call, &[endpoint]).pop_front()?;
        self.credential_at(call, &stop)
    }

    /// The credential for one attempt at a stop; `None` when its provider has none.
    pub(crate) fn credential_at(&self, call: &Call, stop: &Stop<'_>) -> Option<Chosen> {
        match &stop.pinned {
            Some(pinned) => Some(Chosen::pinned(pinned)),
            None => self.credential_of_house(call, stop.endpoint),
        }
    }
}
