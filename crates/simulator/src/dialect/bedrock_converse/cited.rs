//! Documents and search results of converse messages: their form, and how answers cite them.

use serde_json::{Value, json};

use super::blocks::extraneous;
use crate::dialect::Problem;
use crate::dialect::ask::unknown_key;
use crate::dialect::cited::{Cited, What};

const FORMATS: [&str; 9] = [
    "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md",
];
const SOURCES: [&str; 4] = ["bytes", "s3Location", "text", "content"];
/// Where a citation may point to, and the member that says which source is meant.
const LOCATIONS: [(&str, Option<&str>); 5] = [
    ("web", None),
    ("documentChar", Some("documentIndex")),
    ("documentPage", Some("documentIndex")),
    ("documentChunk", Some("documentIndex")),
    ("searchResultLocation", Some("searchResultIndex")),
];
/// Longest name of a document.
const NAME_MAX: usize = 200;

/// What the first thing is that answers are to cite.
pub(super) fn first(messages: &[Value]) -> Option<Cited> {
    let blocks = messages.iter().flat_map(|message| list(message, "content"));
    let all = blocks.flat_map(|block| match block.get("toolResult") {
        Some(result) => list(result, "content").collect(),
        None => vec![block],
    });
    Cited::first(all.filter_map(citable))
}

/// Checks what a block that may be cited holds; others pass.
pub(super) fn check(block: &Value, path: &str, is_result: bool) -> Result<(), Problem> {
    if let Some(document) = block.get("document") {
        return check_document(document, &format!("{path}/document"), is_result);
    }
    if let Some(said) = block.get("citationsContent") {
        return check_said(said, &format!("{path}/citationsContent"));
    }
    let Some(found) = block.get("searchResult") else {
        return Ok(());
    };
    let path = format!("{path}/searchResult");
    if let Some(key) = unknown_key(found, &["source", "title", "content", "citations"]) {
        return Err(extraneous(&path, key));
    }
    for name in ["source", "title"] {
        if !found[name].is_string() {
            return Err(missing(&path, name));
        }
    }
    check_texts(&found["content"], &path)
}

/// Checks what an earlier answer says that it cites.
fn check_said(said: &Value, path: &str) -> Result<(), Problem> {
    if let Some(key) = unknown_key(said, &["content", "citations"]) {
        return Err(extraneous(path, key));
    }
    if list(said, "content").all(|part| !part["text"].is_string()) {
        return Err(super::blocks::from_model("text.text: Field required"));
    }
    check_texts(&said["content"], path)?;
    for citation in list(said, "citations") {
        let path = format!("{path}/citations");
        let known = ["title", "source", "sourceContent", "location"];
        if let Some(key) = unknown_key(citation, &known) {
            return Err(extraneous(&path, key));
        }
        for (place, source) in LOCATIONS {
            let Some(location) = citation["location"].get(place) else {
                continue;
            };
            let known = match source {
                Some(source) => vec![source, "start", "end"],
                None => vec!["url", "domain"],
            };
            if let Some(key) = unknown_key(location, &known) {
                return Err(extraneous(&format!("{path}/location/{place}"), key));
            }
        }
        let places = LOCATIONS.map(|(place, _)| place);
        if let Some(key) = unknown_key(&citation["location"], &places) {
            return Err(extraneous(&format!("{path}/location"), key));
        }
    }
    Ok(())
}

fn check_document(document: &Value, path: &str, is_result: bool) -> Result<(), Problem> {
    let known = ["format", "name", "source", "context", "citations"];
    if let Some(key) = unknown_key(document, &known) {
        return Err(extraneous(path, key));
    }
    let name = document["name"].as_str().unwrap_or_default();
    let fits = |c: char| c.is_alphanumeric() || c == ' ' || "-()[]".contains(c);
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(fits) || name.contains("  ") {
        return Err(Problem::bad(
            "The file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character.",
        ));
    }
    let format = document["format"].as_str();
    if format.is_some_and(|format| !FORMATS.contains(&format)) {
        return Err(Problem::bad(format!(
            "1 validation error detected: Value at '{path}/format' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            FORMATS.join(", ")
        )));
    }
    let source = &document["source"];
    if let Some(key) = unknown_key(source, &SOURCES) {
        return Err(extraneous(&format!("{path}/source"), key));
    }
    if SOURCES
        .iter()
        .filter(|it| source.get(**it).is_some())
        .count()
        != 1
    {
        return Err(missing(path, "source"));
    }
    if let Some(content) = source.get("content") {
        check_texts(content, &format!("{path}/source"))?;
    }
    check_citations(document, is_result)
}

/// What may be cited, and as what. The words are those of Bedrock, as people have met them.
fn check_citations(document: &Value, is_result: bool) -> Result<(), Problem> {
    let source = &document["source"];
    let is_in_bytes = source.get("bytes").is_some();
    let is_wrapped = is_in_bytes || source.get("s3Location").is_some();
    let is_cited = is_cited(document);
    if is_cited && is_result {
        return Err(Problem::bad(
            "Citations are not supported in tool result documents.",
        ));
    }
    if !is_cited && !is_wrapped {
        return Err(Problem::bad(
            "Documents whose source is text or content must have citations enabled.",
        ));
    }
    match document["format"].as_str() {
        Some("txt") if is_cited && is_in_bytes => Err(super::blocks::from_model(
            "The PDF specified was not valid.",
        )),
        None | Some("txt" | "pdf") => Ok(()),
        Some(_) if is_cited => Err(Problem::bad(
            "Unsupported document format. Only txt and pdf formats are supported when citations are enabled",
        )),
        Some(_) => Ok(()),
    }
}

fn check_texts(content: &Value, path: &str) -> Result<(), Problem> {
    let Some(texts) = content.as_array().filter(|texts| !texts.is_empty()) else {
        return Err(missing(path, "content"));
    };
    for text in texts {
        if let Some(key) = unknown_key(text, &["text"]) {
            return Err(extraneous(&format!("{path}/content"), key));
        }
        if text["text"]
            .as_str()
            .is_none_or(|text| text.trim().is_empty())
        {
            return Err(missing(&format!("{path}/content"), "text"));
        }
    }
    Ok(())
}

fn missing(path: &str, name: &str) -> Problem {
    Problem::bad(format!(
        "Malformed input request: {path}: required key [{name}] not found, please reformat your input and try again."
    ))
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn is_cited(holder: &Value) -> bool {
    holder.pointer("/citations/enabled") == Some(&Value::Bool(true))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn citable(block: &Value) -> Option<Cited> {
    let (what, holder, quote) = if let Some(found) = block.get("searchResult") {
        (What::SearchResult, found, &found["content"][0]["text"])
    } else {
        let document = block.get("document")?;
        let source = &document["source"];
        match (source.get("text"), source.get("content")) {
            (Some(text), _) => (What::Text, document, text),
            (None, Some(texts)) => (What::Texts, document, &texts[0]["text"]),
            (None, None) => (What::Pages, document, &Value::Null),
        }
    };
    Some(Cited {
        what,
        index: 0,
        title: text(holder.get("title").unwrap_or(&holder["name"])),
        source: match what {
            What::SearchResult => text(&holder["source"]),
            What::Text | What::Texts | What::Pages => String::new(),
        },
        quote: text(quote),
        is_cited: is_cited(holder),
    })
}

/// A citation.
pub(super) fn citation(cited: &Cited) -> Value {
    let (start, end) = cited.place();
    let (location, source) = match cited.what {
        What::Text => ("documentChar", "documentIndex"),
        What::Texts => ("documentChunk", "documentIndex"),
        What::Pages => ("documentPage", "documentIndex"),
        What::SearchResult => ("searchResultLocation", "searchResultIndex"),
    };
    let mut citation = json!({
        "title": cited.title,
        "sourceContent": [{"text": cited.quote}],
        "location": {location: {source: cited.index, "start": start, "end": end}},
    });
    if cited.what == What::SearchResult {
        citation["source"] = json!(cited.source);
    }
    citation
}
