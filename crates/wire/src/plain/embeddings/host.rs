//! Hosts that speak the same: requests and vectors stay bytes, only what names and counts is edited.

use bytes::Bytes;
use chat::{Error, Unit, Usage};

use super::answer;
use crate::codec::{Asked, Plain, Tap};
use crate::incoming::Incoming;
use crate::members::Members;
use crate::openai_chat::usage::native_cost;
use crate::outgoing::{Outgoing, Written};
use crate::plain::body;
use crate::plain::tap::{Answer, PlainTap, Read, list, members, without};
use crate::splice::{Edits, ObjectEdits, quoted};
use crate::stamp::{CostText, Stamp};
use crate::track::all_of_object;

/// Embeddings at hosts of the OpenAI dialects.
#[derive(Debug, Clone, Copy)]
pub struct Host;

impl Plain for Host {
    fn write(&self, asked: (&[u8], &Incoming), to: &Outgoing<'_>) -> Result<Written, Error> {
        body::spliced(asked, to)
    }

    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap> {
        Box::new(PlainTap(Spliced {
            stamp: asked.stamp.clone(),
            body: Bytes::new(),
        }))
    }
}

struct Spliced {
    stamp: Stamp,
    body: Bytes,
}

impl Answer for Spliced {
    fn read(&mut self, body: &Bytes) -> Result<Read, Error> {
        let top = members(body)?;
        if list(&top, "data").is_none_or(|vectors| vectors.is_empty()) {
            return Err(without("vectors"));
        }
        self.body = body.clone();
        Ok(Read {
            native_id: top.filled("id").map(|id| id.decode().into_owned()),
            usage: all_of_object(&top, "usage")?
                .map(|it| counted(&it))
                .unwrap_or_default(),
        })
    }

    fn write(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        let top = members(&self.body)?;
        let mut edits = Edits::default();
        let mut stamped = ObjectEdits::new(&top);
        if !top.string("object").is_some_and(|object| object.is("list")) {
            stamped.set("object", "\"list\"");
        }
        stamped.set("model", quoted(&self.stamp.model));
        stamped.set("usage", answer::usage(usage, cost));
        stamped.set("provider", quoted(&self.stamp.provider));
        stamped.set("id", quoted(&self.stamp.id));
        stamped.commit(&mut edits);
        Ok(edits.apply(top.text, "", ""))
    }
}

/// `prompt_tokens` counts everything that goes in (OpenAI, Mistral); Voyage names the total only.
/// Pictures and sound are part of it where they are told apart (OpenRouter). Nothing comes out.
fn counted(usage: &Members<'_>) -> Usage {
    let mut counted = Usage::default();
    let names = ["prompt_tokens", "input_tokens", "total_tokens"];
    let Some(mut tokens) = names.iter().find_map(|name| usage.count(name)) else {
        return counted;
    };
    let details = usage.object("prompt_tokens_details");
    for (name, unit) in [
        ("image_tokens", Unit::InputImage),
        ("audio_tokens", Unit::InputAudio),
    ] {
        let part = details.as_ref().and_then(|details| details.count(name));
        if let Some(part) = part.filter(|part| *part > 0 && *part <= tokens) {
            counted.set(unit, part);
            tokens -= part;
        }
    }
    counted.set(Unit::Input, tokens);
    counted.set(Unit::Output, 0);
    counted.native_cost_nanos = native_cost(usage).filter(|nanos| *nanos >= 0);
    counted.native = Some(usage.span.of(usage.text).into());
    counted
}
