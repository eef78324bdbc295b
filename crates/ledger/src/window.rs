//! Which window of a budget an instant falls into: a pure function, so that nothing is ever reset.
//!
//! A window row says how time is cut ([`Window`]); [`Window::at`] names the piece that an instant
//! belongs to ([`WindowId`]). Whoever counts keeps one counter for each id. A new piece begins with
//! an empty counter because nobody has written one yet; no job runs at midnight.
//!
//! **Rolling windows** are counted in buckets of one hour, aligned to the hour of UTC. The id is
//! the current bucket, and what counts is the current bucket and the `hours` before it
//! ([`Window::counted_from`]). The oldest of them reaches further back than `hours`, so in *no* span
//! of that many hours can more than the limit be spent; in exchange, spent money comes free between
//! `hours` and `hours + 1` hours later.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _};

const SECONDS_PER_HOUR: i64 = 3600;

/// The longest rolling window: a leap year of hours.
pub const ROLLING_HOURS_MAX: u16 = 8784;

/// A text that names no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The word is none of ours.
    #[error(
        "{0:?} is no window; use daily, weekly or monthly (with a zone: daily:Europe/Berlin), \
         lifetime, or rolling:24h"
    )]
    UnknownWindow(String),
    /// The zone is not in the IANA database that this build carries.
    #[error("{0:?} is no time zone of the IANA database")]
    UnknownZone(String),
    /// A rolling window of no hours, or of more than [`ROLLING_HOURS_MAX`].
    #[error("{0:?} is no number of hours between 1 and {ROLLING_HOURS_MAX}")]
    Hours(String),
}

/// A time zone of the IANA database that is compiled in; never the machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of this name (`Europe/Berlin`).
    ///
    /// # Errors
    /// When the database that is compiled in has no such zone.
    pub fn from_name(name: &str) -> Result<Self, WindowError> {
        if name == "UTC" {
            return Ok(Self::UTC);
        }
        TimeZoneDatabase::bundled()
            .get(name)
            .map(Self)
            .map_err(|_| WindowError::UnknownZone(name.to_owned()))
    }

    /// The name, as the database writes it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

/// Units of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CalendarUnit {
    /// From midnight to midnight; 23 or 25 hours long when clocks change.
    Day,
    /// From Monday's midnight to Monday's midnight.
    Week,
    /// From the first day's midnight to the first day's midnight.
    Month,
}

/// How time is cut for a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// Days, weeks or months, as the calendar of a zone has them.
    Calendar {
        /// Which of them.
        unit: CalendarUnit,
        /// Whose midnight it is.
        zone: Zone,
    },
    /// All of time.
    Lifetime,
    /// The last so many hours, in buckets of one hour; see the top of this file.
    Rolling {
        /// How many, 1 to [`ROLLING_HOURS_MAX`].
        hours: u16,
    },
}

/// What a window id is a piece of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WindowKind {
    /// All of time.
    Lifetime,
    /// A bucket of one hour of a rolling window.
    Hour,
    /// A calendar day.
    Day,
    /// A calendar week.
    Week,
    /// A calendar month.
    Month,
}

impl WindowKind {
    const ALL: [Self; 5] = [
        Self::Lifetime,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
    ];

    /// The word in SQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lifetime => "lifetime",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// One piece of time of a window. With the budget's id it is the key of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowId {
    /// Its first second, Unix time; 0 for a lifetime.
    pub start: i64,
    /// What it is a piece of.
    pub kind: WindowKind,
}

impl WindowId {
    /// Reads what `Display` wrote: `day:1767225600`, `lifetime:0`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (word, start) = text.split_once(':')?;
        let kind = WindowKind::ALL.into_iter().find(|k| k.name() == word)?;
        let start = start.parse().ok()?;
        Some(Self { start, kind })
    }
}

impl fmt::Display for WindowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.start)
    }
}

impl Window {
    /// Reads the text stored in SQL: `daily`, `weekly:Europe/Berlin`, `monthly`, `lifetime`,
    /// `rolling:24h`. Without a zone it is UTC.
    ///
    /// # Errors
    /// When the text names no window, no known zone or no possible number of hours.
    pub fn from_text(text: &str) -> Result<Self, WindowError> {
        let (word, rest) = match text.split_once(':') {
            Some((word, rest)) => (word, Some(rest)),
            None => (text, None),
        };
        let calendar = |unit| {
            let zone = rest.map_or(Ok(Zone::UTC), Zone::from_name)?;
            Ok(Self::Calendar { unit, zone })
        };
        match (word, rest) {
            ("daily", _) => calendar(CalendarUnit::Day),
            ("weekly", _) => calendar(CalendarUnit::Week),
            ("monthly", _) => calendar(CalendarUnit::Month),
            ("lifetime", None) => Ok(Self::Lifetime),
            ("rolling", Some(hours)) => hours
                .strip_suffix('h')
                .and_then(|digits| digits.parse().ok())
                .filter(|hours| (1..=ROLLING_HOURS_MAX).contains(hours))
                .map(|hours| Self::Rolling { hours })
                .ok_or_else(|| WindowError::Hours(hours.to_owned())),
            _ => Err(WindowError::UnknownWindow(text.to_owned())),
        }
    }

    /// The window of OpenRouter's `limit_reset` of a key: calendar windows of UTC, weeks from
    /// Monday; absent is a cap for the key's lifetime.
    ///
    /// # Errors
    /// When it is not `daily`, `weekly`, `monthly` or absent.
    pub fn from_limit_reset(limit_reset: Option<&str>) -> Result<Self, WindowError> {
        match limit_reset {
            None => Ok(Self::Lifetime),
            Some(word @ ("daily" | "weekly" | "monthly")) => Self::from_text(word),
            Some(other) => Err(WindowError::UnknownWindow(other.to_owned())),
        }
    }

    /// The piece that an instant (Unix seconds) falls into.
    #[must_use]
    pub fn at(&self, now: i64) -> WindowId {
        match self {
            Self::Lifetime => WindowId {
                start: 0,
                kind: WindowKind::Lifetime,
            },
            Self::Rolling { .. } => WindowId {
                start: now.saturating_sub(now.rem_euclid(SECONDS_PER_HOUR)),
                kind: WindowKind::Hour,
            },
            Self::Calendar { unit, zone } => WindowId {
                start: first_second(first_day(*unit, date_of(now, zone)), zone).unwrap_or(now),
                kind: match unit {
                    CalendarUnit::Day => WindowKind::Day,
                    CalendarUnit::Week => WindowKind::Week,
                    CalendarUnit::Month => WindowKind::Month,
                },
            },
        }
    }

    /// The first second after a piece (Unix time), when the next id begins; `None` for a lifetime.
    /// For a rolling window it is the end of the bucket: not all money is free again then.
    #[must_use]
    pub fn ends_at(&self, id: WindowId) -> Option<i64> {
        match self {
            Self::Lifetime => None,
            Self::Rolling { .. } => id.start.checked_add(SECONDS_PER_HOUR),
            Self::Calendar { unit, zone } => {
                let first = date_of(id.start, zone);
                let span = match unit {
                    CalendarUnit::Day => 1.day(),
                    CalendarUnit::Week => 1.week(),
                    CalendarUnit::Month => 1.month(),
                };
                first_second(first.checked_add(span).ok()?, zone)
            }
        }
    }

    /// The start of the oldest id whose counter counts against the limit in `id`: every counter of
    /// this budget with `counted_from(id) <= start <= id.start` and the same kind is summed. For all
    /// but rolling windows that is `id` alone.
    #[must_use]
    pub fn counted_from(&self, id: WindowId) -> i64 {
        match self {
            Self::Rolling { hours } => {
                let span = i64::from(*hours).saturating_mul(SECONDS_PER_HOUR);
                id.start.saturating_sub(span)
            }
            Self::Lifetime | Self::Calendar { .. } => id.start,
        }
    }

    /// Whether what was counted in `other` counts against the limit in `id`.
    #[must_use]
    pub fn counts(&self, id: WindowId, other: WindowId) -> bool {
        other.kind == id.kind && self.counted_from(id) <= other.start && other.start <= id.start
    }
}

impl fmt::Display for Window {
    /// The text stored in SQL; [`Window::from_text`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifetime => f.write_str("lifetime"),
            Self::Rolling { hours } => write!(f, "rolling:{hours}h"),
            Self::Calendar { unit, zone } => {
                f.write_str(match unit {
                    CalendarUnit::Day => "daily",
                    CalendarUnit::Week => "weekly",
                    CalendarUnit::Month => "monthly",
                })?;
                match zone.name() {
                    "UTC" => Ok(()),
                    name => write!(f, ":{name}"),
                }
            }
        }
    }
}

/// The date of an instant in a zone. Instants beyond the calendar's years are held at its edge.
fn date_of(second: i64, zone: &Zone) -> Date {
    let edge = if second < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(second)
        .unwrap_or(edge)
        .to_zoned(zone.0.clone())
        .date()
}

fn first_day(unit: CalendarUnit, date: Date) -> Date {
    match unit {
        CalendarUnit::Day => date,
        CalendarUnit::Week => date
            .checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days())
            .unwrap_or(date),
        CalendarUnit::Month => date.first_of_month(),
    }
}

/// The first second of a date in a zone. Where the clock skips midnight it is the first instant
/// after the gap, and where midnight comes twice the earlier one.
fn first_second(date: Date, zone: &Zone) -> Option<i64> {
    date.to_zoned(zone.0.clone())
        .ok()
        .map(|midnight| midnight.timestamp().as_second())
}
