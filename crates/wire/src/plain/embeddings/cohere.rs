//! Cohere's `/embed` (v2). <https://docs.cohere.com/reference/embed>, 2026-08.

use bytes::Bytes;
use chat::{Error, Kind, Unit, Usage};
use serde_json::{Value, json};

use super::answer::Vectors;
use super::request::{Piece, asked};
use crate::codec::{Asked, Plain, Tap};
use crate::incoming::Incoming;
use crate::outgoing::{Outgoing, Written};
use crate::plain::tap::{Answer, PlainTap, Read, billed_units, members, without};
use crate::stamp::{CostText, Stamp};
use crate::track::object_of;

/// What vectors are for when the caller does not say: Cohere demands an answer, and this one fits
/// whatever is stored to be found later.
const INPUT_TYPE: &str = "search_document";

/// Embeddings at Cohere.
#[derive(Debug, Clone, Copy)]
pub struct Cohere;

impl Plain for Cohere {
    fn write(&self, (body, _): (&[u8], &Incoming), to: &Outgoing<'_>) -> Result<Written, Error> {
        let asked = asked(body)?;
        let mut written = json!({ "model": to.native_model });
        let texts: Option<Vec<&str>> = asked.inputs.iter().map(|input| text(input)).collect();
        match texts {
            Some(texts) => written["texts"] = json!(texts),
            None => {
                let inputs: Result<Vec<Value>, Error> =
                    asked.inputs.iter().map(|input| content(input)).collect();
                written["inputs"] = Value::Array(inputs?);
            }
        }
        let purpose = asked.input_type.as_deref().unwrap_or(INPUT_TYPE);
        written["input_type"] = json!(purpose);
        written["embedding_types"] = json!(["float"]);
        if let Some(dimensions) = asked.dimensions {
            written["output_dimension"] = json!(dimensions);
        }
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

/// The text of an input that is nothing else.
fn text(input: &[Piece]) -> Option<&str> {
    match input {
        [Piece::Text(text)] => Some(text),
        _ => None,
    }
}

fn content(input: &[Piece]) -> Result<Value, Error> {
    let mut parts = Vec::with_capacity(input.len());
    for piece in input {
        parts.push(match piece {
            Piece::Text(text) => json!({ "type": "text", "text": text }),
            Piece::Image(source) => {
                let url = source.to_url().ok_or_else(|| {
                    Error::provider(Kind::InvalidRequest, "this picture cannot be sent")
                })?;
                json!({ "type": "image_url", "image_url": { "url": url } })
            }
        });
    }
    Ok(json!({ "content": parts }))
}

struct Embedded {
    stamp: Stamp,
    vectors: Vectors,
}

impl Answer for Embedded {
    fn read(&mut self, body: &Bytes) -> Result<Read, Error> {
        let top = members(body)?;
        let embeddings = object_of(&top, "embeddings")?.ok_or_else(|| without("vectors"))?;
        self.vectors.arrays.clear();
        self.vectors.take_list(&embeddings, "float")?;
        let mut usage = Usage::default();
        if let Some(billed) = billed_units(&top)? {
            // The two are beside each other.
            for (name, unit) in [
                ("input_tokens", Unit::Input),
                ("image_tokens", Unit::InputImage),
            ] {
                if let Some(count) = billed.count(name) {
                    usage.set(unit, count);
                    usage.set(Unit::Output, 0);
                }
            }
            usage.native = Some(billed.span.of(billed.text).into());
        }
        Ok(Read {
            native_id: top.filled("id").map(|id| id.decode().into_owned()),
            usage,
        })
    }

    fn write(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        self.vectors.write(&self.stamp, usage, cost)
    }
}
