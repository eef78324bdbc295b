//! Published prices → our decimal text, without floats.

use serde_json::value::RawValue;

/// Significant digits that are believed. Binary-float scars (`0.049999999999999996`) sit at the
/// sixteenth or seventeenth.
const DIGITS: usize = 12;

/// Digits after the point of a price per million units: one pico-USD per unit.
const PLACES: i64 = 6;

/// A JSON number as it is written, so that it never becomes a float.
pub(super) type Number = Box<RawValue>;

/// The shortest decimal text of a published price: rounded to 12 significant digits, and what is
/// then still finer than a pico-dollar per unit rounded up. `None` when it is not a number, is
/// negative, or absurd.
pub(super) fn clean(number: &RawValue) -> Option<String> {
    clean_text(number.get())
}

pub(super) fn clean_text(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || exponent.abs() > 30 {
        return None;
    }
    let digits = all.trim_start_matches('0');
    // The value is 0.DIGITS × 10^point.
    let leading = i64::try_from(all.len() - digits.len()).ok()?;
    let point = i64::try_from(whole.len()).ok()? - leading + exponent;
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let (digits, point) = round(digits, point, DIGITS, Rounding::Nearest);
    let places = usize::try_from((point + PLACES).max(0)).ok()?;
    let (digits, point) = round(&digits, point, places, Rounding::Up);
    Some(plain(digits.trim_end_matches('0'), point))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Nearest,
    Up,
}

/// Keeps `keep` digits of `0.digits × 10^point`.
fn round(digits: &str, point: i64, keep: usize, rounding: Rounding) -> (String, i64) {
    if digits.len() <= keep {
        return (digits.to_owned(), point);
    }
    let (kept, rest) = digits.split_at(keep);
    let up = match rounding {
        Rounding::Nearest => rest.as_bytes().first().is_some_and(|digit| *digit >= b'5'),
        Rounding::Up => rest.bytes().any(|digit| digit != b'0'),
    };
    let mut kept: Vec<u8> = kept.bytes().collect();
    if !up {
        return (String::from_utf8_lossy(&kept).into_owned(), point);
    }
    for digit in kept.iter_mut().rev() {
        if *digit == b'9' {
            *digit = b'0';
        } else {
            *digit += 1;
            return (String::from_utf8_lossy(&kept).into_owned(), point);
        }
    }
    kept.insert(0, b'1');
    (String::from_utf8_lossy(&kept).into_owned(), point + 1)
}

/// `0.digits × 10^point` in plain notation.
fn plain(digits: &str, point: i64) -> String {
    if digits.is_empty() {
        return "0".to_owned();
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if length <= point {
        format!("{digits}{}", zeros(point - length))
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scars_of_binary_floats_are_healed_and_real_digits_kept() {
        for (published, expected) in [
            ("0.049999999999999996", "0.05"),
            ("0.30000000000000004", "0.3"),
            ("2.5", "2.5"),
            ("10.0", "10"),
            ("15", "15"),
            ("0", "0"),
            ("0.0", "0"),
            ("1e-7", "0.000001"),
            ("0.0000001", "0.000001"),
            ("1.5e1", "15"),
            ("0.083333", "0.083333"),
            ("0.0833333333", "0.083334"),
            ("9.9999999999999", "10"),
            ("123456.000001", "123456.000001"),
        ] {
            assert_eq!(
                clean_text(published).as_deref(),
                Some(expected),
                "{published}"
            );
        }
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for published in ["-1", "null", "\"2\"", "", "NaN", "1e99"] {
            assert_eq!(clean_text(published), None, "{published}");
        }
    }
}
