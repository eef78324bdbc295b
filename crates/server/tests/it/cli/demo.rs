//! `waybill demo`.

use http::Request;
use http_body_util::Full;
use serde_json::Value;

use super::program::{Server, run, stderr, waybill};
use crate::stage::{Scratch, hello, send};

/// The personas that stand for a wire format each; `simulated/NAME` and `simulated/NAME-reasoner`.
const PERSONAS: [&str; 7] = [
    "responses",
    "messages",
    "gemini",
    "vertex",
    "bedrock",
    "azure",
    "cohere",
];

/// The wire formats that have a simulated provider each.
const DIALECTS: [&str; 8] = [
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini",
    "vertex",
    "bedrock-converse",
    "azure-openai",
    "cohere",
];

#[tokio::test]
async fn one_line_of_json_is_all_that_is_needed_to_call_every_simulated_model() {
    let dir = Scratch::new();
    let arguments = [
        "demo",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        "place",
        "--print-json",
    ];
    for start in ["fresh", "again"] {
        let mut server = Server::start(waybill(&dir, &arguments));
        let ready: Value = serde_json::from_str(&server.line()).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        for model in ["echo", "reasoner", "unpriced", "flaky"] {
            let request = Request::post(format!("{}/v1/chat/completions", text("url")))
                .header("authorization", format!("Bearer {}", text("inference_key")))
                .body(Full::from(hello(&format!("simulated/{model}")).to_string()));
            let seen = send(request.unwrap()).await;
            assert_eq!(seen.status, 200, "{start}: {model}: {}", seen.text());
            let json = seen.json();
            assert!(json["provider"].as_str().unwrap().starts_with("Simulated "));
            assert_eq!(
                json["usage"]["cost"].is_null(),
                model == "unpriced",
                "{json:#}"
            );
        }
        for persona in PERSONAS {
            for model in [persona.to_owned(), format!("{persona}-reasoner")] {
                answers(&text("url"), &text("inference_key"), &model).await;
            }
        }
        let fleet = Request::get(format!("{}/personas", text("simulator")));
        let fleet = send(fleet.body(Full::default()).unwrap()).await.text();
        for dialect in DIALECTS {
            let said = format!("\"dialect\":\"{dialect}\"");
            assert!(fleet.contains(&said), "{dialect}: {fleet}");
        }
        let keys = Request::get(format!("{}/api/v1/keys", text("url"))).header(
            "authorization",
            format!("Bearer {}", text("management_key")),
        );
        assert_eq!(send(keys.body(Full::default()).unwrap()).await.status, 200);
        let ledger = Request::get(format!("{}/ledger", text("simulator")));
        let ledger = send(ledger.body(Full::default()).unwrap()).await.json();
        assert_eq!(ledger["simulated"], true);
        assert!(server.stop().1, "it ends well");
    }
}

#[tokio::test]
async fn a_made_up_past_says_that_it_is_and_the_books_agree_with_it() {
    let dir = Scratch::new();
    let arguments = [
        "demo",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        "place",
        "--print-json",
    ];
    let mut first = arguments.to_vec();
    first.extend(["--past-days", "2"]);
    let mut server = Server::start(waybill(&dir, &first));
    let ready: Value = serde_json::from_str(&server.line()).unwrap();
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let list = Request::get(format!("{}/api/v1/generations?limit=1000", text("url"))).header(
        "authorization",
        format!("Bearer {}", text("management_key")),
    );
    let list = send(list.body(Full::default()).unwrap()).await.json();
    let calls = list["data"].as_array().unwrap();
    assert!(calls.len() > 50, "{}", calls.len());
    for call in calls {
        let app = call["app_title"].as_str().unwrap();
        assert!(app.ends_with("(simulated)"), "{call:#}");
    }
    assert!(server.stop().1, "it ends well");
    // At the second start it is there already.
    let mut server = Server::start(waybill(&dir, &arguments));
    server.line();
    assert!(server.stop().1, "it ends well");
    for command in [
        ["records", "verify"],
        ["records", "rebuild"],
        ["ledger", "verify"],
    ] {
        let verified = run(&dir, &[&command[..], &["--data-dir", "place"]].concat());
        assert!(verified.status.success(), "{}", stderr(&verified));
    }
}

/// A model of the fleet answers, whole and streamed.
async fn answers(url: &str, key: &str, model: &str) {
    for stream in [false, true] {
        let mut body = hello(&format!("simulated/{model}"));
        body["stream"] = stream.into();
        let request = Request::post(format!("{url}/v1/chat/completions"))
            .header("authorization", format!("Bearer {key}"))
            .body(Full::from(body.to_string()));
        let seen = send(request.unwrap()).await;
        assert_eq!(seen.status, 200, "{model}: {}", seen.text());
        let answers = match stream {
            true => {
                let (frames, is_done) = seen.frames();
                assert!(is_done, "{model}: {}", seen.text());
                frames
            }
            false => vec![seen.json()],
        };
        let part = if stream { "delta" } else { "message" };
        let said = |name: &str| -> String {
            let texts = answers
                .iter()
                .filter_map(|answer| answer["choices"][0][part][name].as_str());
            texts.collect()
        };
        assert!(!said("content").is_empty(), "{model}: {}", seen.text());
        let usage = &answers.last().expect("an answer")["usage"];
        // Some show what they think, some only count it.
        let counted = usage["completion_tokens_details"]["reasoning_tokens"].as_u64();
        let thinks = counted.is_some_and(|count| count > 0) || !said("reasoning").is_empty();
        assert_eq!(
            thinks,
            model.ends_with("-reasoner"),
            "{model}: {}",
            seen.text()
        );
        let cost = usage["cost"].as_f64();
        assert!(cost.is_some_and(|cost| cost > 0.0), "{model}: {usage:#}");
    }
}
