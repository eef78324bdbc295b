//! Lists of sessions: in order, page by page, and true while calls come in.

use std::collections::BTreeMap;

use ledger::Generation;
use store::{
    DEFAULT_WORKSPACE_ID, KeyHash, SessionKey, SessionOrder, SessionPage, SessionQuery, Store,
};

use crate::rollups::insert;
use crate::sample::{at, plain};
use crate::suite::{NOW_MS, on_both, started};

/// Ninety calls of twenty-three sessions in two workspaces, some of which cost the same.
fn calls(key: &KeyHash) -> Vec<Generation> {
    (0..90_u64)
        .map(|number| {
            let at_ms = NOW_MS + i64::try_from(number).unwrap() * 60_000;
            let cost = i64::try_from(number % 4).unwrap() * 1000;
            let mut call = at(number, at_ms, plain(number, key, cost));
            let mut session = number * 7 % 23;
            // Some are called once, so that their costs are equal.
            if number >= 46 {
                session /= 3;
            }
            // Names whose order differs between bytes and a dictionary.
            let name = [
                format!("run {session}"),
                format!("Run_{session}"),
                format!("é{session}"),
            ];
            call.caller.session_id = Some(name[usize::try_from(session % 3).unwrap()].clone());
            if session % 5 == 0 {
                call.caller.workspace_id = "another".to_owned();
            }
            call
        })
        .collect()
}

/// What a session's calls add up to: last call, cost, calls.
type Sums = (i64, i64, i64);

fn sums(calls: &[Generation]) -> BTreeMap<SessionKey, Sums> {
    let mut all: BTreeMap<SessionKey, Sums> = BTreeMap::new();
    for call in calls {
        let key = SessionKey {
            workspace_id: call.caller.workspace_id.clone(),
            session_id: call.caller.session_id.clone().unwrap(),
        };
        let sums = all.entry(key).or_default();
        sums.0 = sums.0.max(call.created_at_ms);
        sums.1 += call.charge.as_ref().unwrap().total.nanos();
        sums.2 += 1;
    }
    all
}

/// What a list should have, in order.
fn expected(calls: &[Generation], query: &SessionQuery) -> Vec<(SessionKey, Sums)> {
    let mut all: Vec<(SessionKey, Sums)> = sums(calls)
        .into_iter()
        .filter(|(key, (last_ms, ..))| {
            query.from_ms.is_none_or(|from| *last_ms >= from)
                && query.to_ms.is_none_or(|to| *last_ms < to)
                && query
                    .workspace_id
                    .as_ref()
                    .is_none_or(|id| *id == key.workspace_id)
        })
        .collect();
    all.sort_by_key(|(key, (last_ms, cost, _))| {
        let figure = match query.order {
            SessionOrder::LastCall => *last_ms,
            SessionOrder::Cost => *cost,
        };
        (std::cmp::Reverse(figure), key.clone())
    });
    all
}

/// Every page, one after another.
async fn paged(store: &Store, query: &SessionQuery) -> Vec<(SessionKey, Sums)> {
    let mut query = query.clone();
    let mut all = Vec::new();
    loop {
        let SessionPage { sessions, next } = store.sessions(&query).await.unwrap();
        assert!(sessions.len() <= query.count);
        assert!(next.is_none() || sessions.len() == query.count);
        all.extend(
            sessions
                .into_iter()
                .map(|(key, sums)| (key, (sums.last_ms, sums.cost_nanos, sums.calls))),
        );
        match next {
            Some(place) => query.after = Some(place),
            None => return all,
        }
    }
}

fn queries() -> Vec<SessionQuery> {
    let mut all = Vec::new();
    for order in [SessionOrder::LastCall, SessionOrder::Cost] {
        let plain = SessionQuery {
            order,
            count: 500,
            ..SessionQuery::default()
        };
        let time = (NOW_MS + 20 * 60_000, NOW_MS + 70 * 60_000);
        for count in [1, 3, 500] {
            all.push(SessionQuery {
                count,
                ..plain.clone()
            });
            all.push(SessionQuery {
                count,
                from_ms: Some(time.0),
                to_ms: Some(time.1),
                ..plain.clone()
            });
        }
        for workspace in [DEFAULT_WORKSPACE_ID, "another", "nobody's"] {
            all.push(SessionQuery {
                count: 2,
                workspace_id: Some(workspace.to_owned()),
                ..plain.clone()
            });
        }
    }
    all
}

#[tokio::test]
async fn pages_of_sessions_follow_each_other_in_order_whatever_has_been_merged() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = calls(&key);
        // Nothing merged, half of it, all of it.
        for (from, to) in [(0, 30), (30, 60), (60, 90)] {
            insert(&store, &calls[from..to]).await;
            for query in queries() {
                assert_eq!(
                    paged(&store, &query).await,
                    expected(&calls[..to], &query),
                    "{query:?}"
                );
            }
            store.merge_rollups().await.unwrap();
        }
        for query in queries() {
            assert_eq!(
                paged(&store, &query).await,
                expected(&calls, &query),
                "{query:?}"
            );
        }
    })
    .await;
}
