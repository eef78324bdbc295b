//! Gateways that differ in one thing: opened side by side, asked the same calls one after another.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{Stage, loads};
use crate::load::closed::closed;
use crate::load::order::{Order, Workload};
use crate::measure::proc;
use crate::report::Measured;
use crate::report::comparison::{Comparison, Taken, Topic};
use crate::report::figures::{Load, Loop, Run};
use crate::world::budgets::{BUDGETS, Counters};
use crate::world::gateway::Setup;
use crate::world::house::{House, Opened};
use crate::world::room::Room;

/// Calls before the counters are read for the first time: the first ones have to lease money.
const FIRST_CALLS: Duration = Duration::from_millis(300);

/// What is compared with what, on which calls.
pub(super) struct Plan {
    pub(super) topic: Topic,
    /// The first is what the others are compared with.
    pub(super) houses: Vec<House>,
    pub(super) workloads: Vec<Workload>,
}

/// Opens them all; only one is asked at a time, the others rest. One that cannot be opened is named with the reason.
pub(super) async fn measure(
    stage: &Stage,
    (setup, room): (&Setup, &Room),
    plan: Plan,
    measured: &mut Measured,
    say: &dyn Fn(&str),
) -> Result<()> {
    let mut opened = Vec::with_capacity(plan.houses.len());
    for house in plan.houses {
        let name = house.name;
        say(&format!("opening a gateway: {name}"));
        match house.open(setup, room).await {
            Ok(house) => opened.push(house),
            Err(error) if opened.is_empty() => return Err(error),
            Err(error) => {
                say(&format!("{name} is left out: {error:#}"));
                let reason = format!("Waybill ({name}) was not measured: {error:#}");
                measured.absent.push(reason);
            }
        }
    }
    for workload in &plan.workloads {
        let sides = in_rounds(stage, (setup, &opened), workload, say).await?;
        let comparison = Comparison::new(plan.topic, sides);
        measured.comparisons.extend(comparison);
    }
    for house in opened {
        house.gateway.child.stop().await?;
    }
    Ok(())
}

async fn in_rounds(
    stage: &Stage,
    (setup, opened): (&Setup, &[Opened]),
    workload: &Workload,
    say: &dyn Fn(&str),
) -> Result<Vec<Taken>> {
    let mut before = Vec::with_capacity(opened.len());
    for house in opened {
        let order = Arc::new(Order::new(&house.subject, workload)?);
        closed(&order, stage.settings.connections, FIRST_CALLS).await;
        before.push(so_far(setup, house).await?);
    }
    let mut runs = vec![Vec::new(); opened.len()];
    for round in 0..stage.settings.rounds {
        // Who goes first changes, so that a drift of the machine favours nobody.
        for turn in 0..opened.len() {
            let index = (round + turn) % opened.len();
            let subject = &opened[index].subject;
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
    let mut all = Vec::with_capacity(opened.len());
    for ((house, (before, used_before)), runs) in opened.iter().zip(before).zip(runs) {
        let (now, used) = so_far(setup, house).await?;
        let counted = now.since(before);
        check(&house.house, &runs, counted)?;
        let load = Load::new(workload, Loop::Closed, house.house.name, runs);
        all.push(Taken {
            load,
            counted,
            processor: used.saturating_sub(used_before),
        });
    }
    Ok(all)
}

/// What a gateway has counted, and the processor time that it has used.
async fn so_far(setup: &Setup, house: &Opened) -> Result<(Counters, Duration)> {
    let used = proc::family_processor_time(house.gateway.child.pid())?;
    Ok((house.counters(setup).await?, used))
}

/// A comparison of a gateway with itself would look splendid.
fn check(house: &House, runs: &[Run], counted: Counters) -> Result<()> {
    let (name, calls) = (house.name, runs.iter().map(|run| run.calls).sum::<u64>());
    if house.is_governed && (counted.admitted < calls || counted.windows < BUDGETS) {
        bail!("{calls} calls ({name}) that should have been governed were not: {counted:?}");
    }
    if !house.is_governed && counted.admitted > 0 {
        bail!("calls ({name}) that should not have been governed were: {counted:?}");
    }
    if house.keeps_content != (counted.contents > 0) {
        bail!(
            "content was kept of {} calls ({name}): {counted:?}",
            counted.contents
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_is_not_what_it_should_be_is_found_out() {
        let run = Run {
            calls: 100,
            ..Run::default()
        };
        let runs = [run.clone(), run];
        let counted = |admitted, windows, contents| Counters {
            admitted,
            windows,
            contents,
            ..Counters::default()
        };
        let free = House::default();
        let governed = House {
            is_governed: true,
            ..House::default()
        };
        let keeping = House {
            keeps_content: true,
            ..governed.clone()
        };
        assert!(check(&free, &runs, counted(0, 0, 0)).is_ok());
        assert!(check(&free, &runs, counted(1, 1, 0)).is_err());
        assert!(check(&governed, &runs, counted(230, 3, 0)).is_ok());
        assert!(check(&governed, &runs, counted(199, 3, 0)).is_err());
        assert!(check(&governed, &runs, counted(230, 2, 0)).is_err());
        assert!(check(&governed, &runs, counted(230, 3, 5)).is_err());
        assert!(check(&keeping, &runs, counted(230, 3, 5)).is_ok());
        assert!(check(&keeping, &runs, counted(230, 3, 0)).is_err());
    }
}
