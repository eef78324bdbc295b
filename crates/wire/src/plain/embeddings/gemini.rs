//! Gemini's `:batchEmbedContents`, and Vertex's `:predict` of the same models.
//!
//! <https://ai.google.dev/api/embeddings> and
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>,
//! 2026-08. AI Studio may not say what it counted; then the prompt is estimated.

use bytes::Bytes;
use chat::request::Source;
use chat::{Dialect, Error, Kind, Unit, Usage};
use serde_json::{Value, json};

use super::answer::Vectors;
use super::request::{Piece, asked};
use crate::codec::{Asked, Plain, Tap};
use crate::incoming::Incoming;
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};
use crate::plain::tap::{Answer, PlainTap, Read, list, members, without};
use crate::scan::Span;
use crate::stamp::{CostText, Stamp};
use crate::track::object_of;

/// Embeddings at Google.
#[derive(Debug, Clone, Copy)]
pub struct Gemini;

/// The purposes that have a word in Cohere's spelling and one in Google's.
const PURPOSES: [(&str, &str); 4] = [
    ("search_document", "RETRIEVAL_DOCUMENT"),
    ("search_query", "RETRIEVAL_QUERY"),
    ("classification", "CLASSIFICATION"),
    ("clustering", "CLUSTERING"),
];

/// The word at our door for what Google's says vectors are for; its own where there is none.
pub(crate) fn purpose_of_google(said: &str) -> &str {
    let known = PURPOSES.iter().find(|(_, theirs)| *theirs == said);
    known.map_or(said, |(ours, _)| *ours)
}

/// Google's word for what vectors are for.
fn purpose(said: &str) -> Option<&str> {
    let known = PURPOSES.iter().find(|(theirs, _)| *theirs == said);
    let is_googles = said
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    known
        .map(|(_, word)| *word)
        .or(is_googles.then_some(said).filter(|said| !said.is_empty()))
}

impl Plain for Gemini {
    fn write(&self, (body, _): (&[u8], &Incoming), to: &Outgoing<'_>) -> Result<Written, Error> {
        let mut asked = asked(body)?;
        let purpose = asked.input_type.as_deref().and_then(purpose);
        if asked.input_type.is_some() && purpose.is_none() {
            asked.dropped.push("input_type".to_owned());
        }
        let written = match to.dialect {
            Dialect::Vertex => predict(&asked.inputs, asked.dimensions, purpose)?,
            _ => batch(&asked.inputs, (asked.dimensions, purpose), to.native_model)?,
        };
        Ok(Written {
            body: written.to_string().into(),
            dropped: asked.dropped,
            ..Written::default()
        })
    }

    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap> {
        Box::new(PlainTap(Embedded {
            stamp: asked.stamp.clone(),
            vectors: Vectors::for_caller(asked.body, asked.request),
        }))
    }
}

fn batch(
    inputs: &[Vec<Piece>],
    (dimensions, purpose): (Option<u64>, Option<&str>),
    native_model: &str,
) -> Result<Value, Error> {
    let model = match native_model.starts_with("models/") {
        true => native_model.to_owned(),
        false => format!("models/{native_model}"),
    };
    let mut requests = Vec::with_capacity(inputs.len());
    for input in inputs {
        let parts: Result<Vec<Value>, Error> = input.iter().map(part).collect();
        let mut request = json!({ "model": model, "content": { "parts": parts? } });
        if let Some(purpose) = purpose {
            request["taskType"] = json!(purpose);
        }
        if let Some(dimensions) = dimensions {
            request["outputDimensionality"] = json!(dimensions);
        }
        requests.push(request);
    }
    Ok(json!({ "requests": requests }))
}

fn part(piece: &Piece) -> Result<Value, Error> {
    match piece {
        Piece::Text(text) => Ok(json!({ "text": text })),
        Piece::Image(Source::Base64 { media_type, data }) => {
            Ok(json!({ "inlineData": { "mimeType": media_type, "data": data } }))
        }
        Piece::Image(_) => Err(Error::provider(
            Kind::InvalidRequest,
            "this provider takes pictures as data URLs only",
        )),
    }
}

fn predict(
    inputs: &[Vec<Piece>],
    dimensions: Option<u64>,
    purpose: Option<&str>,
) -> Result<Value, Error> {
    let mut instances = Vec::with_capacity(inputs.len());
    for input in inputs {
        let [Piece::Text(text)] = input.as_slice() else {
            let message = "this provider takes texts only";
            return Err(Error::provider(Kind::InvalidRequest, message));
        };
        let mut instance = json!({ "content": text });
        if let Some(purpose) = purpose {
            instance["task_type"] = json!(purpose);
        }
        instances.push(instance);
    }
    let mut body = json!({ "instances": instances });
    if let Some(dimensions) = dimensions {
        body["parameters"] = json!({ "outputDimensionality": dimensions });
    }
    Ok(body)
}

struct Embedded {
    stamp: Stamp,
    vectors: Vectors,
}

impl Embedded {
    fn take(&mut self, text: &str, span: Span) -> Result<Option<u64>, Error> {
        let entry = Members::of_span(text, span).map_err(|_| without("vectors"))?;
        // Vertex puts each vector into an object of its own.
        let inner = object_of(&entry, "embeddings")?;
        let of = inner.as_ref().unwrap_or(&entry);
        let values = of.get("values").ok_or_else(|| without("vectors"))?;
        self.vectors.take(text, values.value);
        let statistics = object_of(of, "statistics")?;
        Ok(statistics.and_then(|statistics| statistics.count("token_count")))
    }
}

impl Answer for Embedded {
    fn read(&mut self, body: &Bytes) -> Result<Read, Error> {
        let top = members(body)?;
        let entries = list(&top, "embeddings").or_else(|| list(&top, "predictions"));
        let entries = entries.filter(|entries| !entries.is_empty());
        self.vectors.arrays.clear();
        let mut tokens = None;
        for span in entries.ok_or_else(|| without("vectors"))? {
            if let Some(count) = self.take(top.text, span)? {
                tokens = Some(tokens.unwrap_or(0_u64).saturating_add(count));
            }
        }
        let counted = object_of(&top, "usageMetadata")?;
        let tokens = counted
            .and_then(|counted| counted.count("promptTokenCount"))
            .or(tokens);
        let mut usage = Usage::default();
        if let Some(tokens) = tokens {
            usage.set(Unit::Input, tokens);
            usage.set(Unit::Output, 0);
        }
        Ok(Read {
            native_id: None,
            usage,
        })
    }

    fn write(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        self.vectors.write(&self.stamp, usage, cost)
    }
}
