//! What an answer of Cohere's cites: results of tools, and documents of the request.

use chat::event::BlockIndex;
use chat::{Citation, Event, Measure};
use serde_json::{Map, Value, json};

use crate::cited::span;
use crate::members::Members;
use crate::scan::Malformed;
use crate::track::Listen;

/// Where texts of a source are kept, the likeliest first: documents and results have free members.
const QUOTES: [&str; 4] = ["text", "snippet", "content", "data"];

/// Tells one citation: a claim of the answer, and each source of it.
///
/// # Errors
/// A source that cannot be taken apart.
pub(super) fn tell(
    block: BlockIndex,
    citation: &Members<'_>,
    listen: &mut Listen<'_>,
) -> Result<(), Malformed> {
    let span = citation.count("start").zip(citation.count("end"));
    for source in citation.objects("sources")? {
        let inner = match source.try_object("document")? {
            Some(document) => Some(document),
            None => source.try_object("tool_output")?,
        };
        let said = |name: &str| {
            let inner = inner.as_ref()?;
            inner.filled(name).map(|said| said.decode().into_owned())
        };
        let id = || source.filled("id").map(|id| id.decode().into_owned());
        let cited = Citation {
            url: said("url").unwrap_or_default(),
            title: said("title").or_else(id),
            quote: QUOTES.into_iter().find_map(said),
            span,
            place: None,
            sealed_index: None,
        };
        listen(Event::Cited(block, cited));
    }
    Ok(())
}

/// Where the documents and the search results of a request are listed beside the conversation, in the
/// order in which they are counted; those in results of tools are not.
#[derive(Debug, Default)]
pub(super) struct Listed {
    documents: Vec<Option<usize>>,
    found: Vec<Option<usize>>,
}

impl Listed {
    /// Remembers where the next document stands.
    pub(super) fn document(&mut self, at: Option<usize>) {
        self.documents.push(at);
    }

    /// Remembers where the next search result stands.
    pub(super) fn found(&mut self, at: Option<usize>) {
        self.found.push(at);
    }

    /// The id that Cohere gives to a listed document which has none of its own.
    fn id(&self, citation: &Citation) -> Option<String> {
        let place = citation.place?;
        let all = match place.measure {
            Measure::Characters | Measure::Pages | Measure::Texts => &self.documents,
            Measure::TextsFound => &self.found,
        };
        let at = all.get(usize::try_from(place.source).ok()?)?;
        at.map(|at| format!("doc:{at}"))
    }
}

/// Writes a citation of an earlier answer: of a text that begins somewhere in all that it said.
///
/// Source: `AssistantMessage` in the reference, <https://docs.cohere.com/reference/chat> (2026)
pub(super) fn write(citation: &Citation, (begin, text): (u64, &str), listed: &Listed) -> Value {
    let (start, end) = span(citation, text);
    let claim: String = text
        .chars()
        .skip(usize::try_from(start).unwrap_or(usize::MAX))
        .take(usize::try_from(end - start).unwrap_or(usize::MAX))
        .collect();
    let mut document = Map::new();
    for (name, said) in [
        ("title", citation.title.as_deref()),
        ("url", Some(citation.url.as_str())),
        ("text", citation.quote.as_deref()),
    ] {
        if let Some(said) = said.filter(|said| !said.is_empty()) {
            document.insert(name.to_owned(), json!(said));
        }
    }
    let mut source = json!({"type": "document"});
    if let Some(id) = listed.id(citation) {
        source["id"] = json!(id);
    }
    source["document"] = Value::Object(document);
    json!({
        "start": begin + start,
        "end": begin + end,
        "text": claim,
        "sources": [source],
        "type": "TEXT_CONTENT",
    })
}
