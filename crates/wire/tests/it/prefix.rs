//! Why a provider's cache was of no use, said from hashes.

use serde_json::{Value, json};
use wire::prefix::{Change, Prefix};

fn request() -> Value {
    json!({
        "model": "m",
        "tools": [{"name": "a", "x": "1".repeat(300)}, {"name": "b"}, {"name": "c"}],
        "system": [{"type": "text", "text": format!("{} now {}", "s".repeat(1000), "e".repeat(1000))}],
        "messages": [
            {"role": "user", "content": "u".repeat(500)},
            {"role": "assistant", "content": "a".repeat(500)},
            {"role": "user", "content": "last"},
        ],
    })
}

#[track_caller]
fn check(before: &Value, after: &Value, part: &str, change: Change) -> (usize, usize) {
    let (before, after) = (before.to_string(), after.to_string());
    let (Some(old), Some(new)) = (Prefix::of(before.as_bytes()), Prefix::of(after.as_bytes()))
    else {
        panic!("not a conversation");
    };
    let found = new.compare(&old, after.as_bytes());
    assert_eq!((&*found.part, found.change), (part, change), "{found:?}");
    found.bytes
}

#[test]
fn the_first_part_that_changed_is_named_and_what_happened_to_it() {
    let before = request();
    let mut after = before.clone();
    after["messages"]
        .as_array_mut()
        .unwrap()
        .push(json!({"role": "assistant"}));
    check(&before, &after, "", Change::None);

    let mut other = after.clone();
    other["tools"].as_array_mut().unwrap().swap(0, 2);
    check(&before, &other, "tools[0]", Change::Reordered);

    let mut other = after.clone();
    other["tools"].as_array_mut().unwrap().remove(1);
    check(&before, &other, "tools[1]", Change::Removed);

    let mut other = after.clone();
    other["tools"]
        .as_array_mut()
        .unwrap()
        .insert(1, json!({"name": "new"}));
    check(&before, &other, "tools[1]", Change::Inserted);

    let mut other = after.clone();
    other["messages"].as_array_mut().unwrap().remove(0);
    check(&before, &other, "messages[0]", Change::Removed);

    let mut other = after.clone();
    other["messages"].as_array_mut().unwrap().truncate(2);
    check(&before, &other, "messages[2]", Change::Truncated);

    let mut other = after;
    other["messages"][1]["content"] = "other".into();
    check(&before, &other, "messages[1]", Change::Edited);
}

#[test]
fn the_range_of_bytes_holds_the_change_and_little_else() {
    let at = |now: &str| {
        let mut request = request();
        let text = format!("{} now {now} {}", "s".repeat(1000), "e".repeat(1000));
        request["system"][0]["text"] = text.into();
        request
    };
    let after = at("Thu 2026-11-26 21:00");
    let bytes = check(
        &at("Thu 2026-11-26 20:58"),
        &after,
        "system",
        Change::Timestamp,
    );
    let text = after["system"].to_string();
    let place = text.find("21:00").unwrap();
    assert!(
        bytes.0 <= place && bytes.1 >= place + 5,
        "{bytes:?} {place}"
    );
    assert!(bytes.1 - bytes.0 <= 256, "{bytes:?}");
    check(
        &at("1772600767"),
        &at("1772600768"),
        "system",
        Change::Timestamp,
    );
    let bytes = check(&at("one"), &at("three"), "system", Change::Edited);
    assert!(bytes.1 - bytes.0 <= 256, "{bytes:?}");
}

#[test]
fn marks_are_no_content_and_missed_when_they_are_gone() {
    let before = request();
    let mut marked = before.clone();
    marked["system"][0]["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"});
    marked["messages"][2]["content"] = json!([{"cache_control": {"type": "ephemeral"}, "type": "text", "text": "\"cache_control\""}]);
    let mut moved = marked.clone();
    moved["messages"][2]["content"][0]
        .as_object_mut()
        .unwrap()
        .shift_remove("cache_control");
    check(&marked, &moved, "", Change::None);
    let mut plain = moved;
    plain["system"][0]
        .as_object_mut()
        .unwrap()
        .shift_remove("cache_control");
    check(&marked, &plain, "system", Change::MarkerDropped);
}

#[test]
fn it_is_small_whatever_the_request() {
    let small = Prefix::of(request().to_string().as_bytes()).unwrap();
    assert!(small.bytes() < 2_000, "{}", small.bytes());
    let huge = json!({"messages": (0..5000).map(|_| "x".repeat(2000)).collect::<Vec<_>>()});
    let huge = Prefix::of(huge.to_string().as_bytes()).unwrap();
    assert!(huge.bytes() < 300_000, "{}", huge.bytes());
    assert!(Prefix::of(b"[]").is_none());
    assert!(Prefix::of(b"{}").unwrap().is_empty());
    assert_eq!(
        Prefix::of(br#"{"input":"a"}"#).unwrap().bytes(),
        Prefix::of(br#"{"input":"b"}"#).unwrap().bytes()
    );
}

#[test]
fn a_conversation_that_grows_keeps_its_stations_whatever_its_tools_are() {
    let before = request();
    let mut after = before.clone();
    after["tools"] = json!([]);
    after["messages"]
        .as_array_mut()
        .unwrap()
        .push(json!({"role": "assistant"}));
    let stations = |body: &Value| Prefix::of(body.to_string().as_bytes()).unwrap().stations();
    let (old, new) = (stations(&before), stations(&after));
    assert_eq!((old.len(), new.len()), (4, 5));
    assert_eq!(old[..], new[..4]);
    after["messages"][0]["content"] = "other".into();
    let other = stations(&after);
    assert_eq!(other[0], old[0], "the instructions are the same");
    assert!(other[1..].iter().all(|station| !old.contains(station)));
}
