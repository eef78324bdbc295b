//! Keys and workspaces: made, listed, changed, deleted, and made once at the first start.

use ledger::Amount;
use store::{
    DEFAULT_WORKSPACE_ID, KEY_TERMS, KeyFilter, KeyHash, KeyPatch, LimitReset, NewKey,
    NewWorkspace, StoreError,
};
use tokio::task::JoinSet;

use crate::suite::{NOW_MS, new_key, on_both, started};

#[tokio::test]
async fn a_key_reads_back_as_it_was_made() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let secret = format!("sk-wb-v1-{}", "ab".repeat(32));
        let key = NewKey::new(&secret, "ünï 'x' \"y\" \0", DEFAULT_WORKSPACE_ID, NOW_MS)
            .with_management()
            .with_limit(Some(Amount::from_nanos(i64::MAX)), Some(LimitReset::Weekly))
            .with_byok_in_limit(true)
            .with_creator(Some("user_1".to_owned()))
            .with_expiry(Some(NOW_MS + 1));
        let mut made = store.keys().create(&key).await.unwrap();
        made.name = made.name.replace('\0', "\u{2400}");
        assert_eq!(made.label, "sk-wb-v1-aba...bab");
        assert!(!made.is_expired(NOW_MS) && made.is_expired(NOW_MS + 1));
        let read = store.keys().by_hash(&KeyHash::of(&secret)).await.unwrap();
        assert_eq!(read.as_ref(), Some(&made));
        assert!(store.keys().all().await.unwrap().contains(&made));
        assert_eq!(
            store.keys().by_hash(&KeyHash::of("unknown")).await,
            Ok(None)
        );
    })
    .await;
}

#[tokio::test]
async fn no_part_of_the_database_holds_a_secret() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let secret = format!("sk-wb-v1-{}", "5ec4e7".repeat(10));
        let key = store.keys().create(&new_key(&secret)).await.unwrap();
        assert!(!format!("{key:?} {store:?}").contains("5ec4e75ec4e7"));
        store.close().await;
        if let Some(path) = place.url.strip_prefix("sqlite:") {
            let bytes = std::fs::read(path).unwrap();
            assert!(bytes.windows(5).any(|window| window == b"a key"));
            assert!(!bytes.windows(12).any(|window| window == b"5ec4e75ec4e7"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_made_once_and_only_in_a_workspace_that_exists() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let again = store.keys().create(&new_key("sk-first")).await;
        assert_eq!(again, Err(StoreError::AlreadyExists("key")));
        let nowhere = NewKey::new("sk-other", "a key", "nowhere", NOW_MS);
        assert_eq!(
            store.keys().create(&nowhere).await,
            Err(StoreError::Missing("workspace"))
        );
    })
    .await;
}

#[tokio::test]
async fn lists_show_the_newest_first_in_pages_and_hide_disabled_ones() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let other = NewWorkspace {
            id: "11111111-0000-4000-8000-000000000001".to_owned(),
            slug: "other".to_owned(),
            name: "Other".to_owned(),
            description: Some("what for".to_owned()),
            created_at_ms: NOW_MS,
        };
        store.workspaces().create(&other).await.unwrap();
        for number in 0..105 {
            let key = NewKey::new(
                &format!("sk-{number}"),
                &number.to_string(),
                &other.id,
                number,
            );
            store.keys().create(&key).await.unwrap();
        }
        let disable = KeyPatch {
            disabled: Some(true),
            ..KeyPatch::default()
        };
        store
            .keys()
            .update(&KeyHash::of("sk-104"), &disable, NOW_MS)
            .await
            .unwrap();
        let names = async |filter: KeyFilter| -> Vec<String> {
            let keys = store.keys().list(&filter).await.unwrap();
            keys.into_iter().map(|key| key.name).collect()
        };
        let here = KeyFilter {
            workspace_id: Some(other.id.clone()),
            ..KeyFilter::default()
        };
        let page = names(here.clone()).await;
        assert_eq!(
            (page.len(), page[0].as_str(), page[99].as_str()),
            (100, "103", "4")
        );
        let rest = names(KeyFilter {
            offset: 100,
            ..here.clone()
        })
        .await;
        assert_eq!(rest, ["3", "2", "1", "0"]);
        let all = names(KeyFilter {
            include_disabled: true,
            limit: Some(2),
            ..here
        })
        .await;
        assert_eq!(all, ["104", "103"]);
        let everywhere = names(KeyFilter {
            include_management: true,
            limit: Some(1),
            ..KeyFilter::default()
        })
        .await;
        assert_eq!(everywhere, ["a key"]);
    })
    .await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    on_both(async |place| {
        let (store, hash) = started(place).await;
        let before = store.keys().by_hash(&hash).await.unwrap().unwrap();
        let limit = Some(Amount::from_nanos(5));
        let patch = KeyPatch {
            limit: Some(limit),
            ..KeyPatch::default()
        };
        let changed = store
            .keys()
            .update(&hash, &patch, NOW_MS + 1)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(changed.limit, limit);
        assert_eq!(changed.updated_at_ms, Some(NOW_MS + 1));
        let patch = KeyPatch {
            name: Some("new".to_owned()),
            disabled: Some(true),
            limit: Some(None),
            limit_reset: Some(Some(LimitReset::Daily)),
            include_byok_in_limit: Some(true),
            expires_at_ms: Some(Some(NOW_MS + 99)),
        };
        let changed = store
            .keys()
            .update(&hash, &patch, NOW_MS + 2)
            .await
            .unwrap()
            .unwrap();
        let mut expected = before;
        expected.name = "new".to_owned();
        expected.disabled = true;
        expected.limit_reset = Some(LimitReset::Daily);
        expected.include_byok_in_limit = true;
        expected.expires_at_ms = Some(NOW_MS + 99);
        expected.updated_at_ms = Some(NOW_MS + 2);
        assert_eq!(changed, expected);
        assert_eq!(store.keys().by_hash(&hash).await.unwrap(), Some(expected));
        let unknown = KeyHash::of("unknown");
        assert_eq!(
            store.keys().update(&unknown, &patch, NOW_MS).await,
            Ok(None)
        );
    })
    .await;
}

#[tokio::test]
async fn a_deleted_key_is_gone() {
    on_both(async |place| {
        let (store, hash) = started(place).await;
        assert_eq!(store.keys().delete(&hash, NOW_MS).await, Ok(true));
        assert_eq!(store.keys().by_hash(&hash).await, Ok(None));
        assert_eq!(store.keys().delete(&hash, NOW_MS).await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn the_terms_of_a_key_come_change_and_go_with_it() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let new = new_key("sk-held").with_terms(Some("first".to_owned()));
        let hash = store.keys().create(&new).await.unwrap().hash;
        let terms = async || {
            let all = store.settings().beginning_with(KEY_TERMS).await.unwrap();
            all.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(terms().await, ["first"]);
        // The same secret cannot be stored twice, and its terms are not changed by the attempt.
        let again = new_key("sk-held").with_terms(Some("other".to_owned()));
        assert!(store.keys().create(&again).await.is_err());
        assert_eq!(terms().await, ["first"]);
        let patch = KeyPatch {
            disabled: Some(true),
            ..KeyPatch::default()
        };
        store.keys().update(&hash, &patch, NOW_MS).await.unwrap();
        assert_eq!(
            terms().await,
            ["first"],
            "a change that says nothing of them"
        );
        let change = |becomes: Option<&'static str>| {
            move |before: Option<String>| becomes.map(|one| format!("{one} after {before:?}"))
        };
        for (becomes, expected) in [
            (Some("second"), vec!["second after Some(\"first\")"]),
            (None, vec![]),
            (Some("third"), vec!["third after None"]),
        ] {
            let changed = (&patch, change(becomes));
            let keys = store.keys();
            let key = keys.update_with_terms(&hash, changed, NOW_MS).await;
            assert!(key.unwrap().is_some());
            assert_eq!(terms().await, expected);
        }
        let unknown = KeyHash::of("unknown");
        let changed = (&patch, change(Some("none")));
        let keys = store.keys();
        let key = keys.update_with_terms(&unknown, changed, NOW_MS).await;
        assert_eq!(key, Ok(None));
        assert_eq!(terms().await.len(), 1, "nobody has terms who is not there");
        assert_eq!(store.keys().delete(&hash, NOW_MS).await, Ok(true));
        assert_eq!(terms().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn of_many_first_starts_exactly_one_is_the_first() {
    on_both(async |place| {
        let mut starts = JoinSet::new();
        for number in 0..6 {
            let store = place.open().await;
            let keys = [
                new_key(&format!("sk-a{number}")),
                new_key(&format!("sk-b{number}")),
            ];
            starts.spawn(async move { store.first_start(&keys, NOW_MS).await.unwrap() });
        }
        let firsts = starts
            .join_all()
            .await
            .into_iter()
            .filter(|first| *first)
            .count();
        let store = place.open().await;
        assert_eq!((firsts, store.keys().all().await.unwrap().len()), (1, 2));
        let workspaces = store.workspaces().all().await.unwrap();
        assert_eq!(workspaces.len(), 1);
        let default = store
            .workspaces()
            .by_id_or_slug("default")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (default.id.as_str(), default.created_at_ms),
            (DEFAULT_WORKSPACE_ID, NOW_MS)
        );
    })
    .await;
}

#[tokio::test]
async fn two_processes_may_write_one_database_at_once() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let other = place.open().await;
        let mut writes = JoinSet::new();
        for number in 0..60 {
            let store = if number % 2 == 0 {
                store.clone()
            } else {
                other.clone()
            };
            let key = new_key(&format!("sk-{number}"));
            writes.spawn(async move { store.keys().create(&key).await.map(drop) });
        }
        for write in writes.join_all().await {
            assert_eq!(write, Ok(()));
        }
        assert_eq!(store.keys().all().await.unwrap().len(), 61);
    })
    .await;
}

#[tokio::test]
async fn a_slug_names_one_workspace() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let twin = NewWorkspace {
            id: "11111111-0000-4000-8000-000000000001".to_owned(),
            slug: "default".to_owned(),
            name: "Twin".to_owned(),
            description: None,
            created_at_ms: NOW_MS,
        };
        let made = store.workspaces().create(&twin).await;
        assert_eq!(made, Err(StoreError::AlreadyExists("workspace")));
        assert_eq!(store.workspaces().by_id_or_slug("unknown").await, Ok(None));
    })
    .await;
}
