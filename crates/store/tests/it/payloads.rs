//! Content of calls: kept sealed, read back, deleted for good.

use std::sync::Arc;

use ledger::GenerationId;
use store::{
    Archive, ArchiveError, Directory, Erase, InMemory, MasterKeys, NewPayload, ObjectError,
    Objects, SealedPayload, Sealer, Store, Vault,
};

use crate::suite::{NOW_MS, Place, on_both};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn vault(keys: &str) -> Arc<Vault> {
    Arc::new(Vault::new(MasterKeys::from_text(keys).unwrap()))
}

fn id(number: u64) -> GenerationId {
    GenerationId::from_text(format!("gen-{number}"))
}

fn text(number: u64) -> Vec<u8> {
    format!("what call {number} said. ").repeat(50).into_bytes()
}

fn sealed(number: u64) -> SealedPayload {
    Sealer::new()
        .unwrap()
        .seal(&text(number), &id(number))
        .unwrap()
}

/// A payload of a key, on a day after the first.
fn payload(number: u64, key: &str, day: i64) -> NewPayload {
    NewPayload {
        generation: id(number),
        workspace_id: "here/there".to_owned(),
        key_hash: key.to_owned(),
        created_at_ms: NOW_MS + day * DAY_MS,
        sealed: Arc::new(sealed(number)),
    }
}

async fn open(place: &Place) -> (Store, Arc<InMemory>, Archive) {
    let (store, objects) = (place.open().await, Arc::new(InMemory::default()));
    let vault = vault(&"ab".repeat(32));
    let archive = Archive::new(
        store.clone(),
        vault,
        Arc::clone(&objects) as Arc<dyn Objects>,
        "node",
    );
    (store, objects, archive)
}

#[test]
fn one_sealer_seals_long_and_short_ones_in_any_order() {
    let mut sealer = Sealer::new().unwrap();
    let long: Vec<u8> = (1..200).flat_map(text).collect();
    for (number, plain) in [(1, &text(1)), (2, &long), (3, &text(3))] {
        let sealed = sealer.seal(plain, &id(number)).unwrap();
        assert_eq!(sealed.open(&id(number)).as_ref(), Ok(plain));
        assert!(sealed.open(&id(9)).is_err(), "bound to its call");
    }
}

#[tokio::test]
async fn a_payload_comes_back_and_lies_nowhere_in_the_open() {
    on_both(async |place| {
        let (_, objects, archive) = open(place).await;
        archive
            .write(&[payload(1, "k", 0), payload(2, "k", 0)], NOW_MS)
            .await
            .unwrap();
        for number in [1, 2] {
            assert_eq!(archive.read(&id(number)).await.unwrap(), Some(text(number)));
        }
        assert!(archive.holds(&id(1)).await.unwrap());
        assert_eq!(archive.read(&id(3)).await.unwrap(), None);
        assert_eq!(objects.count(), 1, "one segment for both");
        let packed = payload(1, "k", 0).sealed.len();
        assert!(
            packed < text(1).len() / 5,
            "{packed} bytes of {}",
            text(1).len()
        );
        // Given twice, the first one stays.
        archive.write(&[payload(1, "k", 0)], NOW_MS).await.unwrap();
        assert_eq!(archive.read(&id(1)).await.unwrap(), Some(text(1)));
    })
    .await;
}

#[tokio::test]
async fn what_is_deleted_is_unreadable_at_once_and_its_bytes_go_soon() {
    on_both(async |place| {
        let (_, objects, archive) = open(place).await;
        let all: Vec<_> = (0..4).map(|number| payload(number, "k", 0)).collect();
        archive.write(&all, NOW_MS).await.unwrap();
        let before = objects.bytes();
        assert!(archive.erase(&id(1)).await.unwrap());
        assert!(!archive.erase(&id(1)).await.unwrap());
        assert_eq!(archive.read(&id(1)).await.unwrap(), None);
        assert_eq!(objects.bytes(), before, "nothing has been written anew yet");
        assert_eq!(
            archive.totals().await.unwrap()[0].dead_bytes,
            all[1].sealed.len() as u64
        );

        assert_eq!(archive.compact(NOW_MS).await.unwrap(), 1);
        assert_eq!(archive.sweep(NOW_MS).await.unwrap(), 1);
        assert_eq!(objects.bytes(), before - all[1].sealed.len());
        for number in [0, 2, 3] {
            assert_eq!(archive.read(&id(number)).await.unwrap(), Some(text(number)));
        }
        assert_eq!(archive.totals().await.unwrap()[0].dead_bytes, 0);
        assert_eq!(
            archive.compact(NOW_MS).await.unwrap(),
            0,
            "nothing is left to do"
        );
    })
    .await;
}

#[tokio::test]
async fn content_is_deleted_by_key_and_by_time_and_kept_for_so_many_days() {
    on_both(async |place| {
        let (_, objects, archive) = open(place).await;
        for day in 0_i64..4 {
            let number = day.unsigned_abs() * 10;
            let both = [payload(number, "a", day), payload(number + 1, "b", day)];
            archive.write(&both, NOW_MS).await.unwrap();
        }
        let here = "here/there";
        let readable = async || {
            let mut found = Vec::new();
            for number in [0, 1, 10, 11, 20, 21, 30, 31] {
                if archive.read(&id(number)).await.unwrap().is_some() {
                    found.push(number);
                }
            }
            found
        };
        let of_key = Erase {
            key_hash: Some("a".to_owned()),
            to_ms: Some(NOW_MS + DAY_MS),
            ..Erase::default()
        };
        assert_eq!(archive.erase_many(here, &of_key).await.unwrap(), 1);
        assert_eq!(readable().await, [1, 10, 11, 20, 21, 30, 31]);
        // The second day as a whole, and from the last one what came before this moment: nothing.
        let of_time = Erase {
            from_ms: Some((NOW_MS / DAY_MS + 1) * DAY_MS),
            to_ms: Some((NOW_MS / DAY_MS + 2) * DAY_MS),
            ..Erase::default()
        };
        assert_eq!(archive.erase_many(here, &of_time).await.unwrap(), 2);
        assert_eq!(readable().await, [1, 20, 21, 30, 31]);
        assert_eq!(
            archive
                .erase_many("elsewhere", &Erase::default())
                .await
                .unwrap(),
            0
        );
        // The third day is too old now.
        assert_eq!(archive.expire(here, NOW_MS / DAY_MS + 3).await.unwrap(), 2);
        assert_eq!(readable().await, [30, 31]);
        assert_eq!(objects.count(), 4);
        assert_eq!(archive.sweep(NOW_MS).await.unwrap(), 3);
        assert_eq!(objects.count(), 1);
        assert_eq!(
            archive.erase_many(here, &Erase::default()).await.unwrap(),
            2
        );
        assert_eq!(readable().await, [0_u64; 0]);
    })
    .await;
}

#[tokio::test]
async fn many_small_segments_become_one() {
    on_both(async |place| {
        let (_, objects, archive) = open(place).await;
        for number in 0..15 {
            archive
                .write(&[payload(number, "k", 0)], NOW_MS)
                .await
                .unwrap();
        }
        archive.write(&[payload(99, "k", 1)], NOW_MS).await.unwrap();
        assert_eq!(archive.compact(NOW_MS).await.unwrap(), 0, "not many enough");
        archive.write(&[payload(15, "k", 0)], NOW_MS).await.unwrap();
        assert_eq!(archive.compact(NOW_MS).await.unwrap(), 16);
        archive.sweep(NOW_MS).await.unwrap();
        assert_eq!(objects.count(), 2);
        for number in (0..16).chain([99]) {
            assert_eq!(archive.read(&id(number)).await.unwrap(), Some(text(number)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_master_key_wraps_the_keys_of_segments_and_touches_no_payload() {
    on_both(async |place| {
        let (store, objects, archive) = open(place).await;
        archive.write(&[payload(1, "k", 0)], NOW_MS).await.unwrap();
        let with = |keys: String| {
            Archive::new(
                store.clone(),
                vault(&keys),
                Arc::clone(&objects) as Arc<dyn Objects>,
                "node",
            )
        };
        let (old, new) = ("ab".repeat(32), "cd".repeat(32));
        let both = with(format!("{new} {old}"));
        assert_eq!(both.read(&id(1)).await.unwrap(), Some(text(1)));
        assert!(matches!(
            with(new.clone()).read(&id(1)).await,
            Err(ArchiveError::Key(_))
        ));
        assert_eq!(both.renew_keys().await.unwrap(), 1);
        assert_eq!(both.renew_keys().await.unwrap(), 0);
        assert_eq!(with(new).read(&id(1)).await.unwrap(), Some(text(1)));
        assert!(with(old).read(&id(1)).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_payload_cannot_be_passed_off_as_anothers() {
    on_both(async |place| {
        let (_, _, archive) = open(place).await;
        archive
            .write(&[payload(1, "k", 0), payload(2, "k", 0)], NOW_MS)
            .await
            .unwrap();
        place
            .run("DELETE FROM payloads WHERE generation_id = 'gen-2'")
            .await;
        place
            .run("UPDATE payloads SET generation_id = 'gen-2'")
            .await;
        assert!(matches!(
            archive.read(&id(2)).await,
            Err(ArchiveError::Key(_))
        ));
    })
    .await;
}

#[tokio::test]
async fn a_directory_keeps_segments_for_its_owner_only() {
    let root = std::env::temp_dir().join(format!("waybill-payloads-{}", std::process::id()));
    let directory = Directory::new(&root, false);
    let missing = directory.get("w/1/a.seg", None).await.unwrap_err();
    assert_eq!(missing, ObjectError::Missing("w/1/a.seg".to_owned()));
    directory
        .put("w/1/a.seg", b"0123456789".to_vec())
        .await
        .unwrap();
    assert_eq!(
        directory.get("w/1/a.seg", None).await.unwrap(),
        b"0123456789"
    );
    assert_eq!(
        directory.get("w/1/a.seg", Some(2..5)).await.unwrap(),
        b"234"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| {
            std::fs::metadata(root.join(name))
                .unwrap()
                .permissions()
                .mode()
        };
        assert_eq!((mode("w/1") & 0o77, mode("w/1/a.seg") & 0o77), (0, 0));
    }
    directory.remove("w/1/a.seg").await.unwrap();
    directory.remove("w/1/a.seg").await.unwrap();
    assert!(directory.get("w/1/a.seg", None).await.is_err());
    std::fs::remove_dir_all(&root).unwrap();
}

/// Objects of which none can be written.
struct Full;

impl Objects for Full {
    fn put<'a>(
        &'a self,
        _name: &'a str,
        _bytes: Vec<u8>,
    ) -> ledger::books::BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(std::future::ready(Err(ObjectError::Unavailable(
            "full".to_owned(),
        ))))
    }

    fn get<'a>(
        &'a self,
        name: &'a str,
        _part: Option<std::ops::Range<u64>>,
    ) -> ledger::books::BoxFuture<'a, Result<Vec<u8>, ObjectError>> {
        Box::pin(std::future::ready(Err(ObjectError::Missing(
            name.to_owned(),
        ))))
    }

    fn remove<'a>(
        &'a self,
        _name: &'a str,
    ) -> ledger::books::BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_segment_that_was_never_written_leaves_nothing_behind() {
    on_both(async |place| {
        let store = place.open().await;
        let archive = Archive::new(store, vault(&"ab".repeat(32)), Arc::new(Full), "node");
        let error = archive
            .write(&[payload(1, "k", 0)], NOW_MS)
            .await
            .unwrap_err();
        assert!(error.is_temporary(), "{error}");
        assert_eq!(archive.read(&id(1)).await.unwrap(), None);
        assert_eq!(
            archive.sweep(NOW_MS).await.unwrap(),
            0,
            "it may still be on its way"
        );
        assert_eq!(archive.sweep(NOW_MS + DAY_MS).await.unwrap(), 1);
        assert_eq!(archive.sweep(NOW_MS + DAY_MS).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn feedback_is_read_with_its_call_and_counted() {
    on_both(async |place| {
        let store = place.open().await;
        let said = |generation: &str, category: &str, later| store::Feedback {
            generation_id: generation.to_owned(),
            workspace_id: "w".to_owned(),
            key_hash: "k".to_owned(),
            model: "acme/one".to_owned(),
            category: category.to_owned(),
            comment: (later > 0).then(|| "again".to_owned()),
            created_at_ms: NOW_MS + later,
        };
        let all = [
            said("gen-1", "latency", 0),
            said("gen-1", "other", 1),
            said("gen-2", "latency", 2),
        ];
        for one in &all {
            assert!(store.add_feedback(one).await.unwrap());
        }
        assert_eq!(store.feedback_on("gen-1").await.unwrap(), all[..2]);
        let times = (NOW_MS, NOW_MS + 2);
        let counts = store.feedback_counts(Some("w"), times).await.unwrap();
        let counts: Vec<_> = counts
            .iter()
            .map(|((_, category), count)| (&**category, *count))
            .collect();
        assert_eq!(counts, [("latency", 1), ("other", 1)]);
        assert_eq!(
            store.feedback_counts(Some("v"), times).await.unwrap().len(),
            0
        );
        for _ in 0..31 {
            assert!(store.add_feedback(&all[2]).await.unwrap());
        }
        assert!(
            !store.add_feedback(&all[2]).await.unwrap(),
            "nobody needs more of one call"
        );
    })
    .await;
}
