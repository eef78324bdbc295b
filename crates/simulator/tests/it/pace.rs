//! When bytes leave and in which pieces.

use std::time::Duration;

use crate::client::{chat, question, start, streamed};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
async fn the_head_and_the_first_token_wait_apart() {
    let simulator = start().await;
    let reply = chat(&simulator, &streamed("m!delay=80ms,first-token=120ms")).await;
    assert!(
        reply.head_at >= ms(80) && reply.head_at < ms(190),
        "{:?}",
        reply.head_at
    );
    assert!(reply.chunks[0].0 >= ms(200), "{:?}", reply.chunks[0].0);
    let reply = chat(&simulator, &question("m!delay=80ms,first-token=50ms")).await;
    assert!(reply.head_at >= ms(80));
    assert!(reply.chunks[0].0 >= ms(130));
}

#[tokio::test]
async fn gaps_lie_between_events() {
    let simulator = start().await;
    let reply = chat(&simulator, &streamed("m!chunks=5,gap=20ms")).await;
    let count = reply.chunks.len();
    assert_eq!(count, 5 + 3);
    let last = reply.chunks[count - 1].0;
    assert!(last >= ms(20) * 7, "{last:?}");
    assert!(reply.chunks.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[tokio::test]
async fn writes_have_the_scripted_size_whatever_the_events_are() {
    let simulator = start().await;
    let plain = chat(&simulator, &streamed("m!text=Hello%20you")).await;
    for size in [1, 7, 1000] {
        let model = format!("m!text=Hello%20you,served-model=m,write={size}");
        let reply = chat(&simulator, &streamed(&model)).await;
        let (last, others) = reply.chunks.split_last().expect("chunks");
        assert!(
            others.iter().all(|(_, chunk)| chunk.len() == size),
            "{size}"
        );
        assert!(last.1.len() <= size);
        assert_eq!(reply.joined("content"), plain.joined("content"));
    }
    let reply = chat(&simulator, &streamed("m!writes=1+10+3")).await;
    let sizes: Vec<_> = reply
        .chunks
        .iter()
        .take(3)
        .map(|(_, chunk)| chunk.len())
        .collect();
    assert_eq!(sizes, [1, 10, 3]);
}

#[tokio::test]
async fn a_drip_is_one_byte_at_a_time() {
    let simulator = start().await;
    let reply = chat(
        &simulator,
        &question("m!text=x,status=404,message=x,drip=1ms"),
    )
    .await;
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!(entry.chunks_written, reply.body.len() as u64);
    let took = reply.chunks[0].0;
    assert!(
        took >= Duration::from_millis(reply.body.len() as u64),
        "{took:?}"
    );
}

#[tokio::test]
async fn writes_end_inside_multi_byte_characters() {
    let simulator = start().await;
    let reply = chat(&simulator, &streamed("m!split-utf8")).await;
    let broken = reply
        .chunks
        .iter()
        .filter(|(_, chunk)| std::str::from_utf8(chunk).is_err())
        .count();
    assert!(broken >= 8, "{broken}");
    let text = reply.joined("content");
    assert!(
        text.contains("Grüße") && text.contains("世界 🧾🚀"),
        "{text}"
    );
}

#[tokio::test]
async fn a_burst_says_the_same() {
    let simulator = start().await;
    let plain = chat(&simulator, &streamed("m!tokens=500")).await;
    let burst = chat(&simulator, &streamed("m!tokens=500,burst")).await;
    assert_eq!(burst.joined("content"), plain.joined("content"));
    assert_eq!(burst.frames().len(), plain.frames().len());
}

#[tokio::test]
async fn comments_fill_the_silence_at_their_interval() {
    let simulator = start().await;
    let model = "m!chunks=3,gap=70ms,first-token=110ms,comment=30ms";
    let reply = chat(&simulator, &streamed(model)).await;
    let text = reply.text();
    let first_event = text.find("data: ").expect("an event");
    assert_eq!(text[..first_event].matches(": keep-alive\n\n").count(), 3);
    assert_eq!(text.matches(": keep-alive\n\n").count(), 3 + 2 * 5);
    assert_eq!(reply.finishes(), ["stop"]);
}

#[tokio::test]
async fn line_ends_can_be_crlf() {
    let simulator = start().await;
    let reply = chat(&simulator, &streamed("m!crlf")).await;
    let text = reply.text();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(text.ends_with("data: [DONE]\r\n\r\n"));
}
