//! `waybill budget`, `waybill credits` and `waybill ledger`.

use super::program::{run, stderr, stdout};
use crate::stage::Scratch;

#[test]
fn budgets_are_made_listed_and_deleted() {
    let dir = Scratch::new();
    let key = run(&dir, &["key", "create", "--name", "one", "--limit", "5"]);
    assert_eq!(key.status.code(), Some(0), "{}", stderr(&key));
    let made = run(
        &dir,
        &[
            "budget",
            "create",
            "--subject",
            "key=one",
            "--limit",
            "2.5",
            "--window",
            "rolling:24h",
        ],
    );
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let id = stdout(&made).trim_end().to_owned();
    let rows = || stdout(&run(&dir, &["budget", "list"]));
    let listed = rows();
    assert!(
        listed.contains(&id) && listed.contains("\t2.5\trolling:24h\thard\ton\t0\t0"),
        "{listed}"
    );
    assert!(listed.contains("key:"), "the key's own limit: {listed}");
    let deleted = run(&dir, &["budget", "delete", &id]);
    assert_eq!(deleted.status.code(), Some(0), "{}", stderr(&deleted));
    assert!(!rows().contains(&id));
    for (arguments, words) in [
        (["--subject", "nobody=x", "--window", "daily"], "none of"),
        (
            ["--subject", "organization", "--window", "yearly"],
            "no window",
        ),
        (
            ["--subject", "workspace", "--window", "daily"],
            "names which",
        ),
    ] {
        let all = [&["budget", "create", "--limit", "1"][..], &arguments[..]].concat();
        let wrong = run(&dir, &all);
        assert_eq!(wrong.status.code(), Some(1));
        assert!(stderr(&wrong).contains(words), "{}", stderr(&wrong));
    }
}

#[test]
fn credits_are_granted_once_by_id_and_the_books_agree() {
    let dir = Scratch::new();
    let grant = [
        "credits", "grant", "12.5", "--id", "first", "--note", "hello",
    ];
    for _ in 0..2 {
        let granted = run(&dir, &grant);
        assert_eq!(granted.status.code(), Some(0), "{}", stderr(&granted));
        assert_eq!(stdout(&granted), "first\n");
    }
    let back = run(&dir, &["credits", "grant", "-2.5"]);
    assert_eq!(back.status.code(), Some(0), "{}", stderr(&back));
    let listed = stdout(&run(&dir, &["budget", "list"]));
    assert!(listed.contains("\t10\tlifetime\t"), "{listed}");
    let verified = run(&dir, &["ledger", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    assert_eq!(stdout(&verified), "the books agree\n");
}

#[test]
fn refunds_fees_and_purchases_are_posted_and_exported() {
    let dir = Scratch::new();
    for (arguments, id) in [
        (["credits", "purchase", "20"], "p"),
        (["credits", "refund", "1.5"], "r"),
        (["credits", "fee", "0.5"], "f"),
    ] {
        let posted = run(&dir, &[&arguments[..], &["--id", id]].concat());
        assert_eq!(posted.status.code(), Some(0), "{}", stderr(&posted));
    }
    let listed = stdout(&run(&dir, &["budget", "list"]));
    assert!(listed.contains("\t21\tlifetime\t"), "{listed}");
    let csv = stdout(&run(&dir, &["ledger", "export"]));
    let lines: Vec<&str> = csv.lines().map(str::trim_end).collect();
    assert_eq!(lines[0], "at,kind,from,to,amount_usd,generation_id,id");
    assert_eq!(lines.len(), 4, "{csv}");
    assert!(lines[1].ends_with(",fees,0.5,,f:fee:fees"), "{csv}");
    let json = stdout(&run(&dir, &["ledger", "export", "--format", "json"]));
    let kinds: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(kinds.len(), 3);
    assert!(
        kinds
            .iter()
            .any(|line| line["kind"] == "purchase" && line["from"] == "credits")
    );
    let later = stdout(&run(&dir, &["ledger", "export", "--from", "2999-01-01"]));
    assert_eq!(later.lines().count(), 1, "{later}");
    for (arguments, words) in [
        (&["credits", "fee", "-1"][..], "nothing"),
        (
            &["credits", "refund", "1", "--generation", "gen-x"][..],
            "generation",
        ),
    ] {
        let wrong = run(&dir, arguments);
        assert_eq!(wrong.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&wrong).contains(words), "{}", stderr(&wrong));
    }
    let verified = run(&dir, &["ledger", "verify"]);
    assert_eq!(stdout(&verified), "the books agree\n");
}

#[test]
fn an_empty_statement_has_its_heads() {
    let dir = Scratch::new();
    let of = |arguments: &[&str]| {
        let output = run(&dir, &[&["ledger", "statement"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    assert!(of(&[]).ends_with("total\t\t\t\t\t\t0\n"));
    assert!(of(&["--format", "csv"]).starts_with("date,model,requests"));
    assert_eq!(of(&["--format", "json"]), "{\"data\":[],\"total\":0}\n");
    let wrong = run(&dir, &["ledger", "statement", "--from", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_node_is_released_only_when_it_is_said_to_be_lost() {
    let dir = Scratch::new();
    let asked = run(&dir, &["ledger", "release-node", "nobody"]);
    assert_eq!(asked.status.code(), Some(1));
    assert!(stderr(&asked).contains("--lost"), "{}", stderr(&asked));
    let done = run(&dir, &["ledger", "release-node", "nobody", "--lost"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(stdout(&done), "0\n");
}
