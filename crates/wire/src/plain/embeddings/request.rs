//! Reads a request for embeddings. Source: section 24.5 of our digest of OpenRouter's API.

use chat::request::Source;
use chat::{Dialect, Error, Feature, Kind, Modalities, Modality, Needs};
use serde_json::Value;

use crate::estimate::Prompt;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::openai_chat::elements;
use crate::plain::body;
use crate::scan::{Scanner, ValueKind};
use crate::shape::{ANY_LENGTH, FILLED, Fault, Field, OBJECT, Shape, TEXT, may, must};
use crate::tree::Cursor;

const TOKEN: Shape = Shape::Whole(0.0, f64::INFINITY);
const TOKENS: Shape = Shape::List(1, ANY_LENGTH, &TOKEN);
const INPUT: Shape = Shape::Either(&[
    TEXT,
    Shape::List(1, ANY_LENGTH, &Shape::Either(&[TEXT, TOKEN, TOKENS, PARTS])),
]);
const PARTS: Shape = Shape::Object(&[must(
    "content",
    Shape::List(1, ANY_LENGTH, &Shape::Object(&[must("type", FILLED)])),
)]);

const FIELDS: &[Field] = &[
    may("model", FILLED),
    may("models", Shape::List(0, ANY_LENGTH, &FILLED)),
    must("input", INPUT),
    may("encoding_format", Shape::Word(&["float", "base64"])),
    may("dimensions", Shape::Whole(1.0, f64::INFINITY)),
    may("input_type", TEXT),
    may("user", TEXT),
    may("provider", OBJECT),
    may("session_id", Shape::Text(256)),
    may("metadata", Shape::Map(16, 64, &Shape::Text(512))),
];

/// Reads and checks a caller's request.
pub(super) fn read(bytes: &[u8]) -> Result<Incoming, Fault> {
    let mut incoming = body::read(bytes, &[FIELDS])?;
    // Checked before.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let members = incoming.members(text);
    let mut prompt = Prompt {
        tokens: 0,
        ..Prompt::default()
    };
    let mut token_ids = 0_u64;
    if let Some(input) = members.present("input") {
        match input.kind {
            ValueKind::Array => {
                Scanner::within(text, input.value)
                    .array(|scanner, _| count(scanner, text, &mut prompt, &mut token_ids))?;
            }
            _ => count(
                &mut Scanner::within(text, input.value),
                text,
                &mut prompt,
                &mut token_ids,
            )?,
        }
    }
    let mut features = prompt.features;
    if token_ids > 0 {
        features.insert(Feature::TokenPrompt);
    }
    incoming.needs = Needs {
        dialect: Dialect::OpenaiEmbeddings,
        prompt_tokens: prompt.tokens.saturating_add(token_ids),
        // Vectors are not tokens.
        max_output_tokens: Some(0),
        input: prompt.input,
        output: Modalities::default().with(Modality::Embeddings),
        features,
        ..Needs::default()
    };
    Ok(incoming)
}

/// Counts one input: a text, a token id, a list of them, or parts.
fn count<'a>(
    scanner: &mut Scanner<'a>,
    text: &'a str,
    prompt: &mut Prompt,
    token_ids: &mut u64,
) -> Result<(), Fault> {
    match scanner.peek()? {
        ValueKind::String => prompt.add_text(scanner.string()?.raw),
        ValueKind::Number => {
            scanner.skip()?;
            *token_ids += 1;
        }
        ValueKind::Array => {
            scanner.array(|scanner, _| {
                *token_ids += 1;
                scanner.skip().map(drop).map_err(Fault::from)
            })?;
        }
        ValueKind::Object => {
            let input = Members::read(text, scanner)?;
            if let Some(content) = input.present("content") {
                for span in elements(text, content.value) {
                    if let Ok(part) = Members::of_span(text, span) {
                        count_part(&part, prompt);
                    }
                }
            }
        }
        ValueKind::Bool | ValueKind::Null => drop(scanner.skip()?),
    }
    Ok(())
}

fn count_part(part: &Members<'_>, prompt: &mut Prompt) {
    let length = |name: &str| {
        let inner = part.object(name);
        let data = inner.as_ref().and_then(|inner| inner.string("data"));
        data.map_or(0, |data| data.raw.len())
    };
    let kind = part.string("type").map(|kind| kind.decode());
    match kind.as_deref() {
        Some("text") => prompt.add_text(part.string("text").map_or("", |said| said.raw)),
        Some("image_url") => prompt.add_image(),
        Some("input_audio") => prompt.add_audio(length("input_audio")),
        Some("input_video") => prompt.add_video(),
        Some("input_file") => prompt.add_file(length("input_file")),
        _ => prompt.add_unknown(part.span.of(part.text)),
    }
}

// === What a provider of another dialect needs of it ===

/// A piece of an input.
pub(super) enum Piece {
    /// Text.
    Text(String),
    /// A picture.
    Image(Source),
}

/// A request taken apart.
pub(super) struct Asked {
    /// What is to become vectors, each of one piece or more.
    pub(super) inputs: Vec<Vec<Piece>>,
    /// How long the vectors are to be.
    pub(super) dimensions: Option<u64>,
    /// What they are for.
    pub(super) input_type: Option<String>,
    /// Names of what is not in here.
    pub(super) dropped: Vec<String>,
}

/// Takes a request apart.
///
/// # Errors
/// Token ids and kinds of parts that the others cannot be told.
pub(super) fn asked(bytes: &[u8]) -> Result<Asked, Error> {
    let tree: Value = serde_json::from_slice(bytes).map_err(|_| body::unreadable())?;
    let top = Cursor::new(&tree);
    let input = top
        .get("input")
        .ok_or_else(|| top.missing("input", "a string or an array"))?;
    let mut inputs = Vec::new();
    match input.value {
        Value::String(text) => inputs.push(vec![Piece::Text(text.clone())]),
        _ => {
            for element in input.elements() {
                inputs.push(pieces(&element)?);
            }
        }
    }
    let mut dropped = Vec::new();
    if top.get("user").is_some() {
        dropped.push("user".to_owned());
    }
    Ok(Asked {
        inputs,
        dimensions: top.count("dimensions")?,
        input_type: top.string("input_type")?.map(str::to_owned),
        dropped,
    })
}

fn pieces(input: &Cursor<'_>) -> Result<Vec<Piece>, Error> {
    if let Value::String(text) = input.value {
        return Ok(vec![Piece::Text(text.clone())]);
    }
    let content = input.array("content")?.ok_or_else(|| cannot(input))?;
    let mut pieces = Vec::new();
    for part in content.elements() {
        pieces.push(match part.need("type")? {
            "text" => Piece::Text(part.need("text")?.to_owned()),
            "image_url" => {
                let image = part
                    .object("image_url")?
                    .ok_or_else(|| part.missing("image_url", "an object"))?;
                Piece::Image(Source::of_url(image.need("url")?))
            }
            _ => return Err(cannot(&part)),
        });
    }
    Ok(pieces)
}

/// The next endpoint may take it.
fn cannot(what: &Cursor<'_>) -> Error {
    let message = format!("{what}: this provider takes texts and pictures only");
    Error::provider(Kind::InvalidRequest, message)
}
