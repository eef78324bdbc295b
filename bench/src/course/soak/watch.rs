//! Looks at the gateway's process from time to time.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep_until};

use super::calls::Traffic;
use crate::measure::proc;
use crate::report::soak::{Sample, SoakSettings};

/// Looks between two lines of progress.
const TOLD_EVERY: usize = 12;

/// One look, so many seconds after the start.
pub(super) fn sample(pid: u32, at_s: u64) -> Result<Sample> {
    Ok(Sample {
        at_s,
        resident_kib: proc::memory(pid)?.resident_kib,
        descriptors: proc::descriptors(pid)?,
    })
}

/// Looks until then.
///
/// # Errors
/// When the process is gone.
pub(super) async fn samples(
    pid: u32,
    (until, settings): (Instant, SoakSettings),
    traffic: &Traffic,
    say: &dyn Fn(&str),
) -> Result<Vec<Sample>> {
    let (start, every) = (
        Instant::now(),
        Duration::from_millis(settings.sample_every_ms),
    );
    let mut samples = Vec::new();
    for turn in 1.. {
        let at = start + every * turn;
        if at >= until {
            break;
        }
        sleep_until(at).await;
        let seen = sample(pid, start.elapsed().as_secs()).context("the gateway has ended")?;
        if samples.len().is_multiple_of(TOLD_EVERY) {
            say(&format!(
                "{} s: {} MiB resident, {} descriptors, {} calls, {} wrong",
                seen.at_s,
                seen.resident_kib / 1024,
                seen.descriptors,
                traffic.begun.load(Relaxed),
                traffic.wrong()
            ));
            let first = traffic.outcomes().into_iter().find_map(|kind| {
                let error = kind.first_wrong?;
                Some(format!("the first wrong one ({}): {error}", kind.kind))
            });
            if let Some(first) = first {
                say(&first);
            }
        }
        samples.push(seen);
    }
    Ok(samples)
}
