//! Habits that need an edit in every message: one more scan of the conversation, no tree.

use chat::opaque::Format;

use crate::draft::Draft;
use crate::members::{Members, elements};
use crate::scan::{Malformed, Scanner, ValueKind};
use crate::splice::{Edits, ObjectEdits};

/// One message, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn<'t, 'a> {
    pub(super) message: &'t Members<'a>,
    /// The one before it.
    pub(super) before: Option<&'t Members<'a>>,
    /// Whether nothing comes after it.
    pub(super) is_last: bool,
    /// Whose sealed state the model that is asked can read.
    pub(super) family: Format,
}

impl Turn<'_, '_> {
    /// Whether its role is this one.
    pub(super) fn is_of(&self, role: &str) -> bool {
        is_of(self.message, role)
    }

    /// Whether the one before it has this role.
    pub(super) fn follows(&self, role: &str) -> bool {
        self.before.is_some_and(|message| is_of(message, role))
    }

    /// Whether it calls tools.
    pub(super) fn has_calls(&self) -> bool {
        self.message
            .get("tool_calls")
            .filter(|calls| calls.kind == ValueKind::Array)
            .is_some_and(|calls| !elements(self.message.text, calls.value).is_empty())
    }
}

fn is_of(message: &Members<'_>, role: &str) -> bool {
    message.string("role").is_some_and(|said| said.is(role))
}

/// What is to be changed at a message.
#[derive(Debug)]
pub(super) struct Changes<'c, 't, 'a, 'e> {
    /// Its own members.
    pub(super) own: ObjectEdits<'t, 'a>,
    /// What stands inside of them, or between messages.
    pub(super) others: &'c mut Edits<'e>,
    /// The names of what the provider will not see.
    pub(super) lost: Vec<&'static str>,
}

/// Edits one message.
pub(super) type MessageEdit = fn(Turn<'_, '_>, &mut Changes<'_, '_, '_, '_>);

/// Applies edits to every message.
pub(super) fn apply(
    draft: &mut Draft<'_, '_>,
    edits: &mut Edits<'_>,
    (wanted, family): (&[MessageEdit], Format),
) {
    let text = draft.members.text;
    let Some(messages) = draft
        .get("messages")
        .filter(|field| field.kind == ValueKind::Array)
    else {
        return;
    };
    // The text was checked when the request was read, so nothing here can fail.
    let messages: Vec<Members<'_>> = elements(text, messages.value)
        .into_iter()
        .filter_map(|span| Members::of_span(text, span).ok())
        .collect();
    for (at, message) in messages.iter().enumerate() {
        let turn = Turn {
            message,
            before: at.checked_sub(1).and_then(|before| messages.get(before)),
            is_last: at + 1 == messages.len(),
            family,
        };
        let mut changes = Changes {
            own: ObjectEdits::new(message),
            others: edits,
            lost: Vec::new(),
        };
        for edit in wanted {
            edit(turn, &mut changes);
        }
        let Changes { own, lost, .. } = changes;
        own.commit(edits);
        for name in lost {
            draft.name_dropped(name);
        }
    }
}

/// `developer` becomes `system`: the same authority under its older name.
pub(super) fn developer_as_system(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    if turn.is_of("developer") {
        changes.own.set("role", "\"system\"");
    }
}

/// `system` becomes `developer`.
pub(super) fn system_as_developer(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    if turn.is_of("system") {
        changes.own.set("role", "\"developer\"");
    }
}

/// Messages lose their `name`.
pub(super) fn without_names(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    if turn.message.present("name").is_some() {
        changes.lost.push("messages[].name");
    }
    changes.own.remove("name");
}

/// Content that is nothing but text parts becomes one string, a line per part.
pub(super) fn text_parts_as_string(turn: Turn<'_, '_>, changes: &mut Changes<'_, '_, '_, '_>) {
    let text = turn.message.text;
    let Some(content) = turn
        .message
        .get("content")
        .filter(|member| member.kind == ValueKind::Array)
    else {
        return;
    };
    let mut joined = String::from("\"");
    let mut is_text_only = true;
    let _ = Scanner::within(text, content.value).array(|scanner, position| {
        let part = Members::read(text, scanner)?;
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
        changes.own.set("content", joined);
    }
}
