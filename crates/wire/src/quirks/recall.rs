//! Which of its earlier reasoning a provider gets back, and under which name.
//!
//! Callers give back what they were given: `reasoning`, `reasoning_details` with what seals them,
//! `extra_content` of Google's. Sealed state is read by the family that made it alone, and refused by
//! the others; whoever answered with it may not be who is asked next. So what is another family's is
//! taken out, together with the text that it sealed, and named.

use std::sync::LazyLock;

use chat::opaque::Format;
use memchr::memmem::Finder;

use super::messages::{Changes, Turn};
use crate::members::{Members, elements};
use crate::scan::{Span, ValueKind};
use crate::splice::{ObjectEdits, quoted};

/// The names of what was lost.
const DETAILS: &str = "messages[].reasoning_details";
const REASONING: &str = "messages[].reasoning";
const EXTRA: &str = "messages[].extra_content";

/// Messages lose earlier reasoning in all its spellings.
pub(super) fn nothing(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    let mut had_any = false;
    for name in ["reasoning", "reasoning_content", "reasoning_details"] {
        had_any |= turn.message.present(name).is_some();
        changes.own.remove(name);
    }
    if had_any {
        changes.lost.push(REASONING);
    }
}

/// `reasoning` becomes `reasoning_content`, unless that is there; details go, as they repeat it. The
/// member may not be missing: `The reasoning_content in the thinking mode must be passed back to the
/// API`. Empty text is taken. <https://api-docs.deepseek.com/guides/thinking_mode#tool-calls> (2026),
/// <https://github.com/openclaw/openclaw/issues/73417> (2026-04)
pub(super) fn as_content(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    if !rename(turn, changes) && turn.is_of("assistant") {
        changes.own.set("reasoning_content", "\"\"");
    }
}

/// The same where empty text counts as missing, and only calls of tools need it: a blank is taken.
/// <https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model>,
/// <https://github.com/theopenco/llmgateway/pull/2093> (2026-04)
pub(super) fn as_content_or_blank(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    if !rename(turn, changes) && turn.is_of("assistant") && turn.has_calls() {
        changes.own.set("reasoning_content", "\" \"");
    }
}

/// Says whether there is any reasoning to give back.
fn rename(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) -> bool {
    changes.own.remove("reasoning_details");
    let kept = |name: &str| {
        let at = turn.message.position(name);
        let at = at.filter(|at| changes.own.keeps(*at));
        at.filter(|_| turn.message.filled(name).is_some())
    };
    let (renamed, own) = (kept("reasoning"), kept("reasoning_content"));
    match (renamed, own) {
        (_, Some(_)) => {
            changes.own.remove("reasoning");
            true
        }
        (Some(position), None) => {
            changes.own.remove("reasoning_content");
            changes.own.rename_at(position, "reasoning_content");
            true
        }
        (None, None) => {
            changes.own.remove("reasoning");
            changes.own.remove("reasoning_content");
            false
        }
    }
}

/// Whether any message may hold what another family made: a look at the bytes, so that conversations
/// without it are not scanned again.
pub(super) fn may_be_foreign(text: &str) -> bool {
    // Made once: to prepare for a search takes as long as to search a kilobyte.
    static NAMES: LazyLock<[Finder<'static>; 2]> =
        LazyLock::new(|| ["\"reasoning_details\"", "\"extra_content\""].map(Finder::new));
    NAMES
        .iter()
        .any(|name| name.find(text.as_bytes()).is_some())
}

/// Whose state a model can read, by a part of its name: hosts of this dialect that give such state
/// out take it back (Snowflake's Claude does, in OpenRouter's form; 2026).
const FAMILIES: &[(&str, Format)] = &[
    ("claude", Format::AnthropicClaude),
    ("gemini", Format::GoogleGemini),
];

/// Whose state a model can read; nobody's in particular where that is not known.
pub(super) fn family_of(native_model: &str) -> Format {
    let row = FAMILIES
        .iter()
        .find(|(part, _)| native_model.contains(part));
    row.map_or(Format::Unknown, |(_, family)| *family)
}

/// Takes out what another family made, with the text that it sealed. What nobody has sealed and
/// nobody claims may be the provider's own, and stays.
pub(super) fn without_foreign(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    let details = details(turn.message);
    let is_own = |(_, detail): &&(Span, Members<'_>)| {
        let family = family(detail);
        family == Format::Unknown || family == turn.family
    };
    let own: Vec<&str> = details
        .iter()
        .filter(is_own)
        .map(|(span, _)| span.of(turn.message.text))
        .collect();
    if own.len() < details.len() {
        changes.lost.push(DETAILS);
        changes.own.remove("reasoning");
        changes.own.remove("reasoning_content");
        match own.as_slice() {
            [] => drop(changes.own.remove("reasoning_details")),
            own => changes
                .own
                .set("reasoning_details", format!("[{}]", own.join(","))),
        }
    }
    if turn.family != Format::GoogleGemini {
        without_extra(turn, changes);
    }
}

/// Google's state that stands beside texts and calls.
fn without_extra(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    let mut had_any = turn.message.present("extra_content").is_some();
    changes.own.remove("extra_content");
    for span in calls(turn.message) {
        let Ok(call) = Members::of_span(turn.message.text, span) else {
            continue;
        };
        had_any |= call.present("extra_content").is_some();
        let mut inner = ObjectEdits::new(&call);
        if inner.remove("extra_content") {
            inner.commit(changes.others);
        }
    }
    if had_any {
        changes.lost.push(EXTRA);
    }
}

/// Google's signatures go beside what they vouch for, and the rest of the reasoning goes: its host
/// of this dialect refuses members that it does not know, and turns of tools without their signature.
/// <https://ai.google.dev/gemini-api/docs/thought-signatures#openai> (2026)
pub(super) fn as_google(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    let mut is_lost = false;
    let mut signatures: Vec<(Option<String>, String)> = Vec::new();
    for (_, detail) in details(turn.message) {
        let text = |name: &str| detail.filled(name).map(|it| it.decode().into_owned());
        let value = text("data").or_else(|| text("signature"));
        match (family(&detail), value) {
            (Format::GoogleGemini, Some(value)) => signatures.push((text("id"), value)),
            (Format::GoogleGemini, None) => {}
            _ => is_lost = true,
        }
    }
    if is_lost {
        changes.lost.push(DETAILS);
    }
    let said = ["reasoning", "reasoning_content"];
    if !is_lost && signatures.is_empty() && said.iter().any(|it| turn.message.filled(it).is_some())
    {
        changes.lost.push(REASONING);
    }
    for name in ["reasoning", "reasoning_content", "reasoning_details"] {
        changes.own.remove(name);
    }
    for span in calls(turn.message) {
        let Ok(call) = Members::of_span(turn.message.text, span) else {
            continue;
        };
        let id = call.string("id").map(|id| id.decode().into_owned());
        let signature = signatures.iter().find(|(of, _)| of.is_some() && *of == id);
        if let (Some((_, value)), None) = (signature, call.present("extra_content")) {
            let mut inner = ObjectEdits::new(&call);
            inner.set("extra_content", extra_content(value));
            inner.commit(changes.others);
        }
    }
    let of_text = signatures.iter().rev().find(|(of, _)| of.is_none());
    if let (Some((_, value)), None) = (of_text, turn.message.present("extra_content")) {
        changes.own.set("extra_content", extra_content(value));
    }
}

/// A signature as Google's host of this dialect has it.
pub(crate) fn extra_content(signature: &str) -> String {
    format!(
        "{{\"google\":{{\"thought_signature\":{}}}}}",
        quoted(signature)
    )
}

fn calls(message: &Members<'_>) -> Vec<Span> {
    let calls = message
        .get("tool_calls")
        .filter(|calls| calls.kind == ValueKind::Array);
    calls.map_or(Vec::new(), |calls| elements(message.text, calls.value))
}

fn details<'a>(message: &Members<'a>) -> Vec<(Span, Members<'a>)> {
    let list = message
        .get("reasoning_details")
        .filter(|list| list.kind == ValueKind::Array);
    let spans = list.map_or(Vec::new(), |list| elements(message.text, list.value));
    let read = |span| Some((span, Members::of_span(message.text, span).ok()?));
    spans.into_iter().filter_map(read).collect()
}

/// Who can read an entry: what is sealed and does not say so is Anthropic's, as the reference has it.
fn family(detail: &Members<'_>) -> Format {
    let is_sealed = ["signature", "data"]
        .iter()
        .any(|name| detail.filled(name).is_some());
    match detail.filled("format") {
        Some(format) => Format::from_name(&format.decode()),
        None if is_sealed => Format::AnthropicClaude,
        None => Format::Unknown,
    }
}
