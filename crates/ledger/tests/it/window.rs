//! Windows over changes of clocks, ends of months, leap days, and the strangest zones.

use ledger::{CalendarUnit, Window, WindowId, WindowKind};

use crate::random::{Random, for_seeds};

fn window(text: &str) -> Window {
    Window::from_text(text).unwrap()
}

/// Unix seconds of a UTC time.
fn utc(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[track_caller]
fn check(text: &str, now: &str, start: &str, end: &str) {
    let window = window(text);
    let id = window.at(utc(now));
    assert_eq!(id.start, utc(start), "start of {text} at {now}");
    assert_eq!(window.ends_at(id), Some(utc(end)), "end of {text} at {now}");
}

#[test]
#[rustfmt::skip]
fn windows_begin_and_end_where_the_calendar_says() {
    // UTC
    check("daily", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z");
    check("daily", "2026-03-01T23:59:59Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z");
    check("monthly", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    // Weeks begin on Monday: 2026-03-01 is a Sunday; this one spans two years.
    check("weekly", "2026-03-01T12:00:00Z", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z");
    check("weekly", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z");
    check("weekly", "2027-01-01T05:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z");
    // Leap days
    check("daily", "2028-02-29T10:00:00Z", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z");
    check("monthly", "2028-02-29T10:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
    check("monthly", "2027-02-28T23:00:00Z", "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z");
    // Berlin: 23 and 25 hours, and a month with a change in it.
    check("daily:Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    check("daily:Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    check("daily:Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    check("monthly:Europe/Berlin", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z");
    check("weekly:America/New_York", "2026-03-08T12:00:00Z", "2026-03-02T05:00:00Z", "2026-03-09T04:00:00Z");
    // Cairo skips from midnight to one: the day begins with the first instant that exists.
    check("daily:Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z");
    // Havana has midnight twice: the day begins with the first.
    check("daily:America/Havana", "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
    // Apia had no 30 December 2011.
    check("daily:Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
    check("daily:Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
    // A zone that is no whole hour away
    check("daily:Asia/Kathmandu", "2026-05-05T18:15:00Z", "2026-05-05T18:15:00Z", "2026-05-06T18:15:00Z");
    // Rolling: buckets of an hour
    check("rolling:24h", "2026-05-05T18:15:00Z", "2026-05-05T18:00:00Z", "2026-05-05T19:00:00Z");
    check("rolling:1h", "1969-12-31T23:59:59Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z");
}

#[test]
fn a_lifetime_is_one_window() {
    let lifetime = window("lifetime");
    let id = lifetime.at(utc("2026-01-01T00:00:00Z"));
    assert_eq!(id, lifetime.at(i64::MIN));
    assert_eq!((id.start, id.kind), (0, WindowKind::Lifetime));
    assert_eq!(lifetime.ends_at(id), None);
}

#[test]
fn every_instant_is_in_one_window_and_windows_follow_each_other() {
    let zones = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Havana",
        "Africa/Cairo",
        "America/Santiago",
        "Asia/Beirut",
        "Asia/Tehran",
        "Atlantic/Azores",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "Africa/El_Aaiun",
    ];
    for_seeds(0..40, |seed| {
        let mut random = Random::new(seed);
        for zone in zones {
            for word in ["daily", "weekly", "monthly"] {
                let window = window(&format!("{word}:{zone}"));
                // 2010 to 2045
                let now = 1_262_304_000 + random.nanos(1_104_000_000);
                let id = window.at(now);
                let end = window.ends_at(id).unwrap();
                assert!(id.start <= now && now < end, "{window} at {now}");
                assert_eq!(window.at(id.start), id, "{window} at {now}");
                assert_eq!(window.at(end - 1), id, "{window} at {now}");
                let next = window.at(end);
                assert_eq!(next.start, end, "{window} at {now}");
                assert!(window.counts(id, id) && !window.counts(next, id));
            }
        }
    });
}

#[test]
fn a_rolling_window_counts_the_current_bucket_and_so_many_before() {
    let rolling = window("rolling:2h");
    let hour = |n: i64| rolling.at(n * 3600);
    for (other, counts) in [(6, false), (7, true), (8, true), (9, true), (10, false)] {
        assert_eq!(rolling.counts(hour(9), hour(other)), counts, "hour {other}");
    }
    assert_eq!(rolling.counted_from(hour(9)), 7 * 3600);
    // Two instants that are at most two hours apart always count together.
    for_seeds(0..200, |seed| {
        let mut random = Random::new(seed);
        let early = random.nanos(1_000_000);
        let late = early + random.nanos(2 * 3600 + 1);
        let rolling = window("rolling:2h");
        assert!(rolling.counts(rolling.at(late), rolling.at(early)));
    });
    // A day's counter of the same start is another counter.
    let day = WindowId {
        start: 9 * 3600,
        kind: WindowKind::Day,
    };
    assert!(!rolling.counts(hour(9), day));
}

#[test]
fn texts_are_read_back_as_they_were_written() {
    for text in [
        "daily",
        "weekly:Europe/Berlin",
        "monthly",
        "monthly:America/Argentina/Buenos_Aires",
        "lifetime",
        "rolling:24h",
        "rolling:8784h",
    ] {
        let window = window(text);
        assert_eq!(window.to_string(), text);
        let id = window.at(utc("2026-05-05T18:15:00Z"));
        assert_eq!(WindowId::from_text(&id.to_string()), Some(id));
    }
    assert_eq!(window("daily:UTC").to_string(), "daily");
    assert!(matches!(
        window("weekly"),
        Window::Calendar {
            unit: CalendarUnit::Week,
            ..
        }
    ));
}

#[test]
fn texts_that_name_no_window_say_why() {
    for (text, reason) in [
        ("", "is no window"),
        ("yearly", "is no window"),
        ("lifetime:UTC", "is no window"),
        ("rolling", "is no window"),
        ("daily:", "is no time zone"),
        ("daily:Mars/Olympus", "is no time zone"),
        ("rolling:0h", "is no number of hours"),
        ("rolling:24", "is no number of hours"),
        ("rolling:-1h", "is no number of hours"),
        ("rolling:9000h", "is no number of hours"),
    ] {
        let error = Window::from_text(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text:?}: {error}");
    }
    for text in ["hour", "day:", "day:x", "year:0"] {
        assert_eq!(WindowId::from_text(text), None, "{text:?}");
    }
}

#[test]
fn limit_reset_of_a_key_means_windows_of_utc() {
    let read = Window::from_limit_reset;
    assert_eq!(read(None), Ok(Window::Lifetime));
    assert_eq!(read(Some("weekly")), Ok(window("weekly")));
    for text in ["lifetime", "daily:Europe/Berlin", "rolling:24h", ""] {
        assert!(read(Some(text)).is_err(), "{text:?}");
    }
}

#[test]
fn instants_beyond_the_calendar_do_no_harm() {
    for text in ["daily:Europe/Berlin", "weekly", "monthly", "rolling:24h"] {
        for now in [i64::MIN, i64::MAX] {
            let window = window(text);
            let id = window.at(now);
            let _ = (window.ends_at(id), window.counted_from(id));
        }
    }
}
