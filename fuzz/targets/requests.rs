//! Each reader of callers' requests, and each writer behind it: no panic, and what is written is JSON.
#![no_main]

use chat::{Dialect, Features};
use libfuzzer_sys::fuzz_target;
use wire::{Beside, Outgoing};

const TO: [Dialect; 8] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
    Dialect::Gemini,
    Dialect::Vertex,
    Dialect::BedrockConverse,
    Dialect::AzureOpenai,
    Dialect::Cohere,
];

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (from, to, body) = input;
    let from = Dialect::ALL[usize::from(from) % Dialect::ALL.len()];
    let to = TO[usize::from(to) % TO.len()];
    let Some(door) = wire::door(from) else { return };
    let beside = Beside {
        model: Some("author/model".to_owned()),
        ..Beside::default()
    };
    let Ok(request) = door.read_request(body, beside) else {
        return;
    };
    let needs = &request.needs;
    // A provider without habits.
    let Some(written) = to.body_for("claude-opus-4-5", from, needs.features, Features::default())
    else {
        return;
    };
    let Some(lane) = wire::lane(from, to, written) else {
        return;
    };
    let outgoing = Outgoing {
        dialect: to,
        native_model: "claude-opus-4-5",
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: Some(4096),
    };
    if let Ok(written) = lane.write((body, &request), &outgoing) {
        serde_json::from_slice::<serde_json::Value>(&written.body)
            .expect("what is written is JSON");
    }
});
