//! What an answer cites: a place in a document or a search result of the request, or a page of the
//! web.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationLocation.html> (2026)

use chat::event::{Citation, Measure, Place};
use serde_json::{Map, Value, json};

use super::family::{Family, Recalls};
use crate::cited::page;
use crate::members::{Members, check_all};
use crate::scan::Malformed;

/// Places in sources of the request: the member of `location`, and the one in it that says which
/// source it is.
const PLACES: [(Measure, &str, &str); 4] = [
    (Measure::Characters, "documentChar", "documentIndex"),
    (Measure::Pages, "documentPage", "documentIndex"),
    (Measure::Texts, "documentChunk", "documentIndex"),
    (
        Measure::TextsFound,
        "searchResultLocation",
        "searchResultIndex",
    ),
];

/// Reads a citation; where in the answer it belongs is not said, only where in the source.
///
/// # Errors
/// It cannot be taken apart.
pub(super) fn read(citation: &Members<'_>) -> Result<Citation, Malformed> {
    check_all(citation.text, citation.span)?;
    let location = citation.object("location");
    let web = location
        .as_ref()
        .and_then(|location| location.object("web"));
    let url = web.and_then(|web| web.filled("url").map(|url| url.decode().into_owned()));
    let said = |name: &str| citation.filled(name).map(|said| said.decode().into_owned());
    let mut quote = String::new();
    for part in citation.objects("sourceContent")? {
        if let Some(text) = part.filled("text") {
            quote.push_str(&text.decode());
        }
    }
    Ok(Citation {
        url: url.or_else(|| said("source")).unwrap_or_default(),
        title: said("title"),
        quote: Some(quote).filter(|quote| !quote.is_empty()),
        span: None,
        place: location.as_ref().and_then(place),
        sealed_index: None,
    })
}

fn place(location: &Members<'_>) -> Option<Place> {
    PLACES.into_iter().find_map(|(measure, name, source)| {
        let found = location.object(name)?;
        Some(Place {
            measure,
            source: found.count(source)?,
            start: found.count("start")?,
            end: found.count("end")?,
        })
    })
}

/// A text of an earlier answer with what it cites, and which of the citations cannot be told as a
/// whole; nothing where none of them can be told.
///
/// The text stands in the block itself: without one the call is refused.
/// <https://github.com/strands-agents/harness-sdk/pull/1341> (2026)
pub(super) fn write(
    text: &str,
    citations: &[Citation],
    family: &Family,
) -> Option<(Value, Vec<usize>)> {
    let mut told = Vec::with_capacity(citations.len());
    let mut lost = Vec::new();
    for (at, citation) in citations.iter().enumerate() {
        let location = location(citation, family);
        if location.is_none() || citation.sealed_index.is_some() {
            lost.push(at);
        }
        told.extend(location.map(|location| again(citation, location)));
    }
    if told.is_empty() {
        return None;
    }
    let block = json!({"content": [{"text": text}], "citations": told});
    Some((json!({ "citationsContent": block }), lost))
}

/// Where a citation points to, if the model can be told that.
fn location(citation: &Citation, family: &Family) -> Option<Value> {
    let Some(place) = citation.place else {
        let url = page(citation).filter(|_| family.recalls == Recalls::Pages)?;
        return Some(json!({"web": {"url": url}}));
    };
    let is_shown = place.measure != Measure::TextsFound || family.takes_search_results;
    if family.recalls != Recalls::Places || !is_shown {
        return None;
    }
    let (_, name, source) = PLACES
        .into_iter()
        .find(|(measure, ..)| *measure == place.measure)?;
    let mut location = Map::new();
    location.insert(
        name.to_owned(),
        json!({source: place.source, "start": place.start, "end": place.end}),
    );
    Some(Value::Object(location))
}

fn again(citation: &Citation, location: Value) -> Value {
    let mut said = Map::new();
    if let Some(title) = &citation.title {
        said.insert("title".to_owned(), json!(title));
    }
    if citation.place.is_some() && !citation.url.is_empty() {
        said.insert("source".to_owned(), json!(citation.url));
    }
    if let Some(quote) = &citation.quote {
        said.insert("sourceContent".to_owned(), json!([{"text": quote}]));
    }
    said.insert("location".to_owned(), location);
    Value::Object(said)
}
