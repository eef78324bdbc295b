//! The writer: folds what has been settled into the database, in batches, each record exactly once.
//!
//! While the database is away it tries again, for as long as it takes. When a batch is in, its
//! records are forgotten and the journal is told that it need not keep them.

use std::sync::atomic::Ordering;

use ledger::GenerationId;
use tokio::task::spawn_blocking;
use tokio::time;

use crate::journal::{Journal, Place};
use crate::pending::{Body, Record};
use crate::{Recorder, Settled, StoreError, record};

impl Recorder {
    /// Runs until the recorder was drained and everything is written.
    pub(crate) async fn write(&self) {
        while let Some(batch) = self.pending.next_batch().await {
            let generations = self.generations(&batch).await;
            self.write_batch(&generations).await;
            self.pending.forget(&batch);
            if let Some(journal) = &self.journal {
                journal.release(batch.iter().filter_map(|(_, record)| record.place));
            }
        }
        if let Some(journal) = &self.journal {
            journal.close().await;
        }
    }

    /// What the records of a batch say, read back from the journal where need be.
    async fn generations(&self, batch: &[(GenerationId, Record)]) -> Vec<Settled> {
        let mut generations = Vec::with_capacity(batch.len());
        let mut places = Vec::new();
        for (id, record) in batch {
            match &record.body {
                Body::InMemory(settled) => generations.push(settled.clone()),
                Body::InJournal(place) => places.push((id.clone(), *place)),
            }
        }
        if let (Some(journal), false) = (self.journal.clone(), places.is_empty()) {
            let (read, lost) = spawn_blocking(move || read_all(&journal, &places))
                .await
                .unwrap_or_default();
            generations.extend(read);
            self.refused.fetch_add(lost, Ordering::Relaxed);
        }
        generations
    }

    /// Writes a batch, trying until every record is stored or refused for good.
    async fn write_batch(&self, batch: &[Settled]) {
        match self.insert(batch).await {
            Ok(()) => {}
            Err(_) if batch.len() > 1 => {
                // One of them is at fault: the others must not suffer for it.
                for one in batch.chunks(1) {
                    if let Err(error) = self.insert(one).await {
                        self.refuse(one, &error);
                    }
                }
            }
            Err(error) => self.refuse(batch, &error),
        }
    }

    /// Inserts records, waiting out the time in which the database is away.
    ///
    /// # Errors
    /// When the database refuses them for good.
    async fn insert(&self, batch: &[Settled]) -> Result<(), StoreError> {
        let mut pause = self.limits.retry_min;
        let rows: Vec<&Settled> = batch.iter().collect();
        loop {
            match self.store.generations().fold(&rows).await {
                Ok(new) => {
                    self.written.fetch_add(new, Ordering::Relaxed);
                    self.failures_in_a_row.store(0, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) if error.is_temporary() => {
                    self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, records = rows.len(), "records wait for the database");
                }
                Err(error) => return Err(error),
            }
            time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(self.limits.retry_max);
        }
    }

    /// Gives up a record that the database will never take, with all that matters in the log.
    fn refuse(&self, records: &[Settled], error: &StoreError) {
        for record in records.iter().map(|settled| &settled.generation) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let cost_nanos = record.charge.as_ref().ok().map(|bill| bill.total.nanos());
            tracing::error!(
                generation.id = %record.id,
                key_hash = record.caller.key_hash,
                cost_nanos,
                %error,
                "a record was refused by the database and is lost"
            );
        }
    }
}

/// Reads records back; those that could be read, and how many could not. Their segment is kept.
fn read_all(journal: &Journal, places: &[(GenerationId, Place)]) -> (Vec<Settled>, u64) {
    let (mut read, mut lost) = (Vec::with_capacity(places.len()), 0);
    for (id, place) in places {
        match read_one(journal, *place) {
            Ok(settled) => read.push(settled),
            Err(error) => {
                lost += 1;
                journal.condemn(*place);
                tracing::error!(
                    generation.id = %id,
                    error,
                    "a journal record cannot be read back and is not on the books"
                );
            }
        }
    }
    (read, lost)
}

/// Reads one record back. Blocks.
///
/// # Errors
/// With the reason, when it is not there or damaged.
pub(crate) fn read_one(journal: &Journal, place: Place) -> Result<Settled, String> {
    let bytes = journal.read(place).map_err(|error| error.to_string())?;
    record::read(&bytes).map_err(|error| error.to_string())
}
