//! Lists of models: a few names that show what a script in a name does.

use serde_json::{Value, json};

const IDS: [&str; 3] = [
    "sim/plain",
    "sim/slow!delay=500ms,gap=50ms",
    "sim/busy!status=429,retry-after=2",
];

/// OpenAI's list, or one entry of it.
pub(super) fn openai(path: &str) -> Value {
    let model = |id: &str| json!({"id": id, "object": "model", "created": 1_700_000_000_u64, "owned_by": "waybill-simulator"});
    match path.strip_prefix("/v1/models/") {
        Some(id) => model(id),
        None => json!({"object": "list", "data": IDS.map(model)}),
    }
}

/// Gemini's list.
pub(super) fn gemini(_path: &str) -> Value {
    let model = |id: &str| {
        json!({
            "name": format!("models/{id}"),
            "displayName": format!("Simulated {id}"),
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        })
    };
    json!({"models": IDS.map(model)})
}
