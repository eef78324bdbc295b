//! Reads what an answer cites: a place in a document or a search result of the request, or a page of
//! the web.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationLocation.html> (2026)

use chat::event::{Citation, Measure, Place};

use crate::members::Members;

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
pub(super) fn read(citation: &Members<'_>) -> Citation {
    let location = citation.object("location");
    let web = location
        .as_ref()
        .and_then(|location| location.object("web"));
    let url = web.and_then(|web| web.filled("url").map(|url| url.decode().into_owned()));
    let said = |name: &str| citation.filled(name).map(|said| said.decode().into_owned());
    let mut quote = String::new();
    for part in citation.objects("sourceContent") {
        if let Some(text) = part.filled("text") {
            quote.push_str(&text.decode());
        }
    }
    Citation {
        url: url.or_else(|| said("source")).unwrap_or_default(),
        title: said("title"),
        quote: Some(quote).filter(|quote| !quote.is_empty()),
        span: None,
        place: location.as_ref().and_then(place),
    }
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
