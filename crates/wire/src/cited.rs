//! What earlier answers cite, in requests: annotations of OpenAI's two dialects, and the names of what
//! nobody can be told.

use chat::Citation;
use chat::request::{Content, Message, Part, Role};
use serde_json::Value;

use crate::openai_chat::annotation;
use crate::tree::Cursor;

/// Names citations of earlier answers in messages of roles whose citations are not told, and in results
/// of tools.
pub(crate) fn name_untold(
    messages: &[Message],
    is_told: impl Fn(Role) -> bool,
    dropped: &mut Vec<String>,
) {
    for (at, message) in messages.iter().enumerate() {
        let path = format!("messages[{at}]");
        name(&message.parts, &path, is_told(message.role), dropped);
    }
}

fn name(parts: &[Part], path: &str, is_told: bool, dropped: &mut Vec<String>) {
    for (at, part) in parts.iter().enumerate() {
        if !is_told && !part.citations.is_empty() {
            dropped.push(format!("{path}.content[{at}].citations"));
        }
        if let Content::ToolResult { parts, .. } = &part.content {
            name(parts, &format!("{path}.content[{at}]"), false, dropped);
        }
    }
}

/// Reads a list of what an earlier answer cites, each element as `read` knows it; what it does not
/// know, and what is no list, is named.
pub(crate) fn list(
    holder: &Cursor<'_>,
    name: &str,
    unsaid: &mut Vec<String>,
    read: impl Fn(&Cursor<'_>, &mut Vec<String>) -> Option<Citation>,
) -> Vec<Citation> {
    let Some(list) = holder.get(name) else {
        return Vec::new();
    };
    if !list.value.is_array() {
        unsaid.push(list.to_string());
    }
    let mut citations = Vec::new();
    for element in list.elements() {
        match read(&element, unsaid) {
            Some(citation) => citations.push(citation),
            None => unsaid.push(element.to_string()),
        }
    }
    citations
}

/// Reads the annotations of a text or a message: pages of the web. Files are another provider's, and
/// named.
pub(crate) fn annotations(holder: &Cursor<'_>, unsaid: &mut Vec<String>) -> Vec<Citation> {
    list(holder, "annotations", unsaid, |annotation, _| {
        // Chat has the page in a member of its own, Responses has not.
        let page = match annotation.value.get("url_citation") {
            Some(page) => page,
            None => annotation.value,
        };
        let is_page = annotation.value["type"] == "url_citation" && page["url"].is_string();
        is_page.then(|| citation(page))
    })
}

/// The pages that the texts of an answer cite, as the elements of Chat's `annotations`: by where they
/// stand in all texts together. Says whether something about them is lost.
pub(crate) fn annotations_of(parts: &[Part]) -> (String, bool) {
    let mut list = Vec::new();
    let (mut begin, mut is_lost) = (0, false);
    for part in parts {
        let Content::Text(text) = &part.content else {
            continue;
        };
        for cited in &part.citations {
            let is_page = page(cited).is_some() && !text.is_empty();
            // A place in a source has no name there.
            is_lost |= !is_page || cited.place.is_some() || cited.sealed_index.is_some();
            if is_page {
                let (start, end) = span(cited, text);
                list.push(annotation(&Citation {
                    span: Some((begin + start, begin + end)),
                    ..cited.clone()
                }));
            }
        }
        begin += chars(text);
    }
    (list.join(","), is_lost)
}

/// A page that an annotation names, or a file by its name.
pub(crate) fn citation(annotation: &Value) -> Citation {
    let text = |name: &str| annotation[name].as_str().map(str::to_owned);
    let span = annotation["start_index"]
        .as_u64()
        .zip(annotation["end_index"].as_u64());
    Citation {
        url: text("url").unwrap_or_default(),
        title: text("title").or_else(|| text("filename")),
        quote: text("content").filter(|quote| !quote.is_empty()),
        // From 0 to 0 where nobody knows.
        span: span.filter(|(start, end)| end > start),
        ..Citation::default()
    }
}

/// Gives citations of a whole message to the texts that they are about.
pub(crate) fn spread(citations: Vec<Citation>, parts: &mut [Part]) -> Vec<Citation> {
    let mut homeless = Vec::new();
    for mut cited in citations {
        let (from, _) = cited.span.unwrap_or_default();
        let mut begin = 0;
        let home = parts.iter_mut().find(|part| {
            let Content::Text(text) = &part.content else {
                return false;
            };
            let end = begin + chars(text);
            let is_home = from < end;
            if !is_home {
                begin = end;
            }
            is_home
        });
        match home {
            Some(part) => {
                cited.span = cited.span.map(|(from, to)| (from - begin, to - begin));
                part.citations.push(cited);
            }
            None => homeless.push(cited),
        }
    }
    homeless
}

/// The part of a text that a citation is about: all of it where that is not said.
pub(crate) fn span(citation: &Citation, text: &str) -> (u64, u64) {
    let most = chars(text);
    let within = citation
        .span
        .filter(|(start, end)| start < end && *end <= most);
    within.unwrap_or((0, most))
}

/// The address of the page that a citation is of.
pub(crate) fn page(citation: &Citation) -> Option<&str> {
    let url = citation.url.as_str();
    let is_page = ["https://", "http://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    is_page.then_some(url)
}

/// How many characters a text has.
pub(crate) fn chars(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}
