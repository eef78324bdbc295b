//! Money in our public JSON: exact decimals, never a float.

use ledger::Amount;
use serde_json::value::RawValue;

/// USD as an exact JSON number.
#[must_use]
pub fn usd(amount: Amount) -> Box<RawValue> {
    // The text of an amount is a JSON number by construction.
    RawValue::from_string(amount.to_usd()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Reads USD from the text of a JSON number, so that `0.1` is a tenth.
///
/// # Errors
/// When it is no number, negative, finer than a nano-dollar, or too large.
pub fn read_usd(number: &RawValue) -> Result<Amount, String> {
    read_usd_text(number.get())
}

/// The same from plain text.
///
/// # Errors
/// When it is no number, negative, finer than a nano-dollar, or too large.
pub fn read_usd_text(text: &str) -> Result<Amount, String> {
    let amount = Amount::from_usd(text).map_err(|error| error.to_string())?;
    if amount < Amount::ZERO {
        return Err(format!("{text} is negative"));
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_numbers() {
        assert_eq!(usd(Amount::from_nanos(1)).get(), "0.000000001");
        let read = |text: &str| read_usd(&RawValue::from_string(text.to_owned()).unwrap());
        assert_eq!(read("0.1"), Ok(Amount::from_nanos(100_000_000)));
        assert!(read("-1").is_err());
        assert!(read("\"1\"").is_err());
        assert!(read("1e-10").is_err());
    }
}
