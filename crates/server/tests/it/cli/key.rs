//! `waybill key`.

use super::program::{run, stderr, stdout};
use crate::stage::Scratch;

#[test]
fn keys_are_made_listed_switched_off_and_deleted() {
    let dir = Scratch::new();
    let made = run(
        &dir,
        &[
            "key", "create", "--name", "one", "--limit", "5", "--reset", "daily",
        ],
    );
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let secret = stdout(&made);
    assert!(
        server::keyring::is_our_form(secret.trim_end()),
        "nothing but the key: {secret:?}"
    );
    let management = run(&dir, &["key", "create", "--name", "boss", "--management"]);
    assert_eq!(management.status.code(), Some(0));

    let state = || -> Vec<Vec<String>> {
        let list = stdout(&run(&dir, &["key", "list"]));
        assert!(!list.contains(secret.trim_end()));
        let rows = list.lines().skip(1);
        rows.map(|row| row.split('\t').map(str::to_owned).collect())
            .collect()
    };
    let rows = state();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[0][2..6], ["one", "inference", "active", "5 daily"]);
    assert_eq!(rows[1][2..6], ["boss", "management", "active", "none"]);
    let hash = rows[0][0].clone();

    let off = run(&dir, &["key", "disable", &hash[..12]]);
    assert_eq!(off.status.code(), Some(0), "{}", stderr(&off));
    assert_eq!(state()[0][4], "disabled");
    assert_eq!(
        run(&dir, &["key", "delete", secret.trim_end()])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(state().len(), 1);
    let gone = run(&dir, &["key", "delete", &hash]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains("no such key"));
}

#[test]
fn values_that_are_no_values_are_wrong_usage() {
    let dir = Scratch::new();
    for arguments in [
        ["--limit", "much"],
        ["--limit", "-1"],
        ["--expires", "2099-01-01T00:00:00+02:00"],
        ["--reset", "hourly"],
    ] {
        let all = [&["key", "create", "--name", "x"][..], &arguments[..]].concat();
        assert_eq!(run(&dir, &all).status.code(), Some(2), "{arguments:?}");
    }
}
