//! Habits that need an edit in every message: one more scan of the conversation, no tree.

use crate::draft::Draft;
use crate::members::Members;
use crate::scan::{Malformed, Scanner, ValueKind};
use crate::splice::{Edits, ObjectEdits};

/// Edits one message; the name of what the provider will not see, if anything is lost.
pub(super) type MessageEdit = fn(&Members<'_>, &mut ObjectEdits<'_, '_>) -> Option<&'static str>;

/// Applies edits to every message.
pub(super) fn apply(draft: &mut Draft<'_, '_>, edits: &mut Edits<'_>, wanted: &[MessageEdit]) {
    let text = draft.members.text;
    let Some(messages) = draft
        .get("messages")
        .filter(|field| field.kind == ValueKind::Array)
    else {
        return;
    };
    // The text was checked when the request was read, so the walk cannot fail.
    let _ = Scanner::within(text, messages.value).array(|scanner, _| {
        if scanner.peek()? == ValueKind::Object {
            let message = Members::read(text, scanner)?;
            let mut changes = ObjectEdits::new(&message);
            for edit in wanted {
                if let Some(lost) = edit(&message, &mut changes) {
                    draft.name_dropped(lost);
                }
            }
            changes.commit(edits);
        }
        Ok::<(), Malformed>(())
    });
}

fn rename_role(
    message: &Members<'_>,
    changes: &mut ObjectEdits<'_, '_>,
    from: &str,
    to: &str,
) -> Option<&'static str> {
    if message.string("role").is_some_and(|role| role.is(from)) {
        changes.set("role", to);
    }
    None
}

/// `developer` becomes `system`: the same authority under its older name.
pub(super) fn developer_as_system(
    message: &Members<'_>,
    changes: &mut ObjectEdits<'_, '_>,
) -> Option<&'static str> {
    rename_role(message, changes, "developer", "\"system\"")
}

/// `system` becomes `developer`.
pub(super) fn system_as_developer(
    message: &Members<'_>,
    changes: &mut ObjectEdits<'_, '_>,
) -> Option<&'static str> {
    rename_role(message, changes, "system", "\"developer\"")
}

/// Messages lose their `name`.
pub(super) fn without_names(
    message: &Members<'_>,
    changes: &mut ObjectEdits<'_, '_>,
) -> Option<&'static str> {
    let had_one = message.present("name").is_some();
    changes.remove("name");
    had_one.then_some("messages[].name")
}

/// Messages lose earlier reasoning in all its spellings.
pub(super) fn without_reasoning(
    message: &Members<'_>,
    changes: &mut ObjectEdits<'_, '_>,
) -> Option<&'static str> {
    let mut had_any = false;
    for name in ["reasoning", "reasoning_content", "reasoning_details"] {
        had_any |= message.present(name).is_some();
        changes.remove(name);
    }
    had_any.then_some("messages[].reasoning")
}

/// `reasoning` becomes `reasoning_content`, unless that is there; details go, as they repeat it.
pub(super) fn reasoning_as_content(
    message: &Members<'_>,
    changes: &mut ObjectEdits<'_, '_>,
) -> Option<&'static str> {
    changes.remove("reasoning_details");
    match message.position("reasoning") {
        Some(position) if message.filled("reasoning").is_some() => {
            if message.present("reasoning_content").is_some() {
                changes.remove("reasoning");
            } else {
                changes.remove("reasoning_content");
                changes.rename_at(position, "reasoning_content");
            }
        }
        _ => drop(changes.remove("reasoning")),
    }
    None
}

/// Content that is nothing but text parts becomes one string, a line per part.
pub(super) fn text_parts_as_string(
    message: &Members<'_>,
    changes: &mut ObjectEdits<'_, '_>,
) -> Option<&'static str> {
    let content = message
        .get("content")
        .filter(|member| member.kind == ValueKind::Array)?;
    let mut joined = String::from("\"");
    let mut is_text_only = true;
    let _ = Scanner::within(message.text, content.value).array(|scanner, position| {
        let part = Members::read(message.text, scanner)?;
        match part.string("text") {
            Some(said) if part.string("type").is_some_and(|kind| kind.is("text")) => {
                joined.push_str(if position > 0 { "\\n" } else { "" });
                joined.push_str(said.raw);
            }
            _ => is_text_only = false,
        }
        Ok::<(), Malformed>(())
    });
    if is_text_only {
        joined.push('"');
        changes.set("content", joined);
    }
    None
}
