//! `waybill content`.

use std::sync::Arc;

use chat::Dialect;
use ledger::GenerationId;
use serde_json::{Value, json};
use server::content::Document;
use store::{Archive, Directory, MasterKeys, NewPayload, Sealer, Store, Vault};

use super::program::{run, stderr, stdout};
use crate::stage::Scratch;

/// Keeps the content of one call where the program looks for it.
async fn keep(dir: &Scratch, id: &GenerationId) {
    let data = dir.0.join("data");
    let url = format!("sqlite:{}", data.join("waybill.db").display());
    let store = Store::open(&url).await.unwrap();
    let vault = Vault::new(MasterKeys::in_data_dir(&data, [7; 32]).unwrap());
    let objects = Arc::new(Directory::new(data.join("content"), false));
    let archive = Archive::new(store.clone(), Arc::new(vault), objects, "a");
    let document = Document {
        dialect: Dialect::OpenaiChat,
        request: br#"{"model": "a/b", "messages": []}"#.to_vec(),
        answer: b"no JSON".to_vec(),
        is_folded: false,
        is_whole: true,
        failure: None,
    };
    let payload = NewPayload {
        generation: id.clone(),
        workspace_id: "w".to_owned(),
        key_hash: "k".to_owned(),
        created_at_ms: 1_772_600_767_089,
        sealed: Arc::new(
            Sealer::new()
                .unwrap()
                .seal(&document.to_bytes(), id)
                .unwrap(),
        ),
    };
    archive.write(&[payload], 1_772_600_767_089).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn content_is_shown_its_keys_are_wrapped_anew_and_it_is_deleted() {
    let dir = Scratch::new();
    let id = GenerationId::new(1_772_600_767_089, [1; 10]);
    keep(&dir, &id).await;
    let content = |command: &[&str]| run(&dir, &[&["content"], command].concat());
    let shown = content(&["show", id.as_str()]);
    assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
    let shown: Value = serde_json::from_str(&stdout(&shown)).unwrap();
    assert_eq!(shown["request"], json!({"model": "a/b", "messages": []}));
    assert_eq!(shown["answer"], "no JSON");
    let rotate = || stdout(&content(&["rotate"]));
    assert!(rotate().starts_with("0 keys"), "there is one master key");
    let master = dir.0.join("data/master.key");
    let old = std::fs::read_to_string(&master).unwrap();
    std::fs::write(&master, format!("{}\n{old}", "5a".repeat(32))).unwrap();
    assert!(rotate().starts_with("1 key"), "a newer one is in front");
    let deleted = content(&["delete", id.as_str()]);
    assert_eq!(deleted.status.code(), Some(0), "{}", stderr(&deleted));
    for command in ["show", "delete"] {
        let gone = content(&[command, id.as_str()]);
        assert_eq!(gone.status.code(), Some(1));
        assert!(stderr(&gone).contains("no content of"), "{}", stderr(&gone));
    }
}
