//! `[records]`: how long what is known of calls is kept.

use super::reader::Reader;

/// How long what is known of calls is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records {
    /// Calendar months (UTC) whose records are kept, the current one included; 0 keeps all.
    pub months: u32,
    /// Days for which calls are counted by minute, 1–31.
    pub minute_days: u32,
    /// Days for which calls are counted by hour, 31–3,660; by day they are for ever.
    pub hour_days: u32,
}

/// Reads `[records]`.
pub(super) fn records(reader: &mut Reader<'_>) -> Records {
    let mut section = reader.section("records");
    let mut number = |key: &'static str, default, range| {
        u32::try_from(section.integer(key, default, range)).unwrap_or(u32::MAX)
    };
    let records = Records {
        months: number("months", 0, 0..=1200),
        minute_days: number("minute_days", 7, 1..=31),
        hour_days: number("hour_days", 366, 31..=3660),
    };
    section.finish();
    records
}
