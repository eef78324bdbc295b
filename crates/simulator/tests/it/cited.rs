//! Documents and search results that are to be cited: what is taken, and what answers say of them.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::binary::messages;
use crate::client::{Reply, send, start};
use crate::signing::signed;

const CLAUDE: &str = "/model/anthropic.claude-v1%3A0/converse";
const STREAM: &str = "/model/anthropic.claude-v1%3A0/converse-stream";
const NOVA: &str = "/model/amazon.nova-pro-v1%3A0/converse";

fn text() -> Value {
    json!({"text": "Low at six."})
}

fn found() -> Value {
    json!({"searchResult": {"source": "https://x.test", "title": "T",
        "content": [text()], "citations": {"enabled": true}}})
}

fn document(source: &Value, format: &str) -> Value {
    json!({"document": {"name": "tides", "format": format, "source": source,
        "citations": {"enabled": true}}})
}

async fn ask(simulator: &Simulator, path: &str, block: &Value) -> Reply {
    let content = json!([block, {"text": "Low?"}]);
    let body = json!({"messages": [{"role": "user", "content": content}]});
    signed(simulator, path, &body).await
}

/// The same block, in a result of a tool.
async fn ask_with_result(simulator: &Simulator, block: &Value) -> Reply {
    let call = json!({"toolUse": {"toolUseId": "c", "name": "f", "input": {}}});
    let result = json!({"toolResult": {"toolUseId": "c", "content": [block]}});
    let spec = json!({"name": "f", "inputSchema": {"json": {"type": "object"}}});
    let body = json!({
        "messages": [
            {"role": "user", "content": [{"text": "Low?"}]},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ],
        "toolConfig": {"tools": [{"toolSpec": spec}]},
    });
    signed(simulator, CLAUDE, &body).await
}

#[tokio::test]
async fn bedrock_refuses_what_it_would_not_cite() {
    let simulator = start().await;
    let mut uncited = document(&text(), "txt");
    uncited["document"]["citations"] = Value::Null;
    let mut untitled = found();
    untitled["searchResult"]["title"] = Value::Null;
    let bytes = json!({"bytes": "AAAA"});
    for (block, path, expected) in [
        (
            document(&bytes, "txt"),
            CLAUDE,
            "PDF specified was not valid",
        ),
        (document(&bytes, "md"), CLAUDE, "Only txt and pdf"),
        (uncited, CLAUDE, "must have citations enabled"),
        (untitled, CLAUDE, "required key [title]"),
        (found(), NOVA, "doesn't support citations"),
    ] {
        let reply = ask(&simulator, path, &block).await;
        assert_eq!(reply.status, 400, "{block}");
        let said = reply.text();
        assert!(said.contains(expected), "{block}: {said}");
    }
}

#[tokio::test]
async fn bedrock_says_where_the_words_stand_whole_and_streamed() {
    let simulator = start().await;
    let place = |location: &str, source: &str, end: u64| json!({location: {source: 0, "start": 0, "end": end}});
    let listed = json!({"content": [text()]});
    for (block, expected) in [
        (
            found(),
            place("searchResultLocation", "searchResultIndex", 1),
        ),
        (
            document(&text(), "txt"),
            place("documentChar", "documentIndex", 11),
        ),
        (
            document(&listed, "txt"),
            place("documentChunk", "documentIndex", 1),
        ),
    ] {
        let answer = ask(&simulator, CLAUDE, &block).await.json();
        let said = &answer["output"]["message"]["content"][0]["citationsContent"];
        let citation = &said["citations"][0];
        assert_eq!(citation["location"], expected, "{answer:#}");
        assert_eq!(citation["sourceContent"], json!([text()]));
        let events = messages(&ask(&simulator, STREAM, &block).await.body);
        let told = events
            .iter()
            .find_map(|event| event.payload.pointer("/delta/citation"));
        assert_eq!(told, Some(citation));
    }
}

#[tokio::test]
async fn in_results_of_tools_search_results_are_cited_and_documents_are_not() {
    let simulator = start().await;
    for (block, expected) in [
        (found(), "searchResultLocation"),
        (document(&text(), "txt"), "not supported in tool result"),
    ] {
        let said = ask_with_result(&simulator, &block).await.text();
        assert!(said.contains(expected), "{said}");
    }
}

async fn ask_messages(simulator: &Simulator, content: &Value, is_stream: bool) -> Reply {
    let body = json!({"model": "m", "max_tokens": 1000, "stream": is_stream,
        "messages": [{"role": "user", "content": content}]});
    let version = [("anthropic-version", "2023-06-01")];
    send(simulator, "POST", "/v1/messages", &version, &body).await
}

#[tokio::test]
async fn anthropic_cites_the_first_document_that_is_to_be_cited() {
    let simulator = start().await;
    let document = |is_cited: bool| {
        json!({"type": "document", "title": "D", "source": {"type": "text",
            "media_type": "text/plain", "data": "Low."}, "citations": {"enabled": is_cited}})
    };
    let question = json!({"type": "text", "text": "Low?"});
    let content = json!([document(false), document(true), question]);
    let expected = json!({"type": "char_location", "cited_text": "Low.", "document_index": 1,
        "document_title": "D", "start_char_index": 0, "end_char_index": 4});
    let whole = ask_messages(&simulator, &content, false).await.json();
    assert_eq!(whole["content"][0]["citations"], json!([expected]));
    let events = ask_messages(&simulator, &content, true).await.events();
    let told = events
        .iter()
        .find(|event| event["delta"]["type"] == "citations_delta");
    assert_eq!(told.expect("a citation")["delta"]["citation"], expected);
}

#[tokio::test]
async fn anthropic_refuses_what_says_nothing() {
    let simulator = start().await;
    for (block, expected) in [
        (
            json!({"type": "search_result", "source": "s", "title": "t", "content": []}),
            "list of text blocks",
        ),
        (
            json!({"type": "document", "source": {"type": "blob"}}),
            "'base64', 'content', 'file', 'text', 'url'",
        ),
    ] {
        let reply = ask_messages(&simulator, &json!([block]), false).await;
        assert_eq!(reply.status, 400, "{block}");
        let said = reply.text();
        assert!(said.contains(expected), "{block}: {said}");
    }
}
