//! Which ordering applies to a model of a call.

use chat::Parameter;

use crate::plan::Question;
use crate::preferences::{ServiceTier, Sort};
use crate::snapshot::Suffix;

/// An ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As `provider.order` names them, then cheapest first.
    Named,
    /// Cheapest for this call first.
    Price,
    /// Most tokens per second first.
    Throughput,
    /// Soonest first token first.
    Latency,
    /// Best tool callers first.
    Exacto,
    /// The priority tier first, each tier by throughput.
    PriorityTier,
    /// The flex tier, cheapest first.
    FlexTier,
    /// Bad tool callers last; else by chance, weighted by price. For calls with tools.
    AutoExacto,
    /// By chance, weighted by price.
    Balanced,
}

impl Mode {
    /// The word in explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Named => "order",
            Self::Price => "price",
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Exacto => "exacto",
            Self::PriorityTier => "priority_tier",
            Self::FlexTier => "flex_tier",
            Self::AutoExacto => "auto_exacto",
            Self::Balanced => "balanced",
        }
    }

    /// Whether the first choice is left to chance.
    pub(crate) const fn is_by_chance(self) -> bool {
        matches!(self, Self::AutoExacto | Self::Balanced)
    }

    /// Whether the caller has said what to sort by, so that health has little to say.
    pub(crate) const fn is_sorted(self) -> bool {
        matches!(
            self,
            Self::Price | Self::Throughput | Self::Latency | Self::Exacto
        )
    }

    const fn of(sort: Sort) -> Self {
        match sort {
            Sort::Price => Self::Price,
            Sort::Throughput => Self::Throughput,
            Sort::Latency => Self::Latency,
            Sort::Exacto => Self::Exacto,
            Sort::Balanced => Self::Balanced,
        }
    }
}

/// The first of these that applies (section 9.6): `order`, the request's `sort`, the slug's suffix,
/// the account's `order` or `sort`, the service tier, tools, chance.
pub(crate) fn mode(question: &Question<'_>, suffixes: &[Suffix]) -> Mode {
    let (own, account) = (question.preferences, question.account);
    if !own.order.is_empty() {
        return Mode::Named;
    }
    if let Some(sort) = own.sort {
        return Mode::of(sort);
    }
    let suffix = suffixes.iter().rev().find_map(|suffix| match suffix {
        Suffix::Nitro => Some(Mode::Throughput),
        Suffix::Floor => Some(Mode::Price),
        Suffix::Exacto => Some(Mode::Exacto),
        Suffix::Online => None,
    });
    if let Some(mode) = suffix {
        return mode;
    }
    if let Some(account) = account {
        if !account.order.is_empty() {
            return Mode::Named;
        }
        if let Some(sort) = account.sort {
            return Mode::of(sort);
        }
    }
    match question.service_tier {
        Some(ServiceTier::Priority) => Mode::PriorityTier,
        Some(ServiceTier::Flex) => Mode::FlexTier,
        Some(ServiceTier::Default) | None => {
            if question.needs.parameters.contains(Parameter::Tools) {
                Mode::AutoExacto
            } else {
                Mode::Balanced
            }
        }
    }
}
