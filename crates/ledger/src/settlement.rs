//! THE settlement table: how a call ended × whether aborting stops the provider's bill × what usage
//! is known → what is charged, by which rule, and what to do with the provider.
//!
//! [`TABLE`] is data: the first row that matches holds, and every combination has one. The table in
//! `docs/money.md` is this one, and a test compares them.

use chat::{Unit, Usage};

use crate::{Bill, Charge, PriceSheet, Unpriced, cost};

/// How a call ended, as far as money is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ending {
    /// The whole answer was delivered.
    Complete,
    /// The answer reached its length limit, the caller's or ours (clamp, refused top-up).
    Length,
    /// The provider refused by its policy (content filter).
    Refused,
    /// The caller left after the request was sent and before the provider's response head. For an
    /// answer that is not streamed, that is nearly all of the time.
    LeftBeforeHeaders,
    /// The caller left between the response head and the first token.
    LeftBeforeFirstToken,
    /// The caller left after the first token.
    LeftMidStream,
    /// The provider's stream broke off after the first token.
    CutMidStream,
    /// The call failed before any token, at the last endpoint tried.
    ErrorBeforeTokens,
    /// The provider reported an error after the first token.
    ErrorAfterTokens,
    /// The provider ended with tokens and without a reason (`incomplete`).
    Incomplete,
    /// The provider ended without a token and without a reason.
    Empty,
    /// An attempt that failed and was followed by another, where the provider may have billed us.
    FailedAttempt,
    /// An attempt that was asked beside another one, which spoke first (hedging); let go before its
    /// first token.
    LostRace,
    /// The answer came from the response cache.
    CacheHit,
    /// This node died during the call.
    Crash,
}

impl Ending {
    /// Every ending, in the order of the table.
    pub const ALL: [Self; 15] = [
        Self::Complete,
        Self::Length,
        Self::Refused,
        Self::LeftBeforeHeaders,
        Self::LeftBeforeFirstToken,
        Self::LeftMidStream,
        Self::CutMidStream,
        Self::ErrorBeforeTokens,
        Self::ErrorAfterTokens,
        Self::Incomplete,
        Self::Empty,
        Self::FailedAttempt,
        Self::LostRace,
        Self::CacheHit,
        Self::Crash,
    ];

    /// The ending in words, as in `docs/money.md`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Length => "length",
            Self::Refused => "refused by the provider's policy",
            Self::LeftBeforeHeaders => "caller left before the response head",
            Self::LeftBeforeFirstToken => "caller left before the first token",
            Self::LeftMidStream => "caller left mid-stream",
            Self::CutMidStream => "provider cut mid-stream",
            Self::ErrorBeforeTokens => "error before tokens",
            Self::ErrorAfterTokens => "error after tokens",
            Self::Incomplete => "incomplete",
            Self::Empty => "empty answer",
            Self::FailedAttempt => "failed attempt before a fallback",
            Self::LostRace => "attempt that lost a race",
            Self::CacheHit => "cache hit",
            Self::Crash => "crash of this node",
        }
    }
}

/// Whether a provider stops billing when its answer is aborted. A fact of the provider's row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AbortStopsBill {
    /// It bills what it had produced.
    Yes,
    /// It bills the whole answer.
    No,
    /// Nobody has said; taken as a yes: a caller that leaves frees the provider's machine at once,
    /// and what was streamed is charged. Who knows better says so in the provider's row.
    #[default]
    Unknown,
}

impl AbortStopsBill {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Yes, Self::No, Self::Unknown];

    /// The word in catalog rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

/// What is known of the usage when the call is settled, after any drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UsageKnown {
    /// The provider's final count. A count of the prompt alone, as some streams begin with, is part
    /// of an estimate.
    Provider,
    /// The prompt's estimate and what was streamed.
    Estimated,
    /// Neither.
    None,
}

impl UsageKnown {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Provider, Self::Estimated, Self::None];

    /// The word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
            Self::None => "none",
        }
    }
}

/// What the charge is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// What the provider counted.
    ProviderUsage,
    /// The prompt's estimate and what was streamed.
    Estimate,
    /// Requests and searches; tokens are free.
    SideFees,
    /// The house pays what the provider may bill; the caller pays nothing.
    House,
    /// Nothing was done that anybody bills.
    Nothing,
    /// Something was done and nobody can say how much: the policy for unpriced calls decides.
    Unpriced,
}

impl Basis {
    /// The basis in words, as in `docs/money.md`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ProviderUsage => "what the provider counted",
            Self::Estimate => "the prompt and what was streamed, estimated",
            Self::SideFees => "request and search fees; tokens are free",
            Self::House => "nothing; the house bears it",
            Self::Nothing => "nothing",
            Self::Unpriced => "by the policy for unpriced calls",
        }
    }
}

/// What to do with the provider's answer when the call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Close the connection: the bill stops.
    Abort,
    /// Read on in the background, within bounds, for the exact usage: it is billed anyway.
    Drain,
    /// There is nothing to do.
    None,
}

impl Action {
    /// The word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Drain => "drain",
            Self::None => "–",
        }
    }
}

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The name in records and headers.
    pub name: &'static str,
    /// What the charge is made of.
    pub basis: Basis,
    /// What to do with the provider.
    pub action: Action,
}

impl Rule {
    /// The bill by this rule. `usage` is what is known: the provider's count or the estimate.
    ///
    /// # Errors
    /// As [`cost`], and [`Unpriced::NoUsage`] when nobody can say how much was used.
    pub fn charge(&self, usage: &Usage, sheet: &PriceSheet, at: i64) -> Charge {
        match self.basis {
            Basis::ProviderUsage | Basis::Estimate => cost(usage, sheet, at),
            Basis::SideFees => {
                let fees = [Unit::Request, Unit::WebSearch]
                    .into_iter()
                    .fold(Usage::default(), |fees, unit| {
                        fees.with(unit, usage.count(unit))
                    });
                cost(&fees, sheet, at)
            }
            Basis::House | Basis::Nothing => Ok(Bill::default()),
            Basis::Unpriced => Err(Unpriced::NoUsage),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// How the call ended.
    pub ending: Ending,
    /// The providers it is about.
    pub aborts: &'static [AbortStopsBill],
    /// What is known of the usage.
    pub usages: &'static [UsageKnown],
    /// What holds then.
    pub rule: Rule,
}

const ANY: &[AbortStopsBill] = &AbortStopsBill::ALL;
const STOPS: &[AbortStopsBill] = &[AbortStopsBill::Yes, AbortStopsBill::Unknown];
const RUNS_ON: &[AbortStopsBill] = &[AbortStopsBill::No];

const COUNTED: &[UsageKnown] = &[UsageKnown::Provider];
const ESTIMATED: &[UsageKnown] = &[UsageKnown::Estimated];
const UNCOUNTED: &[UsageKnown] = &[UsageKnown::None];
const NOT_COUNTED: &[UsageKnown] = &[UsageKnown::Estimated, UsageKnown::None];
const WHATEVER: &[UsageKnown] = &UsageKnown::ALL;

const fn ended(
    ending: Ending,
    usages: &'static [UsageKnown],
    name: &'static str,
    basis: Basis,
) -> Row {
    let rule = Rule {
        name,
        basis,
        action: Action::None,
    };
    Row {
        ending,
        aborts: ANY,
        usages,
        rule,
    }
}

const fn aborted(
    ending: Ending,
    usages: &'static [UsageKnown],
    name: &'static str,
    basis: Basis,
) -> Row {
    let rule = Rule {
        name,
        basis,
        action: Action::Abort,
    };
    Row {
        ending,
        aborts: STOPS,
        usages,
        rule,
    }
}

const fn drained(
    ending: Ending,
    usages: &'static [UsageKnown],
    name: &'static str,
    basis: Basis,
) -> Row {
    let rule = Rule {
        name,
        basis,
        action: Action::Drain,
    };
    Row {
        ending,
        aborts: RUNS_ON,
        usages,
        rule,
    }
}

/// No provider that bills on is ever raced with, so none needs to be read to its end.
const fn raced(usages: &'static [UsageKnown], name: &'static str, basis: Basis) -> Row {
    let rule = Rule {
        name,
        basis,
        action: Action::Abort,
    };
    Row {
        ending: Ending::LostRace,
        aborts: ANY,
        usages,
        rule,
    }
}

/// The table.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    ended(Ending::Complete, COUNTED, "complete", Basis::ProviderUsage),
    ended(Ending::Complete, ESTIMATED, "complete_estimated", Basis::Estimate),
    ended(Ending::Complete, UNCOUNTED, "complete_uncounted", Basis::Unpriced),
    ended(Ending::Length, COUNTED, "length", Basis::ProviderUsage),
    ended(Ending::Length, ESTIMATED, "length_estimated", Basis::Estimate),
    ended(Ending::Length, UNCOUNTED, "length_uncounted", Basis::Unpriced),
    ended(Ending::Refused, COUNTED, "refused", Basis::ProviderUsage),
    ended(Ending::Refused, ESTIMATED, "refused_estimated", Basis::Estimate),
    ended(Ending::Refused, UNCOUNTED, "refused_unbilled", Basis::Nothing),
    aborted(Ending::LeftBeforeHeaders, COUNTED, "left_before_headers", Basis::ProviderUsage),
    aborted(Ending::LeftBeforeHeaders, ESTIMATED, "left_before_headers_estimated", Basis::Estimate),
    aborted(Ending::LeftBeforeHeaders, UNCOUNTED, "left_before_headers_uncounted", Basis::Unpriced),
    drained(Ending::LeftBeforeHeaders, COUNTED, "left_before_headers_drained", Basis::ProviderUsage),
    drained(Ending::LeftBeforeHeaders, ESTIMATED, "left_before_headers_drain_cut", Basis::Estimate),
    drained(Ending::LeftBeforeHeaders, UNCOUNTED, "left_before_headers_drain_uncounted", Basis::Unpriced),
    aborted(Ending::LeftBeforeFirstToken, COUNTED, "left_before_first_token", Basis::ProviderUsage),
    aborted(Ending::LeftBeforeFirstToken, ESTIMATED, "left_before_first_token_estimated", Basis::Estimate),
    aborted(Ending::LeftBeforeFirstToken, UNCOUNTED, "left_before_first_token_uncounted", Basis::Unpriced),
    drained(Ending::LeftBeforeFirstToken, COUNTED, "left_before_first_token_drained", Basis::ProviderUsage),
    drained(Ending::LeftBeforeFirstToken, ESTIMATED, "left_before_first_token_drain_cut", Basis::Estimate),
    drained(Ending::LeftBeforeFirstToken, UNCOUNTED, "left_before_first_token_drain_uncounted", Basis::Unpriced),
    aborted(Ending::LeftMidStream, COUNTED, "left_mid_stream", Basis::ProviderUsage),
    aborted(Ending::LeftMidStream, ESTIMATED, "left_mid_stream_estimated", Basis::Estimate),
    aborted(Ending::LeftMidStream, UNCOUNTED, "left_mid_stream_uncounted", Basis::Unpriced),
    drained(Ending::LeftMidStream, COUNTED, "left_mid_stream_drained", Basis::ProviderUsage),
    drained(Ending::LeftMidStream, ESTIMATED, "left_mid_stream_drain_cut", Basis::Estimate),
    drained(Ending::LeftMidStream, UNCOUNTED, "left_mid_stream_drain_uncounted", Basis::Unpriced),
    ended(Ending::CutMidStream, COUNTED, "cut_mid_stream", Basis::ProviderUsage),
    ended(Ending::CutMidStream, ESTIMATED, "cut_mid_stream_estimated", Basis::Estimate),
    ended(Ending::CutMidStream, UNCOUNTED, "cut_mid_stream_uncounted", Basis::Unpriced),
    ended(Ending::ErrorBeforeTokens, COUNTED, "error_before_tokens_side_fees", Basis::SideFees),
    ended(Ending::ErrorBeforeTokens, NOT_COUNTED, "error_before_tokens", Basis::Nothing),
    ended(Ending::ErrorAfterTokens, COUNTED, "error_after_tokens", Basis::ProviderUsage),
    ended(Ending::ErrorAfterTokens, ESTIMATED, "error_after_tokens_estimated", Basis::Estimate),
    ended(Ending::ErrorAfterTokens, UNCOUNTED, "error_after_tokens_uncounted", Basis::Unpriced),
    ended(Ending::Incomplete, COUNTED, "incomplete", Basis::ProviderUsage),
    ended(Ending::Incomplete, ESTIMATED, "incomplete_estimated", Basis::Estimate),
    ended(Ending::Incomplete, UNCOUNTED, "incomplete_uncounted", Basis::Unpriced),
    ended(Ending::Empty, COUNTED, "empty_side_fees", Basis::SideFees),
    ended(Ending::Empty, NOT_COUNTED, "empty", Basis::House),
    ended(Ending::FailedAttempt, WHATEVER, "failed_attempt", Basis::House),
    raced(COUNTED, "race_lost", Basis::ProviderUsage),
    raced(ESTIMATED, "race_lost_estimated", Basis::Estimate),
    raced(UNCOUNTED, "race_lost_uncounted", Basis::Unpriced),
    ended(Ending::CacheHit, WHATEVER, "cache_hit", Basis::Nothing),
    ended(Ending::Crash, COUNTED, "crash_journaled", Basis::ProviderUsage),
    ended(Ending::Crash, NOT_COUNTED, "crash", Basis::House),
];

/// What holds for a cell that the table has no row for; a test shows that there is none.
const NO_ROW: Rule = Rule {
    name: "unknown_ending",
    basis: Basis::Unpriced,
    action: Action::Abort,
};

/// What the table says about a call that ended so.
#[must_use]
pub fn rule(ending: Ending, abort: AbortStopsBill, usage: UsageKnown) -> Rule {
    TABLE
        .iter()
        .find(|row| {
            row.ending == ending && row.aborts.contains(&abort) && row.usages.contains(&usage)
        })
        .map_or(NO_ROW, |row| row.rule)
}

/// What to do with the provider when a call ends so, before the usage is known. The same as
/// [`rule`] says for every usage.
#[must_use]
pub fn action(ending: Ending, abort: AbortStopsBill) -> Action {
    rule(ending, abort, UsageKnown::None).action
}

/// The table as the Markdown of `docs/money.md`, ending in a line break.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "| Ending | Abort stops the bill | Usage known | Then | Charged | Rule |\n\
         |---|---|---|---|---|---|\n",
    );
    for row in TABLE {
        let aborts = listed(row.aborts.iter().map(|a| a.name()), ANY.len());
        let usages = listed(row.usages.iter().map(|u| u.name()), WHATEVER.len());
        text.push_str(&format!(
            "| {} | {aborts} | {usages} | {} | {} | `{}` |\n",
            row.ending.words(),
            row.rule.action.name(),
            row.rule.basis.words(),
            row.rule.name,
        ));
    }
    text
}

/// Words with commas between them; "any" when it is all of them.
fn listed<'a>(words: impl ExactSizeIterator<Item = &'a str>, all: usize) -> String {
    if words.len() == all {
        return "any".to_owned();
    }
    words.collect::<Vec<_>>().join(", ")
}
