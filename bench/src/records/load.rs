//! Calls that are recorded while everything else is measured, at a steady rate, through the product's
//! recorder and its journal; and the job that merges what was counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::Books as _;
use store::{JournalOptions, NodeId, Recorder, RecorderOptions, Store, StoreError};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::traffic::Traffic;
use super::{Arguments, now_ms};

const JOURNAL_BYTES_MAX: u64 = 1 << 30;
/// As in the product.
const MERGE_EVERY: Duration = Duration::from_secs(5);
const STEP_PAUSE: Duration = Duration::from_millis(50);

/// How many calls were settled and how long that took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) calls: usize,
    /// Calls that were not settled.
    pub(crate) errors: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// Records that waited for the database at the end.
    pub(crate) pending: u64,
}

/// The calls.
pub(crate) struct Load {
    stop: CancellationToken,
    times: Arc<Mutex<Vec<Duration>>>,
    errors: Arc<AtomicU64>,
    recorder: Arc<Recorder>,
    tasks: JoinSet<()>,
    caller: JoinSet<()>,
}

impl Load {
    /// Starts recording: calls are settled on `calls`, and written here, as in the product.
    pub(crate) async fn start(
        store: &Store,
        traffic: &Traffic,
        (arguments, calls): (&Arguments, &Handle),
    ) -> anyhow::Result<Self> {
        let node = NodeId::from_bytes([7; 16]);
        let journal = JournalOptions::in_data_dir(&arguments.journal, node, JOURNAL_BYTES_MAX);
        let options = RecorderOptions {
            journal: Some(journal),
            ..RecorderOptions::default()
        };
        let (recorder, writer) = Recorder::open(store.clone(), options).await?;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(writer);
        tasks.spawn(merge(store.clone(), stop.clone()));
        let times = Arc::new(Mutex::new(Vec::new()));
        let errors = Arc::<AtomicU64>::default();
        let calling = call(
            (recorder.clone(), times.clone(), errors.clone()),
            traffic.clone(),
            Duration::from_secs(1) / arguments.calls_per_second.max(1),
            stop.clone(),
        );
        let mut caller = JoinSet::new();
        caller.spawn_on(calling, calls);
        Ok(Self {
            stop,
            times,
            errors,
            recorder,
            tasks,
            caller,
        })
    }

    /// What was measured since it was asked last.
    pub(crate) fn take(&self) -> Times {
        let mut times = std::mem::take(&mut *lock(&self.times));
        times.sort_unstable();
        let at = |share: usize| {
            let index = times.len() * share / 100;
            times
                .get(index.min(times.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        Times {
            calls: times.len(),
            errors: self.errors.swap(0, Ordering::Relaxed),
            p50: at(50),
            p99: at(99),
            max: times.last().copied().unwrap_or_default(),
            pending: self.recorder.figures().pending,
        }
    }

    /// Stops, and waits until everything is written.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.caller.join_next().await {
            ended?;
        }
        self.recorder.drain(Duration::from_secs(60)).await?;
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}

async fn call(
    (recorder, times, errors): (Arc<Recorder>, Arc<Mutex<Vec<Duration>>>, Arc<AtomicU64>),
    traffic: Traffic,
    every: Duration,
    stop: CancellationToken,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut number = traffic.records;
    let mut calls = JoinSet::new();
    while !stop.is_cancelled() {
        ticks.tick().await;
        number += 1;
        let Ok(at_ms) = now_ms() else { return };
        let generation = Arc::new(traffic.call(number, at_ms));
        let (recorder, times, errors) = (recorder.clone(), times.clone(), errors.clone());
        calls.spawn(async move {
            let started = Instant::now();
            match recorder.settle(generation).await {
                Ok(()) => lock(&times).push(started.elapsed()),
                Err(_) => {
                    errors.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        while calls.try_join_next().is_some() {}
    }
    calls.join_all().await;
}

async fn merge(store: Store, stop: CancellationToken) {
    let mut ticks = interval(MERGE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            // What fails is merged the next time.
            _ = ticks.tick() => drop(gather_and_merge(&store).await),
        }
    }
}

/// As the product's job does.
async fn gather_and_merge(store: &Store) -> Result<(), StoreError> {
    store.gather_rollups().await?;
    let now_ms = now_ms().unwrap_or(0);
    while store.merge_step(now_ms).await? {
        sleep(STEP_PAUSE).await;
    }
    Ok(())
}

fn lock(times: &Mutex<Vec<Duration>>) -> std::sync::MutexGuard<'_, Vec<Duration>> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}
