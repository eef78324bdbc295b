//! Secrets at rest: only the right key opens them, only in their place, and keys can be changed.

use store::{KeyMistake, MasterKeys, Vault, VaultError};

use crate::suite::Scratch;

const OLD: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const NEW: &str = "0000000000000000000000000000000000000000000000000000000000000002";

fn vault(keys: &[&str]) -> Vault {
    Vault::new(MasterKeys::from_text(&keys.join("\n")).unwrap())
}

#[test]
fn what_is_sealed_comes_back_and_does_not_show() {
    let vault = vault(&[NEW]);
    let sealed = vault.seal("sk-very-secret", "credential/1").unwrap();
    assert!(sealed.starts_with("v1."), "{sealed}");
    assert!(!sealed.contains(&hex::encode("sk-very-secret")));
    assert_eq!(
        vault.open(&sealed, "credential/1").unwrap(),
        "sk-very-secret"
    );
    let again = vault.seal("sk-very-secret", "credential/1").unwrap();
    assert_ne!(sealed, again, "equal secrets must not look equal");
}

#[test]
fn nothing_opens_in_another_place_or_damaged() {
    let vault = vault(&[NEW]);
    let sealed = vault.seal("secret", "credential/1").unwrap();
    let unopenable = Err(VaultError::Unopenable);
    assert_eq!(vault.open(&sealed, "credential/2"), unopenable);
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone().into_bytes();
        damaged[at] = if damaged[at] == b'0' { b'1' } else { b'0' };
        let damaged = String::from_utf8(damaged).unwrap();
        assert!(vault.open(&damaged, "credential/1").is_err(), "byte {at}");
    }
    for short in ["", "v1", "v1.", "v1..", "v1.00.00.00", "x.y.z.w"] {
        assert!(vault.open(short, "credential/1").is_err(), "{short}");
    }
}

#[test]
fn a_master_key_is_changed_without_losing_anything() {
    let before = vault(&[OLD]);
    let sealed = before.seal("secret", "place").unwrap();
    let (key, wrapped) = before.new_data_key().unwrap();
    let payload = key.seal(b"payload", "day/1").unwrap();

    let during = vault(&[NEW, OLD]);
    assert_eq!(during.open(&sealed, "place").unwrap(), "secret");
    let renewed = during.renewed(&sealed).unwrap().unwrap();
    assert_eq!(during.renewed(&renewed).unwrap(), None);
    let rewrapped = during.rewrapped(&wrapped).unwrap().unwrap();

    let after = vault(&[NEW]);
    assert_eq!(after.open(&renewed, "place").unwrap(), "secret");
    let key = after.data_key(&rewrapped).unwrap();
    assert_eq!(key.open(&payload, "day/1").unwrap(), b"payload");
    let error = after.open(&sealed, "place").unwrap_err();
    assert!(matches!(error, VaultError::OtherKey { .. }), "{error}");
}

#[test]
fn a_mistake_in_a_key_is_told_without_the_key() {
    let check = |text: &str, expected| {
        let found = MasterKeys::from_text(text).map(drop);
        assert_eq!(found, Err(expected), "{text}");
    };
    check("", KeyMistake::Empty);
    check("0123", KeyMistake::NotAKey(1));
    check(&format!("{NEW} {}", &OLD[1..]), KeyMistake::NotAKey(2));
    check(&[NEW; 17].join(" "), KeyMistake::TooMany);
    let shown = format!("{:?}", vault(&[NEW]));
    assert!(!shown.contains(NEW) && !shown.contains("[0, 0"), "{shown}");
}

#[test]
fn the_key_of_a_data_directory_is_made_once_and_for_its_owner_alone() {
    let dir = Scratch::new();
    let first = Vault::new(MasterKeys::in_data_dir(&dir.0, [7; 32]).unwrap());
    let sealed = first.seal("secret", "place").unwrap();
    let second = Vault::new(MasterKeys::in_data_dir(&dir.0, [8; 32]).unwrap());
    assert_eq!(second.open(&sealed, "place").unwrap(), "secret");
    let names = std::fs::read_dir(&dir.0).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["master.key"], "nothing half-made is left");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let path = dir.0.join("master.key");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = MasterKeys::in_data_dir(&dir.0, [8; 32]).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}
