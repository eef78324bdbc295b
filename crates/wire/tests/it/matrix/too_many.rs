//! Objects of answers with more members than are taken apart: whatever they say, the answer is an
//! error, and nothing of it is missing in silence.

use bytes::Bytes;
use chat::Dialect;
use serde_json::{Value, json};
use wire::frame::Framing;
use wire::{Asked, Beside};

use super::{read_stream, read_whole};
use crate::cases::stamp;

/// More members than are taken apart, behind others.
fn many() -> String {
    (0..1_025).map(|at| format!(r#","m{at}":0"#)).collect()
}

/// Whole answers, and where in them there are too many.
const WHOLE: &[(Dialect, &str)] = &[
    (
        Dialect::BedrockConverse,
        r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"},{"toolUse":{"toolUseId":"t","name":"f","input":{}}MANY}]}},"stopReason":"tool_use"}"#,
    ),
    (
        Dialect::Cohere,
        r#"{"id":"1","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}],"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}MANY}]},"finish_reason":"TOOL_CALL"}"#,
    ),
    (
        Dialect::AnthropicMessages,
        r#"{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi","citations":[{"type":"char_location","cited_text":"x","document_index":0,"start_char_index":0,"end_char_index":1MANY}]}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"Ho"},"finish_reason":"stop"MANY}]}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"MANY},"finish_reason":"stop"}]}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1MANY}}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"MANY}}]},"finish_reason":"tool_calls"}]}"#,
    ),
    (
        Dialect::OpenaiResponses,
        r#"{"id":"1","object":"response","model":"m","status":"completed","output":[{"type":"message","id":"a","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":1,"output_tokens":1MANY}}"#,
    ),
    (
        Dialect::AnthropicMessages,
        r#"{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1MANY}}"#,
    ),
    (
        Dialect::Gemini,
        r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Hi"}]MANY},"finishReason":"STOP"}]}"#,
    ),
    (
        Dialect::Gemini,
        r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1MANY}}"#,
    ),
    (
        Dialect::BedrockConverse,
        r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1MANY}}"#,
    ),
    (
        Dialect::Cohere,
        r#"{"id":"1","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}]},"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":1,"output_tokens":1}MANY}}"#,
    ),
    // Small objects, of which each says a part.
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":8MANY}}}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"cost":{"total_cost":1MANY}}}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":9,"completion_tokens":1MANY}}}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","annotations":[{"type":"url_citation","url_citation":{"url":"https://a.example"MANY}}]},"finish_reason":"stop"}]}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"logprobs":{"content":[]MANY},"finish_reason":"stop"}]}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":null,"audio":{"data":"AAAA","transcript":"Hi"MANY}},"finish_reason":"stop"}]}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"MANY}}]},"finish_reason":"stop"}]}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","extra_content":{"google":{"thought_signature":"s"MANY}}},"finish_reason":"stop"}]}"#,
    ),
    (
        Dialect::OpenaiChat,
        r#"{"id":"1","search_results":[{"url":"https://a.example"MANY}],"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#,
    ),
    (
        Dialect::OpenaiResponses,
        r#"{"id":"1","object":"response","model":"m","status":"completed","output":[{"type":"message","id":"a","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":1,"output_tokens":1,"output_tokens_details":{"reasoning_tokens":0MANY}}}"#,
    ),
    (
        Dialect::OpenaiResponses,
        r#"{"id":"1","object":"response","model":"m","status":"incomplete","incomplete_details":{"reason":"content_filter"MANY},"output":[{"type":"message","id":"a","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}]}"#,
    ),
    (
        Dialect::AnthropicMessages,
        r#"{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":7MANY}}}"#,
    ),
    (
        Dialect::AnthropicMessages,
        r#"{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"t","name":"f","input":{},"caller":{"type":"code_execution_20250825"MANY}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}"#,
    ),
    (
        Dialect::Gemini,
        r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":8MANY}]}}"#,
    ),
    (
        Dialect::Gemini,
        r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Hi"}]},"logprobsResult":{"chosenCandidates":[{"token":"Hi","logProbability":0}]MANY},"finishReason":"STOP"}]}"#,
    ),
    (
        Dialect::Gemini,
        r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Hi"}]},"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example"MANY}}]},"finishReason":"STOP"}]}"#,
    ),
    (
        Dialect::Gemini,
        r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Hi"}]},"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example"}}],"groundingSupports":[{"segment":{"endIndex":2MANY},"groundingChunkIndices":[0]}]},"finishReason":"STOP"}]}"#,
    ),
    (
        Dialect::BedrockConverse,
        r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1},"serviceTier":{"type":"flex"MANY}}"#,
    ),
    (
        Dialect::BedrockConverse,
        r#"{"output":{"message":{"role":"assistant","content":[{"citationsContent":{"content":[{"text":"Hi"}],"citations":[{"title":"T","location":{"documentChar":{"documentIndex":0,"start":0,"end":1MANY}}}]}}]}},"stopReason":"end_turn"}"#,
    ),
    (
        Dialect::BedrockConverse,
        r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm"MANY}}},{"text":"Hi"}]}},"stopReason":"end_turn"}"#,
    ),
    (
        Dialect::BedrockConverse,
        r#"{"output":{"message":{"role":"assistant","content":[{"image":{"format":"png","source":{"bytes":"AAAA"MANY}}}]}},"stopReason":"end_turn"}"#,
    ),
    (
        Dialect::Cohere,
        r#"{"id":"1","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}]},"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":1MANY}}}"#,
    ),
    (
        Dialect::Cohere,
        r#"{"id":"1","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}],"citations":[{"start":0,"end":2,"text":"Hi","sources":[{"type":"document","id":"d","document":{"id":"d","text":"x"MANY}}]}]},"finish_reason":"COMPLETE"}"#,
    ),
];

/// One object with more members than are taken apart is not left out: nobody is to act upon an answer
/// of which a call is missing, or to be billed for one of which the count is.
#[test]
fn an_answer_with_an_object_of_too_many_members_is_an_error() {
    let many = many();
    for (body, answer) in WHOLE {
        let body = *body;
        let fine = read_whole(body, answer.replace("MANY", "").as_bytes());
        assert!(fine.is_ok(), "{body}: {fine:?}");
        let error =
            read_whole(body, answer.replace("MANY", &many).as_bytes()).expect_err("an error");
        assert!(
            error.message.contains("too many members"),
            "{body}: {error}"
        );
    }
}

#[test]
fn an_event_with_an_object_of_too_many_members_is_an_error() {
    let many = many();
    for (body, events) in [
        (
            Dialect::OpenaiChat,
            r#"{"id":"1","choices":[{"index":0,"delta":{"content":"Hi"MANY},"finish_reason":"stop"}]}"#,
        ),
        (
            Dialect::Cohere,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"MANY}}}}
{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#,
        ),
        (
            Dialect::AnthropicMessages,
            r#"{"type":"message_start","message":{"id":"1","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1MANY}}}
{"type":"message_delta","delta":{"stop_reason":"end_turn"}}
{"type":"message_stop"}"#,
        ),
        (
            Dialect::AnthropicMessages,
            r#"{"type":"message_start","message":{"id":"1","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}
{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}
{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"page_location","cited_text":"x","document_index":0MANY}}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}
{"type":"message_stop"}"#,
        ),
        (
            Dialect::OpenaiChat,
            r#"{"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":0MANY}}}]}"#,
        ),
    ] {
        let read = |many: &str| {
            let events = events.replace("MANY", many);
            let lines = events.lines().map(|event| format!("data: {event}\n\n"));
            let done = (body == Dialect::OpenaiChat).then(|| "data: [DONE]\n\n".to_owned());
            let stream: String = lines.chain(done).collect();
            read_stream(body, Framing::Sse, stream.as_bytes())
        };
        let fine = read("");
        assert!(fine.is_ok(), "{body}: {fine:?}");
        let error = read(&many).expect_err("an error");
        assert!(
            error.message.contains("too many members"),
            "{body}: {error}"
        );
    }
}

/// Vectors and scores, whose counts are what they cost.
#[test]
fn so_is_an_answer_that_is_no_conversation() {
    let vectors = json!({"model": "m", "input": ["x"]});
    let ranking = json!({"model": "m", "query": "q", "documents": ["a", "b"]});
    let many = many();
    let (embeddings, rerank) = (Dialect::OpenaiEmbeddings, Dialect::Rerank);
    for (from, to, asked, answer) in [
        (
            embeddings,
            Dialect::OpenaiChat,
            &vectors,
            r#"{"data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":1MANY}}"#,
        ),
        (
            embeddings,
            Dialect::OpenaiChat,
            &vectors,
            r#"{"data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":1,"prompt_tokens_details":{"image_tokens":1MANY}}}"#,
        ),
        (
            embeddings,
            Dialect::Cohere,
            &vectors,
            r#"{"embeddings":{"float":[[0.5]]MANY},"meta":{"billed_units":{"input_tokens":1}}}"#,
        ),
        (
            embeddings,
            Dialect::Cohere,
            &vectors,
            r#"{"embeddings":{"float":[[0.5]]},"meta":{"billed_units":{"input_tokens":1MANY}}}"#,
        ),
        (
            embeddings,
            Dialect::Gemini,
            &vectors,
            r#"{"embeddings":[{"values":[0.5],"statistics":{"token_count":1MANY}}]}"#,
        ),
        (
            embeddings,
            Dialect::Gemini,
            &vectors,
            r#"{"embeddings":[{"values":[0.5]}],"usageMetadata":{"promptTokenCount":1MANY}}"#,
        ),
        (
            rerank,
            Dialect::OpenaiChat,
            &ranking,
            r#"{"results":[{"index":0,"relevance_score":0.5}],"usage":{"total_tokens":1,"cost":{"total_cost":1MANY}}}"#,
        ),
        (
            rerank,
            Dialect::Cohere,
            &ranking,
            r#"{"results":[{"index":0,"relevance_score":0.5}],"meta":{"billed_units":{"search_units":1MANY}}}"#,
        ),
    ] {
        let read = |many: &str| plain(from, to, asked, &answer.replace("MANY", many));
        assert_eq!(read(""), Ok(()), "{to}: {answer}");
        let error = read(&many).expect_err("an error");
        assert!(error.message.contains("too many members"), "{to}: {error}");
    }
}

fn plain(from: Dialect, to: Dialect, asked: &Value, answer: &str) -> Result<(), chat::Error> {
    let text = asked.to_string();
    let door = wire::door(from).expect("a door");
    let request = door.read_request(text.as_bytes(), Beside::default());
    let lane = wire::lane(from, to, to).expect("a lane");
    let mut tap = lane.tap(&Asked {
        body: text.as_bytes(),
        request: &request.expect("a request"),
        stamp: stamp(),
    });
    tap.read_whole(&Bytes::from(answer.to_owned()), &mut |_| ())
}
