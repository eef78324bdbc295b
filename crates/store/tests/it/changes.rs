//! The feed of changes and the settings.

use store::{Change, KeyHash, KeyPatch, NewWorkspace, News, Noun, Store};
use tokio::task::JoinSet;

use crate::suite::{NOW_MS, new_key, on_both, started};

#[tokio::test]
async fn every_write_takes_the_next_revision() {
    on_both(async |place| {
        let empty = place.open().await;
        assert_eq!(empty.revision().await, Ok(0));
        assert_eq!(empty.changes_since(0).await, Ok(news(0, Some(vec![]))));
        let (store, first) = started(place).await;
        let after_start = store.revision().await.unwrap();
        assert_eq!(after_start, 2);
        let key = store.keys().create(&new_key("sk-second")).await.unwrap();
        store
            .keys()
            .update(&key.hash, &KeyPatch::default(), NOW_MS)
            .await
            .unwrap();
        store.keys().delete(&first, NOW_MS).await.unwrap();
        let workspace = NewWorkspace {
            id: "w".to_owned(),
            slug: "w".to_owned(),
            name: "W".to_owned(),
            description: None,
            created_at_ms: NOW_MS,
        };
        store.workspaces().create(&workspace).await.unwrap();
        store.settings().set("catalog", "{}", NOW_MS).await.unwrap();
        store.settings().remove("catalog", NOW_MS).await.unwrap();
        let expected = [
            (Noun::Key, key.hash.as_str()),
            (Noun::Key, key.hash.as_str()),
            (Noun::Key, first.as_str()),
            (Noun::Workspace, "w"),
            (Noun::Setting, "catalog"),
            (Noun::Setting, "catalog"),
        ];
        let expected: Vec<Change> = (after_start + 1..)
            .zip(expected)
            .map(|(revision, (noun, id))| Change {
                revision,
                noun,
                id: id.to_owned(),
            })
            .collect();
        // As another replica sees it.
        let replica = place.open().await;
        assert_eq!(replica.revision().await, Ok(8));
        let told = replica.changes_since(after_start).await;
        assert_eq!(told, Ok(news(8, Some(expected))));
        assert_eq!(replica.changes_since(8).await, Ok(news(8, Some(vec![]))));
    })
    .await;
}

#[tokio::test]
async fn what_was_not_done_is_no_change() {
    on_both(async |place| {
        let (store, hash) = started(place).await;
        let before = store.revision().await.unwrap();
        assert!(store.keys().create(&new_key("sk-first")).await.is_err());
        let unknown = store::KeyHash::of("unknown");
        store
            .keys()
            .update(&unknown, &KeyPatch::default(), NOW_MS)
            .await
            .unwrap();
        store.keys().delete(&unknown, NOW_MS).await.unwrap();
        store.settings().remove("unknown", NOW_MS).await.unwrap();
        assert!(!store.first_start(&[], NOW_MS).await.unwrap());
        assert_eq!(store.revision().await, Ok(before));
        assert!(store.keys().by_hash(&hash).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn revisions_have_no_gap_however_many_write_at_once() {
    on_both(async |place| {
        let store = place.open().await;
        let mut writes = JoinSet::new();
        for number in 0..50 {
            let store = store.clone();
            writes.spawn(async move {
                store
                    .settings()
                    .set(&format!("s{}", number % 5), "v", NOW_MS)
                    .await
                    .unwrap()
            });
        }
        let mut revisions = writes.join_all().await;
        revisions.sort_unstable();
        assert_eq!(revisions, (1..=50).collect::<Vec<i64>>());
        assert_eq!(count_since(&store, 10).await, Some(40));
    })
    .await;
}

#[tokio::test]
async fn who_missed_too_much_is_told_to_load_everything() {
    on_both(async |place| {
        let store = place.open().await;
        for _ in 0..5 {
            store.settings().set("s", "v", NOW_MS).await.unwrap();
        }
        place.run("DELETE FROM changes WHERE revision <= 3").await;
        assert_eq!(store.changes_since(2).await, Ok(news(5, None)));
        assert_eq!(count_since(&store, 3).await, Some(2));
        // Ten thousand changes later, the old ones have been let go.
        place.run("UPDATE revisions SET revision = 10003").await;
        store.settings().set("s", "v", NOW_MS).await.unwrap();
        assert_eq!(count_since(&store, 3).await, None);
        assert_eq!(count_since(&store, 10_003).await, Some(1));
        place.run("DELETE FROM changes").await;
        assert_eq!(store.changes_since(3).await, Ok(news(10_004, None)));
        assert_eq!(count_since(&store, 10_004).await, Some(0));
    })
    .await;
}

#[tokio::test]
async fn who_has_seen_more_than_there_is_is_told_to_load_everything() {
    on_both(async |place| {
        let store = place.open().await;
        store.settings().set("s", "v", NOW_MS).await.unwrap();
        // As after a backup was put in place.
        assert_eq!(store.changes_since(7).await, Ok(news(1, None)));
    })
    .await;
}

#[tokio::test]
async fn those_that_are_named_are_read_and_no_others() {
    on_both(async |place| {
        let (store, first) = started(place).await;
        let mut hashes = vec![KeyHash::of("unknown"), first];
        for number in 0..150 {
            let new = new_key(&format!("sk-{number}"));
            hashes.push(store.keys().create(&new).await.unwrap().hash);
        }
        let apart = hashes.split_off(140);
        let found = store.keys().several(&hashes).await.unwrap();
        let mut found: Vec<_> = found.into_iter().map(|key| key.hash).collect();
        let mut expected = hashes.split_off(1);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        assert!(!found.contains(&apart[0]));
        assert_eq!(store.keys().several(&[]).await, Ok(vec![]));
        store.settings().set("a", "1", NOW_MS).await.unwrap();
        store.settings().set("b", "2", NOW_MS).await.unwrap();
        let names = ["b", "c"].map(str::to_owned);
        let found = store.settings().several(&names).await;
        assert_eq!(found, Ok(vec![("b".to_owned(), "2".to_owned())]));
    })
    .await;
}

fn news(revision: i64, changes: Option<Vec<Change>>) -> News {
    News { revision, changes }
}

async fn count_since(store: &Store, seen: i64) -> Option<usize> {
    let news = store.changes_since(seen).await.unwrap();
    news.changes.map(|changes| changes.len())
}

#[tokio::test]
async fn a_setting_holds_what_was_written_last() {
    on_both(async |place| {
        let store = place.open().await;
        assert_eq!(store.settings().get("catalog").await, Ok(None));
        let large = "é\"\n".repeat(300_000);
        store
            .settings()
            .set("catalog", "old", NOW_MS)
            .await
            .unwrap();
        let revision = store
            .settings()
            .set("catalog", &large, NOW_MS + 1)
            .await
            .unwrap();
        let setting = store.settings().get("catalog").await.unwrap().unwrap();
        assert_eq!(
            (setting.revision, setting.updated_at_ms),
            (revision, NOW_MS + 1)
        );
        assert!(setting.value == large);
        assert_eq!(store.settings().remove("catalog", NOW_MS).await, Ok(true));
        assert_eq!(store.settings().remove("catalog", NOW_MS).await, Ok(false));
        assert_eq!(store.settings().get("catalog").await, Ok(None));
    })
    .await;
}
