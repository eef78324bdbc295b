//! What an answer cites: a place in a document or a search result of the request, or a page of the
//! web.
//!
//! <https://platform.claude.com/docs/en/build-with-claude/citations> and
//! <https://platform.claude.com/docs/en/build-with-claude/search-results> (2026)

use chat::event::{Citation, Measure, Place};
use serde_json::{Value, json};

use crate::cited::list;
use crate::members::Members;
use crate::tree::Cursor;

/// The type of a citation of a page of the web.
const PAGE: &str = "web_search_result_location";

/// What citations say.
const KNOWN: [&str; 15] = [
    "type",
    "cited_text",
    "url",
    "title",
    "encrypted_index",
    "source",
    "search_result_index",
    "document_title",
    "document_index",
    "start_char_index",
    "end_char_index",
    "start_page_number",
    "end_page_number",
    "start_block_index",
    "end_block_index",
];

/// How a place in a source of the request is told: the type of the citation, and the members that
/// say which source it is, where the words begin and where they end.
struct Form {
    measure: Measure,
    kind: &'static str,
    source: &'static str,
    start: &'static str,
    end: &'static str,
}

const FORMS: [Form; 4] = [
    Form {
        measure: Measure::Characters,
        kind: "char_location",
        source: "document_index",
        start: "start_char_index",
        end: "end_char_index",
    },
    Form {
        measure: Measure::Pages,
        kind: "page_location",
        source: "document_index",
        start: "start_page_number",
        end: "end_page_number",
    },
    Form {
        measure: Measure::Texts,
        kind: "content_block_location",
        source: "document_index",
        start: "start_block_index",
        end: "end_block_index",
    },
    Form {
        measure: Measure::TextsFound,
        kind: "search_result_location",
        source: "search_result_index",
        start: "start_block_index",
        end: "end_block_index",
    },
];

/// Reads a citation of any type; where in the answer it belongs is not said in this dialect.
pub(super) fn read(citation: &Members<'_>) -> Citation {
    let said = |name: &str| citation.filled(name).map(|said| said.decode().into_owned());
    Citation {
        url: said("url").or_else(|| said("source")).unwrap_or_default(),
        title: said("title").or_else(|| said("document_title")),
        quote: said("cited_text"),
        span: None,
        place: place(citation),
        sealed_index: said("encrypted_index"),
    }
}

/// Reads what a text of an earlier answer cites; what is not known here is named.
pub(super) fn of_text(block: &Cursor<'_>, unsaid: &mut Vec<String>) -> Vec<Citation> {
    list(block, "citations", unsaid, |said, unsaid| {
        let text = said.value.to_string();
        let cited = read(&Members::of_text(&text).ok()?);
        let is_known = cited.place.is_some() || said.value["type"] == PAGE;
        is_known.then(|| said.unknown(&KNOWN, unsaid))?;
        Some(cited)
    })
}

fn place(citation: &Members<'_>) -> Option<Place> {
    let kind = citation.string("type")?;
    let form = FORMS.iter().find(|form| kind.is(form.kind))?;
    Some(Place {
        measure: form.measure,
        source: citation.count(form.source)?,
        start: citation.count(form.start)?,
        end: citation.count(form.end)?,
    })
}

/// Writes a citation: with its place where that is in the request, else as a page of the web.
pub(super) fn write(citation: &Citation) -> Value {
    let quote = citation.quote.as_deref().unwrap_or_default();
    let form = citation.place.and_then(|place| {
        let form = FORMS.iter().find(|form| form.measure == place.measure)?;
        Some((form, place))
    });
    let Some((form, place)) = form else {
        return json!({
            "type": PAGE,
            "url": citation.url,
            "title": citation.title,
            "cited_text": quote,
            // A member that clients demand.
            "encrypted_index": citation.sealed_index.as_deref().unwrap_or_default(),
        });
    };
    let mut written = json!({
        "type": form.kind,
        "cited_text": quote,
        form.source: place.source,
    });
    if place.measure == Measure::TextsFound {
        written["source"] = json!(citation.url);
        written["title"] = json!(citation.title);
    } else {
        written["document_title"] = json!(citation.title);
    }
    written[form.start] = json!(place.start);
    written[form.end] = json!(place.end);
    written
}

/// Writes a citation of an earlier answer, if the model can be told it: a page of the web only with
/// what its place there was sealed with ("Invalid `encrypted_index` in `text` block").
/// <https://code.claude.com/docs/en/errors> (2026)
pub(super) fn write_again(citation: &Citation) -> Option<Value> {
    let is_tellable = citation.place.is_some() || citation.sealed_index.is_some();
    is_tellable.then(|| write(citation))
}
