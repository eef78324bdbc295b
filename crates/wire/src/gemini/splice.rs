//! The same request for one endpoint of the same dialect: edits between untouched slices.

use bytes::Bytes;
use chat::{Dialect, Parameter};

use super::names::{camel, snake};
use super::request::PARAMETERS;
use crate::draft::Draft;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};
use crate::scan::ValueKind;
use crate::splice::{Edits, ObjectEdits};

/// Fields that speak to us, not to Google; the path names the model.
pub(super) const OURS: &[&str] = &[
    "model",
    "models",
    "route",
    "provider",
    "preset",
    "plugins",
    "session_id",
    "trace",
    "debug",
    "usage",
    "transforms",
    "user",
    "metadata",
    "prompt_cache_key",
];

/// Writes the request for one endpoint. `body` is the one that `request` was read from.
pub(super) fn write_request(body: &[u8], request: &Incoming, to: &Outgoing<'_>) -> Written {
    let Ok(text) = std::str::from_utf8(body) else {
        return Written {
            body: Bytes::copy_from_slice(body),
            ..Written::default()
        };
    };
    let members = request.members(text);
    let mut edits = Edits::default();
    let mut draft = Draft::new(&members);
    for name in OURS {
        draft.remove(name);
    }
    // AI Studio refuses what Vertex takes for its bills.
    if to.dialect == Dialect::Gemini {
        draft.drop_field("labels");
    }
    if let Some(supported) = to.supported
        && !supported.contains(Parameter::Tools)
        && request.needs.parameters.contains(Parameter::Tools)
    {
        for name in ["tools", "toolConfig", "tool_config"] {
            draft.drop_field(name);
        }
    }
    config(&members, &mut draft, &mut edits, to);
    let dropped = draft.commit(&mut edits);
    Written {
        body: edits.apply(text, "", ""),
        dropped,
        ..Written::default()
    }
}

/// Edits `generationConfig`, in whichever case it is written.
fn config(
    members: &Members<'_>,
    draft: &mut Draft<'_, '_>,
    edits: &mut Edits<'_>,
    to: &Outgoing<'_>,
) {
    let name = "generationConfig";
    let spelled = snake(name);
    let present = [name, spelled.as_str()]
        .into_iter()
        .filter_map(|name| draft.get(name))
        .find(|member| member.kind == ValueKind::Object);
    let inner = present.and_then(|member| Members::of_span(members.text, member.value).ok());
    let Some(inner) = inner else {
        if let Some(limit) = to.output_limit {
            draft.set(name, format!("{{\"maxOutputTokens\":{limit}}}"));
        }
        return;
    };
    let mut edited = ObjectEdits::new(&inner);
    for (position, member) in inner.list.iter().enumerate() {
        let said = member.name.decode();
        let word = camel(&said);
        let asked = PARAMETERS.iter().find(|(name, _)| word == *name);
        let Some((_, parameter)) = asked else {
            continue;
        };
        let is_limit = *parameter == Parameter::MaxTokens;
        let is_declined = to
            .supported
            .is_some_and(|supported| !supported.contains(*parameter));
        if is_limit && to.output_limit.is_some() {
            edited.remove_at(position);
        } else if is_declined && !is_limit && member.kind != ValueKind::Null {
            edited.remove_at(position);
            draft.name_dropped(&format!("{name}.{said}"));
        }
    }
    if let Some(limit) = to.output_limit {
        edited.add("maxOutputTokens", &limit.to_string());
    }
    edited.commit(edits);
}
