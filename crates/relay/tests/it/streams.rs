//! How streams travel: stamped, bounded, watched, and never ended cleanly when they broke.

use std::time::Duration;

use relay::{Reply, Timers};
use serde_json::json;
use simulator::{Raw, Script};

use crate::house::{House, hasty, hello};
use crate::reading::Seen;

#[tokio::test]
async fn a_stream_is_stamped_and_ends_with_usage_cost_and_the_terminator() {
    let house = House::open(&[("a", "1", "chunks=5")]).await;
    let seen = Seen::stream(&house.send(&hello(true)).await.unwrap().body);
    let record = house.record().await;
    assert!(seen.done);
    for frame in &seen.frames {
        assert_eq!(frame["id"], record.id.as_str());
        assert_eq!(frame["model"], "test/echo");
        assert_eq!(frame["provider"], "Simulated a");
    }
    let last = seen.frames.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    let total = &record.charge.as_ref().unwrap().total;
    assert_eq!(
        last["usage"]["cost"].to_string().parse::<f64>().unwrap(),
        total.to_usd().parse::<f64>().unwrap()
    );
    assert_eq!(
        seen.frames
            .iter()
            .filter(|frame| frame["usage"].is_object())
            .count(),
        1
    );
}

#[tokio::test]
async fn any_way_of_writing_a_stream_reads_the_same() {
    let plain = House::open(&[("a", "1", "utf8,chunks=12")]).await;
    let expected = Seen::stream(&plain.send(&hello(true)).await.unwrap().body).choice();
    assert!(!expected.content.is_ascii());
    for way in [
        "write=1",
        "write=7",
        "split-utf8",
        "crlf",
        "burst",
        "usage=every",
        "usage=last",
        "no-done",
    ] {
        let script = format!("utf8,chunks=12,{way}");
        let house = House::open(&[("a", "1", &script)]).await;
        let seen = Seen::stream(&house.send(&hello(true)).await.unwrap().body);
        assert_eq!(seen.choice(), expected, "{way}");
        assert!(seen.done, "{way}");
    }
}

#[tokio::test]
async fn a_provider_that_fails_after_the_first_token_becomes_an_error_event() {
    for script in [
        "error=3",
        "malformed",
        "reset=900",
        "abort=900",
        "cut=900",
        "hang=3",
        "finish=missing",
        "finish=missing,no-done",
    ] {
        let script = format!("chunks=20,gap=1ms,{script}");
        let house = House::with_timers(&[("a", "1", &script), ("b", "2", "")], hasty()).await;
        let seen = Seen::stream(&house.send(&hello(true)).await.unwrap().body);
        assert!(!seen.done, "{script} must not look complete");
        assert!(seen.error.is_some(), "{script}: {seen:?}");
        assert_eq!(seen.choice().finish.as_deref(), Some("error"), "{script}");
        assert!(!seen.choice().content.is_empty(), "{script}");
        assert_eq!(
            house.asked(),
            ["a"],
            "{script}: no fallback after the first byte"
        );
        let record = house.record().await;
        assert_eq!(
            record.finish.as_ref().unwrap().reason.name(),
            "error",
            "{script}"
        );
    }
}

#[tokio::test]
async fn an_unclosed_tool_call_is_never_presented_as_finished() {
    let house = House::open(&[("a", "1", "tools,unclosed-tool")]).await;
    let mut request = hello(true);
    request["tools"] = json!([{ "type": "function", "function": { "name": "run",
        "parameters": { "type": "object", "properties": { "command": { "type": "string" } } } } }]);
    let seen = Seen::stream(&house.send(&request).await.unwrap().body);
    assert!(!seen.done && seen.error.is_some(), "{seen:?}");
}

#[tokio::test]
async fn a_cut_at_any_byte_is_an_error_or_the_whole_answer() {
    let house = House::open(&[("a", "1", "chunks=4")]).await;
    let whole = house.send(&hello(true)).await.unwrap();
    let expected = Seen::stream(&whole.body).choice();
    let length = house.simulator.ledger().last().unwrap().bytes_written;
    for at in 0..length {
        house
            .simulator
            .script("*", Script::parse(&format!("chunks=4,cut={at}")).unwrap());
        match house.send(&hello(true)).await {
            Ok(answer) => {
                let seen = Seen::stream(&answer.body);
                let is_whole = seen.done && seen.choice() == expected;
                assert!(
                    is_whole || seen.error.is_some() && !seen.done,
                    "cut at {at}: {seen:?}"
                );
            }
            Err(error) => assert!(error.kind.status() >= 500, "cut at {at}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_slow_caller_holds_the_provider_back_instead_of_filling_memory() {
    let body = (0..4000)
        .map(|n| {
            let text = "x".repeat(2000);
            format!("data: {{\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{n}{text}\"}},\"finish_reason\":null}}]}}\n\n")
        })
        .collect::<String>();
    let total = u64::try_from(body.len()).unwrap();
    let house = House::open(&[("a", "1", "")]).await;
    house.simulator.script_once(
        "*",
        Script::raw(Raw::new("text/event-stream", body).in_writes([4096; 1950])),
    );
    let call = house.call(hello(true).to_string().into());
    let Reply::Stream { mut body, .. } = house.relay.relay(call).await.unwrap() else {
        panic!("a stream was asked for")
    };
    body.next().await.unwrap();
    // Nobody reads: what the provider could write must settle far below the whole.
    let mut written = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let now = house.simulator.ledger().last().unwrap().bytes_written;
        if now == written && now > 0 {
            break;
        }
        written = now;
    }
    assert!(
        written < total * 3 / 4,
        "{written} of {total} bytes were taken from the provider"
    );
}

#[tokio::test]
async fn a_silent_provider_is_covered_by_comments_and_then_given_up() {
    let timers = Timers {
        hold: Duration::from_millis(40),
        keep_alive: Duration::from_millis(40),
        first_token: Duration::from_millis(400),
        ..hasty()
    };
    let house = House::with_timers(&[("a", "1", "hang=headers")], timers).await;
    let seen = Seen::stream(&house.send(&hello(true)).await.unwrap().body);
    assert!(seen.comments >= 3, "{seen:?}");
    assert_eq!(seen.error.unwrap()["code"], 504);
}

#[tokio::test]
async fn comments_cover_a_pause_in_the_middle_of_a_stream() {
    let timers = Timers {
        keep_alive: Duration::from_millis(40),
        idle: Duration::from_secs(2),
        ..hasty()
    };
    let house = House::with_timers(&[("a", "1", "chunks=3,gap=250ms")], timers).await;
    let seen = Seen::stream(&house.send(&hello(true)).await.unwrap().body);
    assert!(seen.done && seen.comments >= 3, "{seen:?}");
}

#[tokio::test]
async fn the_total_timer_ends_a_stream_that_drips_for_ever() {
    let timers = Timers {
        total: Duration::from_millis(500),
        ..hasty()
    };
    let house = House::with_timers(&[("a", "1", "chunks=1000,gap=20ms")], timers).await;
    let seen = Seen::stream(&house.send(&hello(true)).await.unwrap().body);
    assert_eq!(seen.error.unwrap()["code"], 504);
}
