//! What is to be cited, what answers cite, and what earlier answers have cited, behind `POST /messages`
//! at providers of every dialect.

use http::Method;
use serde_json::{Value, json};

use super::provider_dialects::open;

/// What is found and what is read, in each form of Bedrock's, and the citation that comes back.
#[tokio::test]
async fn search_results_and_documents_are_cited_by_bedrock_in_either_form() {
    let stage = open().await;
    let text = json!({"type": "text", "text": "Low at six."});
    let found = json!({"type": "search_result", "source": "https://x.test/t", "title": "Tides",
        "content": [text], "citations": {"enabled": true}});
    let document = json!({"type": "document", "title": "Tides", "citations": {"enabled": true},
        "source": {"type": "content", "content": [text]}});
    let cited = json!({"cited_text": "Low at six.", "start_block_index": 0, "end_block_index": 1});
    let found_at = json!({"type": "search_result_location", "search_result_index": 0,
        "source": "https://x.test/t", "title": "Tides"});
    let read_at = json!({"type": "content_block_location", "document_index": 0,
        "document_title": "Tides"});
    let ask = async |body: &Value| {
        let to = (Method::POST, "/api/v1/messages");
        let seen = stage
            .send(to, &stage.key, body.to_string().into(), &[])
            .await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        assert_eq!(seen.header("x-waybill-dropped"), "");
        (seen, stage.simulator.ledger().last().expect("an entry"))
    };
    for (model, path) in [
        ("converse/profile", "/converse"),
        ("converse/claude", "/invoke"),
    ] {
        for (block, place, sent_as) in [
            (&found, &found_at, "/content/0/searchResult/content/0/text"),
            (
                &document,
                &read_at,
                "/content/0/document/source/content/0/text",
            ),
        ] {
            let mut expected = cited.clone();
            let members = expected.as_object_mut().expect("an object");
            members.extend(place.as_object().expect("an object").clone());
            let mut body = json!({"model": model, "max_tokens": 400, "messages": [
                {"role": "user", "content": [block, {"type": "text", "text": "Low?"}]}]});
            let (seen, entry) = ask(&body).await;
            assert!(entry.path.ends_with(path), "{}", entry.path);
            let sent = entry.json()["messages"][0].clone();
            match path {
                "/invoke" => assert_eq!(sent["content"][0], *block),
                _ => assert_eq!(
                    sent.pointer(sent_as),
                    Some(&json!("Low at six.")),
                    "{sent:#}"
                ),
            }
            let answer = seen.json();
            assert_eq!(
                answer["content"][0]["citations"],
                json!([expected]),
                "{answer:#}"
            );
            body["stream"] = json!(true);
            let (seen, _) = ask(&body).await;
            let text = seen.text();
            let told = text
                .lines()
                .filter_map(|line| line.strip_prefix("data: "))
                .map(|data| serde_json::from_str::<Value>(data).expect("JSON"))
                .find(|data| data["delta"]["type"] == "citations_delta");
            assert_eq!(told.expect("a citation")["delta"]["citation"], expected);
        }
    }
}

/// A conversation in which an answer cited a document and a search result, and its next question.
fn cited_before(model: &str) -> Value {
    let document = json!({"type": "document", "title": "Tides", "citations": {"enabled": true},
        "source": {"type": "text", "media_type": "text/plain", "data": "Low at six."}});
    let found = json!({"type": "search_result", "source": "https://x.test/t", "title": "Found",
        "content": [{"type": "text", "text": "High at noon."}], "citations": {"enabled": true}});
    let in_document = json!({"type": "char_location", "cited_text": "Low at six.",
        "document_index": 0, "document_title": "Tides", "start_char_index": 0, "end_char_index": 11});
    let in_found = json!({"type": "search_result_location", "cited_text": "High at noon.",
        "search_result_index": 0, "source": "https://x.test/t", "title": "Found",
        "start_block_index": 0, "end_block_index": 1});
    json!({"model": model, "max_tokens": 400, "messages": [
        {"role": "user", "content": [document, found, {"type": "text", "text": "When?"}]},
        {"role": "assistant", "content": [
            {"type": "text", "text": "Low at six,", "citations": [in_document]},
            {"type": "text", "text": " high at noon.", "citations": [in_found]}]},
        {"role": "user", "content": "And then?"}]})
}

/// What earlier answers cite goes back with them, in each dialect's words.
#[tokio::test]
async fn citations_of_earlier_answers_go_back_with_them() {
    let stage = open().await;
    let to = (Method::POST, "/api/v1/messages");
    let ask = async |body: &Value| {
        let seen = stage
            .send(to.clone(), &stage.key, body.to_string().into(), &[])
            .await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let dropped = seen.header("x-waybill-dropped").to_owned();
        let sent = stage.simulator.ledger().last().expect("an entry").json();
        (sent, dropped)
    };
    for stream in [false, true] {
        let mut body = cited_before("converse/profile");
        body["stream"] = json!(stream);
        let (sent, dropped) = ask(&body).await;
        let locations: Vec<_> = (0..2)
            .map(|block| {
                let cited = &sent["messages"][1]["content"][block]["citationsContent"];
                cited["citations"][0]["location"].clone()
            })
            .collect();
        let expected = [
            json!({"documentChar": {"documentIndex": 0, "start": 0, "end": 11}}),
            json!({"searchResultLocation": {"searchResultIndex": 0, "start": 0, "end": 1}}),
        ];
        assert_eq!(locations, expected, "{sent:#}");
        assert_eq!(dropped, "");
    }
    let body = cited_before("converse/claude");
    let (sent, dropped) = ask(&body).await;
    assert_eq!(sent["messages"], body["messages"]);
    assert_eq!(dropped, "");
    let (sent, dropped) = ask(&cited_before("cohere/command")).await;
    let cited = &sent["messages"][1]["citations"];
    let ids = [&cited[0]["sources"][0]["id"], &cited[1]["sources"][0]["id"]];
    assert_eq!(ids, ["doc:0", "doc:1"], "{sent:#}");
    assert!(
        dropped.contains("messages[1].content[0].citations[0]"),
        "{dropped}"
    );
    let (sent, dropped) = ask(&cited_before("openai/gpt")).await;
    assert!(sent.to_string().contains("url_citation"), "{sent:#}");
    assert!(
        dropped.contains("messages[1].content[0].citations[0]"),
        "{dropped}"
    );
    let (sent, dropped) = ask(&cited_before("google/gemini")).await;
    assert!(!sent.to_string().contains("citation"), "{sent:#}");
    assert!(
        dropped.contains("messages[1].content[1].citations"),
        "{dropped}"
    );
    // A page that another family cited has no seal of Claude's, which it would be refused for.
    let mut body = cited_before("anthropic/claude");
    let page = json!({"type": "web_search_result_location", "url": "https://x.test/p",
        "title": "Page", "cited_text": "", "encrypted_index": ""});
    let mut mixed = body.clone();
    let citations = mixed["messages"][1]["content"][0]["citations"].as_array_mut();
    citations.expect("a list").push(page);
    let (sent, dropped) = ask(&mixed).await;
    assert_eq!(sent["messages"], body["messages"]);
    assert_eq!(dropped, "messages[1].content[0].citations[1]");
    body["model"] = json!("vertex/claude");
    let (sent, dropped) = ask(&body).await;
    assert_eq!(sent["messages"], body["messages"]);
    assert_eq!(dropped, "");
}
