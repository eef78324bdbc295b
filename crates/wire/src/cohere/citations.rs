//! What an answer of Cohere's cites: results of tools, and documents of the request.

use chat::event::BlockIndex;
use chat::{Citation, Event};

use crate::members::Members;
use crate::track::Listen;

/// Where texts of a source are kept, the likeliest first: documents and results have free members.
const QUOTES: [&str; 4] = ["text", "snippet", "content", "data"];

/// Tells one citation: a claim of the answer, and each source of it.
pub(super) fn tell(block: BlockIndex, citation: &Members<'_>, listen: &mut Listen<'_>) {
    let span = citation.count("start").zip(citation.count("end"));
    for source in citation.objects("sources") {
        let inner = source
            .object("document")
            .or_else(|| source.object("tool_output"));
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
        };
        listen(Event::Cited(block, cited));
    }
}
