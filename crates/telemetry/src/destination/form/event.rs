//! Product analytics: a `$ai_generation` event for each call.

use jiff::Timestamp;
use ledger::decimal;
use serde_json::{Value as Json, json};

use crate::call::Told;
use crate::content::plain_messages;
use crate::destination::kind::Kind;
use crate::destination::settings::Settings;

/// The events of calls, as one request.
pub(in crate::destination) fn request(
    kind: &Kind,
    settings: &Settings,
    calls: &[(Told, String)],
) -> Json {
    let key = settings.meaning(kind, "apiKey").unwrap_or_default();
    let events: Vec<Json> = calls.iter().map(|(told, name)| event(told, name)).collect();
    json!({ "api_key": key, "batch": events })
}

/// `$ai_generation`, as product analytics has it.
fn event(told: &Told, key_name: &str) -> Json {
    let generation = &*told.generation;
    let caller = &generation.caller;
    let iso = |ms: i64| {
        Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| at.to_string())
    };
    let total = generation.charge.as_ref().ok().map(|bill| bill.total);
    let total = total.map(|total| decimal::format(i128::from(total.nanos()), 9));
    let distinct = caller
        .external_user
        .as_deref()
        .unwrap_or(generation.id.as_str());
    let mut event = json!({
        "event": "$ai_generation",
        "distinct_id": distinct,
        "timestamp": iso(generation.created_at_ms),
        "properties": {
            "$ai_trace_id": told.trace().to_string(),
            "$ai_session_id": caller.session_id,
            "$ai_span_name": generation.model,
            "$ai_model": generation.model,
            "$ai_provider": generation.provider,
            "$ai_input_tokens": generation.usage.prompt_tokens(),
            "$ai_output_tokens": generation.usage.completion_tokens(),
            "$ai_latency": seconds(generation.total_ms),
            "$ai_http_status": generation.status,
            "$ai_is_error": generation.status >= 400,
            "$ai_total_cost_usd": total,
            "generation_id": generation.id.as_str(),
            "api_key_name": key_name,
        },
    });
    if let Some(content) = &told.content {
        event["properties"]["$ai_input"] = plain_messages(content.input()).into();
        event["properties"]["$ai_output_choices"] = plain_messages(content.output()).into();
    }
    event
}

/// Milliseconds as decimal seconds.
fn seconds(ms: u64) -> Json {
    let text = decimal::format(i128::from(ms), 3);
    text.parse::<f64>().map_or(Json::Null, Json::from)
}
