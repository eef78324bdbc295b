//! Where requests go: one table.

use chat::Dialect;
use serde_json::Value;
use wire::address::{Destination, NoAddress, Operation, Place, address};

use crate::recorded::recordings;

use Dialect::{
    AnthropicMessages, AzureOpenai, BedrockConverse, Cohere, Gemini, OpenaiChat, OpenaiResponses,
    Vertex,
};
use Operation::{CountTokens, Embed, Generate, Rerank, Stream};

fn to<'a>(
    (dialect, body): (Dialect, Dialect),
    base_url: &'a str,
    native_model: &'a str,
    operation: Operation,
) -> Destination<'a> {
    Destination {
        dialect,
        body,
        base_url,
        native_model,
        operation,
        place: Place::default(),
    }
}

/// A base URL with the paths that a dialect adds to it for a model, in the order of the operations.
fn check_paths(
    dialect: Dialect,
    (base_url, native_model): (&str, &str),
    paths: &[(Operation, &str)],
) {
    for (operation, path) in paths {
        let made = address(&to((dialect, dialect), base_url, native_model, *operation));
        assert_eq!(made, Ok(format!("{base_url}{path}")));
    }
}

#[test]
fn every_dialect_has_its_own_paths() {
    let v1 = ("https://api.example/v1", "m");
    let chat = "/chat/completions";
    check_paths(
        OpenaiChat,
        v1,
        &[
            (Generate, chat),
            (Stream, chat),
            (Embed, "/embeddings"),
            (Rerank, "/rerank"),
        ],
    );
    let responses = "/responses";
    check_paths(
        OpenaiResponses,
        v1,
        &[(Generate, responses), (Stream, responses)],
    );
    let messages = "/messages";
    let count = (CountTokens, "/messages/count_tokens");
    check_paths(
        AnthropicMessages,
        v1,
        &[(Generate, messages), (Stream, messages), count],
    );
    let cohere = [
        (Generate, "/chat"),
        (Stream, "/chat"),
        (Embed, "/embed"),
        (Rerank, "/rerank"),
    ];
    check_paths(Cohere, v1, &cohere);
    let gemini = [
        (Generate, "/models/g:generateContent"),
        (Stream, "/models/g:streamGenerateContent?alt=sse"),
        (Embed, "/models/g:batchEmbedContents"),
        (CountTokens, "/models/g:countTokens"),
    ];
    check_paths(Gemini, ("http://h/v1beta", "g"), &gemini);
    check_paths(Gemini, ("http://h/v1beta", "models/g"), &gemini);
    check_paths(
        Gemini,
        ("http://h", "tunedModels/t"),
        &[(Generate, "/tunedModels/t:generateContent")],
    );
}

#[test]
fn a_base_url_keeps_its_query_and_loses_its_last_slash() {
    let check = |dialect: Dialect, base_url, expected: &str| {
        let made = address(&to((dialect, dialect), base_url, "m", Stream));
        assert_eq!(made.as_deref(), Ok(expected));
    };
    check(
        OpenaiChat,
        "http://127.0.0.1:9/",
        "http://127.0.0.1:9/chat/completions",
    );
    check(
        OpenaiChat,
        "http://h/v1/?a=b",
        "http://h/v1/chat/completions?a=b",
    );
    check(
        Gemini,
        "http://h?key=k",
        "http://h/models/m:streamGenerateContent?alt=sse&key=k",
    );
}

#[test]
fn a_bedrock_id_is_one_segment_whatever_is_in_it() {
    let check = |body, model, operation, expected: &str| {
        let made = address(&to((BedrockConverse, body), "http://b", model, operation));
        assert_eq!(made.as_deref(), Ok(expected));
    };
    let claude = "us.anthropic.claude-3-5-sonnet-20241022-v2:0";
    let path = "http://b/model/us.anthropic.claude-3-5-sonnet-20241022-v2%3A0";
    check(
        BedrockConverse,
        claude,
        Generate,
        &format!("{path}/converse"),
    );
    check(
        BedrockConverse,
        claude,
        Stream,
        &format!("{path}/converse-stream"),
    );
    check(
        AnthropicMessages,
        claude,
        Generate,
        &format!("{path}/invoke"),
    );
    check(
        AnthropicMessages,
        claude,
        Stream,
        &format!("{path}/invoke-with-response-stream"),
    );
    check(
        BedrockConverse,
        claude,
        CountTokens,
        "http://b/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/count-tokens",
    );
    check(
        BedrockConverse,
        "cohere.embed-v4:0",
        Embed,
        "http://b/model/cohere.embed-v4%3A0/invoke",
    );
    check(
        BedrockConverse,
        "arn:aws:bedrock:us-east-1:1:application-inference-profile/p",
        Generate,
        "http://b/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fp/converse",
    );
}

#[test]
fn azure_takes_the_resources_address_with_or_without_its_first_folder() {
    let check = |body, base_url, operation, expected: &str| {
        let made = address(&to((AzureOpenai, body), base_url, "my gpt", operation));
        assert_eq!(made.as_deref(), Ok(expected), "{base_url}");
    };
    let deployment = "https://r/openai/deployments/my%20gpt/chat/completions";
    let dated = format!("{deployment}?api-version=2024-10-21");
    check(OpenaiChat, "https://r/openai", Generate, &dated);
    check(OpenaiChat, "https://r", Stream, &dated);
    check(OpenaiChat, "https://r/", Stream, &dated);
    check(AzureOpenai, "https://r", Stream, &dated);
    let preview = format!("{deployment}?api-version=preview");
    check(
        OpenaiChat,
        "https://r/openai?api-version=preview",
        Generate,
        &preview,
    );
    check(
        OpenaiChat,
        "https://r/openai/v1",
        Generate,
        "https://r/openai/v1/chat/completions",
    );
    check(
        OpenaiResponses,
        "https://r/openai",
        Stream,
        "https://r/openai/v1/responses",
    );
    check(
        OpenaiChat,
        "https://r?x=1",
        Embed,
        "https://r/openai/deployments/my%20gpt/embeddings?api-version=2024-10-21&x=1",
    );
}

#[test]
fn vertex_serves_each_publisher_under_its_own_path() {
    let here = "https://eu-aiplatform.example/v1/projects/p/locations/eu";
    let check = |body, model, operation, expected: &str| {
        for base_url in [here.to_owned(), format!("{here}/publishers/google")] {
            let made = address(&to((Vertex, body), &base_url, model, operation));
            assert_eq!(made, Ok(format!("{here}{expected}")));
        }
    };
    check(
        Gemini,
        "gemini-x",
        Generate,
        "/publishers/google/models/gemini-x:generateContent",
    );
    check(
        Gemini,
        "gemini-x",
        Stream,
        "/publishers/google/models/gemini-x:streamGenerateContent?alt=sse",
    );
    check(
        Gemini,
        "text-e",
        Embed,
        "/publishers/google/models/text-e:predict",
    );
    check(
        AnthropicMessages,
        "claude-h@1",
        Generate,
        "/publishers/anthropic/models/claude-h@1:rawPredict",
    );
    check(
        AnthropicMessages,
        "claude-h@1",
        Stream,
        "/publishers/anthropic/models/claude-h@1:streamRawPredict",
    );
    check(
        AnthropicMessages,
        "claude-h@1",
        CountTokens,
        "/publishers/anthropic/models/count-tokens:rawPredict",
    );
    check(
        OpenaiChat,
        "meta/llama-maas",
        Stream,
        "/endpoints/openapi/chat/completions",
    );
}

#[test]
fn vertex_finds_its_place_in_the_base_url_or_in_the_credential() {
    let with = |base_url, project, location| {
        let place = Place { project, location };
        let bare = to((Vertex, Gemini), base_url, "g", Generate);
        address(&Destination { place, ..bare })
    };
    let end = "/publishers/google/models/g:generateContent";
    let made = |root: &str| Ok(format!("{root}{end}"));
    assert_eq!(
        with("http://127.0.0.1:9/v1", Some("p"), Some("us-east5")),
        made("http://127.0.0.1:9/v1/projects/p/locations/us-east5"),
    );
    assert_eq!(
        with("http://h/v1", Some("p"), None),
        made("http://h/v1/projects/p/locations/global"),
    );
    assert_eq!(
        with(
            "https://global-aiplatform.h/v1/projects/q/locations/global",
            Some("p"),
            None
        ),
        made("https://aiplatform.h/v1/projects/q/locations/global"),
    );
    assert_eq!(with("http://h/v1", None, None), Err(NoAddress::Project));
    let express = with("http://h/v1/publishers/google", None, None);
    assert_eq!(express, made("http://h/v1"));
}

#[test]
fn what_a_dialect_cannot_do_has_no_address() {
    for (dialect, operation) in [
        (OpenaiChat, CountTokens),
        (AnthropicMessages, Embed),
        (Gemini, Rerank),
        (Vertex, Rerank),
        (Cohere, CountTokens),
    ] {
        let base_url = "http://h/projects/p/locations/l";
        let made = address(&to((dialect, dialect), base_url, "m", operation));
        assert_eq!(made, Err(NoAddress::Operation(dialect)));
    }
}

/// The address of a recorded request, made from the model and what was asked for; the part before
/// the dialect's own path is taken as it was recorded.
fn remade(exchange: &Value, dialect: Dialect) -> Option<(String, String)> {
    // Where only the answer is known, the path is a guess.
    let is_known = exchange["source"]["request_recorded"] != false;
    let path = exchange["request"]["path"].as_str().filter(|_| is_known)?;
    let model = exchange["model"].as_str()?;
    // A stream may have been asked for and refused, so that the answer is none.
    let is_stream =
        path.ends_with("-stream") || path.contains(":stream") || exchange["stream"] == true;
    let operation = match (exchange["op"].as_str()?, is_stream) {
        ("generate" | "invoke", true) => Stream,
        ("generate" | "invoke", false) => Generate,
        ("count-tokens", _) => CountTokens,
        _ => return None,
    };
    let (start, body) = match dialect {
        Gemini => ("/models/", Gemini),
        Vertex => ("/models/", Gemini),
        Cohere => ("/chat", Cohere),
        _ if exchange["op"] == "invoke" => ("/model/", AnthropicMessages),
        _ => ("/model/", BedrockConverse),
    };
    let (before, _) = path.split_once(start)?;
    let base_url = format!("http://h{before}");
    let made = address(&to((dialect, body), &base_url, model, operation));
    Some((format!("http://h{path}"), made.expect("an address")))
}

#[test]
fn recorded_requests_went_where_we_would_send_them() {
    let mut seen = 0;
    for (folder, dialect) in [
        ("exchanges/bedrock-converse", BedrockConverse),
        ("exchanges/bedrock-invoke", BedrockConverse),
        ("exchanges/google-generative", Gemini),
        ("exchanges/vertex", Vertex),
        ("exchanges/cohere", Cohere),
    ] {
        for (name, exchange) in recordings(folder) {
            let Some((recorded, made)) = remade(&exchange, dialect) else {
                continue;
            };
            // Some clients leave the colon of an id as it is, or send a query of their own.
            let is_usual = !recorded.contains(":0/") && !recorded.contains("?%24");
            if is_usual && !recorded.contains("MODEL") {
                assert_eq!(made, recorded, "{name}");
                seen += 1;
            }
        }
    }
    assert!(seen == 0 || seen > 300, "only {seen} requests");
}

#[test]
fn azure_takes_a_deployment_or_the_path_of_all_models_as_well() {
    let check = |body, base_url, expected: &str| {
        let made = address(&to((AzureOpenai, body), base_url, "gpt", Stream));
        assert_eq!(made.as_deref(), Ok(expected), "{base_url}");
    };
    check(
        OpenaiChat,
        "https://r/openai/deployments/mine?api-version=2024-06-01",
        "https://r/openai/deployments/mine/chat/completions?api-version=2024-06-01",
    );
    check(
        OpenaiChat,
        "https://r/models",
        "https://r/models/chat/completions?api-version=2024-05-01-preview",
    );
    for base_url in [
        "https://r/openai/deployments/mine?api-version=2024-06-01",
        "https://r/models",
        "https://r/openai/v1",
    ] {
        check(OpenaiResponses, base_url, "https://r/openai/v1/responses");
    }
}

#[test]
fn recorded_requests_to_azure_went_where_we_would_send_them() {
    let mut seen = 0;
    for (folder, body, end) in [
        ("exchanges/openai-chat", OpenaiChat, "/chat/completions"),
        ("exchanges/openai-responses", OpenaiResponses, "/responses"),
    ] {
        for (name, exchange) in recordings(folder) {
            let path = exchange["request"]["path"].as_str().unwrap_or_default();
            let is_known = exchange["source"]["request_recorded"] != false;
            if exchange["provider"] != "azure" || !is_known {
                continue;
            }
            let path = path.replacen("//", "/", 1);
            let (before, after) = path.split_once(end).expect("the end of the path");
            // As an operator would write it: the deployment is the endpoint's, not the URL's.
            let (base, model) = match before.split_once("/deployments/") {
                Some((base, deployment)) => (base, deployment),
                None => (before, "in-the-body"),
            };
            let base_url = format!("http://h{base}{after}");
            let made = address(&to((AzureOpenai, body), &base_url, model, Generate));
            assert_eq!(made, Ok(format!("http://h{path}")), "{name}");
            seen += 1;
        }
    }
    assert!(seen == 0 || seen > 40, "only {seen} requests");
}
