//! What Converse is to cite, documents and search results, and what its answers say of it.

use chat::event::{Measure, Place};
use chat::{Dialect, Usage};
use serde_json::{Value, json};
use wire::bedrock::BedrockConverse;
use wire::frame::Framing;

use super::answers::{delta, last, messages, stop};
use crate::cases::tree;
use crate::matrix::{cost, stream, tap};
use crate::provider_side::{Read, at_every_split, endpoint, translated, whole, written};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-pro-v1:0";
const PROFILE: &str = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc";

/// What is asked about, in the user's turn and in a result of a tool.
fn asked(what: &Value) -> Value {
    let result = json!({"type": "tool_result", "tool_use_id": "c", "content": [what]});
    json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": [what, {"type": "text", "text": "Low?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "t", "input": {}}]},
        {"role": "user", "content": [result]}]})
}

fn told(to: Dialect, model: &str, what: &Value) -> (Value, Vec<String>) {
    written(
        Dialect::AnthropicMessages,
        &asked(what),
        &endpoint(to, model),
    )
}

/// What stands in the user's turn and in the result, as Converse is told.
fn both(body: &Value) -> [&Value; 2] {
    [
        &body["messages"][0]["content"][0],
        &body["messages"][2]["content"][0]["toolResult"]["content"][0],
    ]
}

fn found(is_cited: bool) -> Value {
    json!({"type": "search_result", "source": "https://x.test/tides", "title": "Tides",
        "content": [{"type": "text", "text": "Low at six."}, {"type": "text", "text": "High at noon."}],
        "citations": {"enabled": is_cited}})
}

const FOUND_AS_TEXT: &str = "Tides\nhttps://x.test/tides\nLow at six.\nHigh at noon.\n";
const IN_TURN: &str = "messages[0].content[0].citations";
const IN_RESULT: &str = "messages[2].content[0].content[0].citations";

#[test]
fn search_results_are_search_results_where_the_model_knows_them() {
    let expected = |is_cited: bool| {
        let mut block = json!({"source": "https://x.test/tides", "title": "Tides",
            "content": [{"text": "Low at six."}, {"text": "High at noon."}]});
        if is_cited {
            block["citations"] = json!({"enabled": true});
        }
        json!({ "searchResult": block })
    };
    for is_cited in [true, false] {
        // Who stands behind a name of the account's own is not known; its caller knows.
        for model in [CLAUDE, PROFILE] {
            let (body, dropped) = told(Dialect::BedrockConverse, model, &found(is_cited));
            assert_eq!(both(&body), [&expected(is_cited); 2], "{model}");
            assert_eq!(dropped, Vec::<String>::new());
        }
    }
    let old = "anthropic.claude-3-5-sonnet-20241022-v2:0";
    for model in [NOVA, old] {
        let (body, dropped) = told(Dialect::BedrockConverse, model, &found(true));
        assert_eq!(both(&body), [&json!({"text": FOUND_AS_TEXT}); 2], "{model}");
        assert_eq!(dropped, [IN_TURN, IN_RESULT]);
        let (_, dropped) = told(Dialect::BedrockConverse, model, &found(false));
        assert_eq!(dropped, Vec::<String>::new());
    }
}

#[test]
fn other_dialects_are_told_search_results_as_text_and_the_loss_is_named() {
    let chat = ["messages[].content[].citations"].as_slice();
    let responses = [IN_TURN, "messages[2].content[0].citations"].as_slice();
    for (to, model, turn, result, names) in [
        (
            Dialect::OpenaiChat,
            "gpt-5.1",
            "/messages/0/content/0/text",
            "/messages/2/content",
            chat,
        ),
        (
            Dialect::OpenaiResponses,
            "gpt-5.1",
            "/input/0/content/0/text",
            "/input/2/output/0/text",
            responses,
        ),
        (
            Dialect::Gemini,
            "gemini-3-pro-preview",
            "/contents/0/parts/0/text",
            "/contents/2/parts/0/functionResponse/response/output",
            chat,
        ),
    ] {
        let (body, dropped) = told(to, model, &found(true));
        for place in [turn, result] {
            let said = body.pointer(place).and_then(Value::as_str);
            assert_eq!(said, Some(FOUND_AS_TEXT), "{to} {place}: {body:#}");
        }
        for name in names {
            assert!(dropped.iter().any(|it| it == name), "{to}: {dropped:?}");
        }
        let (_, dropped) = told(to, model, &found(false));
        assert!(!dropped.iter().any(|name| name.ends_with("citations")));
    }
    // Cohere cites documents, with their titles and addresses, without being asked.
    let (body, dropped) = told(Dialect::Cohere, "command-a-03-2025", &found(true));
    let document = json!({"data": {"title": "Tides", "url": "https://x.test/tides",
        "text": "Low at six.\nHigh at noon."}});
    assert_eq!(body["documents"], json!([document]));
    let result = json!([{"type": "document", "document": document}]);
    assert_eq!(body["messages"][2]["content"], result);
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn what_a_search_result_cannot_hold_is_named_and_what_it_needs_is_demanded() {
    let mut what = found(true);
    what["later"] = json!(1);
    what["content"][0]["cache_control"] = json!({"type": "ephemeral"});
    what["content"][1] = json!({"type": "image"});
    let (body, dropped) = told(Dialect::BedrockConverse, CLAUDE, &what);
    let texts = &body["messages"][0]["content"][0]["searchResult"]["content"];
    assert_eq!(*texts, json!([{"text": "Low at six."}]));
    for name in ["later", "content[0].cache_control", "content[1]"] {
        let name = format!("messages[0].content[0].{name}");
        assert!(dropped.contains(&name), "{name} in {dropped:?}");
    }
    what["title"] = Value::Null;
    let to = endpoint(Dialect::BedrockConverse, CLAUDE);
    let refused = translated(Dialect::AnthropicMessages, &asked(&what), &to);
    let field = refused.unwrap_err().metadata.and_then(|it| it.field);
    assert_eq!(field.as_deref(), Some("messages[0].content[0].title"));
}

fn document(source: &Value, is_cited: bool) -> Value {
    json!({"type": "document", "title": "Tides.md", "source": source,
        "citations": {"enabled": is_cited}})
}

fn texts() -> Value {
    json!({"type": "content", "content": [
        {"type": "text", "text": "Low at six."}, {"type": "text", "text": "High at noon."}]})
}

#[test]
fn documents_are_cited_where_the_caller_asks_for_it() {
    let text = json!({"type": "text", "media_type": "text/plain", "data": "The tide is low."});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "AAAA"});
    let of = |format: &str, name: &str, source: Value| {
        json!({"document": {"format": format,
        "name": name, "source": source, "citations": {"enabled": true}}})
    };
    let listed = json!({"content": [{"text": "Low at six."}, {"text": "High at noon."}]});
    for (source, expected) in [
        // In bytes, text that is to be cited is taken for a broken PDF.
        (
            &text,
            of("txt", "Tides", json!({"text": "The tide is low."})),
        ),
        (&texts(), of("txt", "Tides", listed)),
        (&pdf, of("pdf", "Tides", json!({"bytes": "AAAA"}))),
    ] {
        for model in [CLAUDE, PROFILE] {
            let (body, dropped) = told(Dialect::BedrockConverse, model, &document(source, true));
            let [turn, result] = both(&body);
            assert_eq!(*turn, expected, "{model}");
            // Not in what tools answer: there they are bytes.
            assert!(result["document"].get("citations").is_none(), "{result}");
            assert!(
                result["document"]["source"]["bytes"].is_string(),
                "{result}"
            );
            assert_eq!(dropped, [IN_RESULT]);
        }
        let (body, dropped) = told(Dialect::BedrockConverse, NOVA, &document(source, true));
        assert!(!body.to_string().contains("citations"), "{body}");
        assert!(both(&body)[0]["document"]["source"]["bytes"].is_string());
        assert_eq!(dropped, [IN_TURN, IN_RESULT]);
        let (body, dropped) = told(Dialect::BedrockConverse, CLAUDE, &document(source, false));
        assert!(!body.to_string().contains("citations"), "{body}");
        assert_eq!(dropped, Vec::<String>::new());
    }
}

#[test]
fn where_nothing_is_cited_a_document_is_told_as_text_and_the_loss_is_named() {
    let text = json!({"type": "text", "media_type": "text/plain", "data": "The tide is low."});
    for source in [&text, &texts()] {
        for (to, model) in [
            (Dialect::OpenaiChat, "gpt-5.1"),
            (Dialect::OpenaiResponses, "gpt-5.1"),
            (Dialect::Gemini, "gemini-3-pro-preview"),
        ] {
            let (_, dropped) = told(to, model, &document(source, true));
            let is_named = dropped.iter().any(|name| name.ends_with("citations"));
            assert!(is_named, "{to}: {dropped:?}");
        }
        // Cohere cites what is listed, without being asked.
        let model = "command-a-03-2025";
        let (body, dropped) = told(Dialect::Cohere, model, &document(source, true));
        assert_eq!(body["documents"].as_array().map(Vec::len), Some(1));
        assert_eq!(dropped, Vec::<String>::new());
    }
}

#[test]
fn pictures_in_a_document_are_shown_and_its_citations_named() {
    let mut source = texts();
    source["content"][1] = json!({"type": "image", "source":
        {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        "cache_control": {"type": "ephemeral"}});
    let (body, dropped) = told(Dialect::BedrockConverse, CLAUDE, &document(&source, true));
    let content = &body["messages"][0]["content"];
    assert_eq!(content[0], json!({"text": "Tides.md"}));
    assert_eq!(content[1], json!({"text": "Low at six."}));
    assert_eq!(content[2]["image"]["source"], json!({"bytes": "AAAA"}));
    // A mark inside stays where it was.
    assert_eq!(content[3], json!({"cachePoint": {"type": "default"}}));
    assert_eq!(dropped, [IN_TURN, IN_RESULT]);
}

// === Answers ===

/// Where words of a source stand: in Converse's words, in ours, and in those of Messages.
fn places() -> [(Value, Place, Value); 4] {
    let at = |measure, source, start, end| Place {
        measure,
        source,
        start,
        end,
    };
    [
        (
            json!({"documentChar": {"documentIndex": 0, "start": 0, "end": 18}}),
            at(Measure::Characters, 0, 0, 18),
            json!({"type": "char_location", "document_index": 0, "document_title": "Facts",
                "start_char_index": 0, "end_char_index": 18}),
        ),
        (
            json!({"documentPage": {"documentIndex": 1, "start": 2, "end": 3}}),
            at(Measure::Pages, 1, 2, 3),
            json!({"type": "page_location", "document_index": 1, "document_title": "Facts",
                "start_page_number": 2, "end_page_number": 3}),
        ),
        (
            json!({"documentChunk": {"documentIndex": 0, "start": 1, "end": 2}}),
            at(Measure::Texts, 0, 1, 2),
            json!({"type": "content_block_location", "document_index": 0, "document_title": "Facts",
                "start_block_index": 1, "end_block_index": 2}),
        ),
        (
            json!({"searchResultLocation": {"searchResultIndex": 3, "start": 0, "end": 1}}),
            at(Measure::TextsFound, 3, 0, 1),
            json!({"type": "search_result_location", "search_result_index": 3, "title": "Facts",
                "source": "https://x.test/facts", "start_block_index": 0, "end_block_index": 1}),
        ),
    ]
}

fn citation(location: &Value) -> Value {
    json!({"title": "Facts", "source": "https://x.test/facts", "location": location,
        "sourceContent": [{"text": "Ruby is "}, {"text": "from 1993."}]})
}

fn read_stream(bytes: &[u8]) -> Read {
    let of = (
        &BedrockConverse as &dyn wire::codec::Outbound,
        Framing::EventStream,
    );
    at_every_split(of, bytes, "cited")
}

/// Streams of an answer that cites: its citation after the text, and before it.
fn streams(location: &Value) -> [Vec<u8>; 2] {
    let text = delta(0, &json!({"text": "In 1993."}));
    let cited = delta(0, &json!({ "citation": citation(location) }));
    [[&text, &cited], [&cited, &text]].map(|said| {
        let mut list: Vec<_> = said.into_iter().cloned().collect();
        list.push(stop(0));
        list.extend(last("end_turn"));
        messages(&list)
    })
}

/// The same answer as a whole.
fn answer(location: &Value) -> String {
    let block = json!({"citationsContent": {
        "content": [{"text": "In 1993."}],
        "citations": [citation(location)],
    }});
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": "end_turn",
    });
    answer.to_string()
}

#[test]
fn sources_are_told_with_the_text_that_cites_them_and_with_their_places() {
    let mut locations: Vec<(Value, Option<Place>, &str)> = places()
        .into_iter()
        .map(|(location, place, _)| (location, Some(place), "https://x.test/facts"))
        .collect();
    let web = json!({"web": {"url": "https://x.test/page", "domain": "x.test"}});
    locations.push((web, None, "https://x.test/page"));
    for (location, place, url) in locations {
        let [after, before] = streams(&location).map(|bytes| read_stream(&bytes));
        for read in [after, before, whole(&BedrockConverse, &answer(&location))] {
            read.end.expect("a whole answer");
            let [said] = read.response.choices[0].blocks.as_slice() else {
                panic!("{:?}", read.response);
            };
            assert_eq!(said.text, "In 1993.");
            let [cited] = said.citations.as_slice() else {
                panic!("{said:?}");
            };
            assert_eq!(cited.url, url);
            assert_eq!(cited.title.as_deref(), Some("Facts"));
            assert_eq!(cited.quote.as_deref(), Some("Ruby is from 1993."));
            assert_eq!(cited.place, place);
        }
    }
}

#[test]
fn callers_of_messages_see_places_in_their_own_words() {
    let (caller, host) = (Dialect::AnthropicMessages, Dialect::BedrockConverse);
    let lane = wire::lane(caller, host, host).expect("a lane");
    for (location, _, mut expected) in places() {
        expected["cited_text"] = json!("Ruby is from 1993.");
        for bytes in streams(&location) {
            let went = stream(tap(&lane, caller, true), Framing::EventStream, &bytes);
            went.end.expect("a whole answer");
            let data = went.sent.lines().filter_map(|it| it.strip_prefix("data: "));
            let told: Vec<Value> = data
                .map(|data| tree(data.as_bytes())["delta"]["citation"].clone())
                .filter(|citation| !citation.is_null())
                .collect();
            assert_eq!(told, [expected.clone()]);
        }
        let mut tap = tap(&lane, caller, false);
        tap.read_whole(&answer(&location).into(), &mut |_| {})
            .expect("an answer");
        let written = tap
            .write_whole(&Usage::default(), &cost())
            .expect("an answer");
        let block = &tree(&written)["content"][0];
        assert_eq!(block["citations"], json!([expected]));
    }
}

#[test]
fn a_citation_that_nothing_cites_is_named() {
    let (location, ..) = &places()[0];
    let mut list = vec![
        delta(0, &json!({ "citation": citation(location) })),
        stop(0),
        delta(1, &json!({"text": "Yes."})),
        stop(1),
    ];
    list.extend(last("end_turn"));
    let read = read_stream(&messages(&list));
    read.end.expect("a whole answer");
    assert_eq!(read.response.unsaid, ["content.citations"]);
    assert_eq!(read.response.choices[0].blocks[0].citations, []);
}
