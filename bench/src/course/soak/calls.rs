//! The calls of the soak: at a constant rate, whatever became of those before.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::kinds::{Ending, KINDS, kind_of};
use crate::load::line::Line;
use crate::load::order::Order;
use crate::load::outcome::Outcome;
use crate::measure::schedule::Schedule;
use crate::report::soak::{KindFigures, SoakSettings};

/// No call takes longer without being an error.
const CALL_MAX: Duration = Duration::from_secs(60);
/// Idle connections that are kept for the next calls.
const IDLE_MAX: usize = 64;

/// What one key is asked with: an order of every kind.
pub(super) type Orders = Arc<Vec<Order>>;

/// What the calls share with those who change things meanwhile.
pub(super) struct Traffic {
    rate: u32,
    in_flight: Arc<Semaphore>,
    /// The keys that are in use.
    keys: Mutex<Vec<Orders>>,
    idle: Mutex<Vec<Line>>,
    outcomes: Mutex<Vec<Outcome>>,
    /// Calls that were due while too many were under way.
    unsent: AtomicU64,
    /// Calls begun so far.
    pub(super) begun: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that panics happens under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Traffic {
    pub(super) fn new(settings: &SoakSettings) -> Self {
        Self {
            rate: settings.calls_per_second,
            in_flight: Arc::new(Semaphore::new(settings.in_flight_max)),
            keys: Mutex::default(),
            idle: Mutex::default(),
            outcomes: Mutex::new(vec![Outcome::default(); KINDS.len()]),
            unsent: AtomicU64::new(0),
            begun: AtomicU64::new(0),
        }
    }

    /// Takes these keys, and no others, from the next call on.
    pub(super) fn use_keys(&self, keys: Vec<Orders>) {
        *lock(&self.keys) = keys;
    }

    /// What came of every kind so far; the calls that never left are the last line.
    pub(super) fn outcomes(&self) -> Vec<KindFigures> {
        let outcomes = lock(&self.outcomes);
        let mut figures: Vec<KindFigures> = KINDS
            .iter()
            .zip(outcomes.iter())
            .map(|(kind, outcome)| KindFigures {
                kind: kind.name,
                calls: outcome.calls,
                wrong: outcome.errors,
                first_wrong: outcome.first_error.clone(),
                latency: outcome.latency.percentiles(),
            })
            .collect();
        let unsent = self.unsent.load(Relaxed);
        figures.push(KindFigures {
            kind: "never sent: too many under way",
            wrong: unsent,
            ..KindFigures::default()
        });
        figures
    }

    pub(super) fn wrong(&self) -> u64 {
        let wrong: u64 = lock(&self.outcomes)
            .iter()
            .map(|outcome| outcome.errors)
            .sum();
        wrong + self.unsent.load(Relaxed)
    }

    async fn one(self: Arc<Self>, number: u64, meant: Instant) {
        let index = kind_of(number);
        let orders = {
            let keys = lock(&self.keys);
            let turn = usize::try_from(number).unwrap_or(0) % keys.len().max(1);
            keys.get(turn).cloned()
        };
        let Some(orders) = orders else { return };
        let order = &orders[index];
        let ended = timeout(CALL_MAX, self.ask(order, KINDS[index].ending)).await;
        let ended = ended.unwrap_or_else(|_| bail_late());
        let mut outcomes = lock(&self.outcomes);
        match ended {
            Ok(()) => {
                outcomes[index].calls += 1;
                outcomes[index].latency.record(meant.elapsed());
            }
            Err(error) => outcomes[index].note_error(format!("{error:#}")),
        }
    }

    /// Whether it ended as its kind must.
    async fn ask(&self, order: &Order, ending: Ending) -> Result<()> {
        let kept = lock(&self.idle).pop().filter(Line::is_open);
        let mut line = match kept {
            Some(line) => line,
            None => Line::open(order.addr).await?,
        };
        match ending {
            Ending::Whole => {
                line.call(order, |_| ()).await?;
                let mut idle = lock(&self.idle);
                if idle.len() < IDLE_MAX {
                    idle.push(line);
                }
                Ok(())
            }
            Ending::Left => {
                let begun = Notify::new();
                tokio::select! {
                    seen = line.call(order, |_| begun.notify_one()) => {
                        seen?;
                        bail!("the stream was over before its caller left");
                    }
                    () = begun.notified() => Ok(()), // The connection is dropped with the line.
                }
            }
            Ending::Broken => match line.call(order, |_| ()).await {
                Ok(_) => bail!("a stream that broke half-way looked whole"),
                Err(_) => Ok(()),
            },
        }
    }
}

fn bail_late() -> Result<()> {
    bail!("no end within {} s", CALL_MAX.as_secs())
}

/// Makes calls until then, and waits for the last ones.
pub(super) async fn make(traffic: Arc<Traffic>, until: Instant) {
    let schedule = Schedule::new(Instant::now(), traffic.rate);
    let mut calls = JoinSet::new();
    for number in 0.. {
        let meant = schedule.intended(number);
        if meant >= until {
            break;
        }
        sleep_until(meant).await;
        while calls.try_join_next().is_some() {}
        traffic.begun.fetch_add(1, Relaxed);
        let Ok(permit) = traffic.in_flight.clone().try_acquire_owned() else {
            traffic.unsent.fetch_add(1, Relaxed);
            continue;
        };
        let traffic = traffic.clone();
        calls.spawn(async move {
            traffic.one(number, meant).await;
            drop(permit);
        });
    }
    while calls.join_next().await.is_some() {}
}
