//! Documents and search results of messages: their form, and how answers cite them.

use serde_json::{Value, json};

use crate::dialect::Problem;
use crate::dialect::cited::{Cited, What};

/// What the first thing is that answers are to cite.
pub(super) fn first(messages: &[Value]) -> Option<Cited> {
    let blocks = messages.iter().flat_map(|message| list(message, "content"));
    let all = blocks.flat_map(|block| match block["type"].as_str() {
        Some("tool_result") => list(block, "content").collect(),
        _ => vec![block],
    });
    Cited::first(all.filter_map(citable))
}

/// Checks where the bytes of a document are.
pub(super) fn check_document(source: &Value, at: &str) -> Result<(), Problem> {
    let at = format!("{at}.document.source");
    let needed = match source["type"].as_str() {
        Some("base64" | "text") => "data",
        Some("url") => "url",
        Some("file") => "file_id",
        Some("content") => match &source["content"] {
            Value::String(_) | Value::Array(_) => return Ok(()),
            _ => "content",
        },
        other => {
            return Err(Problem::bad(format!(
                "{at}: Input tag '{}' found using 'type' does not match any of the expected tags: 'base64', 'content', 'file', 'text', 'url'",
                other.unwrap_or_default()
            )));
        }
    };
    match source[needed].is_string() {
        true => Ok(()),
        false => Err(Problem::bad(format!("{at}.{needed}: Field required"))),
    }
}

/// Checks that a search result says something, in texts alone.
pub(super) fn check_search_result(block: &Value, at: &str) -> Result<(), Problem> {
    let at = format!("{at}.search_result");
    for name in ["source", "title"] {
        if !block[name].is_string() {
            return Err(Problem::bad(format!(
                "{at}.{name}: Input should be a valid string"
            )));
        }
    }
    let is_text = |part: &Value| {
        part["type"] == "text" && part["text"].as_str().is_some_and(|text| !text.is_empty())
    };
    match block["content"].as_array() {
        Some(parts) if !parts.is_empty() && parts.iter().all(is_text) => Ok(()),
        _ => Err(Problem::bad(format!(
            "{at}.content: Input should be a list of text blocks that are not empty"
        ))),
    }
}

/// Checks what an earlier answer says that it cites: pages of the web come with their seal.
pub(super) fn check_said(block: &Value, at: &str) -> Result<(), Problem> {
    for citation in list(block, "citations") {
        let needed: &[&str] = match citation["type"].as_str() {
            Some("char_location") => &["document_index", "start_char_index", "end_char_index"],
            Some("page_location") => &["document_index", "start_page_number", "end_page_number"],
            Some("content_block_location") => {
                &["document_index", "start_block_index", "end_block_index"]
            }
            Some("search_result_location") => &[
                "search_result_index",
                "start_block_index",
                "end_block_index",
                "source",
            ],
            _ => &["url", "encrypted_index"],
        };
        let missing = needed.iter().find(|name| citation.get(**name).is_none());
        if let Some(name) = missing {
            return Err(Problem::bad(format!(
                "{at}.text.citations.{name}: Field required"
            )));
        }
        if citation["encrypted_index"] == "" {
            return Err(Problem::bad(format!(
                "{at}: Invalid `encrypted_index` in `text` block"
            )));
        }
    }
    Ok(())
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn citable(block: &Value) -> Option<Cited> {
    let source = &block["source"];
    let (what, quote) = match block["type"].as_str() {
        Some("search_result") => (What::SearchResult, &block["content"][0]["text"]),
        Some("document") => match source["type"].as_str() {
            Some("text") => (What::Text, &source["data"]),
            Some("content") => (What::Texts, &source["content"][0]["text"]),
            _ => (What::Pages, &Value::Null),
        },
        _ => return None,
    };
    Some(Cited {
        what,
        index: 0,
        title: text(&block["title"]),
        source: text(source),
        quote: text(quote),
        is_cited: block.pointer("/citations/enabled") == Some(&Value::Bool(true)),
    })
}

/// A citation.
pub(super) fn citation(cited: &Cited) -> Value {
    let (start, end) = cited.place();
    let (kind, start_name, end_name) = match cited.what {
        What::Text => ("char_location", "start_char_index", "end_char_index"),
        What::Texts => (
            "content_block_location",
            "start_block_index",
            "end_block_index",
        ),
        What::Pages => ("page_location", "start_page_number", "end_page_number"),
        What::SearchResult => {
            return json!({
                "type": "search_result_location",
                "cited_text": cited.quote,
                "source": cited.source,
                "title": cited.title,
                "search_result_index": cited.index,
                "start_block_index": start,
                "end_block_index": end,
            });
        }
    };
    json!({
        "type": kind,
        "cited_text": cited.quote,
        "document_index": cited.index,
        "document_title": cited.title,
        start_name: start,
        end_name: end,
    })
}
