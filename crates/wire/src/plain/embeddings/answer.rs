//! Writes vectors as the caller wants them, and what they cost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chat::{Error, Unit, Usage};

use crate::members::Members;
use crate::openai_chat::usage::{cost_details, money};
use crate::plain::tap::without;
use crate::scan::{Malformed, Scanner, Span};
use crate::splice::{push_member, quoted};
use crate::stamp::{CostText, Stamp};

/// The usage object: tokens and money, and the parts of the prompt where it has several.
pub(super) fn usage(usage: &Usage, cost: &CostText) -> String {
    let tokens = usage.prompt_tokens().to_string();
    let mut members = String::new();
    push_member(&mut members, "prompt_tokens", &tokens);
    push_member(&mut members, "total_tokens", &tokens);
    push_member(&mut members, "cost", money(cost.owed()));
    push_member(&mut members, "is_byok", &cost.is_byok.to_string());
    push_member(&mut members, "cost_details", &cost_details(cost));
    let mut parts = String::new();
    for (name, unit) in [
        ("text_tokens", Unit::Input),
        ("image_tokens", Unit::InputImage),
        ("audio_tokens", Unit::InputAudio),
    ] {
        if usage.count(unit) > 0 {
            push_member(&mut parts, name, &usage.count(unit).to_string());
        }
    }
    if parts.contains(',') {
        push_member(
            &mut members,
            "prompt_tokens_details",
            &format!("{{{parts}}}"),
        );
    }
    format!("{{{members}}}")
}

/// Vectors out of another dialect: the JSON text of each.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    /// Arrays of numbers, as the provider wrote them.
    pub(super) arrays: Vec<String>,
    /// Whether the caller wants them as base64 of little-endian floats.
    pub(super) is_base64: bool,
}

impl Vectors {
    /// No vectors yet, for a caller with this request.
    pub(super) fn for_caller(body: &[u8], request: &crate::incoming::Incoming) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let format = request.members(text);
        let format = format.string("encoding_format");
        Self {
            arrays: Vec::new(),
            is_base64: format.is_some_and(|format| format.is("base64")),
        }
    }

    /// Takes the vector that stands at a span.
    pub(super) fn take(&mut self, text: &str, span: Span) {
        self.arrays.push(span.of(text).to_owned());
    }

    /// Takes the vectors of the list under a name.
    pub(super) fn take_list(&mut self, of: &Members<'_>, name: &str) -> Result<(), Error> {
        let list = of.get(name).ok_or_else(|| without("vectors"))?;
        let mut scanner = Scanner::within(of.text, list.value);
        let taken = scanner.array(|scanner, _| {
            let span = scanner.skip()?;
            self.take(of.text, span);
            Ok::<(), Malformed>(())
        });
        taken.map(drop).map_err(|_| without("vectors"))
    }

    /// The caller's answer.
    pub(super) fn write(
        &self,
        stamp: &Stamp,
        counted: &Usage,
        cost: &CostText,
    ) -> Result<Bytes, Error> {
        let mut list = String::new();
        for (index, array) in self.arrays.iter().enumerate() {
            let mut entry = String::with_capacity(array.len() + 64);
            push_member(&mut entry, "object", "\"embedding\"");
            push_member(&mut entry, "index", &index.to_string());
            let vector = match self.is_base64 {
                true => quoted(&packed(array)?),
                false => array.clone(),
            };
            push_member(&mut entry, "embedding", &vector);
            if index > 0 {
                list.push(',');
            }
            list.push_str(&format!("{{{entry}}}"));
        }
        let mut members = String::with_capacity(list.len() + 512);
        push_member(&mut members, "object", "\"list\"");
        push_member(&mut members, "data", &format!("[{list}]"));
        push_member(&mut members, "model", &quoted(&stamp.model));
        push_member(&mut members, "usage", &usage(counted, cost));
        push_member(&mut members, "provider", &quoted(&stamp.provider));
        push_member(&mut members, "id", &quoted(&stamp.id));
        Ok(format!("{{{members}}}").into())
    }
}

/// An array of numbers as base64 of 32-bit floats, least byte first, as OpenAI packs them.
fn packed(array: &str) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let read = Scanner::new(array).array(|scanner, _| {
        let number = scanner.number()?.parse::<f32>().unwrap_or(0.0);
        bytes.extend_from_slice(&number.to_le_bytes());
        Ok::<(), Malformed>(())
    });
    read.map_err(|_| without("vectors"))?;
    Ok(STANDARD.encode(bytes))
}
