//! Lists: every filter finds what it should, in order, page by page, however rare that is.

use std::time::Duration;

use chat::{FinishReason, Kind, Reason, Unit};
use ledger::quality::Sign;
use ledger::{Generation, Outcome};
use store::{Dimension, FacetFilter, KeyHash, ListQuery, Store};

use crate::sample::{at, plain};
use crate::suite::{NOW_MS, on_both, started};

const CALLS: u64 = 5_000;

/// About 70 days.
const STEP_MS: i64 = 1_200_000;

/// Rare things are rare, and long ago.
fn call(number: u64, key: &KeyHash) -> Generation {
    let i = i64::try_from(number).unwrap();
    let mut call = at(number, NOW_MS + i * STEP_MS, plain(number, key, i % 100));
    call.model = format!("maker/{}", number % 3);
    call.total_ms = number % 1000;
    if number % 400 == 7 {
        call.caller.key_hash = "rare".to_owned();
    }
    if number % 900 == 11 {
        call.status = 429;
        call.outcome = Outcome::Failed {
            kind: Kind::RateLimitExceeded,
            message: format!("Slow down, number {number}_%"),
        };
    }
    if number == 77 {
        call.caller.app_title = Some("Only 100% Once".to_owned());
        call.caller.external_user = Some("somebody".to_owned());
    }
    if number % 250 == 3 {
        call.caller.session_id = Some("run".to_owned());
    }
    if let Ok(bill) = &mut call.charge
        && number % 700 == 5
    {
        bill.total = ledger::Amount::from_nanos(1_000_000 + i);
    }
    if number % 600 == 9 {
        call.total_ms = 60_000;
    }
    remarkable(number, call)
}

/// Some answers have a sign, and one has two.
fn remarkable(number: u64, mut call: Generation) -> Generation {
    let reason = match number % 800 {
        13 => Reason::Length,
        14 => Reason::ContentFilter,
        15 => Reason::ToolCalls,
        _ => Reason::Stop,
    };
    call.finish = Some(FinishReason {
        reason,
        native: None,
    });
    call.noticed.has_invalid_tools = reason == Reason::ToolCalls || number == 13;
    let said = u64::from(number % 1500 != 21);
    call.usage.set(Unit::Output, said);
    if number % 1800 == 11 {
        call.endpoint = None;
    }
    call
}

async fn filled(store: &Store, key: &KeyHash) -> Vec<Generation> {
    let calls: Vec<Generation> = (0..CALLS).map(|number| call(number, key)).collect();
    for batch in calls.chunks(500) {
        let batch: Vec<&Generation> = batch.iter().collect();
        store.generations().insert(&batch).await.unwrap();
    }
    calls
}

/// A query, and whether a call fits.
type Case = (&'static str, ListQuery, fn(&Generation) -> bool);

fn one_of(dimension: Dimension, value: &str) -> FacetFilter {
    FacetFilter::default().one_of(dimension, vec![value.to_owned()])
}

fn cost(call: &Generation) -> i64 {
    call.charge.as_ref().map_or(0, |bill| bill.total.nanos())
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn cases() -> Vec<Case> {
    let by = |filter| ListQuery {
        filter,
        ..ListQuery::default()
    };
    let text = |text: &str| ListQuery {
        text: Some(text.to_owned()),
        ..ListQuery::default()
    };
    let of_user = |user: &str| ListQuery {
        external_user: Some(user.to_owned()),
        ..ListQuery::default()
    };
    let with = |signs: &[Sign]| ListQuery {
        signs: signs.to_vec(),
        ..ListQuery::default()
    };
    vec![
        ("everything", ListQuery::default(), |_| true),
        (
            "a common model",
            by(one_of(Dimension::Model, "maker/1")),
            |call| call.model == "maker/1",
        ),
        ("a rare key", by(one_of(Dimension::Key, "rare")), |call| {
            call.caller.key_hash == "rare"
        }),
        (
            "failures",
            by(one_of(Dimension::Outcome, "failed")),
            |call| matches!(call.outcome, Outcome::Failed { .. }),
        ),
        (
            "a rare key's model",
            by(one_of(Dimension::Key, "rare").one_of(Dimension::Model, vec!["maker/2".to_owned()])),
            |call| call.caller.key_hash == "rare" && call.model == "maker/2",
        ),
        ("nobody's", by(one_of(Dimension::Key, "nobody")), |_| false),
        ("empty", with(&[Sign::Empty]), |call| {
            Sign::Empty.is_of(call)
        }),
        ("cut short", with(&[Sign::CutShort]), |call| {
            Sign::CutShort.is_of(call)
        }),
        ("broken off", with(&[Sign::BrokenOff]), |call| {
            Sign::BrokenOff.is_of(call)
        }),
        ("with any sign", with(&Sign::ALL), |call| {
            Sign::of(call).next().is_some()
        }),
        (
            "withheld or with invalid tools, of a model",
            ListQuery {
                filter: one_of(Dimension::Model, "maker/2"),
                ..with(&[Sign::Withheld, Sign::InvalidTools])
            },
            |call| {
                let is_of = |sign: Sign| sign.is_of(call);
                call.model == "maker/2" && (is_of(Sign::Withheld) || is_of(Sign::InvalidTools))
            },
        ),
        (
            "dear",
            ListQuery {
                cost_nanos_min: Some(1_000_000),
                ..ListQuery::default()
            },
            |call| cost(call) >= 1_000_000,
        ),
        (
            "slow and of a model",
            ListQuery {
                total_ms_min: Some(60_000),
                ..by(one_of(Dimension::Model, "maker/0"))
            },
            |call| call.total_ms >= 60_000 && call.model == "maker/0",
        ),
        (
            "rather dear",
            ListQuery {
                cost_nanos_min: Some(95),
                total_ms_min: Some(900),
                ..ListQuery::default()
            },
            |call| cost(call) >= 95 && call.total_ms >= 900,
        ),
        (
            "a session",
            ListQuery {
                session_id: Some("run".to_owned()),
                ..ListQuery::default()
            },
            |call| call.caller.session_id.is_some(),
        ),
        (
            "in time",
            ListQuery {
                from_ms: Some(NOW_MS + 100 * STEP_MS),
                to_ms: Some(NOW_MS + 2_000 * STEP_MS),
                ..by(one_of(Dimension::Key, "rare"))
            },
            |call| {
                let time = NOW_MS + 100 * STEP_MS..NOW_MS + 2_000 * STEP_MS;
                call.caller.key_hash == "rare" && time.contains(&call.created_at_ms)
            },
        ),
        ("a text of a name", text("100% oNCE"), |call| {
            call.caller.app_title.is_some()
        }),
        ("a session as text", text("run"), |call| {
            call.caller.session_id.is_some()
        }),
        (
            "a text in the rows",
            text("number 11_%"),
            |call| matches!(&call.outcome, Outcome::Failed { message, .. } if message.contains(" 11_%")),
        ),
        ("an end user as text", text("somebody"), |call| {
            call.caller.external_user.is_some()
        }),
        ("an end user", of_user("somebody"), |call| {
            call.caller.external_user.is_some()
        }),
        (
            "an end user of a model, by nobody's session",
            ListQuery {
                filter: one_of(Dimension::Model, "maker/2"),
                session_id: Some("run".to_owned()),
                ..of_user("somebody")
            },
            |_| false,
        ),
        (
            "an end user of a model",
            ListQuery {
                filter: one_of(Dimension::Model, "maker/2"),
                ..of_user("somebody")
            },
            |call| call.caller.external_user.is_some() && call.model == "maker/2",
        ),
        ("a part of an end user's name", of_user("some"), |_| false),
    ]
}

/// Reads page by page to the end.
async fn all(store: &Store, query: &ListQuery, count: usize) -> Vec<Generation> {
    let mut query = ListQuery {
        count,
        ..query.clone()
    };
    let mut found = Vec::new();
    loop {
        let page = store.list(&query).await.unwrap();
        assert!(page.records.len() <= count);
        found.extend(page.records);
        match page.next {
            Some(next) => {
                assert!(query.before.is_none_or(|before| next < before));
                query.before = Some(next);
            }
            None => return found,
        }
    }
}

#[tokio::test]
async fn each_filter_finds_what_fits_newest_first_on_pages_of_any_size() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = filled(&store, &key).await;
        for counts_are in ["in deltas", "gathered", "merged"] {
            match counts_are {
                "in deltas" => {}
                "gathered" => drop(store.gather_rollups().await.unwrap()),
                _ => drop(store.merge_rollups().await.unwrap()),
            }
            let shorts: &[Duration] = match counts_are {
                "in deltas" => &[],
                "gathered" => &[Duration::ZERO],
                _ => &[Duration::ZERO, Duration::from_millis(3)],
            };
            for (name, query, fits) in cases() {
                let expected: Vec<&Generation> =
                    calls.iter().rev().filter(|call| fits(call)).collect();
                // However short the steps of a search are, they come to the same.
                let shorts = shorts.iter().map(|short| (1_000, Some(*short)));
                for (count, search_max) in [(3, None), (1_000, None)].into_iter().chain(shorts) {
                    // Many short steps for many rows would only take their time.
                    let is_short = count == 3 || search_max.is_some();
                    if is_short && expected.len() > 300 {
                        continue;
                    }
                    let query = ListQuery {
                        search_max,
                        ..query.clone()
                    };
                    let found = all(&store, &query, count).await;
                    let ids = |found: &[&Generation]| -> Vec<String> {
                        found.iter().map(|call| call.id.to_string()).collect()
                    };
                    let found: Vec<&Generation> = found.iter().collect();
                    assert_eq!(ids(&found), ids(&expected), "{name} {count} {counts_are}");
                }
            }
        }
        let id = &calls[42].id;
        for length in [14, 20, id.as_str().len()] {
            let query = ListQuery {
                text: Some(id.as_str()[..length].to_owned()),
                ..ListQuery::default()
            };
            let found = all(&store, &query, 1_000).await;
            assert!(found.contains(&calls[42]), "{length}");
            assert!(found.len() < 20, "{length}: {}", found.len());
        }
    })
    .await;
}

#[tokio::test]
async fn lists_go_on_when_months_are_gone() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = filled(&store, &key).await;
        let kept = store::Month::from_text("2026-05").unwrap();
        assert_eq!(store.drop_months_before(kept).await.unwrap().len(), 2);
        for (name, query, fits) in cases() {
            let is_left = |call: &&Generation| call.created_at_ms >= kept.start_ms() && fits(call);
            let expected = calls.iter().filter(is_left).count();
            assert_eq!(all(&store, &query, 1_000).await.len(), expected, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_search_that_takes_too_long_says_how_far_it_has_come() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = filled(&store, &key).await;
        let mut query = ListQuery {
            text: Some("number 11_%".to_owned()),
            search_max: Some(Duration::ZERO),
            count: 10,
            ..ListQuery::default()
        };
        // Each page is a step, each goes on where the one before it ended, and none goes beyond its month.
        let (mut ends, mut found) = (vec![i64::MAX], Vec::new());
        loop {
            let page = store.list(&query).await.unwrap();
            found.extend(page.records.iter().map(|call| call.id.clone()));
            let Some(from_ms) = page.looked_from_ms() else {
                assert_eq!(page.next, None);
                break;
            };
            assert!(ends.last().is_some_and(|last| from_ms < *last));
            ends.push(from_ms);
            query.before = page.next;
        }
        for month in ["2026-05", "2026-04"] {
            let month = store::Month::from_text(month).unwrap();
            assert!(ends.contains(&month.start_ms()));
        }
        assert!(ends.len() < 20, "a step is some hundred records: {ends:?}");
        let ids: Vec<_> = found.iter().collect();
        assert_eq!(ids, [&calls[11].id]);
    })
    .await;
}

#[tokio::test]
async fn a_search_for_slow_calls_of_somebody_who_made_none_takes_days_as_steps() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = filled(&store, &key).await;
        store.merge_rollups().await.unwrap();
        let mut query = ListQuery {
            total_ms_min: Some(60_000),
            filter: one_of(Dimension::Model, "maker/1"),
            search_max: Some(Duration::ZERO),
            count: 10,
            ..ListQuery::default()
        };
        let slow = calls.iter().filter(|call| call.total_ms >= 60_000);
        let days: Vec<i64> = slow
            .map(|call| call.created_at_ms / 86_400_000 * 86_400_000)
            .collect();
        // Some thousand rows are read first for each page, and then a day of slow calls.
        let mut pages = 0;
        loop {
            let page = store.list(&query).await.unwrap();
            assert_eq!(page.records, []);
            let Some(from_ms) = page.looked_from_ms() else {
                break;
            };
            assert!(days.contains(&from_ms), "{from_ms}");
            query.before = page.next;
            pages += 1;
        }
        assert!(pages > 0);
    })
    .await;
}
