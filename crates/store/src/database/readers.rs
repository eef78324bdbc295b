//! Threads that stand back, for those who read much: a list or a dashboard takes the processor time
//! that calls leave.
//!
//! There are two lanes. The spare lane runs when nobody else would (`SCHED_IDLE` on Linux) and is put
//! aside the moment a thread of a call wakes; on a machine with nothing to spare it would never end. The
//! other has a share: a tenth of a processor that calls would like to have all of. A reader takes the
//! spare lane where there is time to spare, and the share when that takes too long.
//!
//! In both, readers [rest](super::rest) for a moment now and then.
//!
//! The driver of SQLite reads on a thread of each connection, and a new thread has the priority of the
//! one that makes it: so readers' connections are opened here as well.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{priority, rest};
use crate::StoreError;

/// How soon a thread of the spare lane has to have its turn for the machine to have time to spare:
/// beside calls that come and go it is a millisecond or two.
const SPARE_WITHIN: Duration = Duration::from_millis(20);

/// How long the spare lane may take before the other is asked as well, should the machine have become
/// full meanwhile. What is read of ten million records takes a third of it beside calls, rests included.
const SPARE_MAX: Duration = Duration::from_secs(1);

/// How long a machine that had no time to spare counts as full: who comes then does not try.
const FULL_FOR: Duration = Duration::from_secs(1);

/// Work of a lane.
pub(super) type Work<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Which time is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// What nobody else wants.
    Spare,
    /// A tenth of what is wanted.
    Share,
}

/// The threads of both lanes; they end with it, and so does what they are doing.
pub(super) struct Readers {
    spare: Threads,
    share: Threads,
    /// Until when nobody tries the spare lane.
    full_until: Mutex<Option<Instant>>,
}

impl Readers {
    pub(super) fn start() -> Result<Self, StoreError> {
        Ok(Self {
            spare: Threads::start("spare", priority::only_if_idle)?,
            share: Threads::start("readers", priority::step_back)?,
            full_until: Mutex::default(),
        })
    }

    /// Does something in a lane. It ends when whoever waits for it goes.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: Work<T>,
    ) -> Result<T, StoreError> {
        let mut tasks = JoinSet::new();
        self.threads(lane).spawn(work, &mut tasks)?;
        first(&mut tasks).await
    }

    /// Does something that only reads in spare time, and where there is none, or too little, in the
    /// share. Who is done first has the answer; the other is given up.
    pub(super) async fn run_spare<T: Send + 'static>(
        &self,
        work: impl Fn(Lane) -> Work<T>,
    ) -> Result<T, StoreError> {
        let mut tasks = JoinSet::new();
        if !self.is_full() {
            let has_time = self.spare.have_time().await;
            if has_time {
                self.spare.spawn(work(Lane::Spare), &mut tasks)?;
                if let Ok(done) = timeout(SPARE_MAX, first(&mut tasks)).await {
                    return done;
                }
            }
            tracing::debug!(has_time, "readers take their share for a moment");
            *self
                .full_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + FULL_FOR);
        }
        self.share.spawn(work(Lane::Share), &mut tasks)?;
        // Who had no turn in the spare lane has failed there alone.
        let answer = first(&mut tasks).await;
        match answer {
            Err(_) if !tasks.is_empty() => first(&mut tasks).await,
            answer => answer,
        }
    }

    /// Whether the machine had no time to spare a moment ago.
    fn is_full(&self) -> bool {
        let until = self.full_until.lock();
        let until = *until.unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// The runtime of a lane, for what runs beside its readers.
    pub(super) fn spawn_beside(
        &self,
        lane: Lane,
        tasks: &mut JoinSet<()>,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        if let Some(runtime) = &self.threads(lane).0 {
            tasks.spawn_on(work, runtime.handle());
        }
    }

    const fn threads(&self, lane: Lane) -> &Threads {
        match lane {
            Lane::Spare => &self.spare,
            Lane::Share => &self.share,
        }
    }
}

/// The threads of one lane: one is enough for what is not done by the connections' own.
struct Threads(Option<Runtime>);

impl Threads {
    fn start(
        name: &str,
        step_back: fn() -> Result<(), priority::Refused>,
    ) -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .on_thread_start(move || {
                rest::begin();
                if let Err(error) = step_back() {
                    tracing::warn!(%error, "readers have the priority of calls");
                }
            })
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| {
            StoreError::Unavailable(format!("cannot start threads for readers: {error}"))
        })?;
        Ok(Self(Some(runtime)))
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: Work<T>,
        tasks: &mut JoinSet<Result<T, StoreError>>,
    ) -> Result<(), StoreError> {
        let runtime = self.0.as_ref().ok_or_else(gone)?;
        tasks.spawn_on(work, runtime.handle());
        Ok(())
    }

    /// Whether they have their turn soon.
    async fn have_time(&self) -> bool {
        let mut ping = JoinSet::new();
        let Some(runtime) = &self.0 else { return false };
        ping.spawn_on(async {}, runtime.handle());
        timeout(SPARE_WITHIN, ping.join_next()).await.is_ok()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for threads is forbidden where async work is done, and needless.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What the first of them comes to.
async fn first<T: 'static>(tasks: &mut JoinSet<Result<T, StoreError>>) -> Result<T, StoreError> {
    match tasks.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(_)) | None => Err(gone()),
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the threads for readers have ended".to_owned())
}
