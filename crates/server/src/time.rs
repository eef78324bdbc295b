//! Instants as ISO 8601 text, the form of our public JSON.

use jiff::Timestamp;

/// A day of UTC, milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// Unix milliseconds as UTC text, such as `2027-12-31T23:59:59.25Z`.
#[must_use]
pub fn iso(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms).map_or_else(|_| unix_ms.to_string(), |at| at.to_string())
}

/// The same with milliseconds always, such as `2027-12-31T23:59:59.000Z`.
#[must_use]
pub fn iso_millis(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| unix_ms.to_string(), |at| format!("{at:.3}"))
}

/// The day of UTC that a moment is in, such as `2027-12-31`.
#[must_use]
pub fn date(unix_ms: i64) -> String {
    let at = Timestamp::from_millisecond(unix_ms);
    at.map_or_else(
        |_| unix_ms.to_string(),
        |at| at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
    )
}

/// Reads ISO 8601 text in UTC into Unix milliseconds.
///
/// # Errors
/// When it is not such text, or names another zone than UTC.
pub fn read_utc(text: &str) -> Result<i64, String> {
    let at: Timestamp = text
        .parse()
        .map_err(|_| format!("\"{text}\" is not a time such as \"2027-12-31T23:59:59Z\""))?;
    let is_utc = ["Z", "z", "+00:00", "+0000", "+00"]
        .iter()
        .any(|zone| text.ends_with(zone));
    if !is_utc {
        return Err(format!("\"{text}\" is not in UTC; end it with Z"));
    }
    Ok(at.as_millisecond())
}

/// Reads a day of UTC, such as `2027-12-31`, into its first Unix millisecond.
///
/// # Errors
/// When it is no such day.
pub fn read_date(text: &str) -> Result<i64, String> {
    let wrong = |_| format!("\"{text}\" is not a day such as \"2027-12-31\"");
    let date: jiff::civil::Date = text.parse().map_err(wrong)?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(wrong)?;
    Ok(midnight.timestamp().as_millisecond())
}

/// The first millisecond of the day after the one that begins so.
#[must_use]
pub fn day_after(first_ms: i64) -> i64 {
    first_ms.saturating_add(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_utc_only() {
        let at = read_utc("2027-12-31T23:59:59Z").unwrap();
        assert_eq!(iso(at), "2027-12-31T23:59:59Z");
        assert_eq!(read_utc("2027-12-31T23:59:59+00:00"), Ok(at));
        assert!(
            read_utc("2027-12-31T23:59:59+02:00")
                .unwrap_err()
                .contains("UTC")
        );
        for text in ["tomorrow", "2027-12-31", "2027-12-31T23:59:59"] {
            assert!(read_utc(text).is_err(), "{text}");
        }
    }
}
