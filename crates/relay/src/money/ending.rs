//! Which row of the settlement table holds for a call.

use catalog::endpoint::Endpoint;
use chat::{FinishReason, Reason, Usage};
use ledger::UsageSource;
use ledger::settlement::{AbortStopsBill, Ending, UsageKnown};

/// How a stream broke after its answer had begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// The connection broke, or fell silent.
    Cut,
    /// The provider reported an error, or sent what cannot be read.
    Reported,
    /// The provider ended the answer with the reason "error": insured, its tokens are free.
    Failed,
    /// The stream ended properly, but the answer had not.
    Incomplete,
    /// We ended it: no more money could be held.
    Spent,
}

impl Break {
    /// The ending in the table.
    pub(crate) const fn ending(self, has_tokens: bool) -> Ending {
        match self {
            Self::Spent => Ending::Length,
            Self::Failed => Ending::Empty,
            Self::Cut | Self::Reported if !has_tokens => Ending::ErrorBeforeTokens,
            Self::Incomplete if !has_tokens => Ending::Empty,
            Self::Cut => Ending::CutMidStream,
            Self::Reported => Ending::ErrorAfterTokens,
            Self::Incomplete => Ending::Incomplete,
        }
    }
}

/// What a stream broke by that could not be read on.
pub(crate) fn of_error(finish: Option<&FinishReason>) -> Break {
    match finish.map(|finish| finish.reason) {
        Some(Reason::Error) => Break::Failed,
        Some(Reason::Stop | Reason::ToolCalls | Reason::Length | Reason::ContentFilter) | None => {
            Break::Reported
        }
    }
}

/// How an answer ended that was delivered as a whole. An answer that ended in an error, or without
/// tokens and without a reason, is insured: its tokens are free (section 18 of the digest).
pub(crate) fn of_answer(finish: Option<&FinishReason>, usage: &Usage) -> Ending {
    match finish.map(|finish| finish.reason) {
        Some(Reason::Error) => Ending::Empty,
        Some(Reason::Length) => Ending::Length,
        Some(Reason::ContentFilter) => Ending::Refused,
        Some(Reason::Stop | Reason::ToolCalls) => Ending::Complete,
        None if usage.completion_tokens() == 0 => Ending::Empty,
        None => Ending::Incomplete,
    }
}

/// Whether closing the connection stops this provider's bill, as its row says.
pub(crate) fn abort(endpoint: &Endpoint) -> AbortStopsBill {
    match endpoint.provider.abort_stops_billing {
        Some(true) => AbortStopsBill::Yes,
        Some(false) => AbortStopsBill::No,
        None => AbortStopsBill::Unknown,
    }
}

/// What is known of the usage, in the table's words.
pub(crate) const fn known(source: UsageSource) -> UsageKnown {
    match source {
        UsageSource::Provider | UsageSource::Drained => UsageKnown::Provider,
        UsageSource::Estimated => UsageKnown::Estimated,
        UsageSource::Nothing => UsageKnown::None,
    }
}
