//! `Keeper`: what of content is on its way, and within which bounds.
//!
//! A call that is taken has an entry here from its first moment until its content is written. Whether
//! the entry is there says whether the content is still wanted: deleting removes it, and whoever works
//! on it looks before going on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use chat::Dialect;
use ledger::GenerationId;
use ledger::generation::{CallerNote, Content};
use store::{Archive, ArchiveError, Erase, NewPayload, StoreError};
use tokio::sync::mpsc::{OwnedPermit, Receiver, Sender, channel};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::document::Document;
use super::policy::{Policies, Policy};
use super::taking::{Form, Taken, Taking};

/// Calls whose content may be on its way at once.
const CALLS_MAX: usize = 16_384;

/// How long a reader waits for content that is being written.
const READ_WAIT: Duration = Duration::from_secs(3);

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

/// What is known of content that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is here.
    Here(Box<Document>),
    /// The call still runs, or its content is about to be written.
    NotYet,
    /// There is none, or none any more.
    Nothing,
}

/// One call whose content is on its way.
struct Entry {
    workspace_id: String,
    key_hash: String,
    created_at_ms: i64,
    state: State,
}

enum State {
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
    entries: Mutex<HashMap<GenerationId, Entry>>,
    /// So many entries, so that most calls need not look.
    count: AtomicUsize,
    in_flight_bytes: AtomicUsize,
    /// Something has been sealed or written.
    changed: Notify,
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
    /// A keeper, and its writer: a future that its owner spawns, and that ends after
    /// [`Keeper::close_down`].
    pub fn new(
        archive: Archive,
        limits: KeeperLimits,
        policies: Policies,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let (queue, taken) = channel(CALLS_MAX);
        let keeper = Arc::new(Self {
            limits,
            archive,
            policies: ArcSwap::from_pointee(policies),
            by_default: Arc::default(),
            queue,
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
        (keeper, async move { writer.write(taken).await })
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

    /// Begins to take the content of a call, if its workspace or key wants that; `None` is the usual
    /// answer.
    #[must_use]
    pub fn take(self: &Arc<Self>, asked: &Asked<'_>) -> Option<Taking> {
        let policies = self.policies.load();
        if policies.is_empty() && asked.own != Some(true) {
            return None;
        }
        let policy = policies.get(&asked.caller.workspace_id);
        let policy = policy.unwrap_or(&self.by_default);
        let session = asked.caller.session_id.as_deref();
        if !policy.takes(asked.own, session.unwrap_or(asked.id.as_str())) {
            return None;
        }
        let begun = self.begin(asked, policy);
        let entry = Entry {
            workspace_id: asked.caller.workspace_id.clone(),
            key_hash: asked.caller.key_hash.clone(),
            created_at_ms: asked.created_at_ms,
            state: match begun {
                Some(_) => State::Open,
                None => State::Dropped,
            },
        };
        self.entries().insert(asked.id.clone(), entry);
        self.count.fetch_add(1, Ordering::Relaxed);
        if begun.is_none() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Some(Taking::new(Arc::clone(self), asked.id.clone(), begun))
    }

    fn begin(
        &self,
        asked: &Asked<'_>,
        policy: &Arc<Policy>,
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
            request: asked.body.clone(),
            pieces: Vec::new(),
            is_complete: false,
            failure: None,
            bytes,
        };
        Some((taken, place))
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

    /// Hands the content of a call to the writer, unless nobody wants it any more.
    pub(super) fn close(&self, taken: Taken, place: OwnedPermit<Taken>) {
        if self.is_wanted(&taken.id) {
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

    fn entries(&self) -> MutexGuard<'_, HashMap<GenerationId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // === For readers ===

    /// The content of a call.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn read(&self, id: &GenerationId) -> Result<Found, ArchiveError> {
        let waiting = timeout(READ_WAIT, self.wait_for(id)).await;
        let Ok(sealed) = waiting else {
            return Ok(Found::NotYet);
        };
        let bytes = match sealed {
            Some(payload) => Some(payload.sealed.open(id)?),
            None => self.archive.read(id).await?,
        };
        let Some(bytes) = bytes else {
            return Ok(Found::Nothing);
        };
        match Document::from_bytes(&bytes) {
            Some(document) => Ok(Found::Here(Box::new(document))),
            None => Err(ArchiveError::Damaged("it is in no form of ours".to_owned())),
        }
    }

    /// The sealed payload of a call once there is one; `None` when none is on its way.
    async fn wait_for(&self, id: &GenerationId) -> Option<NewPayload> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.entries().get(id).map(|entry| &entry.state) {
                None | Some(State::Dropped) => return None,
                Some(State::Sealed(payload)) => return Some(payload.clone()),
                Some(State::Open) => {}
            }
            changed.await;
        }
    }

    /// Whether the content of a call can be read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn holds(&self, id: &GenerationId) -> Result<bool, StoreError> {
        if self.note_of(id) == Content::Kept {
            return Ok(true);
        }
        self.archive.holds(id).await
    }

    /// Deletes the content of a call, wherever it is; whether there was any.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn erase(&self, id: &GenerationId) -> Result<bool, StoreError> {
        let _turn = self.turn.acquire().await;
        let was_waiting = self.note_of(id) == Content::Kept;
        self.forget(id);
        Ok(self.archive.erase(id).await? || was_waiting)
    }

    /// Deletes content of a workspace; of how many calls.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; asked again, it goes on.
    pub async fn erase_many(&self, workspace_id: &str, which: &Erase) -> Result<u64, StoreError> {
        let _turn = self.turn.acquire().await;
        let mut count = 0;
        self.entries().retain(|_, entry| {
            let is_meant = entry.workspace_id == workspace_id
                && which
                    .key_hash
                    .as_ref()
                    .is_none_or(|key| *key == entry.key_hash)
                && which.from_ms.is_none_or(|from| from <= entry.created_at_ms)
                && which.to_ms.is_none_or(|to| to > entry.created_at_ms);
            count += u64::from(is_meant);
            !is_meant
        });
        let gone = usize::try_from(count).unwrap_or(usize::MAX);
        self.count.fetch_sub(gone, Ordering::Relaxed);
        self.changed.notify_waiters();
        Ok(count + self.archive.erase_many(workspace_id, which).await?)
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
