//! The load runs: every workload, closed and open loop, each subject in turn.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Stage, WAYBILL};
use crate::arguments::Part;
use crate::load::closed::closed;
use crate::load::open::{Pace, open};
use crate::load::order::{Order, Subject, Workload};
use crate::load::outcome::Outcome;
use crate::measure::proc;
use crate::report::figures::{Bill, Load, Loop, Run};

/// Time for what a subject does behind its answers (records, logs) to be done, so that it is on the right bill.
const SETTLE: Duration = Duration::from_millis(300);

pub(super) async fn measure(stage: &Stage, say: &dyn Fn(&str)) -> Result<Vec<Load>> {
    let mut loads = Vec::new();
    if stage.wants(Part::Sizes) {
        for workload in stage.settings.variants() {
            loads.extend(in_turns(stage, &workload, Loop::Closed, say).await?);
        }
    }
    if !stage.wants(Part::Loads) && !stage.wants(Part::Others) {
        return Ok(loads);
    }
    for workload in stage.settings.workloads() {
        let closed_loads = in_turns(stage, &workload, Loop::Closed, say).await?;
        let rate = stage
            .settings
            .open_rate
            .unwrap_or_else(|| half_of(&closed_loads));
        loads.extend(closed_loads);
        if stage.wants(Part::Loads) {
            loads.extend(in_turns(stage, &workload, Loop::Open { rate }, say).await?);
        }
    }
    Ok(loads)
}

/// Half of what the gateway managed, or the simulator alone when there is no gateway: a load that leaves room.
fn half_of(loads: &[Load]) -> u32 {
    let load = loads
        .iter()
        .find(|load| load.subject == WAYBILL)
        .or_else(|| loads.first());
    let throughput = load.map_or(0, |load| load.median.calls_per_second);
    u32::try_from(throughput / 2).unwrap_or(u32::MAX).max(1)
}

/// The subjects one after the other, again and again, so that a drift of the machine hits all of them.
async fn in_turns(
    stage: &Stage,
    workload: &Workload,
    how: Loop,
    say: &dyn Fn(&str),
) -> Result<Vec<Load>> {
    let subjects: Vec<&Subject> = stage.asked(workload, how).collect();
    let mut runs = vec![Vec::new(); subjects.len()];
    for repeat in 1..=stage.settings.repeats {
        for (subject, runs) in subjects.iter().zip(&mut runs) {
            let run = one_run(stage, subject, workload, how).await?;
            say(&format!(
                "{}, {how}, {}, run {repeat}: {} calls/s, p50 {} µs, p99 {} µs, {} errors",
                workload.name,
                subject.name,
                run.calls_per_second,
                run.latency.p50_us,
                run.latency.p99_us,
                run.errors,
            ));
            runs.push(run);
        }
    }
    let subjects = subjects.into_iter().zip(runs);
    Ok(subjects
        .map(|(subject, runs)| Load::new(workload, how, subject.name, runs))
        .collect())
}

/// A warm-up and a run.
pub(super) async fn one_run(
    stage: &Stage,
    subject: &Subject,
    workload: &Workload,
    how: Loop,
) -> Result<Run> {
    let settings = &stage.settings;
    let order = Arc::new(Order::new(subject, workload)?);
    closed(
        &order,
        settings.connections,
        Duration::from_millis(settings.warm_up_ms),
    )
    .await;
    let before = times(stage, subject)?;
    let outcome = match how {
        Loop::Closed => {
            closed(
                &order,
                settings.connections,
                Duration::from_millis(settings.closed_ms),
            )
            .await
        }
        Loop::Open { rate } => {
            let time = Duration::from_millis(settings.open_ms);
            open(
                &order,
                Pace {
                    rate,
                    time,
                    connections: settings.connections,
                },
            )
            .await
        }
    };
    sleep(SETTLE).await;
    let after = times(stage, subject)?;
    Ok(run_of(&outcome, before, after))
}

/// Processor times of everyone who takes part.
#[derive(Clone, Copy)]
struct Times {
    subject: Option<Duration>,
    database: Option<Duration>,
    upstream: Duration,
    generator: Duration,
}

fn times(stage: &Stage, subject: &Subject) -> Result<Times> {
    Ok(Times {
        subject: subject.pid.map(proc::family_processor_time).transpose()?,
        database: subject
            .database
            .map(proc::family_processor_time)
            .transpose()?,
        upstream: proc::processor_time(stage.upstream.child.pid())?,
        generator: proc::processor_time(std::process::id())?,
    })
}

fn run_of(outcome: &Outcome, before: Times, after: Times) -> Run {
    // What failed was worked on as well; without errors the two are the same.
    let calls = u128::from((outcome.calls + outcome.errors).max(1));
    let per_call = |before: Duration, after: Duration| {
        u64::try_from(after.saturating_sub(before).as_nanos() / calls).unwrap_or(u64::MAX)
    };
    let of_both = |before: Option<Duration>, after: Option<Duration>| {
        before.zip(after).map(|(a, b)| per_call(a, b))
    };
    let per_second = u128::from(outcome.calls) * 1_000_000 / outcome.wall.as_micros().max(1);
    Run {
        calls: outcome.calls,
        errors: outcome.errors,
        first_error: outcome.first_error.clone(),
        chunks: outcome.chunks,
        calls_per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
        latency: outcome.latency.percentiles(),
        first: outcome.first.percentiles(),
        processor: Bill {
            subject_ns: of_both(before.subject, after.subject),
            database_ns: of_both(before.database, after.database),
            upstream_ns: per_call(before.upstream, after.upstream),
            generator_ns: per_call(before.generator, after.generator),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_shared_among_the_calls() {
        let outcome = Outcome {
            calls: 1000,
            wall: Duration::from_secs(2),
            ..Outcome::default()
        };
        let zero = Duration::ZERO;
        let before = Times {
            subject: Some(zero),
            database: None,
            upstream: zero,
            generator: zero,
        };
        let after = Times {
            subject: Some(Duration::from_millis(100)),
            database: None,
            upstream: Duration::from_millis(30),
            generator: Duration::from_millis(20),
        };
        let run = run_of(&outcome, before, after);
        assert_eq!(run.calls_per_second, 500);
        assert_eq!(run.processor.subject_ns, Some(100_000));
        assert_eq!(
            (run.processor.upstream_ns, run.processor.generator_ns),
            (30_000, 20_000)
        );
    }

    #[test]
    fn a_run_in_which_nothing_worked_has_figures_all_the_same() {
        let zero = Duration::ZERO;
        let times = Times {
            subject: None,
            database: None,
            upstream: zero,
            generator: zero,
        };
        let run = run_of(&Outcome::default(), times, times);
        assert_eq!((run.calls_per_second, run.processor.subject_ns), (0, None));
    }
}
