//! Prices per unit, and the sheet of them that an endpoint charges by.

use chat::{ServiceTier, Unit};

use crate::decimal::{self, DecimalError};

/// A rate: integer pico-USD (10⁻¹² USD) per unit. 1 USD per million tokens is 1,000,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Price(u64);

impl Price {
    /// Free of charge; said by somebody, not assumed.
    pub const ZERO: Self = Self(0);

    /// A rate of this many pico-USD per unit.
    #[must_use]
    pub const fn from_picos(picos: u64) -> Self {
        Self(picos)
    }

    /// The rate in pico-USD per unit.
    #[must_use]
    pub const fn picos(self) -> u64 {
        self.0
    }

    /// Reads USD per million units, the form of catalog rows and config (`"0.10"`).
    ///
    /// # Errors
    /// When the text is no decimal, is negative, finer than a pico-dollar per unit, or too large.
    pub fn from_usd_per_million(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text, 6)
    }

    /// Reads USD per unit, the form of OpenRouter's `pricing` object and of per-request prices.
    ///
    /// # Errors
    /// As [`Price::from_usd_per_million`].
    pub fn from_usd_per_unit(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text, 12)
    }

    /// USD per million units as the shortest exact decimal.
    #[must_use]
    pub fn to_usd_per_million(self) -> String {
        decimal::format(i128::from(self.0), 6)
    }

    /// USD per unit as the shortest exact decimal.
    #[must_use]
    pub fn to_usd_per_unit(self) -> String {
        decimal::format(i128::from(self.0), 12)
    }

    fn parse(text: &str, scale: u32) -> Result<Self, DecimalError> {
        let picos = decimal::parse(text, scale)?;
        if picos < 0 {
            return Err(DecimalError::NotDecimal(text.to_owned()));
        }
        u64::try_from(picos)
            .map(Self)
            .map_err(|_| DecimalError::TooLarge(text.to_owned()))
    }
}

/// What conditional prices depend on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// All prompt tokens together.
    pub prompt_tokens: u64,
    /// Minute of the UTC day, 0 to 1439.
    pub utc_minute: u16,
    /// The tier that served, where that is a special one.
    pub service_tier: Option<ServiceTier>,
}

/// When an override applies. All conditions that are set must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Condition {
    /// Applies when all prompt tokens together are strictly more than this.
    pub min_prompt_tokens: Option<u64>,
    /// Applies from the first minute of the day (UTC, inclusive) to the second (exclusive); wraps
    /// midnight when the first is later than the second. Minutes, 0 to 1439.
    pub utc_minutes: Option<(u16, u16)>,
    /// Applies when the provider has served by this tier; billing follows what was served, not what
    /// was asked for.
    pub service_tier: Option<ServiceTier>,
}

impl Condition {
    /// Whether this applies.
    #[must_use]
    pub fn holds(&self, at: &Circumstances) -> bool {
        let (tokens, minute) = (at.prompt_tokens, at.utc_minute);
        let long_enough = self.min_prompt_tokens.is_none_or(|min| tokens > min);
        let in_window = self.utc_minutes.is_none_or(|(start, end)| {
            if start <= end {
                start <= minute && minute < end
            } else {
                start <= minute || minute < end
            }
        });
        let is_tier = self
            .service_tier
            .is_none_or(|tier| at.service_tier == Some(tier));
        long_enough && in_window && is_tier
    }
}

/// Prices that replace those of the sheet while a condition holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceOverride {
    /// When these prices apply.
    pub condition: Condition,
    /// The prices that differ.
    pub prices: Vec<(Unit, Price)>,
}

/// What an endpoint charges: a price per unit, and conditional overrides. A price that nobody
/// stated is absent, never zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceSheet {
    prices: [Option<Price>; Unit::COUNT],
    /// Conditional prices; the last one that holds and names the unit wins.
    pub overrides: Vec<PriceOverride>,
}

impl PriceSheet {
    /// The unconditional price of a unit, if stated.
    #[must_use]
    pub fn get(&self, unit: Unit) -> Option<Price> {
        self.prices.get(unit.index()).copied().flatten()
    }

    /// States the unconditional price of a unit.
    pub fn set(&mut self, unit: Unit, price: Price) {
        if let Some(slot) = self.prices.get_mut(unit.index()) {
            *slot = Some(price);
        }
    }

    /// The same sheet with one price stated; for tests and literals.
    #[must_use]
    pub fn with(mut self, unit: Unit, price: Price) -> Self {
        self.set(unit, price);
        self
    }

    /// Whether no price is stated at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prices.iter().all(Option::is_none)
    }

    /// Whether every stated price is zero, and at least one is stated: a free endpoint.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let free = |price: &Price| *price == Price::ZERO;
        !self.is_empty()
            && self.prices.iter().flatten().all(free)
            && self
                .overrides
                .iter()
                .flat_map(|o| &o.prices)
                .all(|(_, price)| free(price))
    }

    /// The stated unconditional prices, in unit order.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, Price)> + '_ {
        Unit::ALL
            .into_iter()
            .filter_map(|unit| self.get(unit).map(|price| (unit, price)))
    }

    /// The price of a unit for a call with that many prompt tokens at that minute of the UTC day,
    /// served as most calls are.
    #[must_use]
    pub fn effective(&self, unit: Unit, prompt_tokens: u64, utc_minute: u16) -> Option<Price> {
        let at = Circumstances {
            prompt_tokens,
            utc_minute,
            service_tier: None,
        };
        self.price_at(unit, &at)
    }

    /// The price of a unit: strictly greater thresholds, half-open wrapping windows, the last
    /// match wins per unit.
    #[must_use]
    pub fn price_at(&self, unit: Unit, at: &Circumstances) -> Option<Price> {
        self.overrides
            .iter()
            .rev()
            .filter(|o| o.condition.holds(at))
            .find_map(|o| {
                o.prices
                    .iter()
                    .rev()
                    .find(|(u, _)| *u == unit)
                    .map(|(_, price)| *price)
            })
            .or_else(|| self.get(unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_both_forms() {
        let price = Price::from_usd_per_million("0.10").unwrap();
        assert_eq!(price, Price::from_picos(100_000));
        assert_eq!(price, Price::from_usd_per_unit("0.0000001").unwrap());
        assert_eq!(
            (price.to_usd_per_million(), price.to_usd_per_unit()),
            ("0.1".into(), "0.0000001".into())
        );
        assert!(Price::from_usd_per_million("-1").is_err());
        assert!(Price::from_usd_per_million("0.0000001").is_err());
    }

    #[test]
    fn overrides_follow_the_written_rules() {
        let window = |start, end| Condition {
            utc_minutes: Some((start, end)),
            ..Condition::default()
        };
        let above = |n| Condition {
            min_prompt_tokens: Some(n),
            ..Condition::default()
        };
        let price = Price::from_picos;
        let with = |condition, picos| PriceSheet {
            overrides: vec![PriceOverride {
                condition,
                prices: vec![(Unit::Input, price(picos))],
            }],
            ..PriceSheet::default().with(Unit::Input, price(1))
        };
        // condition, prompt tokens, minute → picos
        for (sheet, tokens, minute, expected) in [
            (with(above(100), 2), 100, 0, 1),
            (with(above(100), 2), 101, 0, 2),
            (with(window(60, 120), 2), 0, 59, 1),
            (with(window(60, 120), 2), 0, 60, 2),
            (with(window(60, 120), 2), 0, 120, 1),
            (with(window(1380, 60), 2), 0, 1400, 2),
            (with(window(1380, 60), 2), 0, 59, 2),
            (with(window(1380, 60), 2), 0, 60, 1),
        ] {
            assert_eq!(
                sheet.effective(Unit::Input, tokens, minute),
                Some(price(expected))
            );
        }
    }

    #[test]
    fn a_tier_has_its_price_and_others_have_the_plain_one() {
        let mut sheet = PriceSheet::default().with(Unit::Input, Price::from_picos(4));
        for (tier, min, picos) in [
            (ServiceTier::Flex, None, 2),
            (ServiceTier::Priority, None, 8),
            (ServiceTier::Priority, Some(100), 16),
        ] {
            sheet.overrides.push(PriceOverride {
                condition: Condition {
                    min_prompt_tokens: min,
                    service_tier: Some(tier),
                    ..Condition::default()
                },
                prices: vec![(Unit::Input, Price::from_picos(picos))],
            });
        }
        for (service_tier, prompt_tokens, picos) in [
            (None, 500, 4),
            (Some(ServiceTier::Scale), 500, 4),
            (Some(ServiceTier::Flex), 500, 2),
            (Some(ServiceTier::Priority), 100, 8),
            (Some(ServiceTier::Priority), 101, 16),
        ] {
            let at = Circumstances {
                prompt_tokens,
                service_tier,
                ..Circumstances::default()
            };
            let price = sheet.price_at(Unit::Input, &at);
            assert_eq!(price, Some(Price::from_picos(picos)), "{at:?}");
        }
    }

    #[test]
    fn the_last_match_wins_per_unit_and_absent_units_inherit() {
        let over = |min, unit, picos| PriceOverride {
            condition: Condition {
                min_prompt_tokens: Some(min),
                ..Condition::default()
            },
            prices: vec![(unit, Price::from_picos(picos))],
        };
        let sheet = PriceSheet {
            overrides: vec![
                over(10, Unit::Input, 2),
                over(20, Unit::Input, 3),
                over(20, Unit::Output, 9),
            ],
            ..PriceSheet::default().with(Unit::CacheRead, Price::ZERO)
        };
        assert_eq!(
            sheet.effective(Unit::Input, 15, 0),
            Some(Price::from_picos(2))
        );
        assert_eq!(
            sheet.effective(Unit::Input, 25, 0),
            Some(Price::from_picos(3))
        );
        assert_eq!(sheet.effective(Unit::CacheRead, 25, 0), Some(Price::ZERO));
        assert_eq!(sheet.effective(Unit::Input, 5, 0), None);
        assert!(!sheet.is_free());
    }
}
