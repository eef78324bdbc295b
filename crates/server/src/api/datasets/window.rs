//! The days that a ranking is made of.

use chat::{Error, Kind};
use serde::Serialize;

use crate::time::{DAY_MS, date, day_after, iso_millis, read_date};

/// 2025-01-01, before which there is nothing in the reference's datasets, nor in ours.
const FLOOR_MS: i64 = 1_735_689_600_000;

/// Days where no start is given.
const DAYS: i64 = 30;

/// The most days.
const DAYS_MAX: i64 = 366;

/// Days from and until before, as Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// The first day.
    pub(super) from_ms: i64,
    /// The day after the last.
    pub(super) to_ms: i64,
}

/// What an answer says of its window.
#[derive(Debug, Serialize)]
pub(super) struct Meta {
    as_of: String,
    version: &'static str,
    start_date: String,
    end_date: String,
}

impl Window {
    /// The days that are asked for: by default thirty, the last of them yesterday.
    ///
    /// # Errors
    /// When they are no days, in the wrong order, before the floor, or too many.
    pub(super) fn of(start: Option<&str>, end: Option<&str>, now_ms: i64) -> Result<Self, Error> {
        let today = now_ms.div_euclid(DAY_MS).saturating_mul(DAY_MS);
        let read = |field, text: &str| day(text).map_err(|message| invalid(field, &message));
        let last = match end {
            Some(end) => read("end_date", end)?,
            None => today.saturating_sub(DAY_MS),
        };
        if last < FLOOR_MS {
            return Err(invalid("end_date", "the datasets begin at 2025-01-01"));
        }
        let first = match start {
            Some(start) => read("start_date", start)?,
            None => last.saturating_sub((DAYS - 1) * DAY_MS),
        };
        let first = first.max(FLOOR_MS);
        if first > last {
            return Err(invalid("start_date", "it is after end_date"));
        }
        let to_ms = day_after(last);
        if to_ms.saturating_sub(first) > DAYS_MAX * DAY_MS {
            let message = format!("more than {DAYS_MAX} days before end_date");
            return Err(invalid("start_date", &message));
        }
        Ok(Self {
            from_ms: first,
            to_ms,
        })
    }

    /// What is said of it.
    pub(super) fn meta(self, now_ms: i64) -> Meta {
        Meta {
            as_of: iso_millis(now_ms),
            version: "v1",
            start_date: date(self.from_ms),
            end_date: date(self.to_ms.saturating_sub(DAY_MS)),
        }
    }
}

/// A day in exactly the form of the reference.
fn day(text: &str) -> Result<i64, String> {
    if text.len() != "2025-01-01".len() {
        return Err(format!("\"{text}\" is not a day such as \"2027-12-31\""));
    }
    read_date(text)
}

/// A field is wrong.
pub(super) fn invalid(field: &'static str, message: &str) -> Error {
    Error::caller(Kind::InvalidRequest, format!("{field}: {message}")).with_field(field)
}

/// A number of rows, within bounds.
///
/// # Errors
/// When it is outside.
pub(super) fn rows(
    field: &'static str,
    asked: Option<i64>,
    (usual, min, max): (usize, usize, usize),
) -> Result<usize, Error> {
    let Some(asked) = asked else {
        return Ok(usual);
    };
    let rows = usize::try_from(asked).ok();
    rows.filter(|rows| (min..=max).contains(rows))
        .ok_or_else(|| {
            let message = format!("{asked} is not from {min} to {max}");
            invalid(field, &message)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-04 00:30 UTC.
    const NOW_MS: i64 = 1_772_584_200_000;

    #[test]
    fn days_are_as_the_reference_has_them() {
        let of = |start, end| {
            let window = Window::of(start, end, NOW_MS)?;
            let meta = window.meta(NOW_MS);
            Ok::<_, Error>(format!("{} {}", meta.start_date, meta.end_date))
        };
        for (start, end, expected) in [
            (None, None, "2026-02-02 2026-03-03"),
            (Some("2026-03-01"), None, "2026-03-01 2026-03-03"),
            (None, Some("2026-05-11"), "2026-04-12 2026-05-11"),
            (
                Some("2024-06-01"),
                Some("2025-01-01"),
                "2025-01-01 2025-01-01",
            ),
            (
                Some("2025-01-01"),
                Some("2026-01-01"),
                "2025-01-01 2026-01-01",
            ),
        ] {
            assert_eq!(of(start, end).unwrap(), expected);
        }
        for (start, end, named) in [
            (None, Some("2024-12-31"), "end_date"),
            (Some("2025-01-01"), Some("2026-01-02"), "start_date"),
            (Some("2026-03-04"), Some("2026-03-03"), "start_date"),
            (Some("2026-02-30"), None, "start_date"),
            (None, Some("2026-3-4"), "end_date"),
            (None, Some("2026-03-04T00:00"), "end_date"),
        ] {
            let error = of(start, end).unwrap_err();
            assert!(error.message.contains(named), "{error}");
        }
    }
}
