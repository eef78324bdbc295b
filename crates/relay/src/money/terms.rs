//! The terms on which a call is made: what happens where money does not reach, or a price is lacking.

use std::fmt;
use std::sync::Arc;

use ledger::PriceSheet;

/// What happens when the money does not reach for the whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdmissionPolicy {
    /// The provider is told to stop where the money ends.
    Clamp,
    /// The call is refused with 402, which says how many tokens could be afforded.
    Reject,
}

/// What happens when nobody states a price. Never is such a call free without saying so.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum UnpricedPolicy {
    /// Endpoints without a price are not asked; where there are no others the call is refused.
    Deny,
    /// They are charged by this sheet, and the record says so.
    Fallback(Arc<PriceSheet>),
    /// They are asked, and the record says that the cost is not known.
    #[default]
    AllowAndFlag,
}

/// On which ground a call was let in; the value of `X-Waybill-Admission`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdmittedBy {
    /// The money for the longest answer that is possible is held.
    Full,
    /// The money for an answer of usual length is held, and more is taken while it streams.
    Estimate,
    /// The provider was told to give at most so many tokens per choice, for which money is held.
    Clamped(u64),
}

impl fmt::Display for AdmittedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Estimate => f.write_str("estimate"),
            Self::Clamped(tokens) => write!(f, "clamped={tokens}"),
        }
    }
}
