//! Embeddings, reranking and text completions: recorded traffic read, and written to each provider.

use bytes::Bytes;
use chat::{Dialect, Event, Unit, Usage};
use serde_json::{Value, json};
use wire::{Asked, CostText, Lane, Outgoing, door, lane};

use crate::cases::{stamp, tree};
use crate::recorded::recordings;

/// The lane from a dialect to a body of a host's.
fn way(from: Dialect, to: Dialect, body: Dialect) -> Lane {
    lane(from, to, body).expect("a lane")
}

fn write(lane: &Lane, from: Dialect, to: Dialect, body: &Value) -> (Value, Vec<String>) {
    let text = body.to_string();
    let door = door(from).expect("a door");
    let request = door
        .read_request(text.as_bytes(), wire::Beside::default())
        .expect("a request");
    let to = Outgoing {
        dialect: to,
        native_model: "native",
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: None,
    };
    let written = lane
        .write((text.as_bytes(), &request), &to)
        .expect("written");
    (tree(&written.body), written.dropped)
}

/// What a caller with this request sees of an answer, and what was counted.
fn answered(lane: &Lane, from: Dialect, request: &Value, answer: &Value) -> (Value, Usage) {
    let text = request.to_string();
    let read = door(from)
        .expect("a door")
        .read_request(text.as_bytes(), wire::Beside::default())
        .expect("a request");
    let mut tap = lane.tap(&Asked {
        body: text.as_bytes(),
        request: &read,
        stamp: stamp(),
    });
    let mut usage = Usage::default();
    let mut has_finished = false;
    tap.read_whole(&Bytes::from(answer.to_string()), &mut |event| match event {
        Event::Usage(counted) => usage.merge(counted),
        Event::Finish(..) => has_finished = true,
        _ => {}
    })
    .expect("an answer");
    assert!(has_finished, "an answer without an end is free");
    let cost = CostText {
        total: Some("0.5".to_owned()),
        ..CostText::default()
    };
    let written = tap.write_whole(&usage, &cost).expect("written");
    (tree(&written), usage)
}

#[test]
fn recorded_embeddings_keep_their_vectors_and_are_counted() {
    let from = Dialect::OpenaiEmbeddings;
    let lane = way(from, Dialect::OpenaiChat, Dialect::OpenaiChat);
    let mut seen = 0;
    for (name, exchange) in recordings("exchanges/openai-embeddings") {
        let (body, json) = (&exchange["request"]["body"], &exchange["response"]["json"]);
        if exchange["response"]["status"] != 200
            || body.get("input").is_none()
            || !json["data"].is_array()
        {
            continue;
        }
        let (sent, dropped) = write(&lane, from, Dialect::OpenaiChat, body);
        assert_eq!(sent["input"], body["input"], "{name}");
        assert_eq!(sent["model"], "native", "{name}");
        assert_eq!(dropped, Vec::<String>::new(), "{name}");
        let (shown, usage) = answered(&lane, from, body, json);
        assert_eq!(shown["data"], json["data"], "{name}");
        assert_eq!(shown["model"], "author/model", "{name}");
        assert_eq!(shown["usage"]["cost"], 0.5, "{name}");
        let total = json["usage"]["total_tokens"].as_u64().expect("counted");
        assert_eq!(usage.prompt_tokens(), total, "{name}");
        assert_eq!(usage.get(Unit::Output), Some(0), "{name}");
        seen += 1;
    }
    println!("{seen} answers with vectors");
}

#[test]
fn vectors_of_others_come_in_the_form_that_was_asked_for() {
    let from = Dialect::OpenaiEmbeddings;
    let cohere = way(from, Dialect::Cohere, Dialect::Cohere);
    let body = json!({"model": "m", "input": ["a", "b"], "dimensions": 2, "user": "u",
        "input_type": "search_query", "provider": {"order": ["x"]}});
    let (sent, dropped) = write(&cohere, from, Dialect::Cohere, &body);
    assert_eq!(
        sent,
        json!({"model": "native", "texts": ["a", "b"], "input_type": "search_query",
            "embedding_types": ["float"], "output_dimension": 2})
    );
    assert_eq!(dropped, ["user"]);
    let answer = json!({"id": "c", "embeddings": {"float": [[1.0, -0.5], [0.25, 2]]},
        "meta": {"billed_units": {"input_tokens": 7}}});
    let (shown, usage) = answered(&cohere, from, &body, &answer);
    assert_eq!(shown["data"][0]["embedding"], json!([1.0, -0.5]));
    assert_eq!(shown["data"][1]["index"], 1);
    assert_eq!(usage.count(Unit::Input), 7);
    let mut packed = body;
    packed["encoding_format"] = json!("base64");
    let (shown, _) = answered(&cohere, from, &packed, &answer);
    assert_eq!(shown["data"][0]["embedding"], "AACAPwAAAL8=");
}

#[test]
fn google_is_asked_for_each_input_by_itself() {
    let from = Dialect::OpenaiEmbeddings;
    let body = json!({"model": "m", "input": ["a", {"content": [
        {"type": "text", "text": "b"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}],
        "input_type": "search_document", "dimensions": 2});
    let gemini = way(from, Dialect::Gemini, Dialect::Gemini);
    let (sent, _) = write(&gemini, from, Dialect::Gemini, &body);
    let request = |parts: Value| {
        json!({"model": "models/native", "content": {"parts": parts},
            "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 2})
    };
    let picture = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});
    assert_eq!(
        sent,
        json!({"requests": [request(json!([{"text": "a"}])),
            request(json!([{"text": "b"}, picture]))]})
    );
    let answer = json!({"embeddings": [{"values": [1]}, {"values": [2]}]});
    let (shown, usage) = answered(&gemini, from, &body, &answer);
    assert_eq!(shown["data"][1]["embedding"], json!([2]));
    assert!(usage.is_empty());
    let texts = json!({"model": "m", "input": "a"});
    let vertex = way(from, Dialect::Vertex, Dialect::Gemini);
    let (sent, _) = write(&vertex, from, Dialect::Vertex, &texts);
    assert_eq!(sent, json!({"instances": [{"content": "a"}]}));
    let answer = json!({"predictions": [{"embeddings":
        {"values": [3], "statistics": {"token_count": 4}}}]});
    let (shown, usage) = answered(&vertex, from, &texts, &answer);
    assert_eq!(shown["data"][0]["embedding"], json!([3]));
    assert_eq!(usage.count(Unit::Input), 4);
}

#[test]
fn recorded_scores_are_sorted_and_have_their_documents() {
    let from = Dialect::Rerank;
    let lane = way(from, Dialect::Cohere, Dialect::Cohere);
    let mut seen = 0;
    for (name, exchange) in recordings("exchanges/rerank") {
        let (body, json) = (&exchange["request"]["body"], &exchange["response"]["json"]);
        if exchange["response"]["status"] != 200 || !body["documents"].is_array() {
            continue;
        }
        let (sent, _) = write(&lane, from, Dialect::Cohere, body);
        assert_eq!(sent["documents"], body["documents"], "{name}");
        let (shown, usage) = answered(&lane, from, body, json);
        let results = shown["results"].as_array().expect("results");
        let score = |result: &Value| result["relevance_score"].as_f64().expect("a score");
        assert!(
            results
                .windows(2)
                .all(|two| score(&two[0]) >= score(&two[1])),
            "{name}"
        );
        for result in results {
            let index = usize::try_from(result["index"].as_u64().expect("one")).expect("small");
            let document = &body["documents"][index];
            let text = document.as_str().or(document["text"].as_str());
            assert_eq!(result["document"]["text"].as_str(), text, "{name}");
        }
        assert!(!usage.is_empty(), "{name}");
        seen += 1;
    }
    println!("{seen} rankings");
}

#[test]
fn cohere_counts_search_units_and_they_are_requests() {
    let from = Dialect::Rerank;
    let lane = way(from, Dialect::Cohere, Dialect::Cohere);
    let body = json!({"model": "m", "query": "q", "documents": ["a", "b"]});
    let answer = json!({"results": [{"index": 0, "relevance_score": 0.1},
        {"index": 1, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 2}}});
    let (shown, usage) = answered(&lane, from, &body, &answer);
    assert_eq!(usage.count(Unit::Request), 2);
    assert_eq!(shown["results"][0]["index"], 1);
    assert_eq!(shown["usage"]["search_units"], 2);
}

#[test]
fn recorded_prompts_become_conversations() {
    let from = Dialect::OpenaiCompletions;
    let lane = way(from, Dialect::OpenaiChat, Dialect::OpenaiChat);
    let mut seen = 0;
    for (name, exchange) in recordings("exchanges/openai-completions") {
        let body = &exchange["request"]["body"];
        let prompt = body["prompt"].as_str().or(body["prompt"][0].as_str());
        let is_served = exchange["response"]["status"] == 200
            && (body["prompt"].is_string()
                || body["prompt"].as_array().is_some_and(|it| it.len() == 1))
            && body.get("suffix").is_none_or(Value::is_null)
            && body["best_of"].as_u64().unwrap_or(1) == 1;
        let Some(prompt) = prompt.filter(|_| is_served) else {
            continue;
        };
        if body["echo"] == true && body["logprobs"].is_number() {
            continue;
        }
        let (sent, _) = write(&lane, from, Dialect::OpenaiChat, body);
        assert_eq!(
            sent["messages"],
            json!([{"role": "user", "content": prompt}]),
            "{name}"
        );
        assert_eq!(sent["max_tokens"], body["max_tokens"], "{name}");
        seen += 1;
    }
    println!("{seen} prompts");
}

#[test]
fn a_completion_is_written_with_its_echo_and_older_probabilities() {
    let from = Dialect::OpenaiCompletions;
    let lane = way(from, Dialect::OpenaiChat, Dialect::OpenaiChat);
    let answer = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "n",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "b c"},
        "logprobs": {"content": [
            {"token": "b", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -0.5}]},
            {"token": " c", "logprob": -1.5, "top_logprobs": []}]},
        "finish_reason": "length"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}});
    let plain = json!({"model": "m", "prompt": ["a "], "echo": true});
    let (shown, _) = answered(&lane, from, &plain, &answer);
    assert_eq!(shown["choices"][0]["text"], "a b c");
    assert_eq!(shown["choices"][0]["finish_reason"], "length");
    let wanted = json!({"model": "m", "prompt": "a", "logprobs": 1});
    let (sent, _) = write(&lane, from, Dialect::OpenaiChat, &wanted);
    assert_eq!(
        (&sent["logprobs"], &sent["top_logprobs"]),
        (&json!(true), &json!(1))
    );
    let (shown, _) = answered(&lane, from, &wanted, &answer);
    assert_eq!(
        shown["choices"][0]["logprobs"],
        json!({"tokens": ["b", " c"], "token_logprobs": [-0.5, -1.5],
            "top_logprobs": [{"b": -0.5}, {}], "text_offset": [0, 1]})
    );
}

#[test]
fn a_completion_that_leans_to_tokens_does_so_where_chat_is_spoken() {
    let from = Dialect::OpenaiCompletions;
    let wanted = json!({"model": "m", "prompt": "a", "logit_bias": {"50256": -100, "11": 0.5}});
    for (to, carried) in [
        (Dialect::OpenaiChat, &wanted["logit_bias"]),
        (Dialect::OpenaiResponses, &Value::Null),
        (Dialect::AnthropicMessages, &Value::Null),
        (Dialect::Gemini, &Value::Null),
        (Dialect::BedrockConverse, &Value::Null),
        (Dialect::Cohere, &Value::Null),
    ] {
        let (sent, dropped) = write(&way(from, to, to), from, to, &wanted);
        assert_eq!(&sent["logit_bias"], carried, "{to:?}");
        let is_named = dropped.iter().any(|name| name == "logit_bias");
        assert_eq!(is_named, carried.is_null(), "{to:?}: {dropped:?}");
    }
    let nothing = json!({"model": "m", "prompt": "a", "logit_bias": {}});
    let chat = Dialect::OpenaiChat;
    let (sent, dropped) = write(&way(from, chat, chat), from, chat, &nothing);
    assert_eq!((&sent["logit_bias"], dropped), (&Value::Null, Vec::new()));
}
