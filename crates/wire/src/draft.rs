//! A request on its way to one endpoint: which fields stay, change or go, and what was lost.

use crate::members::{Member, Members};
use crate::scan::ValueKind;
use crate::splice::{Edits, ObjectEdits};

/// A request being edited. Bytes move only when it is committed.
#[derive(Debug)]
pub(crate) struct Draft<'m, 'a> {
    /// The request as the caller sent it.
    pub(crate) members: &'m Members<'a>,
    edits: ObjectEdits<'m, 'a>,
    dropped: Vec<String>,
}

impl<'m, 'a> Draft<'m, 'a> {
    /// The request as it is; of repeated fields only the last one stays, as it is the one we read.
    pub(crate) fn new(members: &'m Members<'a>) -> Self {
        let mut edits = ObjectEdits::new(members);
        for (position, member) in members.list.iter().enumerate() {
            let later = members.list.get(position + 1..).unwrap_or_default();
            if later
                .iter()
                .any(|other| other.name.decode() == member.name.decode())
            {
                edits.remove_at(position);
            }
        }
        Self {
            members,
            edits,
            dropped: Vec::new(),
        }
    }

    /// A field that is still there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&'m Member<'a>> {
        let position = self.members.position(name)?;
        let member = self.members.list.get(position)?;
        (self.edits.keeps(position) && member.kind != ValueKind::Null).then_some(member)
    }

    /// Takes a field away that means nothing to any provider.
    pub(crate) fn remove(&mut self, name: &str) {
        self.edits.remove(name);
    }

    /// Takes a field away that the caller wanted to reach the provider, and says so.
    pub(crate) fn drop_field(&mut self, name: &str) {
        if self.get(name).is_some() {
            self.name_dropped(name);
        }
        self.edits.remove(name);
    }

    /// Says that something the caller set will not reach the provider.
    pub(crate) fn name_dropped(&mut self, name: &str) {
        if !self.dropped.iter().any(|dropped| dropped == name) {
            self.dropped.push(name.to_owned());
        }
    }

    /// Gives a field a value, in place or as the last one.
    pub(crate) fn set(&mut self, name: &str, json: impl Into<String>) {
        self.edits.set(name, json);
    }

    /// Calls a field by another name; where that one is set as well, it wins.
    pub(crate) fn rename(&mut self, from: &str, to: &'static str) {
        let Some(position) = self
            .members
            .position(from)
            .filter(|at| self.edits.keeps(*at))
        else {
            return;
        };
        if self.get(from).is_none() || self.get(to).is_some() {
            self.edits.remove(from);
            return;
        }
        self.edits.remove(to);
        self.edits.rename_at(position, to);
    }

    /// Lowers a number that is too large, and says so.
    pub(crate) fn cap(&mut self, name: &str, max: f64, json: &str) {
        let Some(member) = self
            .get(name)
            .filter(|member| member.kind == ValueKind::Number)
        else {
            return;
        };
        // Only compared, never written: the limit has its own text.
        if member
            .value
            .of(self.members.text)
            .parse::<f64>()
            .is_ok_and(|value| value > max)
        {
            self.edits.set(name, json);
            self.name_dropped(name);
        }
    }

    /// Writes the edits, and gives the names of what was lost.
    pub(crate) fn commit(self, edits: &mut Edits<'_>) -> Vec<String> {
        self.edits.commit(edits);
        self.dropped
    }
}
