//! The crowd of slow streams: through Waybill, and against the simulator alone to see what the harness adds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::Stage;
use crate::load::order::{Order, Subject};
use crate::load::slow::{Look, crowd};
use crate::measure::proc;
use crate::report::figures::Streams;

/// After the last stream has ended, before memory is read again.
const AFTERWARDS: Duration = Duration::from_secs(1);

pub(super) async fn measure(stage: &Stage, say: &dyn Fn(&str)) -> Result<Vec<Streams>> {
    let mut all = Vec::new();
    // The gateway first, while it is as it was at rest.
    for subject in stage.ours().rev() {
        if subject.pid.is_none() && !stage.settings.streams_direct {
            continue;
        }
        // What a crowd leaves behind is still there when the next one comes: each counts from here.
        let rest_kib = resident(subject.pid)?;
        for streams in &stage.settings.streams {
            all.push(one_crowd(stage, (subject, rest_kib), *streams, say).await?);
        }
    }
    Ok(all)
}

fn resident(pid: Option<u32>) -> Result<Option<u64>> {
    let memory = pid.map(proc::memory).transpose()?;
    Ok(memory.map(|memory| memory.resident_kib))
}

async fn one_crowd(
    stage: &Stage,
    (subject, rest_kib): (&Subject, Option<u64>),
    streams: usize,
    say: &dyn Fn(&str),
) -> Result<Streams> {
    let plan = stage.settings.crowd(streams);
    say(&format!("{} slow streams, {}", plan.streams, subject.name));
    let order = Arc::new(Order::new(subject, &stage.settings.slow(streams))?);
    let mut vitals = Vitals::new(subject.pid, rest_kib);
    let held = crowd(&order, plan, |look| vitals.look(look)).await;
    tokio::time::sleep(AFTERWARDS).await;
    let after_kib = resident(subject.pid)?;
    let streams = Streams {
        subject: subject.name,
        streams: plan.streams,
        errors: held.outcome.errors,
        first_error: held.outcome.first_error.clone(),
        open_max: held.open_max,
        held_ms: u64::try_from(held.held.as_millis()).unwrap_or(u64::MAX),
        lateness: held.lateness.percentiles(),
        first: held.outcome.first.percentiles(),
        rest_kib: vitals.rest_kib,
        open_kib: vitals.open_kib,
        after_kib,
        bytes_per_stream: vitals.bytes_per_stream(plan.streams),
        descriptors: vitals.descriptors,
        processor_ns_per_chunk: vitals.processor_ns(held.held_chunks),
    };
    say(&format!(
        "  {} errors, all open for {} ms, p99 chunk {} µs late, worst {} µs",
        streams.errors, streams.held_ms, streams.lateness.p99_us, streams.lateness.max_us
    ));
    Ok(streams)
}

/// What the subject's process looks like while the crowd is there.
struct Vitals {
    pid: Option<u32>,
    rest_kib: Option<u64>,
    open_kib: Option<u64>,
    descriptors: Option<usize>,
    began: Option<Duration>,
    ended: Option<Duration>,
}

impl Vitals {
    const fn new(pid: Option<u32>, rest_kib: Option<u64>) -> Self {
        Self {
            pid,
            rest_kib,
            open_kib: None,
            descriptors: None,
            began: None,
            ended: None,
        }
    }

    /// A process that cannot be read has died; its streams' errors say so.
    fn look(&mut self, look: Look) {
        let Some(pid) = self.pid else { return };
        match look {
            Look::AllOpen => self.began = proc::processor_time(pid).ok(),
            Look::StillOpen => {
                let now = proc::memory(pid).ok().map(|memory| memory.resident_kib);
                self.open_kib = self.open_kib.max(now);
                if self.descriptors.is_none() {
                    self.descriptors = proc::descriptors(pid).ok();
                }
            }
            Look::Over => self.ended = proc::processor_time(pid).ok(),
        }
    }

    /// Resident memory that came with the streams, over their number.
    fn bytes_per_stream(&self, streams: usize) -> Option<u64> {
        let more_kib = self.open_kib?.saturating_sub(self.rest_kib?);
        (more_kib * 1024).checked_div(streams as u64)
    }

    fn processor_ns(&self, chunks: u64) -> Option<u64> {
        let used = self.ended?.saturating_sub(self.began?);
        u64::try_from(used.as_nanos().checked_div(u128::from(chunks))?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_per_stream_is_the_growth_over_the_number() {
        let vitals = Vitals {
            pid: None,
            rest_kib: Some(40_000),
            open_kib: Some(88_000),
            descriptors: None,
            began: Some(Duration::from_millis(100)),
            ended: Some(Duration::from_millis(400)),
        };
        assert_eq!(vitals.bytes_per_stream(2000), Some(24 * 1024));
        assert_eq!(vitals.processor_ns(30_000), Some(10_000));
        assert_eq!(vitals.processor_ns(0), None);
    }
}
