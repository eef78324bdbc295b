//! `cost(usage, sheet, at)`: the only multiplication of units by prices, and the only rounding.
//!
//! `ceiling` and `affordable_output` are the same multiplication before a call, with bounds in place
//! of counts.

use chat::{Unit, Usage};

use crate::decimal;
use crate::{Amount, Circumstances, Condition, Price, PriceSheet};

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

    /// USD as the shortest exact decimal.
    #[must_use]
    pub fn to_usd(self) -> String {
        decimal::format(self.0, 12)
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

impl Bill {
    /// This bill and another one as one: their lines one after the other, rounded once.
    ///
    /// # Errors
    /// [`Unpriced::TooLarge`] when the sum does not fit.
    pub fn and(mut self, other: &Self) -> Charge {
        self.lines.extend_from_slice(&other.lines);
        let sum = self
            .lines
            .iter()
            .try_fold(Cost::default(), |sum, line| sum.add(line.count, line.price));
        self.total = sum.and_then(Cost::round_up).ok_or(Unpriced::TooLarge)?;
        Ok(self)
    }

    /// What the provider's prompt cache saved, against the price of plain input: less than zero
    /// where writing to it cost more than it saved. `None` when no cached tokens were counted, or
    /// nobody states a price of plain input. Rounded down to the nano-dollar.
    #[must_use]
    pub fn cache_discount(&self, sheet: &PriceSheet) -> Option<Amount> {
        let plain = self.lines.iter().find(|line| line.unit == Unit::Input);
        let plain = plain
            .map(|line| line.price)
            .or_else(|| sheet.get(Unit::Input))?;
        let cached = [Unit::CacheRead, Unit::CacheWrite, Unit::CacheWrite1h];
        let mut lines = self
            .lines
            .iter()
            .filter(|line| cached.contains(&line.unit) && line.count > 0)
            .peekable();
        lines.peek()?;
        let picos = lines.try_fold(0_i128, |sum, line| {
            let saved = i128::from(plain.picos()).checked_sub(i128::from(line.price.picos()))?;
            sum.checked_add(saved.checked_mul(i128::from(line.count))?)
        })?;
        let nanos = picos.checked_div_euclid(Cost::PICOS_PER_NANO)?;
        i64::try_from(nanos).ok().map(Amount::from_nanos)
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
    let circumstances = Circumstances {
        prompt_tokens: usage.prompt_tokens(),
        utc_minute: minute_of_day(at),
        service_tier: usage.service_tier,
    };
    let mut bill = Bill::default();
    let mut sum = Cost::default();
    for (unit, count) in usage.iter() {
        let price = match rate(unit, |u| sheet.price_at(u, &circumstances)) {
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

// === Before the call ===

/// Overrides with a time window count in a ceiling when they may begin within so many minutes.
const CALL_MINUTES_MAX: i64 = 60;

/// How far a call that is not yet sent may go, at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// A bound on all prompt tokens together.
    pub prompt_tokens: u64,
    /// A bound on all output tokens together, of all choices.
    pub output_tokens: u64,
    /// A bound on searches by the provider.
    pub searches: u64,
    /// A bound on what counts as a request, at least 1.
    pub requests: u64,
    /// Whether the prompt may be written to a cache at a price of its own.
    pub may_write_cache: bool,
    /// Whether tokens may be those of sound or pictures.
    pub may_use_media: bool,
}

impl Extent {
    /// So many tokens of whatever kind, and no searches: the careful reading. Say less where less
    /// is known to be possible, so that honest calls are not refused near a limit.
    #[must_use]
    pub const fn new(prompt_tokens: u64, output_tokens: u64) -> Self {
        Self {
            prompt_tokens,
            output_tokens,
            searches: 0,
            requests: 1,
            may_write_cache: true,
            may_use_media: true,
        }
    }

    /// The same call of which it is known that it asks for no cache writes.
    #[must_use]
    pub const fn without_cache_writes(mut self) -> Self {
        self.may_write_cache = false;
        self
    }

    /// The same call of which it is known that it is text only.
    #[must_use]
    pub const fn without_media(mut self) -> Self {
        self.may_use_media = false;
        self
    }

    /// The same call with at most so many searches.
    #[must_use]
    pub const fn with_searches(mut self, searches: u64) -> Self {
        self.searches = searches;
        self
    }

    /// The same call, which may count as so many requests.
    #[must_use]
    pub const fn with_requests(mut self, requests: u64) -> Self {
        self.requests = requests;
        self
    }

    fn prompt_units(self) -> impl Iterator<Item = Unit> {
        let media = [Unit::InputAudio, Unit::InputImage];
        let writes = [Unit::CacheWrite, Unit::CacheWrite1h];
        [Unit::Input, Unit::CacheRead]
            .into_iter()
            .chain(writes.into_iter().filter(move |_| self.may_write_cache))
            .chain(media.into_iter().filter(move |_| self.may_use_media))
    }

    fn output_units(self) -> impl Iterator<Item = Unit> {
        let media = [Unit::OutputAudio, Unit::OutputImage];
        [Unit::Output, Unit::Reasoning]
            .into_iter()
            .chain(media.into_iter().filter(move |_| self.may_use_media))
    }
}

/// The most that a call may cost by a sheet when it is sent at `at` (Unix seconds): every token at
/// the dearest price that it could have, over all overrides whose conditions may come to hold. The
/// real cost of a call within the extent is never more, while the sheet stays and the call takes no
/// longer than an hour. Kinds of media that the sheet has no price for are left out; a call that
/// uses them is unpriced.
///
/// # Errors
/// [`Unpriced`] when input, output or searches are possible and have no price, or when the sum
/// does not fit.
pub fn ceiling(extent: &Extent, sheet: &PriceSheet, at: i64) -> Result<Amount, Unpriced> {
    let mut sum = before_output(extent, sheet, at)?;
    if extent.output_tokens > 0 {
        let price = dearest(
            Unit::Output,
            extent.output_units(),
            &Worst { extent, sheet, at },
        )?;
        sum = sum
            .add(extent.output_tokens, price)
            .ok_or(Unpriced::TooLarge)?;
    }
    sum.round_up().ok_or(Unpriced::TooLarge)
}

/// How many output tokens the money reaches for: the most for which [`ceiling`] is still at most
/// `available`. The extent's own bound on output does not matter. `None` when it does not even reach
/// for the prompt, or when there is no price; `u64::MAX` when output is free.
#[must_use]
pub fn affordable_output(
    available: Amount,
    extent: &Extent,
    sheet: &PriceSheet,
    at: i64,
) -> Option<u64> {
    let before = before_output(extent, sheet, at).ok()?;
    let price = dearest(
        Unit::Output,
        extent.output_units(),
        &Worst { extent, sheet, at },
    )
    .ok()?;
    let picos = i128::from(available.nanos()).checked_mul(Cost::PICOS_PER_NANO)?;
    let rest = picos.checked_sub(before.0).filter(|rest| *rest >= 0)?;
    match rest.checked_div(i128::from(price.picos())) {
        Some(tokens) => Some(u64::try_from(tokens).unwrap_or(u64::MAX)),
        None => Some(u64::MAX),
    }
}

/// The dearest that prompt, request and searches may be.
fn before_output(extent: &Extent, sheet: &PriceSheet, at: i64) -> Result<Cost, Unpriced> {
    let worst = Worst { extent, sheet, at };
    let request = rate(Unit::Request, |unit| worst.price(unit)).unwrap_or(Price::ZERO);
    let mut sum = Cost::default()
        .add(extent.requests, request)
        .ok_or(Unpriced::TooLarge)?;
    if extent.prompt_tokens > 0 {
        let price = dearest(Unit::Input, extent.prompt_units(), &worst)?;
        sum = sum
            .add(extent.prompt_tokens, price)
            .ok_or(Unpriced::TooLarge)?;
    }
    if extent.searches > 0 {
        let price = dearest(Unit::WebSearch, [Unit::WebSearch], &worst)?;
        sum = sum.add(extent.searches, price).ok_or(Unpriced::TooLarge)?;
    }
    Ok(sum)
}

/// The dearest of several units, of which one must have a price.
fn dearest(
    needed: Unit,
    units: impl IntoIterator<Item = Unit>,
    worst: &Worst<'_>,
) -> Result<Price, Unpriced> {
    let floor = worst.price(needed).ok_or(Unpriced::NoPrice(needed))?;
    Ok(units
        .into_iter()
        .filter_map(|unit| worst.price(unit))
        .fold(floor, Price::max))
}

/// The dearest prices that a call may meet.
struct Worst<'a> {
    extent: &'a Extent,
    sheet: &'a PriceSheet,
    at: i64,
}

impl Worst<'_> {
    /// The dearest that is stated for a unit, with and without overrides. What a unit is billed as
    /// when nothing is stated needs no thought here: it is among the units that are compared.
    fn price(&self, unit: Unit) -> Option<Price> {
        self.sheet
            .overrides
            .iter()
            .filter(|o| self.may_hold(&o.condition))
            .flat_map(|o| &o.prices)
            .filter(|(named, _)| *named == unit)
            .map(|(_, price)| *price)
            .chain(self.sheet.get(unit))
            .max()
    }

    fn may_hold(&self, condition: &Condition) -> bool {
        (0..=CALL_MINUTES_MAX).any(|minutes| {
            let later = self.at.saturating_add(minutes.saturating_mul(60));
            condition.holds(&Circumstances {
                prompt_tokens: self.extent.prompt_tokens,
                utc_minute: minute_of_day(later),
                // Who serves decides, not who asks: any tier may come to be the one.
                service_tier: condition.service_tier,
            })
        })
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
    fn a_cache_saves_on_reads_and_costs_on_writes() {
        let sheet = sheet(&[
            (Unit::Input, 1000),
            (Unit::CacheRead, 100),
            (Unit::CacheWrite, 1250),
            (Unit::CacheWrite1h, 2000),
        ]);
        // read, written, written for an hour → nano-USD saved
        for (read, write, hour, saved) in [
            (0, 0, 0, None),
            (10, 0, 0, Some(9)),
            (0, 100, 0, Some(-25)),
            (0, 0, 10, Some(-10)),
            (100, 100, 10, Some(90 - 25 - 10)),
            (0, 1, 0, Some(-1)),
        ] {
            let usage = Usage::default()
                .with(Unit::Input, 5)
                .with(Unit::CacheRead, read)
                .with(Unit::CacheWrite, write)
                .with(Unit::CacheWrite1h, hour);
            let bill = cost(&usage, &sheet, 0).unwrap();
            let discount = bill.cache_discount(&sheet).map(Amount::nanos);
            assert_eq!(discount, saved, "{read} {write} {hour}");
        }
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
