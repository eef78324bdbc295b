//! Writes what an answer may cite: documents and search results.
//!
//! Claude cites those that it is asked to cite. It takes a document that is to be cited as a PDF or as
//! text that is not wrapped in bytes ("Only txt and pdf formats are supported when citations are
//! enabled"; text in bytes is taken for a broken PDF), and a list of texts only where they are to be
//! cited. Documents in results of tools are never cited ("Citations are not supported in tool result
//! documents"); search results are, there too.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentSource.html> (2026),
//! <https://github.com/boto/boto3/issues/4726>, <https://github.com/boto/boto3/issues/4648>

use chat::Error;
use chat::request::{SearchResult, Source};
use serde_json::{Value, json};

use super::media::Names;

/// A document that is to be cited.
///
/// # Errors
/// A format or a place that is not known here.
pub(super) fn cited(
    names: &mut Names,
    (source, filename): (&Source, Option<&str>),
    path: &str,
) -> Result<Value, Error> {
    let text = |source: Value, names: &mut Names| {
        let name = names.name(filename.unwrap_or_default());
        json!({"document": {"format": "txt", "name": name, "source": source}})
    };
    let mut block = match source {
        Source::Text(said) => text(json!({"text": said}), names),
        Source::Texts(said) => text(json!({"content": texts(said)}), names),
        Source::Url(_) | Source::Base64 { .. } | Source::Id(_) => {
            names.document(source, filename, path)?
        }
    };
    block["document"]["citations"] = json!({"enabled": true});
    Ok(block)
}

/// What a search has found.
pub(super) fn search_result(found: &SearchResult) -> Value {
    let mut block = json!({
        "source": found.source,
        "title": found.title,
        "content": texts(&found.texts),
    });
    if found.is_cited {
        block["citations"] = json!({"enabled": true});
    }
    json!({ "searchResult": block })
}

fn texts(said: &[String]) -> Value {
    said.iter().map(|text| json!({ "text": text })).collect()
}
