//! Edits of `messages` where the same dialect is spoken: reasoning of other families is taken out,
//! and the last block marked for caching.
//!
//! Claude refuses thinking that it has not signed, so it is shown none; so it is with pages of the web
//! that are cited without its seal. Models that are not Claude
//! get back their own values without our tag, and none of another family. A conversation without
//! any of that, which is nearly every one, is searched for one word and not walked.

use crate::members::Members;
use crate::scan::{Malformed, Scanner, Span, ValueKind};
use crate::seal::TAG;
use crate::splice::{Edits, ObjectEdits};

use super::seal::{Carried, carried};
use chat::opaque::{Format, Seal};

/// The most breakpoints that a request may have.
pub(super) const MARKS_MAX: usize = 4;

/// What was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// Paths of what was taken out.
    pub(super) dropped: Vec<String>,
    /// Whether the last tool calls were made without a thought of this family; absent where the
    /// conversation was not walked.
    pub(super) is_unthought: Option<bool>,
}

/// Takes out what the endpoint's model must not see.
pub(super) fn edit(members: &Members<'_>, is_claude: bool, edits: &mut Edits<'_>) -> Kept {
    let mut kept = Kept::default();
    let text = members.text;
    let Some(list) = members
        .get("messages")
        .filter(|member| member.kind == ValueKind::Array)
    else {
        return kept;
    };
    let raw = list.value.of(text);
    let has = |word: &str| memchr::memmem::find(raw.as_bytes(), word.as_bytes()).is_some();
    let has_unsigned = || has("\"signature\":\"\"") || has("\"signature\": \"\"");
    let has_unsealed = || has("\"encrypted_index\":\"\"") || has("\"encrypted_index\": \"\"");
    let must_walk = has(TAG) || (is_claude && (has_unsigned() || has_unsealed()));
    if !must_walk {
        return kept;
    }
    let messages = objects(text, list.value);
    let mut removed = Vec::with_capacity(messages.len());
    let mut last_answer = None;
    for (position, span) in messages.iter().enumerate() {
        let Ok(message) = Members::of_span(text, *span) else {
            return kept;
        };
        let is_answer = message
            .string("role")
            .is_some_and(|role| role.is("assistant"));
        let walked = is_answer.then(|| answer(&message, (position, is_claude), edits, &mut kept));
        removed.push(walked.as_ref().is_some_and(|walked| walked.is_empty));
        if let Some(walked) = walked {
            last_answer = Some(walked);
        }
    }
    kept.is_unthought = Some(last_answer.is_some_and(|last| last.calls && !last.has_thought));
    remove_elements(&messages, &removed, edits);
    kept
}

/// Whether the last tool calls of a conversation were made without a thought.
pub(super) fn is_unthought(members: &Members<'_>) -> bool {
    let text = members.text;
    let Some(list) = members.get("messages") else {
        return false;
    };
    let answers = objects(text, list.value).into_iter().rev();
    let last = answers
        .filter_map(|span| Members::of_span(text, span).ok())
        .find(|message| {
            message
                .string("role")
                .is_some_and(|role| role.is("assistant"))
        });
    last.is_some_and(|message| {
        let (mut edits, mut kept) = (Edits::default(), Kept::default());
        let walked = answer(&message, (0, false), &mut edits, &mut kept);
        walked.calls && !walked.has_thought
    })
}

/// What is left of an answer of the model.
struct Walked {
    is_empty: bool,
    calls: bool,
    has_thought: bool,
}

fn answer(
    message: &Members<'_>,
    (position, is_claude): (usize, bool),
    edits: &mut Edits<'_>,
    kept: &mut Kept,
) -> Walked {
    let mut walked = Walked {
        is_empty: false,
        calls: false,
        has_thought: false,
    };
    let text = message.text;
    let Some(content) = message
        .get("content")
        .filter(|member| member.kind == ValueKind::Array)
    else {
        return walked;
    };
    let blocks = objects(text, content.value);
    let mut removed = vec![false; blocks.len()];
    for ((number, span), removed) in blocks.iter().enumerate().zip(&mut removed) {
        let Ok(block) = Members::of_span(text, *span) else {
            continue;
        };
        walked.calls |= block.string("type").is_some_and(|kind| kind.is("tool_use"));
        match thought(&block, is_claude) {
            Thought::None if is_claude => {
                uncite(
                    &block,
                    &format!("messages[{position}].content[{number}]"),
                    edits,
                    kept,
                );
            }
            Thought::None => {}
            Thought::Own => walked.has_thought = true,
            Thought::Tagged(at, end) => {
                walked.has_thought = true;
                edits.remove(Span { start: at, end });
            }
            Thought::Foreign => {
                *removed = true;
                kept.dropped
                    .push(format!("messages[{position}].content[{number}]"));
            }
        }
    }
    walked.is_empty = !blocks.is_empty() && removed.iter().all(|removed| *removed);
    if !walked.is_empty {
        remove_elements(&blocks, &removed, edits);
    }
    walked
}

/// Takes citations of pages out of a text whose places were not sealed by Claude, which refuses them
/// ("Invalid `encrypted_index` in `text` block"): they are another family's, as we told them.
/// <https://code.claude.com/docs/en/errors> (2026)
fn uncite(block: &Members<'_>, path: &str, edits: &mut Edits<'_>, kept: &mut Kept) {
    let Some(list) = block
        .get("citations")
        .filter(|list| list.kind == ValueKind::Array)
    else {
        return;
    };
    let citations = objects(block.text, list.value);
    let is_unsealed = |span: &Span| {
        let said = Members::of_span(block.text, *span);
        let index = said
            .as_ref()
            .ok()
            .and_then(|it| it.string("encrypted_index"));
        index.is_some_and(|index| index.raw.is_empty())
    };
    let removed: Vec<bool> = citations.iter().map(is_unsealed).collect();
    for at in (0..removed.len()).filter(|at| removed[*at]) {
        kept.dropped.push(format!("{path}.citations[{at}]"));
    }
    if removed.is_empty() || removed.contains(&false) {
        return remove_elements(&citations, &removed, edits);
    }
    let mut edited = ObjectEdits::new(block);
    edited.remove("citations");
    edited.commit(edits);
}

/// Whose thought a block is.
enum Thought {
    /// It is none.
    None,
    /// The endpoint's own.
    Own,
    /// The endpoint's own behind our tag, which stands here.
    Tagged(usize, usize),
    /// Another family's, or nobody's.
    Foreign,
}

fn thought(block: &Members<'_>, is_claude: bool) -> Thought {
    let kind = block.string("type");
    let is = |name: &str| kind.is_some_and(|kind| kind.is(name));
    let (field, seal) = if is("thinking") {
        ("signature", Seal::Signature)
    } else if is("redacted_thinking") {
        ("data", Seal::Encrypted)
    } else {
        return Thought::None;
    };
    let Some(value) = block.filled(field) else {
        // Whoever is not Claude signs nothing, and takes it back so.
        return if is_claude {
            Thought::Foreign
        } else {
            Thought::Own
        };
    };
    if !value.raw.starts_with(TAG) {
        return Thought::Own;
    }
    match carried(value.raw, seal) {
        Carried::Opaque(opaque) if !is_claude && opaque.format == Format::Unknown => {
            let start = value.span.start + 1;
            Thought::Tagged(start, value.span.end - 1 - opaque.value.len())
        }
        Carried::Opaque(_) | Carried::Nothing => Thought::Foreign,
    }
}

/// Where the elements of an array stand that are objects; of others an empty place.
fn objects(text: &str, array: Span) -> Vec<Span> {
    let mut spans = Vec::new();
    // The text was checked before, so the walk cannot fail.
    let _ = Scanner::within(text, array).array(|scanner, _| {
        spans.push(scanner.skip()?);
        Ok::<(), Malformed>(())
    });
    spans
}

/// Removes elements of an array with their commas.
fn remove_elements(elements: &[Span], removed: &[bool], edits: &mut Edits<'_>) {
    let last_kept = removed.iter().rposition(|removed| !removed);
    for (at, element) in elements.iter().enumerate() {
        if !removed.get(at).copied().unwrap_or(false) {
            continue;
        }
        match (last_kept, elements.get(at + 1)) {
            (Some(last), Some(next)) if at < last => edits.remove(Span {
                start: element.start,
                end: next.start,
            }),
            (Some(_), _) => {
                let before = elements.get(at.wrapping_sub(1));
                edits.remove(Span {
                    start: before.map_or(element.start, |before| before.end),
                    end: element.end,
                });
            }
            (None, _) => edits.remove(*element),
        }
    }
}

// === Marks for caching ===

/// Marks the last block of the conversation, unless the request has all the marks that it may have;
/// says whether it is marked now.
pub(super) fn mark_last(members: &Members<'_>, mark: &str, edits: &mut Edits<'_>) -> bool {
    let text = members.text;
    let marks: usize = ["tools", "system", "messages"]
        .into_iter()
        .filter_map(|name| members.get(name))
        .map(|field| marks(text, field.value))
        .sum();
    let Some(list) = members.get("messages") else {
        return false;
    };
    if marks >= MARKS_MAX {
        return false;
    }
    let Some(last) = objects(text, list.value).pop() else {
        return false;
    };
    let Some(content) = Members::of_span(text, last)
        .ok()
        .and_then(|message| message.get("content").copied())
    else {
        return false;
    };
    if content.kind == ValueKind::String {
        let said = content.value.of(text);
        edits.replace(
            content.value,
            format!("[{{\"type\":\"text\",\"text\":{said},\"cache_control\":{mark}}}]"),
        );
        return true;
    }
    for span in objects(text, content.value).into_iter().rev() {
        let Ok(block) = Members::of_span(text, span) else {
            continue;
        };
        let kind = block.string("type").map(|kind| kind.decode());
        match kind.as_deref() {
            Some("text" | "image" | "document" | "tool_use" | "tool_result") => {}
            _ => continue,
        }
        if block.present("cache_control").is_none() {
            let mut edited = ObjectEdits::new(&block);
            edited.set("cache_control", mark);
            edited.commit(edits);
        }
        return true;
    }
    false
}

/// How many breakpoints there are in a value.
fn marks(text: &str, value: Span) -> usize {
    let raw = value.of(text);
    let name = b"\"cache_control\"";
    memchr::memmem::find_iter(raw.as_bytes(), name)
        .filter(|at| {
            let rest = raw.get(at + name.len()..).unwrap_or_default().trim_start();
            rest.strip_prefix(':')
                .is_some_and(|rest| rest.trim_start().starts_with('{'))
        })
        .count()
}
