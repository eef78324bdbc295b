//! Those who only count, in processor time that nobody else wants (`SCHED_IDLE`): without memory, disk or
//! locks, they show what anything at all costs calls that runs in such time. What lists and dashboards cost
//! beyond that is their own.

use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// They count as long as this lives.
pub(crate) struct Counting(Vec<Child>);

impl Counting {
    /// Starts one for each processor.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let mut counting = Self(Vec::with_capacity(processors));
        for _ in 0..processors {
            let child = Command::new("chrt")
                .args(["--idle", "0", "sh", "-c", "while :; do :; done"])
                .stdin(Stdio::null())
                .spawn()
                .context("cannot start chrt, which belongs to util-linux")?;
            counting.0.push(child);
        }
        Ok(counting)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended by itself is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
