//! Who is asked in trouble: budgets of attempts, gates, probes, conversations, metadata.

use std::time::Duration;

use catalog::Kept;
use chat::Kind;
use relay::Timers;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::house::{House, hello};

#[tokio::test]
async fn when_everything_fails_attempts_hardly_grow() {
    let scripts: Vec<_> = ["a", "b", "c", "d"]
        .map(|slug| (slug, "1", "status=503"))
        .into();
    let house = House::open(&scripts).await;
    const CALLS: usize = 400;
    for _ in 0..CALLS {
        assert!(house.send(&hello(false)).await.is_err());
    }
    let asked = house.asked().len();
    assert!(asked >= CALLS && asked * 10 <= CALLS * 12, "{asked}");
}

#[tokio::test]
async fn the_only_endpoint_is_asked_again_after_a_short_wait_and_no_other_way() {
    for (script, expected) in [
        ("status=429,retry-after=1", 2),
        ("status=429,retry-after=60", 1),
        ("status=429", 1),
        ("status=503", 1),
    ] {
        let house = House::open(&[("a", "1", script)]).await;
        let begun = Instant::now();
        assert!(house.send(&hello(false)).await.is_err());
        assert_eq!(house.asked().len(), expected, "{script}");
        let has_waited = begun.elapsed() >= Duration::from_secs(1);
        assert_eq!(has_waited, expected == 2, "{script}");
    }
}

#[tokio::test]
async fn an_empty_answer_is_worth_another_endpoint_but_not_an_error() {
    let empty = "empty,finish=stop";
    let house = House::open(&[("a", "1", empty), ("b", "2", "")]).await;
    for stream in [false, true] {
        assert!(house.send(&hello(stream)).await.is_ok());
    }
    assert_eq!(house.asked()[..2], ["a", "b"]);
    let house = House::open(&[("a", "1", empty)]).await;
    assert!(house.send(&hello(false)).await.is_ok());
}

#[tokio::test]
async fn an_endpoint_that_is_full_is_passed_over() {
    let limited = |row: &mut Value| {
        if row["slug"] == "a" {
            row["endpoints"][0]["max_concurrent"] = json!(1);
        }
    };
    let scripts = [("a", "1", "delay=300ms"), ("b", "2", "")];
    let house = House::with_rows(&scripts, limited).await;
    let request = hello(false);
    let first = house.send(&request);
    let second = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.send(&request).await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() && second.is_ok());
    let mut asked = house.asked();
    asked.sort();
    assert_eq!(asked, ["a", "b"]);
    let records = house.records(2).await;
    let kept = records.iter().map(|record| record.plan.as_deref().unwrap());
    let kept: Vec<_> = kept.map(|text| Kept::from_json(text).unwrap()).collect();
    let passed: Vec<_> = kept.iter().flat_map(|kept| &kept.passed_over).collect();
    assert_eq!(passed, [&("test/echo@a".to_owned(), "full".to_owned())]);
    // With nobody else the caller is told, and may try again.
    let house = House::with_rows(&[("a", "1", "delay=300ms")], limited).await;
    let request = hello(false);
    let second = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.send(&request).await
    };
    let (first, second) = tokio::join!(house.send(&request), second);
    assert!(first.is_ok());
    assert_eq!(
        second.err().map(|error| error.kind),
        Some(Kind::ProviderOverloaded)
    );
    assert!(
        house.send(&request).await.is_ok(),
        "the place is free again"
    );
}

#[tokio::test]
async fn models_move_on_after_any_error_and_keep_a_place_among_the_attempts() {
    let timers = Timers {
        attempts_max: 2,
        ..Timers::default()
    };
    let scripts = [
        ("a", "1", "status=400"),
        ("b", "2", "status=400"),
        ("c", "3", "status=400"),
    ];
    let house = House::with_timers(&scripts, timers).await;
    let body = json!({ "model": "test/echo", "models": ["test/unpriced"],
        "messages": [{ "role": "user", "content": "Hello" }] });
    let error = house.send(&body).await.err().unwrap();
    assert_eq!(error.kind, Kind::InvalidRequest);
    let record = house.record().await;
    let models: Vec<&str> = record.attempts.iter().map(|a| a.model.as_str()).collect();
    assert_eq!(models, ["test/echo", "test/unpriced"]);
}

#[tokio::test]
async fn a_conversation_goes_where_its_prompt_is_cached() {
    let house = House::open(&[("a", "0.5", ""), ("b", "0.4", "")]).await;
    let long = "word ".repeat(2_000);
    let mut body = json!({ "model": "test/echo", "session_id": "s",
        "provider": { "only": ["a"] },
        "messages": [{ "role": "user", "content": long }] });
    let call = |body: &Value| {
        let mut call = house.call(body.to_string().into());
        let object = &body["provider"];
        call.preferences = catalog::Preferences::read(object).unwrap();
        call.caller.session_id = Some("s".to_owned());
        call
    };
    assert!(house.send_call(call(&body)).await.is_ok());
    // Left to itself the next call of the conversation goes to a, though b is cheaper when cold.
    body["provider"] = json!({});
    for _ in 0..5 {
        assert!(house.send_call(call(&body)).await.is_ok());
    }
    assert_eq!(house.asked(), ["a"; 6]);
    // Another workspace knows nothing of it.
    let mut other = call(&body);
    other.caller.workspace_id = "other".to_owned();
    other.preferences.sort = Some(catalog::preferences::Sort::Price);
    assert!(house.send_call(other).await.is_ok());
    assert_eq!(house.asked().last().map(String::as_str), Some("b"));
}

#[tokio::test]
async fn router_metadata_is_given_on_request() {
    let house = House::open(&[("a", "1", "status=503"), ("b", "2", "")]).await;
    for stream in [false, true] {
        let mut call = house.call(hello(stream).to_string().into());
        call.wants_metadata = true;
        let answer = house.send_call(call).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let json = match stream {
            false => text,
            true => {
                let frames = text.split("\n\n").filter_map(|f| f.strip_prefix("data: "));
                let last = frames.filter(|frame| frame.starts_with('{')).last();
                last.unwrap().to_owned()
            }
        };
        let json: Value = serde_json::from_str(&json).unwrap();
        let metadata = &json["openrouter_metadata"];
        assert_eq!(metadata["requested"], "test/echo");
        assert_eq!(metadata["strategy"], "direct");
        let attempts = metadata["attempts"].as_array().unwrap();
        assert_eq!(metadata["attempt"], attempts.len());
        assert_eq!(attempts.last().unwrap()["provider"], "Simulated b");
        assert_eq!(metadata["endpoints"]["total"], 2);
        if !stream {
            assert_eq!(attempts[0]["status"], 503);
        }
    }
    let answer = house.send(&hello(false)).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer.body).contains("openrouter_metadata"));
}

#[tokio::test]
async fn headers_and_tool_calls_teach_the_health_board() {
    use catalog::{EndpointId, Standing, Vitals as _};
    let left = "header=x-ratelimit-remaining-requests:1,header=x-ratelimit-limit-requests:100";
    let house = House::open(&[
        ("a", "1", left),
        ("b", "2", "tools,arguments=%7B%22city%22%3A7%7D"),
    ])
    .await;
    let now_ms = crate::counting::NOW * 1000;
    let vital = |slug: &str| {
        let id = EndpointId::new(&format!("test/echo@{slug}"));
        house.relay.health().vital(&id, now_ms)
    };
    let tools = json!([{ "type": "function", "function": { "name": "find",
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } } } } }]);
    for (slug, valid, invalid) in [("a", 1, 0), ("b", 0, 1)] {
        let mut body = hello(false);
        body["tools"] = tools.clone();
        body["tool_choice"] = json!("required");
        let mut call = house.call(body.to_string().into());
        call.preferences.only = Some(vec![slug.to_owned()]);
        assert!(house.send_call(call).await.is_ok());
        house.quiet().await;
        let seen = vital(slug).tools;
        assert_eq!((seen.valid, seen.invalid), (valid, invalid), "{slug}");
    }
    assert_eq!(vital("a").standing, Standing::Pressed);
    assert_eq!(vital("b").standing, Standing::Normal);
}

#[tokio::test]
async fn a_prompt_that_is_too_long_goes_on_to_an_endpoint_with_a_longer_context() {
    let lengths = [
        ("a", json!(1000)),
        ("b", json!(1000)),
        ("c", json!(9000)),
        ("d", json!(null)),
    ];
    let edit = |row: &mut Value| {
        let mut known = lengths.iter();
        if let Some((_, length)) = known.find(|(slug, _)| row["slug"] == *slug)
            && !length.is_null()
        {
            row["endpoints"][0]["context_length"] = length.clone();
        }
    };
    let long = "status=400,code=context_length_exceeded";
    let house = House::with_rows(&[("a", "1", long), ("b", "2", ""), ("c", "3", "")], edit).await;
    assert!(house.send(&hello(false)).await.is_ok());
    assert_eq!(house.asked(), ["a", "c"]);
    // Who states no limit may take more; one that is as short is not asked.
    let house = House::with_rows(&[("c", "1", long), ("a", "2", ""), ("d", "3", "")], edit).await;
    assert!(house.send(&hello(false)).await.is_ok());
    assert_eq!(house.asked(), ["c", "d"]);
    let house = House::with_rows(&[("c", "1", long), ("a", "2", "")], edit).await;
    let error = house.send(&hello(false)).await.err().unwrap();
    assert_eq!(error.kind, Kind::ContextLengthExceeded);
    assert_eq!(house.asked(), ["c"]);
}

#[tokio::test]
async fn router_metadata_is_given_with_errors_too() {
    for (script, stream) in [
        ("status=503", false),
        ("status=503", true),
        ("error=2", true),
    ] {
        let house = House::open(&[("a", "1", script)]).await;
        let mut call = house.call(hello(stream).to_string().into());
        call.wants_metadata = true;
        let text = match house.send_call(call).await {
            Ok(answer) => String::from_utf8(answer.body.to_vec()).unwrap(),
            Err(error) => error.metadata.unwrap().route.unwrap().into_string(),
        };
        assert!(text.contains("\"strategy\":\"direct\""), "{script}: {text}");
        let is_selected = text.contains("\"selected\":true");
        let has_begun = script.starts_with("error");
        assert_eq!(is_selected, has_begun, "{script}: {text}");
    }
}
