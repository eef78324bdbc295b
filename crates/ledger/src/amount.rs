//! `Amount`: the only money that is stored, in nano-USD.

use std::fmt;

use crate::decimal::{self, DecimalError};

/// Money in nano-USD (10⁻⁹ USD); ±9.2 billion USD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount(i64);

impl Amount {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Digits after the point in USD.
    const SCALE: u32 = 9;

    /// An amount of this many nano-USD.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-USD.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Reads USD as decimal text, for example `"12.50"`.
    ///
    /// # Errors
    /// When the text is no decimal, is finer than a nano-dollar, or does not fit.
    pub fn from_usd(text: &str) -> Result<Self, DecimalError> {
        let nanos = decimal::parse(text, Self::SCALE)?;
        i64::try_from(nanos)
            .map(Self)
            .map_err(|_| DecimalError::TooLarge(text.to_owned()))
    }

    /// USD as the shortest exact decimal text; valid as a JSON number.
    #[must_use]
    pub fn to_usd(self) -> String {
        decimal::format(i128::from(self.0), Self::SCALE)
    }

    /// The sum, or `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` on overflow.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The sum, held at the largest or smallest amount.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, held at the largest or smallest amount.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_usd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usd_text_round_trips() {
        assert_eq!(
            Amount::from_usd("12.5"),
            Ok(Amount::from_nanos(12_500_000_000))
        );
        assert_eq!(Amount::from_nanos(-1).to_usd(), "-0.000000001");
        assert!(Amount::from_usd("9223372036.854775808").is_err());
    }
}
