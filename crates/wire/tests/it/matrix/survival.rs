//! What becomes of each feature on its way from each dialect to each other: `docs/dialects.md` has the
//! table, and this test holds it there.
//!
//! `fixtures/matrix/features.json` is a list of small requests: members that are put into a plain
//! request, and texts of which one is in what is written where the feature arrived. Without such texts
//! it arrived where what is written differs from the plain request.
//! To write the table anew: `WAYBILL_WRITE_DOCS=1 cargo nextest run -p wire survival`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use chat::{Dialect, Feature, Features};
use serde_json::{Map, Value};
use wire::{Quirk, Written, lane};

use super::{BODIES, CALLERS, beside, endpoint, inbound, small_request};
use crate::cases::tree;

const BEGIN: &str = "<!-- survival matrix: begin (written by a test of wire) -->\n";
const END: &str = "<!-- survival matrix: end -->\n";

/// What became of a feature.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    /// The bytes travel.
    Same,
    /// All of it is said.
    Carried,
    /// It is said, and something about it is named as dropped.
    Part,
    /// It is named as dropped.
    Named,
    /// Routing asks nobody there, or the caller is told.
    Refused,
    /// Neither said nor named.
    Lost,
}

impl Fate {
    const fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Carried => "yes",
            Self::Part => "part",
            Self::Named => "named",
            Self::Refused => "no",
            Self::Lost => "LOST",
        }
    }
}

fn rows() -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/matrix/features.json");
    let rows = tree(&fs::read(path).expect("the list of features"));
    rows.as_array().expect("a list").clone()
}

/// A plain request with members put into it, and what its door knows of it.
fn asked(caller: Dialect, members: &Map<String, Value>) -> (String, wire::Incoming) {
    let mut body = tree(small_request(caller, false).0.as_bytes());
    let top = body.as_object_mut().expect("an object");
    // Thoughts are asked for only where that is the feature.
    top.shift_remove("generationConfig");
    top.extend(members.clone());
    let text = body.to_string();
    let read = inbound(caller).read_request(text.as_bytes(), beside(caller, false));
    match read {
        Ok(read) => (text, read),
        Err(error) => panic!("{caller}: {error}: {text}"),
    }
}

fn written(caller: Dialect, to: Dialect, members: &Map<String, Value>) -> Option<Written> {
    let (text, request) = asked(caller, members);
    if !caller.reaches(to, request.needs.features) {
        return None;
    }
    let lane = lane(caller, to, to).expect("a lane");
    // The habits of OpenAI itself.
    let names = [
        "max-completion-tokens",
        "reasoning-effort",
        "free-text-tools",
    ];
    let habits = names.map(Quirk::from_name);
    let habits = habits.map(|habit| habit.expect("a habit"));
    let mut endpoint = endpoint(to);
    if to == Dialect::OpenaiChat {
        endpoint.quirks = &habits;
    }
    lane.write((text.as_bytes(), &request), &endpoint).ok()
}

fn fate(caller: Dialect, to: Dialect, row: &Value) -> Fate {
    if caller == to {
        return Fate::Same;
    }
    let members = row["from"][caller.name()].as_object().expect("members");
    let Some(written) = written(caller, to, members) else {
        return Fate::Refused;
    };
    let plain = self::written(caller, to, &Map::new()).expect("a plain request");
    let said = String::from_utf8_lossy(&written.body);
    let mut needles = row["needle"].as_array().expect("texts").iter().peekable();
    let is_said = match needles.peek() {
        Some(_) => needles.any(|needle| said.contains(needle.as_str().expect("text"))),
        None => written.body != plain.body,
    };
    let is_named = written
        .dropped
        .iter()
        .any(|name| !plain.dropped.contains(name));
    match (is_said, is_named) {
        (true, false) => Fate::Carried,
        (true, true) => Fate::Part,
        (false, true) => Fate::Named,
        (false, false) => Fate::Lost,
    }
}

fn table() -> String {
    let mut out = String::new();
    for caller in CALLERS {
        let rows: Vec<_> = rows()
            .into_iter()
            .filter(|row| row["from"][caller.name()].is_object())
            .collect();
        let names = BODIES.map(Dialect::name).join(" | ");
        let _ = writeln!(out, "\n### From {caller}\n\n| feature | {names} |");
        let _ = writeln!(out, "|---|{}", "---|".repeat(BODIES.len()));
        for row in &rows {
            let name = row["feature"].as_str().expect("a name");
            let fates = BODIES.map(|to| fate(caller, to, row).word()).join(" | ");
            let _ = writeln!(out, "| {name} | {fates} |");
        }
    }
    out.push('\n');
    out
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the one who runs the test says whether the table is to be written anew"
)]
fn the_survival_matrix_in_the_docs_is_true() {
    let table = table();
    let lost: Vec<_> = table.lines().filter(|line| line.contains("LOST")).collect();
    assert!(lost.is_empty(), "lost in silence:\n{}", lost.join("\n"));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects.md");
    let text = fs::read_to_string(&path).expect("docs/dialects.md");
    let (before, rest) = text.split_once(BEGIN).expect("the beginning of the table");
    let (told, after) = rest.split_once(END).expect("the end of the table");
    if std::env::var("WAYBILL_WRITE_DOCS").is_ok() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).expect("written");
        return;
    }
    assert_eq!(told, table, "write it anew with WAYBILL_WRITE_DOCS=1");
}

#[test]
fn what_a_dialect_expresses_is_what_its_writer_says() {
    let all = <Feature as chat::set::Member>::ALL.iter();
    // Token ids are for embeddings, which are no conversation.
    for feature in all.filter(|feature| **feature != Feature::TokenPrompt) {
        let rows = rows();
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| row["is"] == feature.name())
            .collect();
        assert!(!rows.is_empty(), "no row for {}", feature.name());
        for (row, caller) in rows
            .iter()
            .flat_map(|row| CALLERS.map(|caller| (row, caller)))
        {
            let Some(members) = row["from"][caller.name()].as_object() else {
                continue;
            };
            let needs = asked(caller, members).1.needs;
            let features = needs.features.union(needs.preferred);
            let place = format!("{} from {caller}", feature.name());
            assert!(features.contains(*feature), "{place}: {features:?}");
            let only = Features::default().with(*feature);
            for to in BODIES.into_iter().filter(|to| *to != caller) {
                let is_expressed = to.expresses().contains(*feature);
                assert_eq!(caller.reaches(to, only), is_expressed, "{place} to {to}");
                let is_reached = is_expressed && features.minus(to.expresses()).is_empty();
                // What is merely preferred is said otherwise where there is no word for it.
                let expected = match is_reached || !needs.features.contains(*feature) {
                    true => Fate::Carried,
                    false => Fate::Refused,
                };
                assert_eq!(fate(caller, to, row), expected, "{place} to {to}");
            }
        }
    }
}
