//! Decimal text ⇄ scaled integers, exactly: the only way money enters or leaves as text.

/// The text is not a decimal number that fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not of the form `-?digits[.digits]`.
    #[error("\"{0}\" is not a decimal number such as \"0.25\"")]
    NotDecimal(String),
    /// Needs more digits after the point than the unit has.
    #[error("\"{text}\" has more than {scale} digits after the point")]
    TooFine {
        /// The offending text.
        text: String,
        /// Digits that can be kept.
        scale: u32,
    },
    /// Does not fit the integer.
    #[error("\"{0}\" is too large")]
    TooLarge(String),
}

/// Reads `text` as an integer count of 10^-`scale`. Accepts an exponent (`1e-7`), as JSON numbers
/// may carry one.
///
/// # Errors
/// When the text is no decimal, is finer than `scale` digits, or does not fit 128 bits.
pub fn parse(text: &str, scale: u32) -> Result<i128, DecimalError> {
    let not_decimal = || DecimalError::NotDecimal(text.to_owned());
    let too_large = || DecimalError::TooLarge(text.to_owned());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent.parse::<i32>().map_err(|_| not_decimal())?,
        ),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return Err(not_decimal());
    }
    let fraction = fraction.trim_end_matches('0');
    let unscaled: i128 = match format!("{whole}{fraction}").trim_start_matches('0') {
        "" => return Ok(0),
        significant => significant.parse().map_err(|_| too_large())?,
    };
    let places = i64::try_from(fraction.len()).map_err(|_| too_large())?;
    let shift = i64::from(scale)
        .saturating_add(i64::from(exponent))
        .saturating_sub(places);
    let value = rescale(unscaled, shift)
        .ok_or_else(too_large)?
        .ok_or_else(|| DecimalError::TooFine {
            text: text.to_owned(),
            scale,
        })?;
    if negative {
        value.checked_neg().ok_or_else(too_large)
    } else {
        Ok(value)
    }
}

/// `value` × 10^`shift`: outer `None` when it does not fit, inner `None` when digits would be lost.
fn rescale(value: i128, shift: i64) -> Option<Option<i128>> {
    let power = 10_i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?);
    if shift >= 0 {
        return Some(Some(value.checked_mul(power?)?));
    }
    let Some(power) = power else {
        return Some(None);
    };
    match (value.checked_rem(power)?, value.checked_div(power)?) {
        (0, whole) => Some(Some(whole)),
        _ => Some(None),
    }
}

/// Writes an integer count of 10^-`scale` as the shortest exact decimal.
#[must_use]
pub fn format(value: i128, scale: u32) -> String {
    let digits = value.unsigned_abs().to_string();
    let places = usize::try_from(scale).unwrap_or(usize::MAX);
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    let fraction = fraction.trim_end_matches('0');
    let mut text = String::with_capacity(digits.len().max(places).saturating_add(3));
    if value < 0 {
        text.push('-');
    }
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        text.push('.');
        let zeros = places.saturating_sub(digits.len());
        text.extend(std::iter::repeat_n('0', zeros));
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_decimals_exactly() {
        for (text, scale, expected) in [
            ("0", 9, 0),
            ("1", 9, 1_000_000_000),
            ("0.000000001", 9, 1),
            ("-0.25", 2, -25),
            (".5", 1, 5),
            ("2.50", 1, 25),
            ("1e-7", 9, 100),
            ("1.5E3", 0, 1500),
            ("10.0", 0, 10),
        ] {
            assert_eq!(parse(text, scale), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_decimal_or_does_not_fit() {
        for text in ["", ".", "-", "1,5", "0x1", "1e", "NaN", "+1", " 1"] {
            assert!(
                matches!(parse(text, 9), Err(DecimalError::NotDecimal(_))),
                "{text:?}"
            );
        }
        assert!(matches!(
            parse("0.15", 1),
            Err(DecimalError::TooFine { .. })
        ));
        assert!(matches!(
            parse("1e-99", 9),
            Err(DecimalError::TooFine { .. })
        ));
        assert!(matches!(
            parse(&"9".repeat(60), 9),
            Err(DecimalError::TooLarge(_))
        ));
        assert!(matches!(parse("1e99", 9), Err(DecimalError::TooLarge(_))));
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0", "1", "-1", "0.000000001", "12.5", "-3.25"] {
            assert_eq!(format(parse(text, 9).unwrap(), 9), text);
        }
    }
}
