//! Those who only count, in processor time that nobody else wants (`SCHED_IDLE`), and rest for a moment now
//! and then as the store's readers do: without memory, disk or locks, they show what anything at all costs
//! calls that runs in such time. What lists and dashboards cost beyond that is their own.

use std::hint::black_box;
use std::os::unix::process::parent_id;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

/// The first argument with which this program counts and does nothing else.
pub(super) const ROLE: &str = "count";

/// For how long they count, and how long they rest, as readers of the store do.
const AWAKE: Duration = Duration::from_micros(200);
const MOMENT: Duration = Duration::from_micros(30);

/// Numbers counted between two looks at the clock.
const STEPS: u32 = 200;

/// They count as long as this lives.
pub(crate) struct Counting(Vec<Child>);

impl Counting {
    /// Starts one for each processor.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let program = std::env::current_exe().context("this program has no path")?;
        let mut counting = Self(Vec::with_capacity(processors));
        for _ in 0..processors {
            let child = Command::new("chrt")
                .args(["--idle", "0"])
                .arg(&program)
                .arg(ROLE)
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

/// Counts until somebody ends it, or whoever started it has gone without doing so.
pub(super) fn count() {
    let starter = parent_id();
    while parent_id() == starter {
        let begun = Instant::now();
        while begun.elapsed() < AWAKE {
            for number in 0..STEPS {
                black_box(number);
            }
        }
        sleep(MOMENT);
    }
}
