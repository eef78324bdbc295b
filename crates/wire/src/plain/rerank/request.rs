//! Reads a request for reranking.

use chat::{Dialect, Modalities, Modality, Needs};

use crate::estimate::Prompt;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::plain::body;
use crate::scan::{Scanner, ValueKind};
use crate::shape::{ANY_LENGTH, FILLED, Fault, Field, OBJECT, Shape, TEXT, may, must};

const DOCUMENT: Shape = Shape::Either(&[TEXT, OBJECT]);

const FIELDS: &[Field] = &[
    may("model", FILLED),
    may("models", Shape::List(0, ANY_LENGTH, &FILLED)),
    must("query", TEXT),
    must("documents", Shape::List(1, ANY_LENGTH, &DOCUMENT)),
    may("top_n", Shape::Whole(1.0, f64::INFINITY)),
    may("provider", OBJECT),
    may("session_id", Shape::Text(256)),
    may("user", TEXT),
    may("metadata", Shape::Map(16, 64, &Shape::Text(512))),
];

/// Reads and checks a caller's request. The query is read with every document.
pub(super) fn read(bytes: &[u8]) -> Result<Incoming, Fault> {
    let mut incoming = body::read(bytes, &[FIELDS])?;
    // Checked before.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let members = incoming.members(text);
    let mut query = Prompt {
        tokens: 0,
        ..Prompt::default()
    };
    query.add_text(members.string("query").map_or("", |query| query.raw));
    let mut prompt = Prompt {
        tokens: 0,
        ..Prompt::default()
    };
    if let Some(documents) = members.present("documents") {
        Scanner::within(text, documents.value).array(|scanner, _| {
            prompt.tokens = prompt.tokens.saturating_add(query.tokens);
            count(scanner, text, &mut prompt)
        })?;
    }
    incoming.needs = Needs {
        dialect: Dialect::Rerank,
        prompt_tokens: prompt.tokens,
        // Scores are not tokens.
        max_output_tokens: Some(0),
        input: prompt.input,
        output: Modalities::default().with(Modality::Rerank),
        ..Needs::default()
    };
    Ok(incoming)
}

/// Counts one document: a text, or an object with a text, a picture or both.
fn count<'a>(scanner: &mut Scanner<'a>, text: &'a str, prompt: &mut Prompt) -> Result<(), Fault> {
    if scanner.peek()? != ValueKind::Object {
        prompt.add_text(scanner.skip()?.of(text));
        return Ok(());
    }
    let document = Members::read(text, scanner)?;
    prompt.add_text(document.string("text").map_or("", |said| said.raw));
    if document.present("image").is_some() {
        prompt.add_image();
    }
    Ok(())
}
