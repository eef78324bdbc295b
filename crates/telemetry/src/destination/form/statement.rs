//! Snowflake's SQL API: rows as one bound text, taken apart by the statement that inserts them.
//!
//! Source: <https://docs.snowflake.com/en/developer-guide/sql-api/submitting-requests>, 2026.

use serde_json::{Value as Json, json};

use super::rows::row;
use crate::destination::kind::Kind;
use crate::destination::settings::Settings;
use crate::span::Span;

/// How long the statement may take, seconds.
const SECONDS_MAX: u32 = 60;

/// Columns, and how each is read from a row. Names and types are ours: no text of a caller becomes
/// part of the statement.
const COLUMNS: [(&str, &str); 17] = [
    ("TRACE_ID", "VARCHAR"),
    ("SPAN_ID", "VARCHAR"),
    ("TIMESTAMP", "NUMBER"),
    ("MODEL", "VARCHAR"),
    ("PROVIDER_NAME", "VARCHAR"),
    ("USER_ID", "VARCHAR"),
    ("SESSION_ID", "VARCHAR"),
    ("API_KEY_NAME", "VARCHAR"),
    ("STATUS", "VARCHAR"),
    ("SPAN_TYPE", "VARCHAR"),
    ("FINISH_REASON", "VARCHAR"),
    ("DURATION_MS", "NUMBER"),
    ("PROMPT_TOKENS", "NUMBER"),
    ("COMPLETION_TOKENS", "NUMBER"),
    ("INPUT", "VARIANT"),
    ("OUTPUT", "VARIANT"),
    ("ATTRIBUTES", "VARIANT"),
];

/// Spans as one request; of none, a statement that only asks whether anybody is there.
pub(in crate::destination) fn request(kind: &Kind, settings: &Settings, spans: &[Span]) -> Json {
    let of = |name: &str| settings.meaning(kind, name).unwrap_or_default();
    let mut request = json!({
        "statement": "SELECT 1",
        "timeout": SECONDS_MAX,
        "database": of("database"),
        "schema": of("schema"),
        "warehouse": of("warehouse"),
    });
    if !spans.is_empty() {
        let rows: Vec<Json> = spans.iter().map(row).collect();
        let rows = Json::Array(rows).to_string();
        request["statement"] = insert(&of("table")).into();
        request["bindings"] = json!({"1": {"type": "TEXT", "value": rows}});
    }
    request
}

fn insert(table: &str) -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = COLUMNS
        .iter()
        .map(|(name, kind)| match (*name, *kind) {
            ("TIMESTAMP", _) => "TO_TIMESTAMP_NTZ(VALUE:TIMESTAMP::NUMBER, 3)".to_owned(),
            (name, "VARIANT") => format!("TRY_PARSE_JSON(VALUE:{name}::VARCHAR)"),
            (name, kind) => format!("VALUE:{name}::{kind}"),
        })
        .collect();
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?)))",
        names.join(", "),
        values.join(", ")
    )
}
