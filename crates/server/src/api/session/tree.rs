//! The calls of a session as a tree: which was made within which, and what each branch cost.
//!
//! A caller says so with its `trace` object or `traceparent`; where it says nothing, a call hangs under
//! the one whose conversation it goes on with, and the tree says that this is inferred.

use std::collections::HashMap;

use ledger::trace::SpanId;
use ledger::{Amount, Generation};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::money::usd;

/// A place in the tree, in the order in which one would draw it: each behind what it hangs under.
#[derive(Serialize)]
pub(super) struct Place<'a> {
    /// Of a call its generation id; of a step or a trace the id that callers gave it.
    id: &'a str,
    /// The place above it; null at the top.
    parent_id: Option<&'a str>,
    kind: Kind,
    /// What its callers call it; of a call without a name its model.
    name: &'a str,
    /// How it is known what it hangs under; null at the top.
    parent_is: Option<ParentIs>,
    /// How far in it stands. A call that alone goes on with the one above it stands beside that one.
    depth: usize,
    /// USD; null of what is no call, and of a call that nobody could price.
    total_cost: Option<Box<RawValue>>,
    /// USD: with all that hangs under it.
    subtree_cost: Box<RawValue>,
    /// Calls, itself included.
    subtree_calls: usize,
    /// Of those, calls that nobody could price.
    subtree_unpriced: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A call.
    Call,
    /// A step of a caller's own, known by its id alone.
    Span,
    /// A trace of a caller's own.
    Trace,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum ParentIs {
    /// Its caller said so.
    Said,
    /// Its prompt goes on with that of the other.
    Inferred,
}

/// A place while the tree grows. Whatever hangs under another stands behind it.
struct Node<'a> {
    id: &'a str,
    kind: Kind,
    name: &'a str,
    parent: Option<(usize, ParentIs)>,
    children: Vec<usize>,
    own: Option<Amount>,
    subtree: Amount,
    calls: usize,
    unpriced: usize,
}

#[derive(Default)]
struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    calls: HashMap<&'a str, usize>,
    /// By the ids of their spans, which we tell collectors and providers.
    spans_of_calls: HashMap<String, usize>,
    steps: HashMap<(Option<&'a str>, &'a str), usize>,
    traces: HashMap<&'a str, usize>,
}

/// The tree of calls, which come oldest first.
pub(super) fn tree<'a>(calls: impl Iterator<Item = &'a Generation>) -> Vec<Place<'a>> {
    let mut tree = Tree::default();
    for call in calls {
        tree.place(call);
    }
    tree.add_up();
    tree.written()
}

impl<'a> Tree<'a> {
    fn put(
        &mut self,
        (kind, id, name): (Kind, &'a str, &'a str),
        parent: Option<(usize, ParentIs)>,
    ) -> usize {
        let index = self.nodes.len();
        if let Some(above) = parent.and_then(|(above, _)| self.nodes.get_mut(above)) {
            above.children.push(index);
        }
        self.nodes.push(Node {
            id,
            kind,
            name,
            parent,
            children: Vec::new(),
            own: None,
            subtree: Amount::ZERO,
            calls: 0,
            unpriced: 0,
        });
        index
    }

    fn place(&mut self, call: &'a Generation) {
        let said = self.said(call).map(|above| (above, ParentIs::Said));
        let parent = said.or_else(|| {
            let before = call.noticed.continues.as_ref()?;
            let above = self.calls.get(before.as_str())?;
            Some((*above, ParentIs::Inferred))
        });
        let own_name = call.caller.trace.as_ref();
        let own_name = own_name.and_then(|trace| trace.generation_name.as_deref());
        let model = match call.model.as_str() {
            "" => &call.requested_model,
            _ => &call.model,
        };
        let id = call.id.as_str();
        let index = self.put((Kind::Call, id, own_name.unwrap_or(model)), parent);
        let own = call.charge.as_ref().ok().map(|bill| bill.total);
        if let Some(node) = self.nodes.get_mut(index) {
            node.own = own;
            node.subtree = own.unwrap_or(Amount::ZERO);
            node.calls = 1;
            node.unpriced = usize::from(own.is_none());
        }
        self.calls.insert(id, index);
        let span = SpanId::of_call(&call.id).to_string();
        self.spans_of_calls.insert(span, index);
    }

    /// What its caller says that a call hangs under.
    fn said(&mut self, call: &'a Generation) -> Option<usize> {
        let note = call.caller.trace.as_deref()?;
        let trace = note.trace_id.as_deref();
        let Some(parent) = note.parent_span_id.as_deref() else {
            return trace.map(|id| self.trace(id, note.trace_name.as_deref()));
        };
        let of_ours = self
            .calls
            .get(parent)
            .or_else(|| self.spans_of_calls.get(parent));
        if let Some(above) = of_ours {
            return Some(*above);
        }
        if let Some(step) = self.steps.get(&(trace, parent)) {
            return Some(*step);
        }
        let above = trace.map(|id| (self.trace(id, note.trace_name.as_deref()), ParentIs::Said));
        let name = note.span_name.as_deref().unwrap_or(parent);
        let step = self.put((Kind::Span, parent, name), above);
        self.steps.insert((trace, parent), step);
        Some(step)
    }

    fn trace(&mut self, id: &'a str, name: Option<&'a str>) -> usize {
        if let Some(known) = self.traces.get(id) {
            return *known;
        }
        let trace = self.put((Kind::Trace, id, name.unwrap_or(id)), None);
        self.traces.insert(id, trace);
        trace
    }

    /// Adds each place to what it hangs under, from the last one on: nothing hangs under a later one.
    fn add_up(&mut self) {
        for index in (0..self.nodes.len()).rev() {
            let Some(node) = self.nodes.get(index) else {
                continue;
            };
            let (more, calls, unpriced) = (node.subtree, node.calls, node.unpriced);
            let Some((above, _)) = node.parent else {
                continue;
            };
            if let Some(above) = self.nodes.get_mut(above) {
                above.subtree = above.subtree.checked_add(more).unwrap_or(above.subtree);
                above.calls += calls;
                above.unpriced += unpriced;
            }
        }
    }

    fn written(&self) -> Vec<Place<'a>> {
        let tops = self.nodes.iter().enumerate();
        let tops = tops.filter(|(_, node)| node.parent.is_none());
        let mut waiting: Vec<(usize, usize)> = tops.map(|(index, _)| (index, 0)).collect();
        waiting.reverse();
        let mut places = Vec::with_capacity(self.nodes.len());
        while let Some((index, depth)) = waiting.pop() {
            let Some(node) = self.nodes.get(index) else {
                continue;
            };
            let further = match node.children.as_slice() {
                [only] if self.is_inferred(*only) => depth,
                _ => depth + 1,
            };
            let children = node.children.iter().rev();
            waiting.extend(children.map(|child| (*child, further)));
            places.push(self.shown(node, depth));
        }
        places
    }

    fn is_inferred(&self, index: usize) -> bool {
        let parent = self.nodes.get(index).and_then(|node| node.parent);
        parent.is_some_and(|(_, how)| how == ParentIs::Inferred)
    }

    fn shown(&self, node: &Node<'a>, depth: usize) -> Place<'a> {
        let above = node.parent.and_then(|(above, _)| self.nodes.get(above));
        Place {
            id: node.id,
            parent_id: above.map(|above| above.id),
            kind: node.kind,
            name: node.name,
            parent_is: node.parent.map(|(_, how)| how),
            depth,
            total_cost: node.own.map(usd),
            subtree_cost: usd(node.subtree),
            subtree_calls: node.calls,
            subtree_unpriced: node.unpriced,
        }
    }
}
