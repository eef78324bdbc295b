//! What earlier answers cite, on its way from each caller to each provider.

use chat::Dialect;
use serde_json::{Value, json};

use crate::anthropic::scene;
use crate::cases::tree;
use crate::provider_side::{endpoint, written};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const OLD_CLAUDE: &str = "anthropic.claude-3-sonnet-20240229-v1:0";
const SEARCHING: &str = "us.amazon.nova-2-lite-v1:0";
const NOVA: &str = "us.amazon.nova-pro-v1:0";
const PROFILE: &str = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc";

const LOST: &str = "messages[1].content[0].citations";

/// A conversation of Messages whose answer cites these.
fn messages(citations: &Value) -> Value {
    let text = json!({"type": "text", "text": "Low at six.", "citations": citations});
    json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "Low?"},
        {"role": "assistant", "content": [text, {"type": "text", "text": " Then high."}]},
        {"role": "user", "content": "And then?"}]})
}

fn told(citations: &Value, to: Dialect, model: &str) -> (Value, Vec<String>) {
    written(
        Dialect::AnthropicMessages,
        &messages(citations),
        &endpoint(to, model),
    )
}

/// Each kind of place: as Messages says it, and as Converse does.
fn places() -> [(Value, Value); 4] {
    let of = |place: Value, said: Value| {
        let mut citation = json!({"type": "", "cited_text": "The tide is low."});
        let members = citation.as_object_mut().expect("an object");
        members.extend(said.as_object().expect("an object").clone());
        let mut expected = json!({"title": "Tides"});
        if citation["source"].is_string() {
            expected["source"] = citation["source"].clone();
        }
        expected["sourceContent"] = json!([{"text": "The tide is low."}]);
        expected["location"] = place;
        (citation, expected)
    };
    [
        of(
            json!({"documentChar": {"documentIndex": 1, "start": 3, "end": 19}}),
            json!({"type": "char_location", "document_index": 1, "document_title": "Tides",
                "start_char_index": 3, "end_char_index": 19}),
        ),
        of(
            json!({"documentPage": {"documentIndex": 0, "start": 2, "end": 4}}),
            json!({"type": "page_location", "document_index": 0, "document_title": "Tides",
                "start_page_number": 2, "end_page_number": 4}),
        ),
        of(
            json!({"documentChunk": {"documentIndex": 0, "start": 1, "end": 2}}),
            json!({"type": "content_block_location", "document_index": 0, "document_title": "Tides",
                "start_block_index": 1, "end_block_index": 2}),
        ),
        of(
            json!({"searchResultLocation": {"searchResultIndex": 2, "start": 0, "end": 1}}),
            json!({"type": "search_result_location", "search_result_index": 2, "title": "Tides",
                "source": "https://x.test/t", "start_block_index": 0, "end_block_index": 1}),
        ),
    ]
}

fn page() -> Value {
    json!({"type": "web_search_result_location", "url": "https://x.test/p", "title": "Page",
        "cited_text": "Low.", "encrypted_index": "EpAB"})
}

#[test]
fn converse_is_told_places_where_claude_may_stand_behind_it() {
    for (citation, expected) in places() {
        for model in [CLAUDE, PROFILE] {
            let (body, dropped) = told(&json!([citation]), Dialect::BedrockConverse, model);
            let cited = json!({"citationsContent": {
                "content": [{"text": "Low at six."}], "citations": [expected]}});
            let content = json!([cited, {"text": " Then high."}]);
            assert_eq!(body["messages"][1]["content"], content, "{model}");
            assert_eq!(dropped, Vec::<String>::new());
        }
        for model in [OLD_CLAUDE, NOVA, SEARCHING] {
            let (body, dropped) = told(&json!([citation]), Dialect::BedrockConverse, model);
            let content = json!([{"text": "Low at six."}, {"text": " Then high."}]);
            assert_eq!(body["messages"][1]["content"], content, "{model}");
            assert_eq!(dropped, [LOST], "{model}");
        }
    }
}

#[test]
fn converse_is_told_pages_where_the_model_searches_the_web() {
    let mut unsealed = page();
    unsealed["encrypted_index"] = json!("");
    let (body, dropped) = told(&json!([unsealed]), Dialect::BedrockConverse, SEARCHING);
    let cited = json!({"citationsContent": {"content": [{"text": "Low at six."}], "citations": [
        {"title": "Page", "sourceContent": [{"text": "Low."}],
            "location": {"web": {"url": "https://x.test/p"}}}]}});
    assert_eq!(body["messages"][1]["content"][0], cited);
    assert_eq!(dropped, Vec::<String>::new());
    // The seal of another family is left behind.
    let (body, dropped) = told(&json!([page()]), Dialect::BedrockConverse, SEARCHING);
    assert_eq!(body["messages"][1]["content"][0], cited);
    assert_eq!(dropped, [format!("{LOST}[0]")]);
    // Claude takes none without its seal, for which there is no place.
    let [(place, _), ..] = places();
    let both = json!([page(), place]);
    let (body, dropped) = told(&both, Dialect::BedrockConverse, CLAUDE);
    let block = &body["messages"][1]["content"][0]["citationsContent"];
    assert_eq!(block["citations"].as_array().map(Vec::len), Some(1));
    assert_eq!(dropped, [format!("{LOST}[0]")]);
}

#[test]
fn the_end_of_an_answer_that_is_gone_on_with_is_trimmed_with_its_citations() {
    let [(place, _), ..] = places();
    let mut body = messages(&json!([place]));
    body["messages"][1]["content"] =
        json!([{"type": "text", "text": "Low at six. ", "citations": [place]}]);
    body["messages"].as_array_mut().expect("a list").pop();
    let to = endpoint(Dialect::BedrockConverse, CLAUDE);
    let (body, _) = written(Dialect::AnthropicMessages, &body, &to);
    let said = "/messages/1/content/0/citationsContent/content/0/text";
    assert_eq!(body.pointer(said), Some(&json!("Low at six.")));
}

#[test]
fn messages_keep_every_citation_but_what_is_unknown() {
    let mut citations: Vec<Value> = places().into_iter().map(|(said, _)| said).collect();
    citations.push(page());
    let said = messages(&json!(citations));
    let read = scene::parsed(&said);
    let (body, dropped) = scene::written(&read, &scene::endpoint("claude-sonnet-4-5"));
    let block = &body["messages"][1]["content"][0];
    assert_eq!(block["citations"], json!(citations));
    assert_eq!(dropped, Vec::<String>::new());
    let unknown = json!([{"type": "later_location"}, {"type": "page_location"}, page()]);
    let read = scene::parsed(&messages(&unknown));
    assert_eq!(read.unsaid, [format!("{LOST}[0]"), format!("{LOST}[1]")]);
    let mut odd = page();
    odd["file_id"] = json!("f");
    let read = scene::parsed(&messages(&json!([odd])));
    assert_eq!(read.unsaid, [format!("{LOST}[0].file_id")]);
}

#[test]
fn where_the_same_dialect_is_spoken_claude_is_spared_pages_without_its_seal() {
    let [(place, _), ..] = places();
    let whole = messages(&json!([place, page()]));
    let sent = scene::spliced(&whole, &scene::endpoint("claude-sonnet-4-5"));
    let text = String::from_utf8_lossy(&sent.body).into_owned();
    assert!(text.contains(&whole["messages"].to_string()), "{text}");
    assert_eq!(sent.dropped, Vec::<String>::new());
    // What we told of another's answer, and comes back.
    let mut unsealed = page();
    unsealed["encrypted_index"] = json!("");
    let mixed = messages(&json!([unsealed, place, unsealed]));
    let sent = scene::spliced(&mixed, &scene::endpoint("claude-sonnet-4-5"));
    let block = &tree(&sent.body)["messages"][1]["content"][0];
    assert_eq!(block["citations"], json!([place]));
    assert_eq!(sent.dropped, [format!("{LOST}[0]"), format!("{LOST}[2]")]);
    let alone = messages(&json!([unsealed]));
    let sent = scene::spliced(&alone, &scene::endpoint("claude-sonnet-4-5"));
    let block = &tree(&sent.body)["messages"][1]["content"][0];
    assert_eq!(*block, json!({"type": "text", "text": "Low at six."}));
    // Others may take them.
    let sent = scene::spliced(&alone, &scene::endpoint("kimi-k2"));
    assert_eq!(tree(&sent.body)["messages"], alone["messages"]);
    assert_eq!(sent.dropped, Vec::<String>::new());
}

/// Conversations of OpenAI's two dialects whose answer cites a page.
fn annotated() -> [(Dialect, Value); 2] {
    let page =
        json!({"url": "https://x.test/p", "title": "Page", "start_index": 0, "end_index": 3});
    let mut flat = page.clone();
    flat["type"] = json!("url_citation");
    [
        (
            Dialect::OpenaiChat,
            json!({"model": "m", "messages": [
                {"role": "user", "content": "Low?"},
                {"role": "assistant", "content": "Low at six.",
                    "annotations": [{"type": "url_citation", "url_citation": page}]},
                {"role": "user", "content": "And then?"}]}),
        ),
        (
            Dialect::OpenaiResponses,
            json!({"model": "m", "input": [
                {"role": "user", "content": "Low?"},
                {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
                    "content": [{"type": "output_text", "text": "Low at six.", "annotations": [flat]}]},
                {"role": "user", "content": "And then?"}]}),
        ),
    ]
}

#[test]
fn pages_travel_between_the_two_dialects_of_openai() {
    let [(_, chat), (_, responses)] = annotated();
    let to = endpoint(Dialect::OpenaiResponses, "gpt-5.1");
    let (body, dropped) = written(Dialect::OpenaiChat, &chat, &to);
    let flat = &responses["input"][1]["content"][0]["annotations"];
    assert_eq!(body["input"][1]["content"][0]["annotations"], *flat);
    assert_eq!(body["input"][1]["content"][0]["type"], "output_text");
    // The form of the SDK's types: annotations are of messages that have an id.
    let message = &body["input"][1];
    assert_eq!(
        [&message["type"], &message["id"], &message["status"]],
        ["message", "msg_1", "completed"]
    );
    assert_eq!(dropped, Vec::<String>::new());
    // OpenAI's own Chat has no place for them; who speaks OpenRouter's form has.
    let mut to = endpoint(Dialect::OpenaiChat, "gpt-5.1");
    let (body, dropped) = written(Dialect::OpenaiResponses, &responses, &to);
    assert_eq!(body["messages"][1]["content"], "Low at six.");
    assert!(!body.to_string().contains("url_citation"));
    assert_eq!(dropped, [LOST]);
    let keep = [wire::Quirk::from_name("openrouter-reasoning").expect("a habit")];
    to.quirks = &keep;
    let (body, dropped) = written(Dialect::OpenaiResponses, &responses, &to);
    assert_eq!(
        body["messages"][1]["annotations"],
        chat["messages"][1]["annotations"]
    );
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn pages_go_to_whoever_can_be_told_them_and_are_named_elsewhere() {
    for (caller, body) in annotated() {
        let (sent, dropped) = written(
            caller,
            &body,
            &endpoint(Dialect::BedrockConverse, SEARCHING),
        );
        let place = "/messages/1/content/0/citationsContent/citations/0/location/web/url";
        let url = sent.pointer(place).and_then(Value::as_str);
        assert_eq!(url, Some("https://x.test/p"), "{caller}");
        assert_eq!(dropped, Vec::<String>::new(), "{caller}");
        for (to, model) in [
            (Dialect::AnthropicMessages, "claude-sonnet-4-5"),
            (Dialect::BedrockConverse, CLAUDE),
            (Dialect::Gemini, "gemini-3-pro-preview"),
        ] {
            let (sent, dropped) = written(caller, &body, &endpoint(to, model));
            assert!(sent.to_string().contains("Low at six."), "{to}");
            let is_named = dropped.iter().any(|name| name.starts_with(LOST));
            assert!(is_named, "{caller} to {to}: {dropped:?}");
        }
    }
}

#[test]
fn annotations_find_the_text_that_they_are_about_and_others_are_named() {
    let [(caller, mut body), _] = annotated();
    let cited = |start: u64, end: u64| {
        json!({"type": "url_citation", "url_citation":
            {"url": "https://x.test/p", "title": "P", "start_index": start, "end_index": end}})
    };
    body["messages"][1] = json!({"role": "assistant",
        "content": [{"type": "text", "text": "Ebbe: "}, {"type": "text", "text": "über sechs."}],
        "annotations": [cited(6, 10), cited(0, 0), cited(99, 120), {"type": "file", "file": {"hash": "h"}}]});
    let to = endpoint(Dialect::OpenaiResponses, "gpt-5.1");
    let (sent, dropped) = written(caller, &body, &to);
    let spans = |item: usize| {
        let annotation = &sent["input"][item]["content"][0]["annotations"][0];
        (
            annotation["start_index"].clone(),
            annotation["end_index"].clone(),
        )
    };
    // Where nobody knows which words are meant, it is the whole text.
    assert_eq!(spans(1), (json!(0), json!(6)));
    assert_eq!(spans(2), (json!(0), json!(4)));
    let named = ["messages[1].annotations[3]", "messages[1].annotations"];
    for name in named {
        assert!(dropped.iter().any(|it| it == name), "{name} in {dropped:?}");
    }
    // A question cites nothing.
    body["messages"][0]["annotations"] = json!([cited(0, 1)]);
    let (_, dropped) = written(caller, &body, &to);
    assert!(dropped.iter().any(|it| it == "messages[0].annotations"));
}

#[test]
fn cohere_is_told_which_words_cite_which_document() {
    let document = json!({"type": "document", "title": "Tides", "citations": {"enabled": true},
        "source": {"type": "text", "media_type": "text/plain", "data": "The tide is low."}});
    let found = json!({"type": "search_result", "source": "https://x.test/t", "title": "Found",
        "content": [{"type": "text", "text": "Low."}], "citations": {"enabled": true}});
    let [(in_document, _), .., (in_found, _)] = places();
    let mut body = messages(&json!([in_document, page()]));
    body["messages"][0]["content"] =
        json!([found, found, document, found, document, {"type": "text", "text": "Low?"}]);
    body["messages"][1]["content"][1]["citations"] = json!([in_found]);
    let to = endpoint(Dialect::Cohere, "command-a-03-2025");
    let (sent, dropped) = written(Dialect::AnthropicMessages, &body, &to);
    let answer = &sent["messages"][1];
    assert_eq!(answer["content"], "Low at six. Then high.");
    let source = |id: &str, title: &str, text: &str| json!({"type": "document", "id": id, "document": {"title": title, "text": text}});
    let mut of_found = source("doc:3", "Tides", "The tide is low.");
    of_found["document"] =
        json!({"title": "Tides", "url": "https://x.test/t", "text": "The tide is low."});
    let of_page = json!({"type": "document",
        "document": {"title": "Page", "url": "https://x.test/p", "text": "Low."}});
    let cited = |(start, end): (u64, u64), text: &str, source: Value| json!({"start": start, "end": end, "text": text, "sources": [source], "type": "TEXT_CONTENT"});
    assert_eq!(
        answer["citations"],
        json!([
            cited(
                (0, 11),
                "Low at six.",
                source("doc:4", "Tides", "The tide is low.")
            ),
            cited((0, 11), "Low at six.", of_page),
            cited((11, 22), " Then high.", of_found),
        ])
    );
    // Where in a document the words stand is not said.
    let places = [
        "messages[1].content[0].citations[0]",
        "messages[1].content[0].citations[1]",
        "messages[1].content[1].citations[0]",
    ];
    assert_eq!(dropped, places);
}

#[test]
fn what_is_not_an_answer_cites_nothing_that_others_can_be_told() {
    let [(place, _), ..] = places();
    let cited = json!([{"type": "text", "text": "Low.", "citations": [place]}]);
    let result = json!({"type": "tool_result", "tool_use_id": "c", "content": cited});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": cited},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "t", "input": {}}]},
        {"role": "user", "content": [result]}]});
    for (to, model) in [
        (Dialect::BedrockConverse, CLAUDE),
        (Dialect::OpenaiChat, "gpt-5.1"),
        (Dialect::OpenaiResponses, "gpt-5.1"),
        (Dialect::Gemini, "gemini-3-pro-preview"),
        (Dialect::Cohere, "command-a-03-2025"),
    ] {
        let (sent, dropped) = written(Dialect::AnthropicMessages, &body, &endpoint(to, model));
        assert!(!sent.to_string().contains("document_index"), "{to}");
        let named = [
            "messages[0].content[0].citations",
            "messages[2].content[0].content[0].citations",
        ];
        assert_eq!(dropped, named, "{to}");
    }
}
