//! Answers that are told once more: what changes in each dialect, and what does not.

use chat::Dialect;
use wire::Again;

fn again(dialect: Dialect) -> Again<'static> {
    Again {
        dialect,
        id: "gen-new",
        created: 99,
    }
}

#[track_caller]
fn whole(dialect: Dialect, answer: &str, expected: &str) {
    let told = again(dialect).whole(answer.as_bytes()).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&told), expected);
}

#[track_caller]
fn stream(dialect: Dialect, answer: &str, expected: &str) {
    let told = again(dialect).stream(answer.as_bytes()).expect("a stream");
    assert_eq!(String::from_utf8_lossy(&told), expected);
}

#[test]
fn whole_answers_keep_their_content_and_count_nothing() {
    whole(
        Dialect::OpenaiChat,
        r#"{"id":"gen-old","created":7,"choices":[{"index":3,"message":{"content":"7 \"id\"","id":"x"}}],"usage":{"prompt_tokens":5,"cost":null,"is_byok":false,"d":{"a":[1,2.5]},"cost_details":null},"openrouter_metadata":{"attempt":1}}"#,
        r#"{"id":"gen-new","created":99,"choices":[{"index":3,"message":{"content":"7 \"id\"","id":"x"}}],"usage":{"prompt_tokens":0,"cost":0,"is_byok":false,"d":{"a":[0,0]},"cost_details":null}}"#,
    );
    whole(
        Dialect::AnthropicMessages,
        r#"{"id":"gen-old","content":[{"id":"toolu_1"}],"usage":{"input_tokens":5,"service_tier":"standard"}}"#,
        r#"{"id":"gen-new","content":[{"id":"toolu_1"}],"usage":{"input_tokens":0,"service_tier":"standard"}}"#,
    );
    whole(
        Dialect::OpenaiResponses,
        r#"{"id":"gen-old","created_at":1,"completed_at":null,"output":[{"id":"msg_1"}],"usage":{"cost":0.5}}"#,
        r#"{"id":"gen-new","created_at":99,"completed_at":null,"output":[{"id":"msg_1"}],"usage":{"cost":0}}"#,
    );
    whole(
        Dialect::Gemini,
        r#"{"candidates":[],"usageMetadata":{"promptTokensDetails":[{"modality":"TEXT","tokenCount":4}]},"cost":null,"responseId":"gen-old"}"#,
        r#"{"candidates":[],"usageMetadata":{"promptTokensDetails":[{"modality":"TEXT","tokenCount":0}]},"cost":0,"responseId":"gen-new"}"#,
    );
    whole(
        Dialect::OpenaiEmbeddings,
        r#"{"data":[{"embedding":[0.5,1]}],"usage":{"prompt_tokens":2,"total_tokens":2},"id":"gen-old"}"#,
        r#"{"data":[{"embedding":[0.5,1]}],"usage":{"prompt_tokens":0,"total_tokens":0},"id":"gen-new"}"#,
    );
}

#[test]
fn streams_are_told_without_their_signs_of_life() {
    stream(
        Dialect::OpenaiChat,
        ": WAYBILL PROCESSING\n\ndata: {\"id\":\"gen-old\",\"created\":7,\"choices\":[]}\n\n: WAYBILL PROCESSING\n\ndata: {\"id\":\"gen-old\",\"usage\":{\"cost\":2},\"openrouter_metadata\":{}}\n\ndata: [DONE]\n\n",
        "data: {\"id\":\"gen-new\",\"created\":99,\"choices\":[]}\n\ndata: {\"id\":\"gen-new\",\"usage\":{\"cost\":0}}\n\ndata: [DONE]\n\n",
    );
    stream(
        Dialect::AnthropicMessages,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"gen-old\",\"usage\":{\"input_tokens\":3}}}\n\nevent: content_block_start\ndata: {\"index\":1,\"content_block\":{\"id\":\"toolu_1\"}}\n\nevent: message_delta\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":4,\"cost\":1}}\n\n",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"gen-new\",\"usage\":{\"input_tokens\":0}}}\n\nevent: content_block_start\ndata: {\"index\":1,\"content_block\":{\"id\":\"toolu_1\"}}\n\nevent: message_delta\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":0,\"cost\":0}}\n\n",
    );
    stream(
        Dialect::OpenaiResponses,
        "event: response.created\ndata: {\"sequence_number\":0,\"response\":{\"id\":\"gen-old\",\"created_at\":5,\"usage\":null}}\n\nevent: x\ndata: {\"sequence_number\":1,\"item\":{\"id\":\"msg_1\"}}\n\nevent: response.completed\ndata: {\"response\":{\"id\":\"gen-old\",\"usage\":{\"input_tokens\":3}},\"openrouter_metadata\":{\"a\":1}}\n\ndata: [DONE]\n\n",
        "event: response.created\ndata: {\"sequence_number\":0,\"response\":{\"id\":\"gen-new\",\"created_at\":99,\"usage\":null}}\n\nevent: x\ndata: {\"sequence_number\":1,\"item\":{\"id\":\"msg_1\"}}\n\nevent: response.completed\ndata: {\"response\":{\"id\":\"gen-new\",\"usage\":{\"input_tokens\":0}}}\n\ndata: [DONE]\n\n",
    );
    let chunks = r#"{"responseId":"gen-old"},
{"usageMetadata":{"totalTokenCount":8},"cost":0.1,"responseId":"gen-old"}"#;
    let told = r#"{"responseId":"gen-new"},
{"usageMetadata":{"totalTokenCount":0},"cost":0,"responseId":"gen-new"}"#;
    stream(
        Dialect::Gemini,
        &format!("[{chunks}]"),
        &format!("[{told}]"),
    );
    stream(
        Dialect::Gemini,
        "data: {\"responseId\":\"gen-old\",\"cost\":3}\n\n",
        "data: {\"responseId\":\"gen-new\",\"cost\":0}\n\n",
    );
}

#[test]
fn what_is_no_answer_is_not_told() {
    for answer in ["", "{", "[1]", "\u{0}"] {
        assert!(
            again(Dialect::OpenaiChat).whole(answer.as_bytes()).is_err(),
            "{answer}"
        );
    }
    assert!(again(Dialect::OpenaiChat).whole(&[0xff]).is_err());
    assert!(
        again(Dialect::OpenaiChat)
            .stream(b"data: {\"id\":\n\n")
            .is_err()
    );
    // Doors without a response cache.
    for dialect in Dialect::ALL {
        let told = again(dialect).whole(b"{}");
        assert_eq!(told.is_ok(), wire::can_replay(dialect), "{dialect}");
    }
}
