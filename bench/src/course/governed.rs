//! What budgets and limits cost: the same calls through two fresh gateways, one of which holds them to all of these.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{GOVERNED, Stage, UNGOVERNED, loads};
use crate::load::closed::closed;
use crate::load::order::{Naming, Order, Subject, Workload};
use crate::report::figures::{Governance, Load, Loop, Run};
use crate::world::budgets::{BUDGETS, Counters, govern};
use crate::world::gateway::{Gateway, PLAIN_KEY, Setup};
use crate::world::room::Room;

/// Calls before the counters are read for the first time: the first ones have to lease money.
const FIRST_CALLS: Duration = Duration::from_millis(300);

/// Two gateways that are alike but for what their keys are held to.
struct Pair<'a> {
    setup: &'a Setup,
    gateways: [Gateway; 2],
    subjects: [Subject; 2],
}

/// Only one of the two is asked at a time; the other rests.
pub(super) async fn measure(
    stage: &Stage,
    (setup, room): (&Setup, &Room),
    say: &dyn Fn(&str),
) -> Result<Vec<Governance>> {
    let pair = Pair::open(setup, room).await?;
    let mut all = Vec::new();
    for workload in stage.settings.workloads() {
        all.push(pair.compare(stage, &workload, say).await?);
    }
    for gateway in pair.gateways {
        gateway.child.stop().await?;
    }
    Ok(all)
}

impl<'a> Pair<'a> {
    async fn open(setup: &'a Setup, room: &Room) -> Result<Self> {
        let free = setup.start(room, "ungoverned").await?;
        let held = setup.start(room, "governed").await?;
        let subjects = [
            subject(UNGOVERNED, &free, setup.make_key(&free, PLAIN_KEY).await?),
            subject(GOVERNED, &held, govern(setup, &held).await?),
        ];
        Ok(Self {
            setup,
            gateways: [free, held],
            subjects,
        })
    }

    async fn compare(
        &self,
        stage: &Stage,
        workload: &Workload,
        say: &dyn Fn(&str),
    ) -> Result<Governance> {
        for subject in &self.subjects {
            let order = Arc::new(Order::new(subject, workload)?);
            closed(&order, stage.settings.connections, FIRST_CALLS).await;
        }
        let before = self.counters().await?;
        let mut runs = [Vec::new(), Vec::new()];
        for round in 0..stage.settings.governed_rounds {
            // Who goes first changes, so that a drift of the machine favours neither.
            for turn in 0..2 {
                let index = (round + turn) % 2;
                let subject = &self.subjects[index];
                let run = loads::one_run(stage, subject, workload, Loop::Closed).await?;
                say(&format!(
                    "{}, {}, round {}: {} calls/s, {} errors",
                    workload.name,
                    subject.name,
                    round + 1,
                    run.calls_per_second,
                    run.errors
                ));
                runs[index].push(run);
            }
        }
        let after = self.counters().await?;
        let [free, held] = [0, 1].map(|index| after[index].since(before[index]));
        check(&runs[1], free, held)?;
        let [ungoverned, governed] = runs;
        Ok(Governance::new(
            Load::new(workload, Loop::Closed, UNGOVERNED, ungoverned),
            Load::new(workload, Loop::Closed, GOVERNED, governed),
            held,
        ))
    }

    async fn counters(&self) -> Result<[Counters; 2]> {
        let [free, held] = &self.gateways;
        Ok([
            Counters::read(self.setup, free).await?,
            Counters::read(self.setup, held).await?,
        ])
    }
}

fn subject(name: &'static str, gateway: &Gateway, key: String) -> Subject {
    Subject {
        name,
        addr: gateway.addr,
        root: "/api/v1",
        key: Some(key),
        pid: Some(gateway.child.pid()),
        naming: Naming::Catalog,
    }
}

/// A comparison of a gateway with itself would look splendid.
fn check(governed_runs: &[Run], free: Counters, held: Counters) -> Result<()> {
    let calls: u64 = governed_runs.iter().map(|run| run.calls).sum();
    if held.admitted < calls || held.windows < BUDGETS {
        bail!("{calls} calls that should have been governed were not: {held:?}");
    }
    if free.admitted > 0 {
        bail!("calls that should not have been governed were: {free:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_governed_gateway_that_governs_nothing_is_found_out() {
        let run = Run {
            calls: 100,
            ..Run::default()
        };
        let runs = [run.clone(), run];
        let none = Counters::default();
        let held = |admitted, windows| Counters {
            admitted,
            windows,
            ..none
        };
        assert!(check(&runs, none, held(230, 3)).is_ok());
        assert!(check(&runs, none, held(199, 3)).is_err());
        assert!(check(&runs, none, held(230, 2)).is_err());
        assert!(check(&runs, held(1, 1), held(230, 3)).is_err());
    }
}
