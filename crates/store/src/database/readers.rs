//! Threads of low priority, for those who read much: a list or a dashboard takes the processor time
//! that calls leave.
//!
//! The driver of SQLite reads on a thread of each connection, and a new thread has the priority of the
//! one that makes it: so readers' connections are opened here as well.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;

use crate::StoreError;

/// How much less than the rest of the process they matter, as `nice` counts. They get a tenth of a
/// processor that calls would like to have all of, so that nobody waits for ever.
const NICER: i32 = 10;

/// The least that there is.
const NICEST: i32 = 19;

/// The threads; they end with it, and so does what they are doing.
pub(super) struct Readers(Option<Runtime>);

impl Readers {
    /// Starts them: one is enough for what is not done by the connections' own.
    pub(super) fn start() -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("readers")
            .on_thread_start(|| {
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

    /// Does something there. It ends when whoever waits for it goes.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Unavailable("the threads for readers have ended".to_owned());
        let mut task = JoinSet::new();
        task.spawn_on(work, self.handle().ok_or_else(gone)?);
        match task.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(_)) | None => Err(gone()),
        }
    }

    pub(super) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // Waiting for threads is forbidden where async work is done, and needless.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread. Only on Linux have threads one of their own.
#[cfg(target_os = "linux")]
fn step_back() -> io::Result<()> {
    use rustix::process::{getpriority_process, setpriority_process};
    let now = getpriority_process(None)?;
    setpriority_process(None, now.saturating_add(NICER).min(NICEST))?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn step_back() -> io::Result<()> {
    let _ = (NICER, NICEST);
    Ok(())
}
