//! Time: pieces by which is grouped, and the roll-ups that answer for a range.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use store::Grain;

use crate::time::{DAY_MS, iso};

/// How finely an answer is grouped by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granularity {
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days of UTC.
    Day,
    /// Weeks that begin on Monday.
    Week,
    /// Calendar months.
    Month,
}

impl Granularity {
    /// All of them.
    pub(super) const ALL: [Self; 5] =
        [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// In questions and answers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// For people.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Minute => "Minute",
            Self::Hour => "Hour",
            Self::Day => "Day",
            Self::Week => "Week",
            Self::Month => "Month",
        }
    }

    /// The coarsest roll-ups from which it can be told.
    const fn grain(self) -> Grain {
        match self {
            Self::Minute => Grain::Minute,
            Self::Hour => Grain::Hour,
            Self::Day | Self::Week | Self::Month => Grain::Day,
        }
    }

    /// When the piece of time that a moment is in begins, Unix milliseconds.
    pub(super) fn start_of(self, at_ms: i64) -> i64 {
        match self {
            Self::Minute | Self::Hour | Self::Day => floor(at_ms, self.grain().length_ms()),
            Self::Week => week_of(at_ms),
            Self::Month => month_of(at_ms),
        }
    }
}

/// When the week of a moment begins, which is on Monday.
pub(crate) fn week_of(at_ms: i64) -> i64 {
    // The first of January 1970 was a Thursday, three days after a Monday.
    let shift = 3 * DAY_MS;
    floor(at_ms.saturating_add(shift), 7 * DAY_MS).saturating_sub(shift)
}

/// When the calendar month of a moment begins.
pub(crate) fn month_of(at_ms: i64) -> i64 {
    let first = Timestamp::from_millisecond(at_ms).ok().and_then(|at| {
        let date = at.to_zoned(TimeZone::UTC).date().first_of_month();
        date.to_zoned(TimeZone::UTC).ok()
    });
    first.map_or(at_ms, |first| first.timestamp().as_millisecond())
}

fn floor(at_ms: i64, length_ms: i64) -> i64 {
    at_ms.div_euclid(length_ms).saturating_mul(length_ms)
}

fn ceiling(at_ms: i64, length_ms: i64) -> i64 {
    floor(at_ms.saturating_add(length_ms - 1), length_ms)
}

/// Since when there are finer roll-ups than days, Unix milliseconds.
#[derive(Debug)]
pub(super) struct Horizons {
    /// Minutes.
    pub(super) minutes_ms: i64,
    /// Hours.
    pub(super) hours_ms: i64,
}

/// From which roll-ups a range is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The roll-ups, and from when to when; in order, without gaps.
    pub(super) pieces: Vec<(Grain, i64, i64)>,
    /// Where the answer is not of the range that was asked for.
    pub(super) warnings: Vec<String>,
}

impl Span {
    /// Covers a range with as few rows as there are: days in the middle, hours and minutes at the
    /// ends. What is no longer kept so finely is widened to what is, or left out where the
    /// granularity needs it, and a warning says so.
    pub(super) fn of(
        (from_ms, to_ms): (i64, i64),
        granularity: Option<Granularity>,
        horizons: &Horizons,
    ) -> Self {
        let coarsest = granularity.map_or(Grain::Day, Granularity::grain);
        let minute = Grain::Minute.length_ms();
        let (mut from, mut to) = (floor(from_ms, minute), ceiling(to_ms, minute));
        let mut warnings = Vec::new();
        for (grain, coarser, horizon) in [
            (Grain::Minute, Grain::Hour, horizons.minutes_ms),
            (Grain::Hour, Grain::Day, horizons.hours_ms),
        ] {
            if from >= horizon {
                break;
            }
            let (kept, next) = (noun(grain), noun(coarser));
            if grain == coarsest {
                from = horizon.min(to);
                let since = iso(horizon);
                warnings.push(format!("time_range: {kept} are kept since {since} only"));
                break;
            }
            let ends = (
                floor(from, coarser.length_ms()),
                if to < horizon {
                    ceiling(to, coarser.length_ms())
                } else {
                    to
                },
            );
            if ends != (from, to) {
                (from, to) = ends;
                warnings.push(format!(
                    "time_range: {kept} are not kept from that time; widened to whole {next}"
                ));
            }
        }
        let mut pieces = Vec::new();
        cover(&mut pieces, coarsest, (from, to));
        Self { pieces, warnings }
    }
}

const fn noun(grain: Grain) -> &'static str {
    match grain {
        Grain::Minute => "minutes",
        Grain::Hour => "hours",
        Grain::Day => "days",
    }
}

/// Covers a range with whole pieces of one length, and its ends with shorter ones.
fn cover(pieces: &mut Vec<(Grain, i64, i64)>, grain: Grain, (from, to): (i64, i64)) {
    if from >= to {
        return;
    }
    let finer = match grain {
        Grain::Minute => {
            pieces.push((grain, from, to));
            return;
        }
        Grain::Hour => Grain::Minute,
        Grain::Day => Grain::Hour,
    };
    let inner = (
        ceiling(from, grain.length_ms()),
        floor(to, grain.length_ms()),
    );
    if inner.0 >= inner.1 {
        return cover(pieces, finer, (from, to));
    }
    cover(pieces, finer, (from, inner.0));
    pieces.push((grain, inner.0, inner.1));
    cover(pieces, finer, (inner.1, to));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::read_utc;

    const NEVER: Horizons = Horizons {
        minutes_ms: i64::MIN,
        hours_ms: i64::MIN,
    };

    fn at(text: &str) -> i64 {
        read_utc(text).unwrap()
    }

    fn told(span: &Span) -> Vec<String> {
        let piece = |(grain, from, to): &(Grain, i64, i64)| {
            format!("{} {} {}", noun(*grain), iso(*from), iso(*to))
        };
        span.pieces.iter().map(piece).collect()
    }

    #[test]
    fn a_range_is_days_with_hours_and_minutes_at_its_ends() {
        let range = (at("2026-03-01T22:58:30Z"), at("2026-03-04T01:01:00.001Z"));
        assert_eq!(
            told(&Span::of(range, None, &NEVER)),
            [
                "minutes 2026-03-01T22:58:00Z 2026-03-01T23:00:00Z",
                "hours 2026-03-01T23:00:00Z 2026-03-02T00:00:00Z",
                "days 2026-03-02T00:00:00Z 2026-03-04T00:00:00Z",
                "hours 2026-03-04T00:00:00Z 2026-03-04T01:00:00Z",
                "minutes 2026-03-04T01:00:00Z 2026-03-04T01:02:00Z",
            ]
        );
        let by_hour = Span::of(range, Some(Granularity::Hour), &NEVER);
        assert_eq!(by_hour.pieces.len(), 3);
        let by_minute = Span::of(range, Some(Granularity::Minute), &NEVER);
        assert_eq!(by_minute.pieces.len(), 1);
        let short = (at("2026-03-01T22:58:30Z"), at("2026-03-01T22:59:00Z"));
        assert_eq!(
            told(&Span::of(short, Some(Granularity::Week), &NEVER)),
            ["minutes 2026-03-01T22:58:00Z 2026-03-01T22:59:00Z"]
        );
    }

    #[test]
    fn what_is_not_kept_so_finely_is_widened_and_said() {
        let horizons = Horizons {
            minutes_ms: at("2026-03-03T00:00:00Z"),
            hours_ms: at("2026-02-01T00:00:00Z"),
        };
        let range = (at("2026-03-01T22:58:00Z"), at("2026-03-04T00:02:00Z"));
        let span = Span::of(range, None, &horizons);
        assert_eq!(span.warnings.len(), 1, "{:?}", span.warnings);
        assert_eq!(
            told(&span),
            [
                "hours 2026-03-01T22:00:00Z 2026-03-02T00:00:00Z",
                "days 2026-03-02T00:00:00Z 2026-03-04T00:00:00Z",
                "minutes 2026-03-04T00:00:00Z 2026-03-04T00:02:00Z",
            ]
        );
        let old = (at("2026-01-01T22:58:00Z"), at("2026-01-02T07:00:00Z"));
        let span = Span::of(old, None, &horizons);
        assert_eq!(
            told(&span),
            ["days 2026-01-01T00:00:00Z 2026-01-03T00:00:00Z"]
        );
        assert_eq!(span.warnings.len(), 2, "{:?}", span.warnings);
        let span = Span::of(range, Some(Granularity::Minute), &horizons);
        assert_eq!(
            told(&span),
            ["minutes 2026-03-03T00:00:00Z 2026-03-04T00:02:00Z"]
        );
        assert!(
            span.warnings[0].contains("since 2026-03-03"),
            "{:?}",
            span.warnings
        );
        let span = Span::of(old, Some(Granularity::Hour), &horizons);
        assert!(span.pieces.is_empty(), "{span:?}");
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        for (granularity, moment, start) in [
            (
                Granularity::Week,
                "2026-03-01T23:59:59Z",
                "2026-02-23T00:00:00Z",
            ),
            (
                Granularity::Week,
                "2026-03-02T00:00:00Z",
                "2026-03-02T00:00:00Z",
            ),
            (
                Granularity::Month,
                "2026-02-28T12:00:00Z",
                "2026-02-01T00:00:00Z",
            ),
            (
                Granularity::Hour,
                "2026-02-28T12:34:56Z",
                "2026-02-28T12:00:00Z",
            ),
        ] {
            assert_eq!(iso(granularity.start_of(at(moment))), start, "{moment}");
        }
    }
}
