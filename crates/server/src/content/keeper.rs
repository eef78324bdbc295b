//! `Keeper`: what of content is on its way, and within which bounds.
//!
//! A call that is taken has an entry here from its first moment until its content is written. Whether
//! the entry is there says whether the content is still wanted: deleting removes it, and whoever works
//! on it looks before going on.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use chat::Dialect;
use foldhash::HashMap;
use ledger::GenerationId;
use ledger::generation::{CallerNote, Content};
use store::{Archive, NewPayload};
use tokio::sync::mpsc::{OwnedPermit, Receiver, Sender, channel};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::policy::{Policies, Policy};
use super::taking::{Form, Taken, Taking};
use super::telling::{Listener, Overheard};

/// Calls whose content may be on its way at once.
const CALLS_MAX: usize = 16_384;

/// How much may be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeeperLimits {
    /// Of one call, request and answer together, bytes.
    pub bytes_per_call_max: usize,
    /// Of all calls together, bytes.
    pub bytes_in_flight_max: usize,
    /// How long content waits for company before it is written.
    pub batch_wait: Duration,
    /// How much of one workspace and day is written at once, sealed, bytes.
    pub batch_bytes: usize,
}

impl Default for KeeperLimits {
    fn default() -> Self {
        Self {
            bytes_per_call_max: 8 << 20,
            bytes_in_flight_max: 256 << 20,
            batch_wait: Duration::from_secs(5),
            batch_bytes: 8 << 20,
        }
    }
}

/// How keeping goes, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentFigures {
    /// Calls whose content was written since the start.
    pub kept: u64,
    /// Calls whose content was to be kept and was not, since the start.
    pub dropped: u64,
    /// Bytes on their way.
    pub in_flight_bytes: u64,
    /// Failed writes since the last success; more than zero means that the disk, the bucket or the
    /// database is away.
    pub failures_in_a_row: u64,
}

/// One call whose content is on its way.
pub(super) struct Entry {
    pub(super) workspace_id: String,
    pub(super) key_hash: String,
    pub(super) created_at_ms: i64,
    pub(super) state: State,
}

pub(super) enum State {
    /// The call runs, or its content waits to be sealed.
    Open,
    /// For lack of room; here until the record has been told.
    Dropped,
    /// Sealed, and soon to be written.
    Sealed(NewPayload),
}

/// Keeps content, and gives it out.
pub struct Keeper {
    pub(super) limits: KeeperLimits,
    pub(super) archive: Archive,
    policies: ArcSwap<Policies>,
    by_default: Arc<Policy>,
    queue: Sender<Taken>,
    overheard: Sender<Overheard>,
    entries: Mutex<HashMap<GenerationId, Entry>>,
    /// So many entries, so that most calls need not look.
    pub(super) count: AtomicUsize,
    in_flight_bytes: AtomicUsize,
    /// Something has been sealed or written.
    pub(super) changed: Notify,
    /// Whoever writes rows of payloads or deletes them, one after the other.
    pub(super) turn: Semaphore,
    pub(super) closing: CancellationToken,
    pub(super) kept: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) failures_in_a_row: AtomicU64,
}

/// Who is asked for the content of a call, and what the call is.
pub struct Asked<'c> {
    /// Its id.
    pub id: &'c GenerationId,
    /// Who calls.
    pub caller: &'c CallerNote,
    /// The switch of its key, where it has one.
    pub own: Option<bool>,
    /// When it had arrived, Unix milliseconds.
    pub created_at_ms: i64,
    /// The dialect of its request.
    pub dialect: Dialect,
    /// Its body.
    pub body: &'c Bytes,
}

impl Keeper {
    /// A keeper, and who writes and tells for it: a future that its owner spawns, and that ends after
    /// [`Keeper::close_down`].
    pub fn new(
        archive: Archive,
        limits: KeeperLimits,
        policies: Policies,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let (queue, taken) = channel(CALLS_MAX);
        let (overheard, to_tell) = channel(CALLS_MAX);
        let keeper = Arc::new(Self {
            limits,
            archive,
            policies: ArcSwap::from_pointee(policies),
            by_default: Arc::default(),
            queue,
            overheard,
            entries: Mutex::default(),
            count: AtomicUsize::new(0),
            in_flight_bytes: AtomicUsize::new(0),
            changed: Notify::new(),
            turn: Semaphore::new(1),
            closing: CancellationToken::new(),
            kept: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failures_in_a_row: AtomicU64::new(0),
        });
        let writer = Arc::clone(&keeper);
        let working = async move {
            tokio::join!(writer.write(taken), writer.tell(to_tell));
        };
        (keeper, working)
    }

    /// The archive behind it.
    #[must_use]
    pub const fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Goes on with other policies.
    pub fn adopt(&self, policies: Policies) {
        self.policies.store(Arc::new(policies));
    }

    /// The policies in force.
    #[must_use]
    pub fn policies(&self) -> Arc<Policies> {
        self.policies.load_full()
    }

    /// The policy of a workspace.
    #[must_use]
    pub fn policy_of(&self, workspace_id: &str) -> Arc<Policy> {
        let policies = self.policies.load();
        Arc::clone(policies.get(workspace_id).unwrap_or(&self.by_default))
    }

    /// How it goes.
    #[must_use]
    pub fn figures(&self) -> ContentFigures {
        let bytes = self.in_flight_bytes.load(Ordering::Relaxed);
        ContentFigures {
            kept: self.kept.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            in_flight_bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            failures_in_a_row: self.failures_in_a_row.load(Ordering::Relaxed),
        }
    }

    // === On the path of a call ===

    /// Begins to take the content of a call, if its workspace or key wants it kept or somebody listens;
    /// `None` is the usual answer.
    #[must_use]
    pub fn take(self: &Arc<Self>, asked: &Asked<'_>, listener: Option<Listener>) -> Option<Taking> {
        let policies = self.policies.load();
        let may_be_kept = !policies.is_empty() || asked.own == Some(true);
        if !may_be_kept && listener.is_none() {
            return None;
        }
        let policy = policies.get(&asked.caller.workspace_id);
        let policy = policy.unwrap_or(&self.by_default);
        let session = asked.caller.session_id.as_deref();
        let is_kept = may_be_kept && policy.takes(asked.own, session.unwrap_or(asked.id.as_str()));
        if !is_kept && listener.is_none() {
            return None;
        }
        let begun = self.begin(asked, policy, (is_kept, listener));
        if is_kept {
            self.enter(asked, begun.is_some());
        }
        let call = (asked.id.clone(), is_kept);
        Some(Taking::new(Arc::clone(self), call, begun))
    }

    fn begin(
        &self,
        asked: &Asked<'_>,
        policy: &Arc<Policy>,
        (is_kept, listener): (bool, Option<Listener>),
    ) -> Option<(Taken, OwnedPermit<Taken>)> {
        let bytes = asked.body.len();
        let place = self.queue.clone().try_reserve_owned().ok()?;
        if bytes > self.limits.bytes_per_call_max || !self.hold(bytes) {
            return None;
        }
        let taken = Taken {
            id: asked.id.clone(),
            policy: Arc::clone(policy),
            form: Form::Whole(asked.dialect),
            request_dialect: asked.dialect,
            request: asked.body.clone(),
            pieces: Vec::new(),
            is_complete: false,
            failure: None,
            is_kept,
            listener,
            bytes,
        };
        Some((taken, place))
    }

    /// Notes that the content of a call is on its way, or was dropped.
    fn enter(&self, asked: &Asked<'_>, has_begun: bool) {
        let entry = Entry {
            workspace_id: asked.caller.workspace_id.clone(),
            key_hash: asked.caller.key_hash.clone(),
            created_at_ms: asked.created_at_ms,
            state: match has_begun {
                true => State::Open,
                false => State::Dropped,
            },
        };
        self.entries().insert(asked.id.clone(), entry);
        self.count.fetch_add(1, Ordering::Relaxed);
        if !has_begun {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What becomes of the content of a call that has just ended, for its record.
    #[must_use]
    pub fn note_of(&self, id: &GenerationId) -> Content {
        if self.count.load(Ordering::Relaxed) == 0 {
            return Content::Off;
        }
        match self.entries().get(id).map(|entry| &entry.state) {
            None => Content::Off,
            Some(State::Dropped) => Content::Dropped,
            Some(State::Open | State::Sealed(_)) => Content::Kept,
        }
    }

    /// Counts bytes in, if there is room.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        let most = self.limits.bytes_in_flight_max;
        let taken =
            self.in_flight_bytes
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                    held.checked_add(bytes).filter(|held| *held <= most)
                });
        taken.is_ok()
    }

    /// Counts bytes in that must be held, room or not: they take the place of more.
    pub(super) fn hold_anyway(&self, bytes: usize) {
        self.in_flight_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes out.
    pub(super) fn let_go(&self, bytes: usize) {
        self.in_flight_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn note_dropped(&self, id: &GenerationId) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        if let Some(entry) = self.entries().get_mut(id) {
            entry.state = State::Dropped;
        }
    }

    /// Hands the content of a call to whoever listens, and to the writer, unless nobody wants it kept
    /// any more.
    pub(super) fn close(&self, mut taken: Taken, place: OwnedPermit<Taken>) {
        if let Some(listener) = taken.listener.take() {
            let overheard = Overheard::of(&taken, listener);
            self.hold_anyway(taken.bytes);
            if self.overheard.try_send(overheard).is_err() {
                self.let_go(taken.bytes);
            }
        }
        if taken.is_kept && self.is_wanted(&taken.id) {
            place.send(taken);
        } else {
            self.let_go(taken.bytes);
        }
    }

    pub(super) fn forget(&self, id: &GenerationId) {
        if self.entries().remove(id).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        self.changed.notify_waiters();
    }

    // === For the writer ===

    pub(super) fn is_wanted(&self, id: &GenerationId) -> bool {
        self.entries().contains_key(id)
    }

    /// What is sealed can be read from now on; whether it is still wanted. `seal` is given the
    /// workspace, the key and the time of the call.
    pub(super) fn sealed(
        &self,
        id: &GenerationId,
        seal: impl FnOnce((&str, &str, i64)) -> NewPayload,
    ) -> Option<NewPayload> {
        let payload = {
            let mut entries = self.entries();
            let entry = entries.get_mut(id)?;
            let facts = (&*entry.workspace_id, &*entry.key_hash, entry.created_at_ms);
            let payload = seal(facts);
            entry.state = State::Sealed(payload.clone());
            payload
        };
        self.changed.notify_waiters();
        Some(payload)
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, HashMap<GenerationId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what there is and takes nothing more. The writer ends then.
    pub fn close_down(&self) {
        self.closing.cancel();
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
}

/// The end of the queue that the writer reads.
pub(super) type Queue = Receiver<Taken>;
