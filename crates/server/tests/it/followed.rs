//! Keys and budgets in memory: taken in change by change they are what reading everything gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use ledger::{Amount, Budget, BudgetId, Enforcement, Selector, Subject, Window};
use proptest::collection::vec;
use proptest::prelude::*;
use server::budget_index::BudgetIndex;
use server::config::sections::BillingMode;
use server::followed::{Followed, Source, follow, reread};
use server::key_terms::Written;
use server::keyring::Keyring;
use server::session::open::{self, Proof, Session};
use sqlx::Connection as _;
use store::{DEFAULT_WORKSPACE_ID, KeyHash, KeyPatch, NewKey, Store};
use tokio::task::JoinSet;

use crate::stage::Scratch;

const NOW_MS: i64 = 1_767_225_600_000;

/// A store with the workspace that every store has.
async fn opened(dir: &Scratch) -> Store {
    let store = Store::open(&url(dir)).await.unwrap();
    assert!(store.first_start(&[], NOW_MS).await.unwrap());
    store
}

fn url(dir: &Scratch) -> String {
    format!("sqlite:{}", dir.0.join("waybill.db").display())
}

fn source(store: &Store) -> Source<'_> {
    Source {
        store,
        billing: BillingMode::Prepaid,
        now_ms: NOW_MS,
    }
}

fn secret(number: usize) -> String {
    format!("sk-{number}")
}

/// What may happen to the key, the session or the budget of a number.
#[derive(Debug, Clone, Copy)]
enum Step {
    Make {
        has_limit: bool,
    },
    Disable(bool),
    Limit(Option<u32>),
    Delete,
    Freeze(bool),
    SignIn,
    SignOut,
    Grant {
        subject: u8,
        is_enabled: bool,
    },
    Revoke,
    /// Whoever follows looks at the feed.
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(|has_limit| Step::Make { has_limit }),
        1 => any::<bool>().prop_map(Step::Disable),
        1 => proptest::option::of(0_u32..9).prop_map(Step::Limit),
        1 => Just(Step::Delete),
        1 => any::<bool>().prop_map(Step::Freeze),
        1 => Just(Step::SignIn),
        1 => Just(Step::SignOut),
        2 => (0_u8..5, any::<bool>())
            .prop_map(|(subject, is_enabled)| Step::Grant { subject, is_enabled }),
        1 => Just(Step::Revoke),
        3 => Just(Step::Look),
    ]
}

fn budget(number: usize, subject: u8) -> Budget {
    let name = format!("name {}", number % 2);
    let team = ("team".to_owned(), name.clone());
    Budget {
        id: BudgetId::from_text(format!("budget-{number}")),
        subject: match subject {
            0 => Subject::Organization,
            1 => Subject::EndUser(name),
            2 => Subject::Metadata(Selector::new([team])),
            3 => Subject::Metadata(Selector::new([team, ("a".to_owned(), name)])),
            _ => Subject::Workspace(DEFAULT_WORKSPACE_ID.to_owned()),
        },
        workspace_id: None,
        limit: Amount::from_nanos(i64::try_from(number).unwrap()),
        window: Window::from_text(if number.is_multiple_of(2) {
            "daily"
        } else {
            "lifetime"
        })
        .unwrap(),
        enforcement: Enforcement::Hard,
        counts_byok: false,
    }
}

/// Changes the store; what is impossible is refused by it, and no change.
async fn take_step(store: &Store, number: usize, step: Step) {
    let hash = KeyHash::of(&secret(number));
    let update = async |patch: KeyPatch| {
        store.keys().update(&hash, &patch, NOW_MS).await.unwrap();
    };
    match step {
        Step::Make { has_limit } => {
            let limit = has_limit.then(|| Amount::from_nanos(7));
            let new = NewKey::new(&secret(number), "a key", DEFAULT_WORKSPACE_ID, NOW_MS);
            let _ = store.keys().create(&new.with_limit(limit, None)).await;
        }
        Step::Disable(is) => {
            let disabled = Some(is);
            update(KeyPatch {
                disabled,
                ..KeyPatch::default()
            })
            .await;
        }
        Step::Limit(limit) => {
            let limit = Some(limit.map(|limit| Amount::from_nanos(limit.into())));
            update(KeyPatch {
                limit,
                ..KeyPatch::default()
            })
            .await;
        }
        Step::Delete => {
            store.keys().delete(&hash, NOW_MS).await.unwrap();
        }
        Step::Freeze(is) => {
            let frozen = is.then(|| "too fast".to_owned());
            let terms = Written {
                frozen,
                ..Written::default()
            };
            let change = (&KeyPatch::default(), |_| terms.to_text());
            let keys = store.keys();
            keys.update_with_terms(&hash, change, NOW_MS).await.unwrap();
        }
        Step::SignIn => {
            let session = Session::new(Proof::Link, "Browser", NOW_MS);
            open::keep(store, &hash, &session, NOW_MS).await.unwrap();
        }
        Step::SignOut => {
            open::close(store, &hash, NOW_MS).await.unwrap();
        }
        Step::Grant {
            subject,
            is_enabled,
        } => {
            let budget = budget(number, subject);
            store
                .budgets()
                .put(&budget, is_enabled, NOW_MS)
                .await
                .unwrap();
        }
        Step::Revoke => {
            let id = budget(number, 0).id;
            store.budgets().delete(&id, NOW_MS).await.unwrap();
        }
        Step::Look => {}
    }
}

/// Follows, and compares with what is read whole.
async fn agrees<T: Followed + PartialEq + std::fmt::Debug>(current: &ArcSwap<T>, store: &Store) {
    follow(current, source(store)).await.unwrap();
    let whole = T::read(source(store)).await.unwrap();
    assert_eq!(**current.load(), whole);
}

async fn walk(steps: &[(usize, Step)]) {
    let dir = Scratch::new();
    let store = opened(&dir).await;
    let keys = ArcSwap::from_pointee(Keyring::read(source(&store)).await.unwrap());
    let budgets = ArcSwap::from_pointee(BudgetIndex::read(source(&store)).await.unwrap());
    for (number, step) in steps {
        take_step(&store, *number, *step).await;
        if matches!(step, Step::Look) {
            agrees(&keys, &store).await;
            agrees(&budgets, &store).await;
        }
    }
    agrees(&keys, &store).await;
    agrees(&budgets, &store).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_in_change_by_change_is_what_is_read_whole(
        steps in vec((0_usize..4, step()), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(walk(&steps));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_follow_at_once_nobody_undoes_what_another_took_in() {
    let dir = Scratch::new();
    let store = opened(&dir).await;
    let keys = Arc::new(ArcSwap::from_pointee(Keyring::default()));
    assert!(!keys.load().is_loaded());
    let is_done = Arc::new(AtomicBool::new(false));
    let rereader = {
        let (store, keys, is_done) = (store.clone(), Arc::clone(&keys), Arc::clone(&is_done));
        tokio_util::task::TaskTracker::new().spawn(async move {
            while !is_done.load(Ordering::Relaxed) {
                reread(&keys, source(&store)).await.unwrap();
            }
        })
    };
    let mut makers = JoinSet::new();
    for maker in 0..8 {
        let (store, keys) = (store.clone(), Arc::clone(&keys));
        makers.spawn(async move {
            for number in 0..6 {
                let number = maker * 6 + number;
                let hash = KeyHash::of(&secret(number));
                take_step(&store, number, Step::Make { has_limit: false }).await;
                follow(&keys, source(&store)).await.unwrap();
                assert!(keys.load().get(&hash).is_some(), "{number} was not made");
                if number % 2 == 0 {
                    take_step(&store, number, Step::Delete).await;
                    follow(&keys, source(&store)).await.unwrap();
                }
                let is_there = keys.load().get(&hash).is_some();
                assert_eq!(is_there, number % 2 == 1, "{number}");
            }
        });
    }
    makers.join_all().await;
    is_done.store(true, Ordering::Relaxed);
    rereader.await.unwrap();
    agrees(&keys, &store).await;
}

#[tokio::test]
async fn what_was_changed_past_the_feed_is_seen_when_everything_is_read_anew() {
    let dir = Scratch::new();
    let store = opened(&dir).await;
    take_step(&store, 1, Step::Make { has_limit: false }).await;
    let keys = ArcSwap::from_pointee(Keyring::read(source(&store)).await.unwrap());
    let mut connection = sqlx::SqliteConnection::connect(&url(&dir)).await.unwrap();
    let by_hand = "UPDATE keys SET disabled = 1";
    sqlx::raw_sql(by_hand)
        .execute(&mut connection)
        .await
        .unwrap();
    let hash = KeyHash::of(&secret(1));
    let is_disabled = || keys.load().get(&hash).unwrap().key.disabled;
    assert!(follow(&keys, source(&store)).await.unwrap().is_none());
    assert!(!is_disabled());
    reread(&keys, source(&store)).await.unwrap();
    assert!(is_disabled());
}

#[tokio::test]
async fn a_feed_that_went_back_is_read_whole() {
    let dir = Scratch::new();
    let store = opened(&dir).await;
    take_step(&store, 1, Step::Make { has_limit: true }).await;
    let keys = ArcSwap::from_pointee(Keyring::read(source(&store)).await.unwrap());
    // As when an older backup is put in place under a running server.
    let older = Scratch::new();
    let store = opened(&older).await;
    agrees(&keys, &store).await;
    assert!(keys.load().get(&KeyHash::of(&secret(1))).is_none());
}
