//! Which message may follow which, and how calls are named: what templates of chat models demand.

use super::messages::{Changes, Turn};
use crate::call_id::fnv;
use crate::members::{Members, elements};
use crate::scan::{Text, ValueKind};
use crate::splice::quoted;

/// What stands between a tool's answer and a user who speaks next, where the model must have spoken
/// in between. An empty message is refused; a blank is the least that can be said.
const BETWEEN: &str = r#"{"role":"assistant","content":" "},"#;

/// An answer that the model is to go on with is marked as its beginning. Without the mark a
/// conversation that ends with the model is refused (`Expected last role User or Tool (or Assistant
/// with prefix True)`). <https://docs.mistral.ai/capabilities/completion/usage#prefix> (2026)
pub(super) fn last_as_prefix(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    mark_last(turn, changes, "prefix");
}

/// The same, in the words of Moonshot's and Alibaba's partial mode.
/// <https://platform.moonshot.ai/docs/guide/use-partial-mode-feature-of-kimi-api>,
/// <https://www.alibabacloud.com/help/en/model-studio/partial-mode> (2026)
pub(super) fn last_as_partial(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    mark_last(turn, changes, "partial");
}

fn mark_last(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>, mark: &str) {
    let is_begun = turn.is_last && turn.is_of("assistant") && !turn.has_calls();
    if is_begun && turn.message.present(mark).is_none() {
        changes.own.set(mark, "true");
    }
}

/// Between what a tool answered and a user's next message the model has said something: some
/// templates refuse the sequence (`Unexpected role 'user' after role 'tool'`), which is what a
/// conversation looks like after a user has interrupted a tool loop, or where a tool's pictures are
/// shown by the user. <https://github.com/mistralai/mistral-vibe/issues/578> (2026-04)
pub(super) fn model_between(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    if turn.is_of("user") && turn.follows("tool") {
        changes.others.insert(turn.message.span.start, BETWEEN);
    }
}

/// How long an id of a call is at Mistral.
const ID_LENGTH: usize = 9;

/// Ids of calls get the one form that is taken; the same id gets the same one everywhere, so that
/// results find their calls and prompts stay cacheable. `Tool call id was … but must be a-z, A-Z,
/// 0-9, with a length of 9`: <https://github.com/mistralai/mistral-vibe/issues/1075> (2026-09)
pub(super) fn nine_letter_ids(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    if let Some(id) = turn
        .message
        .string("tool_call_id")
        .and_then(|id| nine_letters(&id))
    {
        changes.own.set("tool_call_id", quoted(&id));
    }
    let calls = turn
        .message
        .get("tool_calls")
        .filter(|calls| calls.kind == ValueKind::Array);
    let Some(calls) = calls else { return };
    for span in elements(turn.message.text, calls.value) {
        let Ok(call) = Members::of_span(turn.message.text, span) else {
            continue;
        };
        let id = call.string("id").and_then(|id| nine_letters(&id));
        if let (Some(member), Some(id)) = (call.get("id"), id) {
            changes.others.replace(member.value, quoted(&id));
        }
    }
}

/// An id in that form, from one that is not.
fn nine_letters(id: &Text<'_>) -> Option<String> {
    let id = id.decode();
    let is_fine = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_fine {
        return None;
    }
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = fnv(id.as_bytes());
    let mut letters = String::with_capacity(ID_LENGTH);
    for _ in 0..ID_LENGTH {
        let at = usize::try_from(rest % 62).unwrap_or(0);
        letters.push(char::from(LETTERS.get(at).copied().unwrap_or(b'0')));
        rest /= 62;
    }
    Some(letters)
}
