//! Closed loop: every connection makes one call after the other, as fast as they are answered.
//!
//! It finds the throughput. Its latencies say how long a call takes on a saturated machine and nothing more: who
//! waits for an answer before asking again never sees a queue; the open loop does.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::line::{Line, Seen};
use super::order::Order;
use super::outcome::Outcome;

/// No call takes longer than this without being an error.
pub(super) const CALL_MAX: Duration = Duration::from_secs(30);
/// Rest after an error, so that a subject that refuses everything is not asked in a tight loop.
pub(super) const REST: Duration = Duration::from_millis(5);

/// Asks over so many connections for this long.
pub(crate) async fn closed(order: &Arc<Order>, connections: usize, time: Duration) -> Outcome {
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        workers.spawn(ask_until(order.clone(), start + time));
    }
    gather(workers, start).await
}

/// Waits for every worker and adds up what they saw.
pub(super) async fn gather(mut workers: JoinSet<Outcome>, start: Instant) -> Outcome {
    let mut all = Outcome::default();
    while let Some(ended) = workers.join_next().await {
        match ended {
            Ok(outcome) => all.absorb(outcome),
            Err(error) => all.note_error(format!("a worker of the generator died: {error}")),
        }
    }
    all.wall = start.elapsed();
    all
}

async fn ask_until(order: Arc<Order>, until: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let mut line = None;
    while Instant::now() < until {
        let began = Instant::now();
        let seen = ask(&mut line, &order).await;
        outcome.note(began, &seen);
        if seen.is_err() {
            tokio::time::sleep(REST).await;
        }
    }
    outcome
}

/// One call over the line, which is opened first if need be and given up after an error.
pub(super) async fn ask(line: &mut Option<Line>, order: &Order) -> anyhow::Result<Seen> {
    let call = async {
        let mut open = match line.take().filter(Line::is_open) {
            Some(open) => open,
            None => Line::open(order.addr).await?,
        };
        let seen = open.call(order, |_| ()).await?;
        *line = Some(open);
        Ok(seen)
    };
    timeout(CALL_MAX, call).await.unwrap_or_else(|_| {
        Err(anyhow::anyhow!(
            "no whole answer within {} s",
            CALL_MAX.as_secs()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::canned::{self, Canned};
    use crate::load::order::Form;

    #[tokio::test]
    async fn every_connection_is_used_again_and_again() {
        let server = canned::serve(Canned::whole(canned::WHOLE)).await;
        let order = Arc::new(server.order(Form::Whole));
        let outcome = closed(&order, 4, Duration::from_millis(200)).await;
        assert_eq!(outcome.errors, 0, "{:?}", outcome.first_error);
        assert!(outcome.calls > 4);
        assert_eq!(server.connections(), 4);
    }

    #[tokio::test]
    async fn refusals_are_counted_and_the_first_is_kept() {
        let server = canned::serve(Canned::whole("{}").with_status(503)).await;
        let order = Arc::new(server.order(Form::Whole));
        let outcome = closed(&order, 2, Duration::from_millis(50)).await;
        assert_eq!(outcome.calls, 0);
        assert!(outcome.errors >= 2);
        assert!(outcome.first_error.unwrap().contains("503"));
    }
}
