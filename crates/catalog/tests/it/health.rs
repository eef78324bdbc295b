//! Health: the rules of section 9.10 of the digest, the windows, and what survives a restart.

use catalog::health::{ENDPOINTS_MAX, Headroom, Hour, Sample, Saved, Served, ToolCalls};
use catalog::{EndpointId, Health, Standing, Vital, Vitals};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

const FAILED: Sample = Sample::Failed {
    retry_after_ms: None,
};
const LIMITED: Sample = Sample::Limited {
    retry_after_ms: None,
};

fn id() -> EndpointId {
    EndpointId::new("acme/one@p")
}

fn served(first_token_ms: u32, total_ms: u32, output_tokens: u64) -> Sample {
    Sample::Served(Served {
        first_token_ms: Some(first_token_ms),
        total_ms,
        output_tokens,
        ..Served::default()
    })
}

fn standing(health: &Health, now_ms: i64) -> Standing {
    health.vital(&id(), now_ms).standing
}

/// Notes samples at a time, one per letter: `.` served, `x` failed, `l` limited.
fn note(health: &Health, letters: &str, now_ms: i64) {
    for letter in letters.chars() {
        let sample = match letter {
            'x' => FAILED,
            'l' => LIMITED,
            _ => served(100, 1_000, 50),
        };
        health.record(&id(), &sample, now_ms);
    }
}

#[test]
fn three_failures_in_a_row_are_an_outage_however_well_it_went_before() {
    let health = Health::default();
    note(&health, &".".repeat(1_000), 0);
    note(&health, "xx", 0);
    assert_eq!(standing(&health, 0), Standing::Normal);
    note(&health, "x", 0);
    assert_eq!(standing(&health, 0), Standing::Out);
    assert_eq!(standing(&health, 30 * SECOND - 1), Standing::Out);
    assert!(!health.is_unproven(&id(), 30 * SECOND - 1));
    assert_ne!(standing(&health, 30 * SECOND), Standing::Out);
    assert!(health.is_unproven(&id(), 30 * SECOND));
}

#[test]
fn a_lone_failure_of_a_quiet_endpoint_is_an_outage_and_of_a_busy_one_is_none() {
    for (before, is_out) in [("", true), (".", true), ("....", false)] {
        let health = Health::default();
        note(&health, before, 0);
        note(&health, "x", 0);
        assert_eq!(standing(&health, 0) == Standing::Out, is_out, "{before}");
    }
}

#[test]
fn outages_in_a_row_last_longer_and_a_success_ends_them() {
    let health = Health::default();
    let mut now = 0;
    for seconds in [30, 60, 120, 240, 240] {
        // Ten calls that were under way fail together: that is one outage, not ten.
        note(&health, "xxxxxxxxxx", now);
        assert_eq!(standing(&health, now + seconds * SECOND - 1), Standing::Out);
        now += seconds * SECOND;
        assert_ne!(standing(&health, now), Standing::Out, "{seconds}");
    }
    note(&health, ".", now);
    assert!(!health.is_unproven(&id(), now));
    assert_eq!(
        standing(&health, now),
        Standing::Normal,
        "calls come back at once"
    );
    note(&health, "xxx", now);
    assert_ne!(standing(&health, now + 30 * SECOND), Standing::Out);
}

#[test]
fn what_a_provider_asks_for_makes_an_outage_longer_up_to_four_minutes() {
    for (asked, until) in [(1, 30), (100, 100), (86_400, 240)] {
        let health = Health::default();
        let failed = Sample::Failed {
            retry_after_ms: Some(asked * SECOND),
        };
        health.record(&id(), &failed, 0);
        assert_eq!(standing(&health, until * SECOND - 1), Standing::Out);
        assert_ne!(standing(&health, until * SECOND), Standing::Out);
    }
}

#[test]
fn section_9_10_uptime_below_95_is_degraded_and_below_80_down_and_429_counts_as_neither() {
    for (ok, failed, limited, expected) in [
        (100, 0, 0, Standing::Normal),
        (95, 5, 0, Standing::Normal),
        (93, 7, 0, Standing::Degraded),
        (80, 20, 0, Standing::Degraded),
        (74, 26, 0, Standing::Down),
        (3, 1, 0, Standing::Degraded),
        (96, 0, 900, Standing::Normal),
    ] {
        let health = Health::default();
        // Evenly mixed, so that no failure is an outage.
        let all = ok + failed;
        for i in 1..=all {
            let is_failure = i * failed / all > (i - 1) * failed / all;
            note(&health, if is_failure { "x" } else { "." }, 0);
        }
        for _ in 0..limited {
            note(&health, "l", 0);
        }
        let found = standing(&health, 6 * SECOND);
        assert_eq!(found, expected, "{ok} {failed} {limited}");
    }
}

#[test]
fn the_hours_of_a_day_are_kept_apart_and_added_up_over_replicas() {
    const HOUR: i64 = 60 * MINUTE;
    let (mine, theirs) = (Health::default(), Health::default());
    mine.record(&id(), &FAILED, HOUR);
    mine.record(&id(), &LIMITED, 3 * HOUR + SECOND);
    theirs.record(&id(), &FAILED, HOUR + MINUTE);
    mine.share(&[theirs.save()]);
    let hour = |number: i64, failed, limited| Hour {
        start_ms: number * HOUR,
        served: 0,
        failed,
        limited,
    };
    assert_eq!(mine.hours(&id(), 4 * HOUR), [hour(1, 2, 0), hour(3, 0, 1)]);
    assert_eq!(mine.hours(&id(), 26 * HOUR), [hour(3, 0, 1)], "a day later");
}

#[test]
fn a_429_is_no_failure_but_is_left_alone_for_as_long_as_it_asks() {
    let health = Health::default();
    health.record(&id(), &LIMITED, 0);
    assert_eq!(standing(&health, 5 * SECOND - 1), Standing::Limited);
    assert_eq!(standing(&health, 5 * SECOND), Standing::Normal);
    for (asked, until) in [(0, 1), (40, 40), (86_400, 600)] {
        let health = Health::default();
        let limited = Sample::Limited {
            retry_after_ms: Some(asked * SECOND),
        };
        health.record(&id(), &limited, 0);
        assert_eq!(standing(&health, until * SECOND - 1), Standing::Limited);
        assert_eq!(standing(&health, until * SECOND), Standing::Normal);
    }
    let shown = health.published(&id(), 0).unwrap();
    assert_eq!(
        (shown.uptime_last_30m, shown.limited_last_30m),
        (None, Some(100.0))
    );
    assert_eq!(
        (shown.cools_until_ms, shown.heard_ms),
        (Some(5 * SECOND), Some(0))
    );
    let shown = health.published(&id(), 5 * SECOND).unwrap();
    assert_eq!(shown.cools_until_ms, None);
    assert_eq!(health.endpoints(), [id()]);
}

#[test]
fn load_moves_away_before_the_limit_is_reached() {
    for (left, expected) in [
        (100, Standing::Normal),
        (6, Standing::Normal),
        (5, Standing::Pressed),
    ] {
        let health = Health::default();
        let headroom = Headroom {
            requests: Some((left, 100)),
            tokens: Some((90_000, 100_000)),
            resets_ms: MINUTE,
        };
        health.record_headroom(&id(), headroom);
        let vital = health.vital(&id(), MINUTE - 1);
        assert_eq!(
            (vital.standing, vital.tokens_left),
            (expected, Some(90_000)),
            "{left}"
        );
        assert_eq!(health.vital(&id(), MINUTE), Vital::default());
    }
}

#[test]
fn figures_follow_the_last_minutes_and_are_forgotten_with_them() {
    let health = Health::default();
    for i in 0..100 {
        health.record(&id(), &served(200, 2_000, 100), i * SECOND);
    }
    for i in 100..200 {
        health.record(&id(), &served(800, 4_000, 100), i * SECOND);
    }
    let vital = health.vital(&id(), 200 * SECOND);
    let (latency, speed) = (vital.first_token_ms.unwrap(), vital.speed.unwrap());
    assert!(
        latency.p90.abs_diff(800) < 90 && latency.p50 < 800,
        "{latency:?}"
    );
    // Throughput counts waiting too: 100 tokens in 2 and in 4 seconds.
    assert!(
        speed.p90.abs_diff(250) < 28 && speed.p50 <= 520,
        "{speed:?}"
    );
    let later = health.vital(&id(), 20 * MINUTE);
    assert!(later.is_stale && !vital.is_stale);
    assert!(
        later.first_token_ms.is_some(),
        "half an hour stands in for five minutes"
    );
    assert_eq!(health.vital(&id(), 60 * MINUTE).first_token_ms, None);
    let day_later = health.published(&id(), 26 * 60 * MINUTE).unwrap();
    assert_eq!(day_later.uptime_last_1d, None);
}

#[test]
fn tools_and_caches_are_counted() {
    let health = Health::default();
    for i in 0..10 {
        let sample = Sample::Served(Served {
            total_ms: 100,
            prompt_tokens: 10_000,
            cached_tokens: 7_000,
            tool_calls: Some(if i < 8 {
                ToolCalls::Valid
            } else {
                ToolCalls::Invalid
            }),
            ..Served::default()
        });
        health.record(&id(), &sample, 0);
    }
    let vital = health.vital(&id(), 0);
    assert_eq!((vital.tools.valid, vital.tools.invalid), (8, 2));
    assert_eq!(vital.cached_permille, Some(700));
    let shown = health.published(&id(), 0).unwrap();
    assert_eq!(
        (shown.tools_valid_last_1d, shown.cached_last_30m),
        (Some(80.0), Some(70.0))
    );
}

#[test]
fn what_is_saved_comes_back_and_replicas_add_up() {
    let (one, other, both) = (Health::default(), Health::default(), Health::default());
    for i in 0..200 {
        let sample = if i % 10 == 0 {
            FAILED
        } else {
            served(100 + i, 1_000 + i * 10, 80)
        };
        let half = if i % 2 == 0 { &one } else { &other };
        let now = i64::from(i) * SECOND;
        half.record(&id(), &sample, now);
        both.record(&id(), &sample, now);
    }
    let now = 200 * SECOND;
    let text = both.save().to_json().unwrap();
    let restored = Health::default();
    restored.absorb(&Saved::from_json(&text).unwrap());
    assert_eq!(restored.save(), both.save());
    let shown = |health: &Health| {
        let shown = health.published(&id(), now).unwrap();
        (
            shown.uptime_last_5m,
            shown.uptime_last_1d,
            shown.latency_last_30m,
            shown.throughput_last_30m,
        )
    };
    assert_eq!(shown(&restored), shown(&both));
    let mut merged = one.save();
    merged.merge(&other.save());
    assert_eq!(merged, both.save());
    assert!(
        Saved::from_json(&text.replace("\"form\":1", "\"form\":9"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn as_many_endpoints_as_allowed_fit_into_50_mebibytes() {
    let health = Health::default();
    let before = resident_bytes();
    for i in 0..ENDPOINTS_MAX + 50 {
        let endpoint = EndpointId::new(&format!("author/model-{i}@provider/fp8"));
        health.record(
            &endpoint,
            &served(100, 1_000, 50),
            i64::try_from(i).unwrap(),
        );
    }
    assert_eq!(health.len(), ENDPOINTS_MAX);
    if let Some((before, after)) = before.zip(resident_bytes()) {
        let grown = after.saturating_sub(before);
        assert!(grown < 50 * 1024 * 1024, "{grown} bytes");
    }
}

/// How much memory this process has, where the system says so.
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[test]
fn what_others_have_seen_is_added_shown_and_never_saved_again() {
    let (mine, theirs) = (Health::default(), Health::default());
    for _ in 0..6 {
        mine.record(&id(), &served(100, 1_000, 50), 0);
        theirs.record(&id(), &served(300, 1_000, 50), 0);
    }
    for _ in 0..4 {
        theirs.record(&id(), &FAILED, 0);
    }
    let saved = mine.save();
    for _ in 0..3 {
        mine.share(&[theirs.save()]);
    }
    let shown = mine.published(&id(), SECOND).unwrap();
    assert_eq!(shown.uptime_last_30m, Some(75.0));
    assert_eq!(mine.save(), saved);
    // An outage is everybody's own to see.
    assert_eq!(mine.vital(&id(), SECOND).standing, Standing::Normal);
    let p99 = mine.vital(&id(), SECOND).first_token_ms.unwrap().p99;
    assert!(p99 > 250, "{p99}");
    // Who is known to others only is known, too; and gone when they say nothing of it any more.
    let fresh = Health::default();
    fresh.share(&[theirs.save()]);
    assert_eq!(
        fresh.published(&id(), SECOND).unwrap().uptime_last_30m,
        Some(60.0)
    );
    fresh.share(&[]);
    assert_eq!(
        fresh.published(&id(), SECOND).unwrap().uptime_last_30m,
        None
    );
    assert!(!theirs.save().is_over(SECOND));
    assert!(theirs.save().is_over(30 * 60 * MINUTE));
}
