//! The one who folds, redacts, seals and writes content, in batches by workspace and day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ledger::GenerationId;
use store::{ArchiveError, NewPayload, SealedPayload, Sealer};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::document::Document;
use super::keeper::{Keeper, Queue};
use super::taking::{Form, Taken};

/// Calls that are sealed in one go, so that readers need not wait long.
const SEALED_AT_ONCE: usize = 32;

/// The first pause when writing fails; doubles up to the longest.
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(15);

/// How long writing is tried once the server is to stop.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// What is to be written of one workspace and day.
struct Batch {
    payloads: Vec<NewPayload>,
    bytes: usize,
    /// When it is written at the latest.
    due: Instant,
}

type Batches = BTreeMap<(String, i64), Batch>;

impl Keeper {
    /// Runs until the keeper is closed down and everything is written.
    pub(super) async fn write(&self, mut queue: Queue) {
        let mut batches = Batches::new();
        let (mut waiting, mut sealer) = (Vec::new(), None);
        loop {
            let due = batches.values().map(|batch| batch.due).min();
            tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                () = until(due) => {}
                _ = queue.recv_many(&mut waiting, SEALED_AT_ONCE) => {
                    self.seal(&mut waiting, &mut sealer, &mut batches).await;
                }
            }
            self.write_due(&mut batches, |batch| {
                batch.bytes >= self.limits.batch_bytes || batch.due <= Instant::now()
            })
            .await;
        }
        queue.close();
        while queue.recv_many(&mut waiting, SEALED_AT_ONCE).await > 0 {
            self.seal(&mut waiting, &mut sealer, &mut batches).await;
        }
        self.write_due(&mut batches, |_| true).await;
    }

    /// Seals what has come, where the work holds up nobody, and puts it into its batch. The sealer comes back for the
    /// next time, unless it was lost with what could not be sealed.
    async fn seal(
        &self,
        waiting: &mut Vec<Taken>,
        sealer: &mut Option<Sealer>,
        batches: &mut Batches,
    ) {
        let taken: Vec<Taken> = waiting
            .drain(..)
            .filter(|taken| {
                let is_wanted = self.is_wanted(&taken.id);
                if !is_wanted {
                    self.let_go(taken.bytes);
                }
                is_wanted
            })
            .collect();
        let held: Vec<(GenerationId, usize)> = taken
            .iter()
            .map(|taken| (taken.id.clone(), taken.bytes))
            .collect();
        let lent = sealer.take();
        let sealing = spawn_blocking(move || seal_all(taken, lent));
        let (sealed, kept) = sealing.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the sealer of content has ended before its time");
            (Vec::new(), None)
        });
        *sealer = kept;
        let mut sealed = sealed.into_iter();
        for (id, bytes) in held {
            match sealed.next() {
                Some(Ok(sealed)) => self.put_into_batch(&id, Arc::new(sealed), batches),
                Some(Err(error)) => self.lose(&id, &error),
                None => self.lose(&id, &ArchiveError::Damaged("it cannot be read".to_owned())),
            }
            self.let_go(bytes);
        }
    }

    fn put_into_batch(&self, id: &GenerationId, sealed: Arc<SealedPayload>, batches: &mut Batches) {
        let payload = self.sealed(id, |(workspace_id, key_hash, created_at_ms)| NewPayload {
            generation: id.clone(),
            workspace_id: workspace_id.to_owned(),
            key_hash: key_hash.to_owned(),
            created_at_ms,
            sealed,
        });
        let Some(payload) = payload else {
            return; // deleted meanwhile
        };
        self.hold_anyway(payload.sealed.len());
        let place = (payload.workspace_id.clone(), payload.day());
        let batch = batches.entry(place).or_insert_with(|| Batch {
            payloads: Vec::new(),
            bytes: 0,
            due: Instant::now() + self.limits.batch_wait,
        });
        batch.bytes += payload.sealed.len();
        batch.payloads.push(payload);
    }

    /// Writes the batches whose time has come.
    async fn write_due(&self, batches: &mut Batches, is_due: impl Fn(&Batch) -> bool) {
        let due: Vec<_> = batches
            .iter()
            .filter(|(_, batch)| is_due(batch))
            .map(|(place, _)| place.clone())
            .collect();
        let due = due.iter().filter_map(|place| batches.remove(place));
        let due: Vec<Batch> = due.collect();
        for batch in due {
            self.write_batch(batch).await;
        }
    }

    /// Writes a batch, however often that must be tried. Meanwhile nothing else is taken from the
    /// queue, which fills until content is dropped: the bound of all that waits.
    async fn write_batch(&self, batch: Batch) {
        let mut pause = RETRY_MIN;
        let mut last_tries = None;
        loop {
            let written = {
                let _turn = self.turn.acquire().await;
                let payloads = batch.payloads.iter();
                let wanted: Vec<_> = payloads
                    .filter(|payload| self.is_wanted(&payload.generation))
                    .cloned()
                    .collect();
                let newest = batch
                    .payloads
                    .iter()
                    .map(|payload| payload.created_at_ms)
                    .max();
                let written = self.archive.write(&wanted, newest.unwrap_or(0)).await;
                if written.is_ok() {
                    self.note_written(&wanted);
                }
                written
            };
            let Err(error) = written else {
                break;
            };
            let failures = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
            if self.closing.is_cancelled() && last_tries.is_none() {
                last_tries = Some(Instant::now() + LAST_TRIES);
            }
            if !error.is_temporary() || last_tries.is_some_and(|end| Instant::now() >= end) {
                batch
                    .payloads
                    .iter()
                    .for_each(|payload| self.lose(&payload.generation, &error));
                break;
            }
            if failures == 0 {
                tracing::warn!(%error, "content cannot be written; trying again");
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.closing.cancelled(), if last_tries.is_none() => {}
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
        self.let_go(batch.bytes);
    }

    fn note_written(&self, payloads: &[NewPayload]) {
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        let count = u64::try_from(payloads.len()).unwrap_or(u64::MAX);
        self.kept.fetch_add(count, Ordering::Relaxed);
        payloads
            .iter()
            .for_each(|payload| self.forget(&payload.generation));
    }

    fn lose(&self, id: &GenerationId, error: &ArchiveError) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        tracing::error!(generation.id = %id, %error, "the content of a call could not be kept");
        self.forget(id);
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

type Sealed = Vec<Result<SealedPayload, ArchiveError>>;

fn seal_all(taken: Vec<Taken>, sealer: Option<Sealer>) -> (Sealed, Option<Sealer>) {
    match sealer.map_or_else(Sealer::new, Ok) {
        Ok(mut sealer) => {
            let sealed = taken.into_iter().map(|one| seal_one(one, &mut sealer));
            (sealed.collect(), Some(sealer))
        }
        Err(error) => (taken.iter().map(|_| Err(error.clone())).collect(), None),
    }
}

/// Folds, redacts, compresses and seals the content of one call.
fn seal_one(taken: Taken, sealer: &mut Sealer) -> Result<SealedPayload, ArchiveError> {
    let redaction = &taken.policy.redaction;
    let (answer, is_folded, is_whole) = match taken.form {
        _ if taken.pieces.is_empty() => (Vec::new(), false, taken.is_complete),
        Form::Whole(_) => (taken.pieces.concat(), false, taken.is_complete),
        Form::Stream(dialect, framing) => {
            let pieces = taken.pieces.iter().map(|piece| &**piece);
            let (folded, is_whole) = wire::content::fold((dialect, framing), pieces);
            (folded.to_string().into_bytes(), true, is_whole)
        }
    };
    let dialect = match taken.form {
        Form::Whole(dialect) | Form::Stream(dialect, _) => dialect,
    };
    let document = Document {
        dialect,
        request: redaction.json(taken.request.to_vec()),
        answer: redaction.json(answer),
        is_folded,
        is_whole,
        failure: taken.failure.map(|mut failure| {
            failure.message = redaction.text(&failure.message).into_owned();
            failure.raw = failure.raw.map(|raw| redaction.text(&raw).into_owned());
            failure
        }),
    };
    sealer.seal(&document.to_bytes(), &taken.id)
}
