//! `Taking`: the content of one call while it runs, for whoever keeps it and for whoever is told of it.
//! Nothing is copied: it refers to the same bytes as the call and its caller's answer.

use std::sync::Arc;

use bytes::Bytes;
use chat::{Dialect, Error};
use ledger::GenerationId;
use tokio::sync::mpsc::OwnedPermit;
use wire::frame::Framing;

use super::document::Failure;
use super::keeper::Keeper;
use super::policy::Policy;
use super::telling::Listener;

/// How an answer reaches the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One body of this dialect.
    Whole(Dialect),
    /// A stream of it, framed so.
    Stream(Dialect, Framing),
}

/// What was taken of one call.
pub(super) struct Taken {
    pub(super) id: GenerationId,
    pub(super) policy: Arc<Policy>,
    pub(super) form: Form,
    pub(super) request_dialect: Dialect,
    pub(super) request: Bytes,
    pub(super) pieces: Vec<Bytes>,
    pub(super) is_complete: bool,
    pub(super) failure: Option<Failure>,
    /// Whether it is to be kept.
    pub(super) is_kept: bool,
    /// Who else is told.
    pub(super) listener: Option<Listener>,
    /// What of it counts against the bound on everything in flight.
    pub(super) bytes: usize,
}

/// Takes the content of one call. When it is dropped, what was taken is handed over: as it is then, if
/// the caller has left or the call was given up.
pub struct Taking {
    keeper: Arc<Keeper>,
    /// Absent when it had to be given up for lack of room.
    taken: Option<Taken>,
    /// A place in the queue, kept from the start, so that handing over cannot fail.
    place: Option<OwnedPermit<Taken>>,
    id: GenerationId,
    is_kept: bool,
    is_over: bool,
}

impl Taking {
    pub(super) fn new(
        keeper: Arc<Keeper>,
        (id, is_kept): (GenerationId, bool),
        begun: Option<(Taken, OwnedPermit<Taken>)>,
    ) -> Self {
        let (taken, place) = begun.unzip();
        Self {
            keeper,
            taken,
            place,
            id,
            is_kept,
            is_over: false,
        }
    }

    /// How the answer will come. Until it is said, as one body of the request's dialect.
    pub fn comes_as(&mut self, form: Form) {
        if let Some(taken) = &mut self.taken {
            taken.form = form;
        }
    }

    /// A piece of the answer is on its way to the caller.
    pub fn piece(&mut self, piece: &Bytes) {
        let Some(taken) = &mut self.taken else {
            return;
        };
        let bytes = taken.bytes.saturating_add(piece.len());
        if bytes > self.keeper.limits.bytes_per_call_max || !self.keeper.hold(piece.len()) {
            return self.give_up();
        }
        taken.bytes = bytes;
        taken.pieces.push(piece.clone());
    }

    /// All of the answer is on its way.
    pub fn complete(&mut self) {
        if let Some(taken) = &mut self.taken {
            taken.is_complete = true;
        }
        self.hand_over();
    }

    /// There is an error instead of an answer.
    pub fn fail(&mut self, error: &Error) {
        if let Some(taken) = &mut self.taken {
            taken.failure = Some(Failure::of(error));
        }
        self.hand_over();
    }

    fn give_up(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.keeper.let_go(taken.bytes);
        }
        if self.is_kept {
            self.keeper.note_dropped(&self.id);
        }
        self.place = None;
    }

    fn hand_over(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        match (self.taken.take(), self.place.take()) {
            (Some(taken), Some(place)) => self.keeper.close(taken, place),
            // Its place tells the record that it was dropped; once that is made it has done its work.
            _ if self.is_kept => self.keeper.forget(&self.id),
            _ => {}
        }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.hand_over();
    }
}
