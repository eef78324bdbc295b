//! Reads what an answer may cite: documents and search results; and where their bytes are.

use chat::Error;
use chat::request::{Content, Part, SearchResult, Source};
use serde_json::Value;

use super::content::{blocks, mark};
use crate::tree::Cursor;

/// The member that says where the bytes of a block are.
pub(super) fn of<'c>(block: &'c Cursor<'c>) -> Result<Cursor<'c>, Error> {
    block
        .object("source")?
        .ok_or_else(|| block.missing("source", "an object"))
}

/// Where the bytes are.
pub(super) fn source(source: &Cursor<'_>) -> Result<Source, Error> {
    Ok(match source.need("type")? {
        "base64" => Source::Base64 {
            media_type: source.need("media_type")?.to_owned(),
            data: source.need("data")?.to_owned(),
        },
        "url" => Source::of_url(source.need("url")?),
        "text" => Source::Text(source.need("data")?.to_owned()),
        "file" => Source::Id(source.need("file_id")?.to_owned()),
        other => return Err(source.wrong(&format!("unknown type \"{other}\""))),
    })
}

/// Reads a document.
///
/// One that is made of blocks becomes those blocks, unless it is to be cited and all of them are
/// texts, since a citation says which of them. Where pictures are among them, the citations are
/// dropped and named: what is to be seen matters more than where a claim is from.
pub(super) fn document(
    block: &Cursor<'_>,
    parts: &mut Vec<Part>,
    unsaid: &mut Vec<String>,
) -> Result<(), Error> {
    block.unknown(
        &[
            "type",
            "source",
            "title",
            "context",
            "cache_control",
            "citations",
        ],
        unsaid,
    );
    if let Some(context) = block.string("context")? {
        parts.push(Part::text(context));
    }
    let title = block.string("title")?;
    let inner = of(block)?;
    let is_cited = is_cited(block)?;
    let source = if inner.need("type")? != "content" {
        source(&inner)?
    } else if is_cited && is_all_text(&inner) {
        Source::Texts(texts(&inner, unsaid)?)
    } else {
        if is_cited {
            unsaid.push(block.path_of("citations"));
        }
        let mut shown: Vec<Part> = title.map(Part::text).into_iter().collect();
        shown.extend(blocks(&inner, "content", unsaid)?);
        if let Some(last) = shown.last_mut() {
            last.cache = mark(block)?.or(last.cache);
        }
        parts.extend(shown);
        return Ok(());
    };
    parts.push(Part {
        content: Content::File {
            source,
            filename: title.map(ToOwned::to_owned),
            is_cited,
        },
        cache: mark(block)?,
        opaque: None,
        citations: Vec::new(),
    });
    Ok(())
}

/// Reads a search result.
pub(super) fn search_result(
    block: &Cursor<'_>,
    unsaid: &mut Vec<String>,
) -> Result<SearchResult, Error> {
    block.unknown(
        &[
            "type",
            "source",
            "title",
            "content",
            "cache_control",
            "citations",
        ],
        unsaid,
    );
    Ok(SearchResult {
        source: block.need("source")?.to_owned(),
        title: block.need("title")?.to_owned(),
        texts: texts(block, unsaid)?,
        is_cited: is_cited(block)?,
    })
}

/// Whether the answer is to say what it takes from it.
fn is_cited(block: &Cursor<'_>) -> Result<bool, Error> {
    let citations = block.object("citations")?;
    let is_enabled = citations.map(|citations| citations.boolean("enabled"));
    Ok(is_enabled.transpose()?.flatten().unwrap_or(false))
}

fn is_all_text(holder: &Cursor<'_>) -> bool {
    match holder.value.get("content") {
        Some(Value::Array(blocks)) => blocks.iter().all(|block| block["type"] == "text"),
        Some(Value::String(_)) => true,
        _ => false,
    }
}

/// The texts of what holds nothing else; whatever else it says is named.
fn texts(holder: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Vec<String>, Error> {
    let content = holder
        .get("content")
        .ok_or_else(|| holder.missing("content", "an array"))?;
    if let Value::String(text) = content.value {
        return Ok(vec![text.clone()]);
    }
    if !content.value.is_array() {
        return Err(content.expected("a string or an array"));
    }
    let mut texts = Vec::new();
    for block in content.elements() {
        if block.need("type")? == "text" {
            block.unknown(&["type", "text"], unsaid);
            texts.push(block.need("text")?.to_owned());
        } else {
            unsaid.push(block.to_string());
        }
    }
    Ok(texts)
}
