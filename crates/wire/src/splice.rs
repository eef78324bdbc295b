//! Edits of bytes: pieces replaced, removed or inserted between untouched slices, in one allocation.

use std::borrow::Cow;

use bytes::Bytes;

use crate::members::Members;
use crate::scan::{Span, plain_run};

/// A list of edits of one text.
#[derive(Debug, Clone, Default)]
pub struct Edits<'e> {
    list: Vec<(Span, Cow<'e, str>)>,
}

impl<'e> Edits<'e> {
    /// Puts other text where a span stands.
    pub fn replace(&mut self, span: Span, with: impl Into<Cow<'e, str>>) {
        self.list.push((span, with.into()));
    }

    /// Takes a span away.
    pub fn remove(&mut self, span: Span) {
        self.replace(span, "");
    }

    /// Puts text before the byte at a position.
    pub fn insert(&mut self, at: usize, text: impl Into<Cow<'e, str>>) {
        self.replace(Span { start: at, end: at }, text);
    }

    /// Takes over the edits of another list.
    pub fn append(&mut self, mut later: Self) {
        self.list.append(&mut later.list);
    }

    /// Writes on where the first edit ends: for one whose text is known last.
    pub(crate) fn complete_first(&mut self, text: &str) {
        if let Some((_, with)) = self.list.first_mut() {
            with.to_mut().push_str(text);
        }
    }

    /// The same, bound to no text.
    #[must_use]
    pub(crate) fn into_owned(self) -> Edits<'static> {
        let owned = |(span, with): (Span, Cow<'e, str>)| (span, Cow::Owned(with.into_owned()));
        Edits {
            list: self.list.into_iter().map(owned).collect(),
        }
    }

    /// Whether nothing was edited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The edited text between `before` and `after`, in one allocation of exactly its size. Of edits
    /// at the same place the earlier one comes first; an edit inside an earlier one is void.
    #[must_use]
    pub fn apply(mut self, text: &str, before: &str, after: &str) -> Bytes {
        self.apply_here(text, before, after)
    }

    /// The same, for whoever applies them again: to the beginning of the same text, of whose edits those
    /// behind its end are void.
    #[must_use]
    pub(crate) fn apply_here(&mut self, text: &str, before: &str, after: &str) -> Bytes {
        self.list.sort_by_key(|(span, _)| span.start);
        let mut pieces = Pieces {
            text,
            at: 0,
            list: &self.list,
        };
        let mut length = before.len() + after.len();
        pieces.each(|piece| length += piece.len());
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(before.as_bytes());
        pieces.each(|piece| out.extend_from_slice(piece.as_bytes()));
        out.extend_from_slice(after.as_bytes());
        out.into()
    }
}

struct Pieces<'p, 'e> {
    text: &'p str,
    at: usize,
    list: &'p [(Span, Cow<'e, str>)],
}

impl Pieces<'_, '_> {
    fn each(&mut self, mut piece: impl FnMut(&str)) {
        self.at = 0;
        for (span, with) in self.list {
            if span.start < self.at || span.end > self.text.len() {
                continue;
            }
            piece(
                Span {
                    start: self.at,
                    end: span.start,
                }
                .of(self.text),
            );
            piece(with);
            self.at = span.end;
        }
        piece(
            Span {
                start: self.at,
                end: self.text.len(),
            }
            .of(self.text),
        );
    }
}

/// Edits of one object: members removed, set and added, with their commas.
#[derive(Debug)]
pub struct ObjectEdits<'m, 'a> {
    members: &'m Members<'a>,
    removed: Vec<bool>,
    replaced: Vec<(usize, String)>,
    renamed: Vec<(usize, &'static str)>,
    first: String,
    last: String,
}

impl<'m, 'a> ObjectEdits<'m, 'a> {
    /// No edits yet.
    #[must_use]
    pub fn new(members: &'m Members<'a>) -> Self {
        Self {
            members,
            removed: vec![false; members.list.len()],
            replaced: Vec::new(),
            renamed: Vec::new(),
            first: String::new(),
            last: String::new(),
        }
    }

    /// Removes the member at a position.
    pub fn remove_at(&mut self, position: usize) {
        if let Some(removed) = self.removed.get_mut(position) {
            *removed = true;
        }
    }

    /// Removes every member of this name; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let mut found = false;
        for (member, removed) in self.members.list.iter().zip(&mut self.removed) {
            if !*removed && member.name.is(name) {
                *removed = true;
                found = true;
            }
        }
        found
    }

    /// Gives a member a value: in place when it exists, else as a new last member. Of several with
    /// the same name one remains.
    pub fn set(&mut self, name: &str, json: impl Into<String>) {
        let Some(position) = self.members.position(name) else {
            return self.add(name, &json.into());
        };
        self.remove(name);
        self.set_at(position, json);
    }

    /// Gives the member at a position a value.
    pub fn set_at(&mut self, position: usize, json: impl Into<String>) {
        if let Some(removed) = self.removed.get_mut(position) {
            *removed = false;
            self.replaced.retain(|(at, _)| *at != position);
            self.replaced.push((position, json.into()));
        }
    }

    /// Gives the member at a position another name; its value stays as it is.
    pub fn rename_at(&mut self, position: usize, name: &'static str) {
        self.renamed.push((position, name));
    }

    /// Adds a member at the end.
    pub fn add(&mut self, name: &str, json: &str) {
        push_member(&mut self.last, name, json);
    }

    /// Adds a member at the front.
    pub fn add_first(&mut self, name: &str, json: &str) {
        push_member(&mut self.first, name, json);
    }

    /// Whether the member at a position stays.
    #[must_use]
    pub fn keeps(&self, position: usize) -> bool {
        self.removed.get(position).is_some_and(|removed| !removed)
    }

    /// Writes the edits into a list of edits of the whole text.
    pub fn commit(self, edits: &mut Edits<'_>) {
        let list = &self.members.list;
        let kept = self.removed.iter().filter(|removed| !**removed).count();
        if !self.first.is_empty() {
            let comma = if kept > 0 || !self.last.is_empty() {
                ","
            } else {
                ""
            };
            edits.insert(self.members.span.start + 1, self.first + comma);
        }
        for (position, json) in self.replaced {
            if let (Some(member), Some(false)) = (list.get(position), self.removed.get(position)) {
                edits.replace(member.value, json);
            }
        }
        for (position, name) in self.renamed {
            if let (Some(member), Some(false)) = (list.get(position), self.removed.get(position)) {
                edits.replace(member.name.span, quoted(name));
            }
        }
        let last_kept = self.removed.iter().rposition(|removed| !removed);
        let end = match last_kept.and_then(|at| list.get(at)) {
            Some(member) => member.value.end,
            None => self.members.span.start + 1,
        };
        if !self.last.is_empty() {
            let comma = if kept > 0 { "," } else { "" };
            edits.insert(end, [comma, &self.last].concat());
        }
        // Members before a kept one go with the comma after them, those behind the last kept one
        // with the comma before them.
        let kept_until = last_kept.map_or(0, |at| at + 1);
        for position in 0..kept_until {
            if let (Some(true), Some(member), Some(next)) = (
                self.removed.get(position),
                list.get(position),
                list.get(position + 1),
            ) {
                edits.remove(Span {
                    start: member.name.span.start,
                    end: next.name.span.start,
                });
            }
        }
        if let (true, Some(tail)) = (kept_until < list.len(), list.last()) {
            edits.remove(Span {
                start: end,
                end: tail.value.end,
            });
        }
    }
}

/// Puts JSON text that came in several lines into one: a line end in it is a blank.
pub(crate) fn unfold(text: &str, edits: &mut Edits<'_>) {
    for at in memchr::memchr2_iter(b'\n', b'\r', text.as_bytes()) {
        let end = at + 1;
        edits.replace(Span { start: at, end }, " ");
    }
}

/// Appends `"name":json`, after a comma unless it is the first.
pub(crate) fn push_member(to: &mut String, name: &str, json: &str) {
    if !to.is_empty() {
        to.push(',');
    }
    push_quoted(to, name);
    to.push(':');
    to.push_str(json);
}

/// Appends a JSON string that says `text`.
pub fn push_quoted(to: &mut String, text: &str) {
    to.reserve(text.len() + 2);
    to.push('"');
    let mut rest = text;
    loop {
        // What cannot stand as it is is one byte long, so both sides are text.
        let (plain, odd) = rest.split_at(plain_run(rest.as_bytes()));
        to.push_str(plain);
        match odd.as_bytes().first() {
            None => break,
            Some(b'"') => to.push_str("\\\""),
            Some(b'\\') => to.push_str("\\\\"),
            Some(b'\n') => to.push_str("\\n"),
            Some(b'\r') => to.push_str("\\r"),
            Some(b'\t') => to.push_str("\\t"),
            Some(control) => to.push_str(&format!("\\u{control:04x}")),
        }
        rest = odd.get(1..).unwrap_or("");
    }
    to.push('"');
}

/// A JSON string that says `text`.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    push_quoted(&mut json, text);
    json
}
