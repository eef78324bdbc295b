//! Open loop: calls leave at a constant rate, whatever became of the ones before; latency counts from the moment each
//! was meant to leave.
//!
//! A thread of its own keeps the time, because the runtime's timer knows milliseconds only and the latencies in
//! question are shorter. It gives one permit per call; the next free connection takes it. When none is free the
//! permit waits, and its wait is part of that call's latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::closed::{CALL_MAX, ask, gather};
use super::line::Line;
use super::order::Order;
use super::outcome::Outcome;
use crate::measure::schedule::Schedule;

/// Time between the decision to start and the first call, for the workers to open their connections.
const LEAD: Duration = Duration::from_millis(300);
/// The longest single sleep of the pacer, so that it notices when it is no longer needed.
const NAP: Duration = Duration::from_millis(100);

/// A rate, for how long, over how many connections at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Calls per second.
    pub(crate) rate: u32,
    pub(crate) time: Duration,
    pub(crate) connections: usize,
}

/// What the workers and the pacer share.
struct Run {
    order: Arc<Order>,
    schedule: Schedule,
    calls: u64,
    /// Calls that are due and not taken; at most `calls` permits are ever added.
    due: Semaphore,
    taken: AtomicU64,
    is_over: AtomicBool,
    /// What has not left by then is an error.
    give_up: Instant,
}

/// Asks at this rate.
pub(crate) async fn open(order: &Arc<Order>, pace: Pace) -> Outcome {
    let start = Instant::now() + LEAD;
    let schedule = Schedule::new(start, pace.rate);
    let run = Arc::new(Run {
        order: order.clone(),
        schedule,
        calls: schedule.calls_within(pace.time),
        due: Semaphore::new(0),
        taken: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        give_up: start + pace.time + CALL_MAX,
    });
    let mut workers = JoinSet::new();
    for _ in 0..pace.connections {
        workers.spawn(work(run.clone()));
    }
    let pacer = std::thread::spawn({
        let run = run.clone();
        move || keep_time(&run)
    });
    let mut outcome = gather(workers, start).await;
    run.is_over.store(true, Relaxed);
    // It sleeps for a tenth of a second at most once the run is over.
    if pacer.join().is_err() {
        outcome.note_error("the pacer of the generator died".to_owned());
    }
    let missing = run.calls.saturating_sub(outcome.calls + outcome.errors);
    if missing > 0 {
        outcome.note_error(format!(
            "{missing} calls never left: every connection was busy"
        ));
        outcome.errors += missing - 1;
    }
    outcome
}

/// Gives a permit whenever a call is due.
fn keep_time(run: &Run) {
    for index in 0..run.calls {
        loop {
            if run.is_over.load(Relaxed) {
                return;
            }
            let wait = run
                .schedule
                .intended(index)
                .saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
            std::thread::sleep(wait.min(NAP));
        }
        run.due.add_permits(1);
    }
}

async fn work(run: Arc<Run>) -> Outcome {
    let mut outcome = Outcome::default();
    // Connections are opened before the start; one that cannot be is tried again with the first call.
    let mut line = Line::open(run.order.addr).await.ok();
    while let Ok(Ok(permit)) = timeout_at(run.give_up, run.due.acquire()).await {
        permit.forget();
        let index = run.taken.fetch_add(1, Relaxed);
        let seen = ask(&mut line, &run.order).await;
        outcome.note(run.schedule.intended(index), &seen);
        if run.taken.load(Relaxed) >= run.calls {
            run.due.close(); // Nothing is left to wait for.
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::canned::{self, Canned};
    use crate::load::order::Form;

    fn pace(rate: u32, millis: u64, connections: usize) -> Pace {
        Pace {
            rate,
            time: Duration::from_millis(millis),
            connections,
        }
    }

    #[tokio::test]
    async fn exactly_rate_times_seconds_calls_are_made() {
        let server = canned::serve(Canned::whole(canned::WHOLE)).await;
        let order = Arc::new(server.order(Form::Whole));
        let outcome = open(&order, pace(400, 500, 8)).await;
        assert_eq!(
            (outcome.calls, outcome.errors),
            (200, 0),
            "{:?}",
            outcome.first_error
        );
        assert!(server.connections() <= 8);
    }

    /// One connection and a provider that needs 20 ms per call can make 50 calls a second. Asked for 200, the last of
    /// the 40 calls is due after 0.195 s and cannot have ended before 0.8 s: it waited 0.6 s, although every single
    /// answer took 20 ms.
    #[tokio::test]
    async fn the_wait_for_a_free_connection_is_part_of_the_latency() {
        let slow = Canned::whole(canned::WHOLE).with_gap(Duration::from_millis(20));
        let server = canned::serve(slow).await;
        let order = Arc::new(server.order(Form::Whole));
        let outcome = open(&order, pace(200, 200, 1)).await;
        assert_eq!(
            (outcome.calls, outcome.errors),
            (40, 0),
            "{:?}",
            outcome.first_error
        );
        assert!(outcome.latency.percentiles().max_us >= 600_000);
    }

    #[tokio::test]
    async fn calls_to_nobody_are_errors() {
        let server = canned::serve(Canned::whole(canned::WHOLE)).await;
        let order = Arc::new(server.order(Form::Whole));
        drop(server);
        let outcome = open(&order, pace(100, 100, 2)).await;
        assert_eq!((outcome.calls, outcome.errors), (0, 10));
    }
}
