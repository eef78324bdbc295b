//! The route of one call: its plan, and whom it passed over and why. The record keeps both.

use catalog::{Endpoint, PassedOver};

use super::gates::Shut;
use super::question::Planned;
use crate::call::Call;
use crate::money;
use crate::relay::Relay;

/// Why a planned endpoint is not asked when its turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Nobody states its price, and the workspace does not let such calls through.
    Unpriced,
    /// A limit that the operator set for its provider or for it is met.
    Limit,
    /// As many calls as it may have at once are under way there.
    Full,
    /// It was out, and one call is looking whether that is over.
    BeingProbed,
}

impl Skip {
    /// The word in records and explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unpriced => "unpriced",
            Self::Limit => "limit",
            Self::Full => "full",
            Self::BeingProbed => "being_probed",
        }
    }
}

impl From<Shut> for Skip {
    fn from(shut: Shut) -> Self {
        match shut {
            Shut::Full => Self::Full,
            Shut::BeingProbed => Self::BeingProbed,
        }
    }
}

/// Where a call was to go, and who was passed over.
#[derive(Default)]
pub(crate) struct Route<'a> {
    /// The plan; absent while there is none.
    pub(crate) planned: Option<&'a Planned>,
    passed_over: Vec<PassedOver<'a>>,
}

impl<'a> Route<'a> {
    /// An endpoint was not asked when its turn came. Said once of each for each reason.
    pub(crate) fn pass_over(&mut self, endpoint: &'a Endpoint, skip: Skip) {
        let passed = (&endpoint.id, skip.name());
        if !self.passed_over.contains(&passed) {
            self.passed_over.push(passed);
        }
    }

    /// What the record keeps.
    pub(crate) fn keep(&self) -> Option<Box<str>> {
        let planned = self.planned?;
        catalog::plan::keep(&planned.plan, &planned.input, &self.passed_over)
    }
}

impl Relay {
    /// Why an endpoint of a plan would be passed over just now; nothing is counted by asking.
    #[must_use]
    pub fn skip(&self, call: &Call, endpoint: &Endpoint) -> Option<Skip> {
        if !money::is_admissible(call, endpoint) {
            return Some(Skip::Unpriced);
        }
        if self.parts.provider_limits.met(call, endpoint).is_some() {
            return Some(Skip::Limit);
        }
        let now_ms = self.parts.clock.now_ms();
        let is_unproven = self.health.is_unproven(&endpoint.id, now_ms);
        self.gates.shut(endpoint, is_unproven).map(Skip::from)
    }
}
