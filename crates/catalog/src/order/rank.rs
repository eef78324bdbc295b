//! Rank: all that an endpoint is ordered by, for one call.

use std::fmt;

use ledger::Amount;

use super::cost::{self, Size};
use super::speed;
use super::tools::ToolTier;
use crate::endpoint::{Endpoint, Status};
use crate::filter::names_it;
use crate::health::{Standing, Vital, Vitals};
use crate::plan::{Moment, Question};
use crate::sticky::{Sticky, caches};

/// What was decided about an endpoint's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `provider.order` names it.
    Named,
    /// The conversation was here last, and its prompt is probably cached.
    Sticky,
    /// The conversation was here last, but elsewhere it is cheaper even without the cache.
    StickyTooDear,
    /// Chance, weighted by price, made it the first.
    Chance,
    /// It is tried out, and this call is one of its share.
    Canary,
    /// It is tried out, and this call is not one of its share.
    CanaryHeld,
    /// It misses a cut-off of speed or latency.
    MissesCutoff,
    /// It has failed lately, or is nearly at its rate limit.
    Health,
    /// It calls tools worse than others do.
    BadTools,
    /// It is about to go away.
    Deprecated,
    /// Nobody knows what it costs.
    Unpriced,
}

impl Reason {
    const ALL: [Self; 11] = [
        Self::Named,
        Self::Sticky,
        Self::StickyTooDear,
        Self::Chance,
        Self::Canary,
        Self::CanaryHeld,
        Self::MissesCutoff,
        Self::Health,
        Self::BadTools,
        Self::Deprecated,
        Self::Unpriced,
    ];

    /// The word in explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Named => "named_in_order",
            Self::Sticky => "sticky",
            Self::StickyTooDear => "sticky_too_dear",
            Self::Chance => "chosen_by_chance",
            Self::Canary => "canary",
            Self::CanaryHeld => "canary_held",
            Self::MissesCutoff => "misses_cutoff",
            Self::Health => "health",
            Self::BadTools => "bad_tool_calls",
            Self::Deprecated => "deprecated",
            Self::Unpriced => "unpriced",
        }
    }
}

/// A set of reasons.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasons(u16);

impl Reasons {
    pub(crate) const fn insert(&mut self, reason: Reason) {
        self.0 |= 1 << reason as u16;
    }

    fn insert_if(&mut self, holds: bool, reason: Reason) {
        if holds {
            self.insert(reason);
        }
    }

    /// Whether one is in the set.
    #[must_use]
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & (1 << reason as u16) != 0
    }

    /// The members, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        let all = Reason::ALL.into_iter();
        all.filter(move |reason| self.contains(*reason))
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What an endpoint is ordered by, for one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    /// Position in `provider.order`; absent when it is not named there.
    pub named: Option<usize>,
    /// Whether the conversation was here last.
    pub is_sticky: bool,
    /// Prompt tokens that are probably cached here.
    pub cached_tokens: u64,
    /// What this call will probably cost; absent when nobody knows.
    pub expected_cost: Option<Amount>,
    /// The same with the further calls of its conversation, whose prompts will be cached where that
    /// is cheaper: what chance and staying are weighed by.
    pub outlook: Option<Amount>,
    /// What is known of it.
    pub vital: Vital,
    /// How well it calls tools; only judged for orderings that look at it.
    pub tools: Option<ToolTier>,
    /// Whether it meets the caller's cut-offs, as far as it was measured.
    pub meets_cutoffs: bool,
    /// Whether it is about to go away.
    pub is_deprecated: bool,
    /// With which probability it was to be the first, thousandths; absent when chance had no say.
    pub chance_permille: Option<u16>,
    /// What was decided about its place.
    pub reasons: Reasons,
}

impl Rank {
    /// How it stands for this call: also pressed when the prompt is more than is left of its tokens.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.vital.standing
    }

    /// Whether it may be preferred: it is neither down nor left alone.
    pub(crate) fn is_fit(&self) -> bool {
        self.vital.standing <= Standing::Degraded
    }
}

/// What ranks are made from.
pub(crate) struct Sight<'a> {
    pub(crate) question: &'a Question<'a>,
    pub(crate) vitals: &'a dyn Vitals,
    pub(crate) moment: Moment,
}

/// Ranks one endpoint for one call.
pub(crate) fn rank(endpoint: &Endpoint, sight: &Sight<'_>) -> Rank {
    let Sight {
        question,
        vitals,
        moment,
    } = sight;
    let needs = question.needs;
    let mut vital = vitals.vital(&endpoint.id, moment.now_ms);
    if vital
        .tokens_left
        .is_some_and(|left| left < needs.prompt_tokens)
    {
        vital.standing = vital.standing.max(Standing::Pressed);
    }
    let sticky = sticky(endpoint, sight);
    let size = Size {
        prompt: needs.prompt_tokens,
        cached: sticky.map_or(0, |sticky| sticky.cached_tokens),
        output: cost::expected_output(needs, question.expected_output_tokens),
    };
    let expected_cost = cost::cost(endpoint, size, moment.now_ms);
    let outlook = outlook(endpoint, (question, size), expected_cost, moment.now_ms);
    let named = order(question)
        .iter()
        .position(|name| names_it(name, endpoint));
    let meets_cutoffs = speed::meets(question, &vital);
    let is_deprecated = endpoint.status == Status::Deprecated;
    let mut reasons = Reasons::default();
    reasons.insert_if(named.is_some(), Reason::Named);
    reasons.insert_if(!meets_cutoffs, Reason::MissesCutoff);
    reasons.insert_if(vital.standing > Standing::Normal, Reason::Health);
    reasons.insert_if(is_deprecated, Reason::Deprecated);
    reasons.insert_if(expected_cost.is_none(), Reason::Unpriced);
    Rank {
        named,
        is_sticky: sticky.is_some(),
        cached_tokens: size.cached.min(size.prompt),
        expected_cost,
        outlook,
        vital,
        tools: None,
        meets_cutoffs,
        is_deprecated,
        chance_permille: None,
        reasons,
    }
}

/// What the call costs together with those that will follow it in its conversation, each with a
/// prompt like this one, cached where that is cheaper.
fn outlook(
    endpoint: &Endpoint,
    (question, size): (&Question<'_>, Size),
    now: Option<Amount>,
    now_ms: i64,
) -> Option<Amount> {
    if question.further_calls == 0 {
        return now;
    }
    let further = Size {
        cached: if caches(endpoint) { size.prompt } else { 0 },
        ..size
    };
    let each = cost::cost(endpoint, further, now_ms)?.nanos();
    let calls = i64::try_from(question.further_calls).unwrap_or(i64::MAX);
    let all = Amount::from_nanos(each.saturating_mul(calls));
    Some(now?.saturating_add(all))
}

/// The order asked for: the request's, else the account's.
pub(crate) fn order<'a>(question: &Question<'a>) -> &'a [String] {
    let own = &question.preferences.order;
    match question.account {
        Some(account) if own.is_empty() && question.preferences.sort.is_none() => &account.order,
        _ => own,
    }
}

/// Where the conversation was last, if that is here and its cache is probably still warm.
fn sticky<'a>(endpoint: &Endpoint, sight: &Sight<'a>) -> Option<&'a Sticky> {
    let found = sight.question.sticky.iter();
    found
        .into_iter()
        .find(|sticky| sticky.endpoint == endpoint.id)
        .filter(|sticky| sticky.is_warm(endpoint, sight.moment.now_ms))
}
