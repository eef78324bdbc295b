//! `cost(usage, sheet, at)`: the only multiplication of units by prices, and the only rounding.

use chat::{Unit, Usage};

use crate::{Amount, Price, PriceSheet};

/// An exact product of units and prices, in pico-USD. Never stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(i128);

impl Cost {
    const PICOS_PER_NANO: i128 = 1000;

    /// The cost in pico-USD.
    #[must_use]
    pub const fn picos(self) -> i128 {
        self.0
    }

    /// The one rounding: up to the next nano-dollar. `None` when it does not fit an [`Amount`].
    #[must_use]
    pub fn round_up(self) -> Option<Amount> {
        let nanos = self.0.checked_add(Self::PICOS_PER_NANO.checked_sub(1)?)?;
        i64::try_from(nanos.checked_div_euclid(Self::PICOS_PER_NANO)?)
            .ok()
            .map(Amount::from_nanos)
    }

    fn add(self, count: u64, price: Price) -> Option<Self> {
        let product = i128::from(count).checked_mul(i128::from(price.picos()))?;
        self.0.checked_add(product).map(Self)
    }
}

/// One line of a bill: how many of a unit, at which price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// What was counted.
    pub unit: Unit,
    /// How many.
    pub count: u64,
    /// The rate that applied, after overrides and the fallback rules of [`rate`].
    pub price: Price,
}

impl Line {
    /// The exact cost of this line.
    #[must_use]
    pub fn cost(&self) -> Cost {
        Cost::default()
            .add(self.count, self.price)
            .unwrap_or(Cost(i128::MAX))
    }
}

/// What a call costs, with the lines that it is the sum of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// The rounded total.
    pub total: Amount,
    /// The lines; every counted unit has one.
    pub lines: Vec<Line>,
}

impl Bill {
    /// The rounded-up sum of the lines of one side (`Unit::is_prompt`, `Unit::is_completion`).
    #[must_use]
    pub fn part(&self, belongs: impl Fn(Unit) -> bool) -> Amount {
        self.lines
            .iter()
            .filter(|line| belongs(line.unit))
            .try_fold(Cost::default(), |sum, line| sum.add(line.count, line.price))
            .and_then(Cost::round_up)
            .unwrap_or(self.total)
    }
}

/// Why a call has no cost: a unit was counted that nobody stated a price for. Never treated as free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    /// This unit was counted and has no price.
    #[error("no price for {}", .0.name())]
    NoPrice(Unit),
    /// The sum does not fit 64 bits of nano-USD: the counts cannot be true.
    #[error("the cost does not fit an amount")]
    TooLarge,
    /// The provider did not count, and an estimate was not possible.
    #[error("no usage is known")]
    NoUsage,
}

/// What a finished call is charged: a bill, or the reason why there is none.
pub type Charge = Result<Bill, Unpriced>;

/// What `usage` costs by `sheet` for a call answered at `at` (Unix time in seconds).
///
/// # Errors
/// [`Unpriced`] when a unit was counted for which neither the sheet nor a fallback of [`rate`] has
/// a price, when nothing was counted, or when the sum does not fit.
pub fn cost(usage: &Usage, sheet: &PriceSheet, at: i64) -> Charge {
    if usage.is_empty() {
        return Err(Unpriced::NoUsage);
    }
    let prompt_tokens = usage.prompt_tokens();
    let utc_minute = minute_of_day(at);
    let mut bill = Bill::default();
    let mut sum = Cost::default();
    for (unit, count) in usage.iter() {
        let price = match rate(unit, |u| sheet.effective(u, prompt_tokens, utc_minute)) {
            Some(price) => price,
            // Nothing of it was used, so its price does not matter.
            None if count == 0 => continue,
            None => return Err(Unpriced::NoPrice(unit)),
        };
        sum = sum.add(count, price).ok_or(Unpriced::TooLarge)?;
        bill.lines.push(Line { unit, count, price });
    }
    bill.total = sum.round_up().ok_or(Unpriced::TooLarge)?;
    Ok(bill)
}

/// The price of a unit, falling back where the field bills one kind of token as another:
/// cache reads and writes as plain input when a provider states no price of their own, reasoning
/// as output (models.dev and OpenRouter list a reasoning price only where it differs), image
/// input as input. A request or a search costs nothing unless a price is stated. Audio and
/// generated images are never assumed to cost what text costs.
pub fn rate(unit: Unit, price: impl Fn(Unit) -> Option<Price>) -> Option<Price> {
    let stated = price(unit);
    match unit {
        Unit::CacheRead | Unit::CacheWrite | Unit::InputImage => {
            stated.or_else(|| price(Unit::Input))
        }
        Unit::CacheWrite1h => stated
            .or_else(|| price(Unit::CacheWrite))
            .or_else(|| price(Unit::Input)),
        Unit::Reasoning => stated.or_else(|| price(Unit::Output)),
        Unit::Request => stated.or(Some(Price::ZERO)),
        Unit::Input
        | Unit::Output
        | Unit::InputAudio
        | Unit::OutputAudio
        | Unit::OutputImage
        | Unit::WebSearch => stated,
    }
}

/// Minute of the UTC day, 0 to 1439, of a Unix time in seconds.
fn minute_of_day(at: i64) -> u16 {
    const SECONDS_PER_DAY: i64 = 86_400;
    let second = at.rem_euclid(SECONDS_PER_DAY);
    u16::try_from(second.div_euclid(60)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(prices: &[(Unit, u64)]) -> PriceSheet {
        prices
            .iter()
            .fold(PriceSheet::default(), |sheet, (unit, picos)| {
                sheet.with(*unit, Price::from_picos(*picos))
            })
    }

    #[test]
    fn costs_are_exact_and_rounded_up_once() {
        // usage, sheet → nano-USD
        let text = sheet(&[(Unit::Input, 2_500_000), (Unit::Output, 10_000_000)]);
        let tiny = sheet(&[(Unit::Input, 1), (Unit::Output, 1)]);
        let usage = |input, output| {
            Usage::default()
                .with(Unit::Input, input)
                .with(Unit::Output, output)
        };
        for (usage, sheet, nanos) in [
            (usage(10, 1), &text, 35_000),
            (usage(0, 0), &text, 0),
            (usage(1, 0), &tiny, 1),
            (usage(500, 500), &tiny, 1),
            (usage(501, 500), &tiny, 2),
            (usage(1_000_000, 1_000_000), &text, 12_500_000_000),
        ] {
            assert_eq!(cost(&usage, sheet, 0).unwrap().total.nanos(), nanos);
        }
    }

    #[test]
    fn kinds_of_tokens_without_a_price_follow_the_written_fallbacks() {
        let sheet = sheet(&[(Unit::Input, 1000), (Unit::Output, 5000)]);
        for (unit, nanos) in [
            (Unit::CacheRead, Some(1)),
            (Unit::CacheWrite, Some(1)),
            (Unit::CacheWrite1h, Some(1)),
            (Unit::InputImage, Some(1)),
            (Unit::Reasoning, Some(5)),
            (Unit::Request, Some(0)),
            (Unit::InputAudio, None),
            (Unit::OutputAudio, None),
            (Unit::OutputImage, None),
            (Unit::WebSearch, None),
        ] {
            let charge = cost(&Usage::default().with(unit, 1), &sheet, 0);
            assert_eq!(
                charge.ok().map(|bill| bill.total.nanos()),
                nanos,
                "{unit:?}"
            );
        }
    }

    #[test]
    fn an_unknown_price_is_never_free() {
        let usage = Usage::default().with(Unit::Input, 1);
        assert_eq!(
            cost(&usage, &PriceSheet::default(), 0),
            Err(Unpriced::NoPrice(Unit::Input))
        );
        assert_eq!(
            cost(&Usage::default(), &sheet(&[(Unit::Input, 1)]), 0),
            Err(Unpriced::NoUsage)
        );
    }

    #[test]
    fn absurd_counts_are_refused_instead_of_wrapping() {
        let usage = Usage::default()
            .with(Unit::Input, u64::MAX)
            .with(Unit::Output, u64::MAX);
        let sheet = sheet(&[(Unit::Input, u64::MAX), (Unit::Output, u64::MAX)]);
        assert_eq!(cost(&usage, &sheet, 0), Err(Unpriced::TooLarge));
    }

    #[test]
    fn the_parts_of_a_bill_are_its_sides() {
        let sheet = sheet(&[(Unit::Input, 1000), (Unit::Output, 5000)]);
        let usage = Usage::default().with(Unit::Input, 8).with(Unit::Output, 3);
        let bill = cost(&usage, &sheet, 0).unwrap();
        assert_eq!(bill.part(Unit::is_prompt).nanos(), 8);
        assert_eq!(bill.part(Unit::is_completion).nanos(), 15);
    }
}
