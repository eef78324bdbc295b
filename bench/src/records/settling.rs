//! What settling a call takes: the recorder and its journal within this process, and readers of the
//! same store.

use std::time::Duration;

use store::Store;
use tokio::time::{Instant, sleep};

use super::beside::{Beside, Compared, Turn, Turns};
use super::counting::Counting;
use super::load::Load;
use super::traffic::Traffic;
use super::{dashboards, lists};

pub(crate) async fn measure(
    store: &Store,
    (traffic, now_ms): (&Traffic, i64),
    load: &Load,
    turns: Turns,
) -> anyhow::Result<Compared> {
    let (lists, dashboards) = (lists::queries(traffic, now_ms), dashboards::queries(now_ms));
    Compared::take(turns, async |beside| {
        load.take();
        let mut answers = Vec::new();
        let _counting = match beside {
            Beside::Counting => Some(Counting::start()?),
            _ => None,
        };
        let started = Instant::now();
        for turn in 0.. {
            let asked = Instant::now();
            match beside {
                Beside::Nothing | Beside::Counting => sleep(turns.time).await,
                Beside::Lists => drop(store.list(&lists[turn % lists.len()].1).await?),
                Beside::Dashboards => {
                    drop(
                        store
                            .rollups(&dashboards[turn % dashboards.len()].1)
                            .await?,
                    );
                }
            }
            answers.push(asked.elapsed());
            if started.elapsed() >= turns.time {
                break;
            }
            sleep(turns.pause).await;
        }
        if matches!(beside, Beside::Nothing | Beside::Counting) {
            answers.clear();
        }
        Ok(turn_of(load).with(answers))
    })
    .await
}

fn turn_of(load: &Load) -> Turn {
    let times = load.take();
    Turn {
        calls: u64::try_from(times.calls).unwrap_or(u64::MAX),
        errors: times.errors,
        p50: times.p50,
        p99: times.p99,
        max: times.max,
        asked: 0,
        answer: Duration::ZERO,
    }
}
