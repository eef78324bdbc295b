//! Filling the database through the product's own writer, with its roll-ups merged meanwhile.

use std::sync::Arc;
use std::time::Duration;

use store::{Settled, Store};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::note;
use super::traffic::{Traffic, settled};

/// Records of a transaction.
const BATCH: u64 = 4_000;

/// Batches after which what was counted is merged.
const MERGE_AFTER: u64 = 50;

/// Batches that are made ahead of the writer.
const AHEAD: usize = 4;

/// For how long calls are counted by minute.
const MINUTE_DAYS: i64 = 7;

const MS_PER_DAY: i64 = 86_400_000;

/// Since when calls are counted by minute.
pub(crate) const fn minutes_from(now_ms: i64) -> i64 {
    now_ms - MINUTE_DAYS * MS_PER_DAY
}

/// How many records there are.
pub(crate) async fn partitions(store: &Store) -> anyhow::Result<i64> {
    let partitions = store.partitions().await?;
    Ok(partitions.iter().map(|partition| partition.calls).sum())
}

/// Fills in all past calls.
pub(crate) async fn fill(store: &Store, traffic: &Traffic) -> anyhow::Result<()> {
    let until_ms = traffic.at_ms(traffic.records);
    store.thin_records(minutes_from(until_ms), 0).await?;
    let (send, mut batches) = mpsc::channel::<Vec<Settled>>(AHEAD);
    let traffic = Arc::new(traffic.clone());
    let maker = tokio::task::spawn_blocking(move || {
        for start in (0..traffic.records).step_by(usize::try_from(BATCH).unwrap_or(1)) {
            let numbers = start..traffic.records.min(start + BATCH);
            let batch = numbers
                .map(|number| settled(traffic.past(number)))
                .collect();
            if send.blocking_send(batch).is_err() {
                return;
            }
        }
    });
    let started = Instant::now();
    let (mut done, mut batch_number) = (0, 0);
    while let Some(batch) = batches.recv().await {
        let rows: Vec<&Settled> = batch.iter().collect();
        done += store.generations().fold(&rows).await?;
        batch_number += 1;
        if batch_number % MERGE_AFTER == 0 {
            store.merge_rollups().await?;
            let rate = done as f64 / started.elapsed().as_secs_f64();
            note(&format!("{done} records, {rate:.0} per second"))?;
        }
    }
    maker.await?;
    store.merge_rollups().await?;
    Ok(())
}

/// Adds up the hours and days that are over, as the product's job does; how many steps that were and
/// how long the longest took.
pub(crate) async fn seal(store: &Store, now_ms: i64) -> anyhow::Result<(usize, Duration)> {
    let (mut steps, mut longest) = (0, Duration::ZERO);
    loop {
        let started = Instant::now();
        if !store.seal_rollups(now_ms).await? {
            return Ok((steps, longest));
        }
        steps += 1;
        longest = longest.max(started.elapsed());
    }
}
