//! Connections that wait for their next request, by scheme, host and port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::uri::{Authority, Scheme};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::line::Line;

/// Idle connections kept per host; above it they are closed after use.
const IDLE_PER_HOST_MAX: usize = 1024;

/// Idle connections are closed after this long: below the 60 s after which common load balancers
/// drop them, so that we rarely write into a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// How often those are looked for that are too old, or that the provider has closed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Where a connection leads.
pub(super) type Place = (Scheme, Authority);

/// Idle connections. The one that was used last is used first.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Idle>,
    /// Spawns who looks after them. It ends by itself when none is left, and with the pool.
    looking: TaskTracker,
}

#[derive(Default)]
struct Idle {
    lines: HashMap<Place, Vec<(Line, Instant)>>,
    is_looked_after: bool,
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Whoever panicked meanwhile left a map and vectors, which are whole at every moment.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to this place that is still open as far as we know.
    pub(super) fn take(&self, place: &Place) -> Option<Line> {
        loop {
            let (mut line, since) = self.idle().lines.get_mut(place)?.pop()?;
            if since.elapsed() < IDLE_TIMEOUT && line.is_quiet() {
                return Some(line);
            }
        }
    }

    /// Keeps a connection for the next request to its place.
    pub(super) fn keep(self: &Arc<Self>, place: Place, line: Line) {
        // Without a runtime nobody could look after it, and it is closed.
        if Handle::try_current().is_err() {
            return;
        }
        let mut idle = self.idle();
        let lines = idle.lines.entry(place).or_default();
        if lines.len() >= IDLE_PER_HOST_MAX {
            return;
        }
        lines.push((line, Instant::now()));
        if !std::mem::replace(&mut idle.is_looked_after, true) {
            drop(idle);
            self.looking.spawn(look_after(Arc::downgrade(self)));
        }
    }

    /// Closes those that are too old, or closed by their provider; says whether others are left.
    fn close_old(&self) -> bool {
        let mut idle = self.idle();
        idle.lines.retain(|_, lines| {
            lines.retain_mut(|(line, since)| since.elapsed() < IDLE_TIMEOUT && line.is_quiet());
            !lines.is_empty()
        });
        idle.is_looked_after = !idle.lines.is_empty();
        idle.is_looked_after
    }
}

async fn look_after(pool: Weak<Pool>) {
    loop {
        sleep(LOOK_EVERY).await;
        if !pool.upgrade().is_some_and(|pool| pool.close_old()) {
            return;
        }
    }
}
