//! A messages prompt as its cache sees it, and the rules for markers.

use serde_json::{Value, json};

use crate::cache::{Life, Span};
use crate::dialect::Problem;
use crate::dialect::weight::weigh_all;
use crate::tokens::{TOKENS_PER_MESSAGE, count_tokens};

/// Most cache markers in one request.
const MARKERS_MAX: usize = 4;

/// The pieces of a prompt: tools, system, messages, block by block.
pub(super) fn spans(body: &Value) -> Vec<Span> {
    let mut spans: Vec<Span> = items(body, "tools")
        .map(|tool| Span {
            tokens: count_tokens(&tool.to_string()),
            ..span("tool", tool)
        })
        .collect();
    match body.get("system") {
        Some(Value::Array(blocks)) => spans.extend(blocks.iter().map(|b| span("system", b))),
        Some(Value::Null) | None => {}
        Some(text) => spans.push(span("system", text)),
    }
    for message in items(body, "messages") {
        let role = message["role"].as_str().unwrap_or_default();
        let first = spans.len();
        match &message["content"] {
            Value::Array(blocks) => spans.extend(blocks.iter().map(|b| span(role, b))),
            text => spans.push(span(role, text)),
        }
        if let Some(span) = spans.get_mut(first) {
            span.tokens += TOKENS_PER_MESSAGE;
        }
    }
    if let (Some(marker), Some(last)) = (marker(body), spans.last_mut()) {
        last.marker = last.marker.or(Some(marker)); // Automatic caching marks the last block.
    }
    spans
}

/// Refuses markers that are too many, unknown or in the wrong order.
pub(super) fn check(body: &Value) -> Result<(), Problem> {
    let mut found = Vec::new();
    for field in ["tools", "system", "messages"] {
        gather(body.get(field).unwrap_or(&Value::Null), field, &mut found)?;
    }
    if let Some(control) = body.get("cache_control").filter(|c| !c.is_null()) {
        found.push(life(control, "cache_control")?);
    }
    if found.len() > MARKERS_MAX {
        return Err(Problem::bad(format!(
            "A maximum of {MARKERS_MAX} blocks with cache_control may be provided. Found {}.",
            found.len()
        )));
    }
    let late = found
        .windows(2)
        .any(|pair| pair == [Life::FiveMinutes, Life::OneHour]);
    if late {
        return Err(Problem::bad(
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
        ));
    }
    Ok(())
}

fn gather(value: &Value, at: &str, found: &mut Vec<Life>) -> Result<(), Problem> {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                gather(item, &format!("{at}.{index}"), found)?;
            }
        }
        Value::Object(fields) => {
            // What a tool is called with is data, not structure.
            if let Some(content) = fields.get("content") {
                gather(content, &format!("{at}.content"), found)?;
            }
            if let Some(control) = fields.get("cache_control").filter(|c| !c.is_null()) {
                if fields.get("text") == Some(&json!("")) {
                    return Err(Problem::bad(format!(
                        "{at}.text: cache_control cannot be set for empty text blocks"
                    )));
                }
                found.push(life(control, &format!("{at}.cache_control"))?);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

fn life(control: &Value, at: &str) -> Result<Life, Problem> {
    if control["type"] != "ephemeral" {
        let text = format!(
            "{at}: Input tag '{}' found using 'type' does not match any of the expected tags: 'ephemeral'",
            control["type"].as_str().unwrap_or_default()
        );
        return Err(Problem::bad(text));
    }
    match control.get("ttl").map(|ttl| ttl.as_str()) {
        None | Some(Some("5m")) => Ok(Life::FiveMinutes),
        Some(Some("1h")) => Ok(Life::OneHour),
        Some(_) => Err(Problem::bad(format!(
            "{at}.ephemeral.ttl: Input should be '5m' or '1h'"
        ))),
    }
}

fn marker(value: &Value) -> Option<Life> {
    let control = value.get("cache_control").filter(|c| !c.is_null())?;
    life(control, "").ok()
}

fn span(role: &str, block: &Value) -> Span {
    let mut bare = block.clone();
    if let Some(fields) = bare.as_object_mut() {
        fields.shift_remove("cache_control");
    }
    let nested = |block: &Value| items(block, "content").find_map(marker);
    Span {
        text: format!("{role} {bare}"),
        tokens: weigh_all(block).tokens - TOKENS_PER_MESSAGE,
        marker: marker(block).or_else(|| nested(block)),
    }
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
