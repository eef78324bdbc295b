//! Exact reading of decimal money out of JSON number text: no binary float in between.

/// USD written as a JSON number, in nano-USD, rounded up; `None` when negative or out of range.
#[must_use]
pub(crate) fn nanos(number: &str) -> Option<i64> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_well_formed = !whole.is_empty()
        && whole.len() + fraction.len() <= 36
        && whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit());
    if !is_well_formed {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    if digits == 0 {
        return Some(0);
    }
    let scale = exponent
        .checked_sub(i32::try_from(fraction.len()).ok()?)?
        .checked_add(9)?;
    let power = |by: u32| 10_u128.checked_pow(by);
    let exact = match u32::try_from(scale) {
        Ok(up) => digits.checked_mul(power(up)?)?,
        // So small that it is less than one nano-dollar, which rounds up to one.
        Err(_) => power(scale.unsigned_abs()).map_or(1, |by| digits.div_ceil(by)),
    };
    i64::try_from(exact).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_exactly_and_rounded_up() {
        let cases = [
            ("0", Some(0)),
            ("0.00515", Some(5_150_000)),
            ("1", Some(1_000_000_000)),
            ("5e-05", Some(50_000)),
            ("6.3E-6", Some(6_300)),
            ("1e3", Some(1_000_000_000_000)),
            ("0.0000000001", Some(1)),
            ("4.1400000000000003e-05", Some(41_401)),
            ("1e-400", Some(1)),
            ("9223372036.854775807", Some(i64::MAX)),
            ("9223372036.854775808", None),
            ("1e400", None),
            ("-0.5", None),
            ("0e99999", Some(0)),
        ];
        for (text, expected) in cases {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }
}
