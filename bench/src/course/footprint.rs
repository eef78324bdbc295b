//! How large Waybill is, how fast it starts, and what it holds when nobody asks anything.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use crate::measure::proc;
use crate::report::figures::{Footprint, median};
use crate::world::gateway::Setup;
use crate::world::room::Room;

/// Starts it many times on empty directories, then as often on one that it has used before.
pub(super) async fn starts(
    setup: &Setup,
    room: &Room,
    times: usize,
    say: &dyn Fn(&str),
) -> Result<Footprint> {
    say(&format!("start-up: {times} first starts, {times} restarts"));
    let mut first_starts_us = Vec::with_capacity(times);
    for index in 0..times {
        first_starts_us.push(one_start(setup, room, &format!("first-{index}")).await?);
    }
    let mut restarts_us = Vec::with_capacity(times);
    for _ in 0..times {
        restarts_us.push(one_start(setup, room, "first-0").await?);
    }
    let metadata = fs::metadata(&setup.binary);
    let metadata = metadata.with_context(|| format!("no binary at {}", setup.binary.display()))?;
    Ok(Footprint {
        binary_bytes: metadata.len(),
        stripped_bytes: stripped_bytes(&setup.binary, &room.file("stripped")),
        first_start_us: median(&first_starts_us),
        restart_us: median(&restarts_us),
        first_starts_us,
        restarts_us,
        ..Footprint::default()
    })
}

async fn one_start(setup: &Setup, room: &Room, directory: &str) -> Result<u64> {
    let gateway = setup.start(room, directory).await?;
    let start = gateway.start;
    gateway.child.stop().await?;
    Ok(u64::try_from(start.as_micros())?)
}

/// Size of the binary without symbols, where `strip` is installed.
fn stripped_bytes(binary: &Path, copy: &Path) -> Option<u64> {
    let mut strip = Command::new("strip");
    strip
        .arg("-o")
        .arg(copy)
        .arg(binary)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let is_done = strip.status().is_ok_and(|status| status.success());
    if is_done {
        fs::metadata(copy).ok().map(|metadata| metadata.len())
    } else {
        None
    }
}

impl Footprint {
    /// Reads memory and processor time after a rest.
    pub(super) async fn rest(&mut self, pid: u32, rest_ms: u64) -> Result<()> {
        let rest = Duration::from_millis(rest_ms);
        let before = proc::processor_time(pid)?;
        sleep(rest).await;
        self.rest_kib = proc::memory(pid)?.resident_kib;
        let used = proc::processor_time(pid)?.saturating_sub(before);
        self.rest_processor_permille = u64::try_from(used.as_millis())? * 1000 / rest_ms.max(1);
        Ok(())
    }

    /// Reads memory after everything.
    pub(super) fn after(&mut self, pid: u32) -> Result<()> {
        let memory = proc::memory(pid)?;
        self.after_kib = memory.resident_kib;
        self.peak_kib = memory.peak_kib;
        Ok(())
    }
}
