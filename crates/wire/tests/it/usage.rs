//! Every provider's way of counting, to the same disjoint buckets.

use chat::Unit::{
    CacheRead, CacheWrite, Input, InputAudio, Output, OutputAudio, OutputImage, Reasoning,
    WebSearch,
};
use chat::{Event, Unit, Usage};
use wire::openai_chat::Whole;

use crate::cases::stamp;

fn read(usage: &str) -> Usage {
    let body = format!(
        r#"{{"choices":[{{"message":{{"content":"x"}},"finish_reason":"stop"}}],"usage":{usage}}}"#
    );
    let mut read = Usage::default();
    Whole::read(body.into(), &stamp(), &mut |event| {
        if let Event::Usage(usage) = event {
            read.merge(usage);
        }
    })
    .expect(usage);
    read
}

const CASES: &[(&str, &[(Unit, u64)])] = &[
    (
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}"#,
        &[(Input, 10), (Output, 5)],
    ),
    // OpenAI: parts are included.
    (
        r#"{"prompt_tokens":320,"completion_tokens":180,"total_tokens":500,"prompt_tokens_details":{"cached_tokens":12,"audio_tokens":240},"completion_tokens_details":{"reasoning_tokens":15,"audio_tokens":90}}"#,
        &[
            (Input, 68),
            (CacheRead, 12),
            (InputAudio, 240),
            (Output, 75),
            (Reasoning, 15),
            (OutputAudio, 90),
        ],
    ),
    // DeepSeek.
    (
        r#"{"prompt_tokens":451,"completion_tokens":21,"total_tokens":472,"prompt_cache_hit_tokens":384,"prompt_cache_miss_tokens":67}"#,
        &[(Input, 67), (CacheRead, 384), (Output, 21)],
    ),
    // Moonshot, Together.
    (
        r#"{"prompt_tokens":41,"completion_tokens":15,"total_tokens":56,"cached_tokens":40}"#,
        &[(Input, 1), (CacheRead, 40), (Output, 15)],
    ),
    // OpenRouter.
    (
        r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},"completion_tokens_details":{"reasoning_tokens":0,"image_tokens":40}}"#,
        &[
            (Input, 10),
            (CacheRead, 60),
            (CacheWrite, 30),
            (Output, 10),
            (Reasoning, 0),
            (OutputImage, 40),
        ],
    ),
    // xAI: reasoning stands beside the completion.
    (
        r#"{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,"prompt_tokens_details":{"cached_tokens":11},"completion_tokens_details":{"reasoning_tokens":290}}"#,
        &[(Input, 1), (CacheRead, 11), (Output, 1), (Reasoning, 290)],
    ),
    // xAI's models on Azure: the cache stands beside the prompt.
    (
        r#"{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":163}}"#,
        &[(Input, 7), (CacheRead, 163), (Output, 1)],
    ),
    // A total that counts the cache beside the prompt.
    (
        r#"{"prompt_tokens":70,"completion_tokens":1,"total_tokens":131,"cached_tokens":60}"#,
        &[(Input, 70), (CacheRead, 60), (Output, 1)],
    ),
    // Gemini's compatible endpoint hides its thinking in the total.
    (
        r#"{"prompt_tokens":66,"completion_tokens":6,"total_tokens":100}"#,
        &[(Input, 66), (Output, 6), (Reasoning, 28)],
    ),
    // Nonsense never turns negative.
    (
        r#"{"prompt_tokens":-5,"completion_tokens":2.9,"total_tokens":0}"#,
        &[(Input, 0), (Output, 2)],
    ),
    (
        r#"{"prompt_tokens":1,"completion_tokens":3,"completion_tokens_details":{"reasoning_tokens":9}}"#,
        &[(Input, 1), (Output, 3), (Reasoning, 9)],
    ),
    (
        r#"{"prompt_tokens":99999999999999999999999,"completion_tokens":1}"#,
        &[(Input, u64::MAX), (Output, 1)],
    ),
    (
        r#"{"prompt_tokens":null,"completion_tokens":"7","prompt_tokens_details":null}"#,
        &[],
    ),
    (
        r#"{"prompt_tokens":1,"completion_tokens":1,"num_search_queries":3}"#,
        &[(Input, 1), (Output, 1), (WebSearch, 3)],
    ),
];

#[test]
fn counts_end_up_in_disjoint_buckets_by_the_written_rule() {
    for (json, expected) in CASES {
        let usage = read(json);
        let mut found: Vec<_> = usage.iter().collect();
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{json}");
        assert_eq!(usage.native.as_deref(), Some(*json));
    }
}

#[test]
fn native_costs_are_exact_and_rounded_up() {
    for (json, nanos) in [
        (r#"{"cost":0.00515}"#, Some(5_150_000)),
        (r#"{"cost":5e-05}"#, Some(50_000)),
        (r#"{"cost":0.0076509169000000005}"#, Some(7_650_917)),
        (r#"{"cost":{"total_cost":0.005}}"#, Some(5_000_000)),
        (r#"{"cost_in_usd_ticks":1466250}"#, Some(146_625)),
        (r#"{"cost_in_usd_ticks":1}"#, Some(1)),
        (r#"{"cost":null}"#, None),
        (r#"{"cost":"free"}"#, None),
        (r#"{"cost":-1}"#, None),
    ] {
        assert_eq!(read(json).native_cost_nanos, nanos, "{json}");
    }
}
