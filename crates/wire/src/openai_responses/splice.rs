//! Writes a request for one endpoint of the same dialect: edits between untouched slices.

use bytes::Bytes;
use chat::request::{Effort, Reasoning};
use chat::{Parameter, Parameters};

use super::family;
use super::request::words;
use crate::draft::Draft;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};
use crate::quirks;
use crate::scan::{Malformed, Scanner, Span, ValueKind};
use crate::seal::TAG;
use crate::splice::{Edits, ObjectEdits, quoted};

/// Fields that speak to us, not to a provider. Source: section 26 of our digest.
const OURS: &[&str] = &[
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
    "stop_server_tools_when",
    "previous_response_id",
    "conversation",
    "background",
];

/// OpenRouter's own additions to the dialect, which nobody else knows.
const ADDED: &[&str] = &["cache_control", "top_k", "modalities", "image_config"];

/// What accounts that are not verified may not ask for.
pub(super) const SUMMARY: &str = "reasoning.summary";

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
    OURS.iter().for_each(|name| draft.remove(name));
    if let Some(supported) = to.supported {
        drop_unsupported(&mut draft, supported);
    }
    if !quirks::is_openrouter(to.quirks) {
        ADDED.iter().for_each(|name| draft.drop_field(name));
        let most = request.needs.max_output_tokens;
        plain_reasoning(&mut draft, &mut edits, (most, to));
    }
    quirks::apply_to_fields(&mut draft, to.quirks);
    if let Some(limit) = to.output_limit {
        draft.set("max_output_tokens", limit.to_string());
    }
    draft.set("model", quoted(to.native_model));
    if draft
        .get("store")
        .is_none_or(|store| store.value.of(text) != "false")
    {
        draft.set("store", "false");
    }
    ask_for_ciphertext(&mut draft, to);
    drop_lost_reasoning(&mut draft, &mut edits);
    let dropped = draft.commit(&mut edits);
    Written {
        body: edits.apply(text, "", ""),
        dropped,
        ..Written::default()
    }
}

/// Drops what the endpoint does not take. Never the output limit: it bounds what the call may cost.
fn drop_unsupported(draft: &mut Draft<'_, '_>, supported: Parameters) {
    let takes = |parameter| supported.contains(parameter);
    for parameter in Parameter::ALL.iter().copied().filter(|one| !takes(*one)) {
        let stays = match parameter {
            Parameter::Reasoning => takes(Parameter::ReasoningEffort),
            _ => false,
        };
        if !stays {
            draft.drop_field(parameter.name());
        }
    }
    if !takes(Parameter::Tools) {
        draft.drop_field("tool_choice");
        draft.drop_field("parallel_tool_calls");
    }
    if !takes(Parameter::Logprobs) {
        draft.drop_field("top_logprobs");
    }
}

/// OpenRouter's `enabled` and `max_tokens` become the effort that is meant, and its `max` the most
/// that OpenAI knows.
fn plain_reasoning(
    draft: &mut Draft<'_, '_>,
    edits: &mut Edits<'_>,
    (limit, to): (Option<u64>, &Outgoing<'_>),
) {
    let members = draft.members;
    let asked = draft
        .get("reasoning")
        .filter(|field| field.kind == ValueKind::Object);
    let Some(inner) = asked.and_then(|asked| Members::of_span(members.text, asked.value).ok())
    else {
        return;
    };
    let effort = inner.string("effort");
    let effort = effort.and_then(|effort| Effort::from_name(&effort.decode()));
    let enabled = inner.present("enabled");
    let wanted = Reasoning {
        effort,
        max_tokens: inner.count("max_tokens"),
        enabled: enabled.map(|enabled| enabled.value.of(members.text) == "true"),
        ..Reasoning::default()
    };
    let meant = wanted.effort_meant(limit.unwrap_or(family::OUTPUT_LIMIT_USUAL));
    let mut edited = ObjectEdits::new(&inner);
    edited.remove("enabled");
    edited.remove("max_tokens");
    if quirks::refuses(to.quirks, SUMMARY) && inner.present("summary").is_some() {
        edited.remove("summary");
        draft.name_dropped(SUMMARY);
    }
    let meant = meant.map(|effort| effort.min(Effort::Xhigh));
    if let Some(meant) = meant.filter(|meant| Some(*meant) != effort) {
        edited.set("effort", quoted(meant.name()));
    }
    edited.commit(edits);
}

/// A provider that keeps nothing has to hand out its reasoning, or the next turn could not refer to
/// it: the items that callers send back would be unknown there.
fn ask_for_ciphertext(draft: &mut Draft<'_, '_>, to: &Outgoing<'_>) {
    if !family::reasons(to.native_model) {
        return;
    }
    let mut wanted: Vec<String> = words(draft.members, "include")
        .map(|word| word.decode().into_owned())
        .collect();
    if draft.get("include").is_some() && wanted.iter().any(|word| word == family::CIPHERTEXT) {
        return;
    }
    wanted.push(family::CIPHERTEXT.to_owned());
    draft.set("include", serde_json::Value::from(wanted).to_string());
}

/// Takes out reasoning that says nothing and has no ciphertext, since its id means nothing to a
/// provider that has kept nothing, and what another family has sealed: both would be refused.
fn drop_lost_reasoning(draft: &mut Draft<'_, '_>, edits: &mut Edits<'_>) {
    let text = draft.members.text;
    let input = draft.get("input").map(|input| (input.kind, input.value));
    let Some((ValueKind::Array, array)) = input else {
        return;
    };
    let mut items = Vec::new();
    // Checked before: an array of objects.
    let _ = Scanner::within(text, array).array(|scanner, _| {
        let item = Members::read(text, scanner)?;
        items.push((item.span, is_lost_reasoning(&item)));
        Ok::<(), Malformed>(())
    });
    let kept_until = items
        .iter()
        .rposition(|(_, is_lost)| !is_lost)
        .map_or(0, |at| at + 1);
    for (position, (span, is_lost)) in items.iter().enumerate() {
        if !is_lost {
            continue;
        }
        draft.name_dropped(&format!("input[{position}]"));
        if let (true, Some((next, _))) = (position < kept_until, items.get(position + 1)) {
            edits.remove(Span {
                start: span.start,
                end: next.start,
            });
        }
    }
    let before_tail = kept_until.checked_sub(1).and_then(|last| items.get(last));
    let start = before_tail.map_or(array.start + 1, |(span, _)| span.end);
    if let (true, Some((last, _))) = (kept_until < items.len(), items.last()) {
        edits.remove(Span {
            start,
            end: last.end,
        });
    }
}

fn is_lost_reasoning(item: &Members<'_>) -> bool {
    let says = |name: &str| {
        let member = item.present(name);
        member.is_some_and(|member| member.value.of(item.text).contains('{'))
    };
    let ciphertext = item.filled("encrypted_content");
    let is_foreign = ciphertext.is_some_and(|value| value.raw.starts_with(TAG));
    item.string("type").is_some_and(|kind| kind.is("reasoning"))
        && (is_foreign || (ciphertext.is_none() && !says("content")))
}
