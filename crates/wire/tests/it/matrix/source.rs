//! Where the matrix gets its exchanges: recorded traffic when it lies beside the repository, and our
//! own fixtures.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chat::Dialect;
use serde_json::Value;
use wire::frame::Framing;
use wire::frame::eventstream::{self, Header, Message};

use crate::recorded::recordings;

/// Folders of recordings, and the dialect spoken there.
const FOLDERS: [(&str, Dialect); 8] = [
    ("openai-chat", Dialect::OpenaiChat),
    ("mistral", Dialect::OpenaiChat),
    ("openai-responses", Dialect::OpenaiResponses),
    ("anthropic-messages", Dialect::AnthropicMessages),
    ("google-generative", Dialect::Gemini),
    ("vertex", Dialect::Gemini),
    ("bedrock-converse", Dialect::BedrockConverse),
    ("cohere", Dialect::Cohere),
];

/// One exchange.
pub(crate) struct Exchange {
    /// Which one.
    pub(crate) name: String,
    /// The dialect both sides speak.
    pub(crate) dialect: Dialect,
    /// The request, where it is known.
    pub(crate) request: Option<Value>,
    /// The answer.
    pub(crate) answer: Answer,
}

/// What was answered.
pub(crate) enum Answer {
    /// At once.
    Whole(Vec<u8>),
    /// Bit by bit.
    Stream(Framing, Vec<u8>),
    /// Not with an answer.
    None,
}

/// All exchanges: the recorded ones, then ours.
pub(crate) fn exchanges() -> Vec<Exchange> {
    let recorded = FOLDERS.into_iter().flat_map(|(folder, dialect)| {
        recordings(&format!("exchanges/{folder}"))
            .into_iter()
            .filter_map(move |(name, exchange)| {
                read(&format!("{folder}/{name}"), dialect, &exchange)
            })
    });
    recorded.chain(ours()).collect()
}

fn read(name: &str, dialect: Dialect, exchange: &Value) -> Option<Exchange> {
    let path = exchange["request"]["path"].as_str().unwrap_or_default();
    let dialect = match dialect {
        // Vertex hosts others than Google in their own dialects.
        Dialect::Gemini if path.contains("awPredict") => Dialect::AnthropicMessages,
        Dialect::Gemini if path.contains("chat/completions") => Dialect::OpenaiChat,
        dialect => dialect,
    };
    if exchange["op"] != "generate" {
        return None;
    }
    let response = &exchange["response"];
    let answer = match response["kind"].as_str() {
        _ if response["status"] != 200 => Answer::None,
        Some("json") if response["json"].is_object() => {
            Answer::Whole(response["json"].to_string().into_bytes())
        }
        Some("sse") => {
            let text = response["text"].as_str().unwrap_or_default();
            Answer::Stream(Framing::Sse, text.as_bytes().to_vec())
        }
        Some("eventstream-base64") => {
            let bytes = STANDARD.decode(response["base64"].as_str().unwrap_or_default());
            Answer::Stream(Framing::EventStream, bytes.expect("base64"))
        }
        _ => Answer::None,
    };
    let body = &exchange["request"]["body"];
    Some(Exchange {
        name: name.to_owned(),
        dialect,
        request: (body.is_object() && response["status"] == 200).then(|| body.clone()),
        answer,
    })
}

/// AWS's binary messages out of lines of `{"kind", "payload"}`.
fn messages(lines: &[u8]) -> Vec<u8> {
    let lines = std::str::from_utf8(lines).expect("UTF-8").lines();
    let encoded = lines.map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        message(line["kind"].as_str().expect("a kind"), &line["payload"])
    });
    encoded.collect::<Vec<_>>().concat()
}

/// One of AWS's binary messages.
pub(crate) fn message(kind: &str, payload: &Value) -> Bytes {
    let header = |name: &str, value: &str| Header {
        name: name.into(),
        value: eventstream::Value::Text(value.into()),
    };
    let headers = vec![
        header(":message-type", "event"),
        header(":event-type", kind),
        header(":content-type", "application/json"),
    ];
    let payload = payload.to_string().into();
    Message { headers, payload }.encode()
}

/// Our own fixtures: `<dialect>/<name>.{request.json,response.json,stream.sse,stream.ndjson}`.
pub(crate) fn ours() -> Vec<Exchange> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut all = Vec::new();
    for folder in fs::read_dir(root).expect("fixtures").flatten() {
        let folder_name = folder.file_name().to_string_lossy().into_owned();
        let Ok(dialect) = folder_name.parse::<Dialect>() else {
            continue;
        };
        for file in fs::read_dir(folder.path()).expect("a folder").flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let bytes = fs::read(file.path()).expect("readable");
            let (request, answer) = match name.split_once('.').map(|(_, kind)| kind) {
                Some("request.json") => (serde_json::from_slice(&bytes).ok(), Answer::None),
                Some("response.json") => (None, Answer::Whole(bytes)),
                Some("stream.sse") => (None, Answer::Stream(Framing::Sse, bytes)),
                Some("stream.ndjson") => {
                    (None, Answer::Stream(Framing::EventStream, messages(&bytes)))
                }
                _ => continue,
            };
            all.push(Exchange {
                name: format!("{folder_name}/{name}"),
                dialect,
                request,
                answer,
            });
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}
