//! `Waits`: for how long a call has waited for others; the rest of its time is our own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time in which at least one other party was waited for: the caller to send its body, a provider
/// to answer, the pause before it is asked again. Two at once are waited for once.
#[derive(Debug, Default)]
pub struct Waits(Mutex<Clock>);

#[derive(Debug, Default)]
struct Clock {
    waiting: usize,
    since: Option<Instant>,
    total: Duration,
}

impl Waits {
    /// Does some work of others. Their time counts from the first poll until it is done or dropped.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let _waiting = self.begin();
        work.await
    }

    /// What is left of the time since `arrived`: our own.
    #[must_use]
    pub fn own_since(&self, arrived: Instant) -> Duration {
        let now = Instant::now();
        let clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = clock
            .since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        now.saturating_duration_since(arrived)
            .saturating_sub(clock.total)
            .saturating_sub(open)
    }

    fn begin(&self) -> Waiting<'_> {
        let mut clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clock.waiting += 1;
        clock.since.get_or_insert_with(Instant::now);
        Waiting(self)
    }
}

/// Somebody is being waited for until this is dropped.
struct Waiting<'w>(&'w Waits);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut clock = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        clock.waiting = clock.waiting.saturating_sub(1);
        if clock.waiting == 0
            && let Some(since) = clock.since.take()
        {
            clock.total += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn two_at_once_are_waited_for_once_and_who_is_let_go_counts() {
        let (waits, arrived) = (Waits::default(), Instant::now());
        sleep(5 * MS).await;
        tokio::select! {
            () = waits.during(sleep(30 * MS)) => {}
            () = waits.during(sleep(90 * MS)) => {}
        }
        sleep(2 * MS).await;
        assert_eq!(waits.own_since(arrived), 7 * MS);
        let mut open = Box::pin(waits.during(sleep(60 * MS)));
        let _ = tokio::time::timeout(10 * MS, &mut open).await;
        assert_eq!(waits.own_since(arrived), 7 * MS, "while it goes on, too");
    }
}
