//! Checks the limit on open descriptors before thousands of streams find it, and picks the two cores to run on.
//!
//! Neither can be changed from safe Rust, so the program starts itself again through `sh` (`ulimit -n`) and
//! `taskset`, once, when something has to change; its children inherit both.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Descriptors a process needs beside its streams: logs, database, sockets at rest, the runtime's own.
const SPARE: u64 = 512;
/// Cores that figures are stated for.
const CORES: usize = 2;
/// Tells the second start that everything possible has been done.
pub(crate) const PREPARED: &str = "--prepared";

/// The limits on open descriptors of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// What holds now.
    pub(crate) soft: u64,
    /// How far the process may raise it.
    pub(crate) hard: u64,
}

/// Descriptors the hungriest process needs: the gateway has two sockets per stream.
pub(crate) fn needed(streams: usize) -> u64 {
    2 * streams as u64 + SPARE
}

pub(crate) fn limits() -> Result<Descriptors> {
    let text = fs::read_to_string("/proc/self/limits").context("cannot read /proc/self/limits")?;
    read_limits(&text).context("/proc/self/limits does not say \"Max open files\"")
}

/// Starts the program again with a higher limit, or on two cores, if either is needed and possible.
///
/// # Errors
/// When the limit is too low and may not be raised: says by how much, and what to do.
pub(crate) fn prepare(streams: usize, cores: Option<&str>, is_prepared: bool) -> Result<()> {
    let (needed, limits) = (needed(streams), limits()?);
    if limits.hard < needed || (is_prepared && limits.soft < needed) {
        bail!(
            "{streams} streams need {needed} open descriptors in one process (two per stream in the gateway, about \
             {} in all processes together), and the limit is {}; raise it (`ulimit -Hn {needed}` as root, or \
             LimitNOFILE= of the session) or measure fewer streams with --streams N",
            4 * streams,
            limits.soft.min(limits.hard),
        );
    }
    let list = match (is_prepared, cores) {
        (true, _) => None,
        (false, Some(list)) => Some(list.to_owned()),
        (false, None) => two_of_many(),
    };
    if limits.soft >= needed && list.is_none() {
        return Ok(());
    }
    let pin = list.map_or_else(String::new, |list| format!("taskset -c {list} "));
    if !pin
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ", -".contains(c))
    {
        bail!("--cores takes numbers such as 0,1 or 2-3");
    }
    let script = format!(
        "ulimit -S -n {} && exec {pin}\"$@\"",
        needed.max(limits.soft)
    );
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let error = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .arg(PREPARED)
        .exec();
    Err(error).context("cannot start this program again through sh")
}

/// The first two cores this process may use, when it may use more and `taskset` is there to leave the others out.
fn two_of_many() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let cores = read_cores(allowed.trim())?;
    let has_taskset = || {
        let mut version = Command::new("taskset");
        version
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    let chosen: Vec<String> = cores.iter().take(CORES).map(ToString::to_string).collect();
    (cores.len() > CORES && has_taskset()).then(|| chosen.join(","))
}

fn read_limits(text: &str) -> Option<Descriptors> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let mut numbers = line.split_ascii_whitespace().map(|word| match word {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    });
    Some(Descriptors {
        soft: numbers.next()??,
        hard: numbers.next()??,
    })
}

/// Reads a list such as `0-2,5`.
fn read_cores(list: &str) -> Option<Vec<u32>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        cores.extend(first..=last);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_with_and_without_a_number() {
        let text =
            "Limit  Soft  Hard  Units\nMax open files            1024      524288     files\n";
        assert_eq!(
            read_limits(text),
            Some(Descriptors {
                soft: 1024,
                hard: 524_288
            })
        );
        let text = "Max open files            4096      unlimited     files\n";
        assert_eq!(
            read_limits(text),
            Some(Descriptors {
                soft: 4096,
                hard: u64::MAX
            })
        );
        assert_eq!(read_limits("Max processes 1 1 processes\n"), None);
    }

    #[test]
    fn core_lists_are_read() {
        assert_eq!(read_cores("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(read_cores("7"), Some(vec![7]));
        assert_eq!(read_cores("all"), None);
    }

    #[test]
    fn two_thousand_streams_need_two_descriptors_each_and_some() {
        assert_eq!(needed(2000), 4512);
    }

    #[test]
    fn a_limit_that_cannot_be_raised_is_said_with_both_numbers() {
        let error = prepare(usize::MAX / 8, None, true).unwrap_err().to_string();
        assert!(
            error.contains("open descriptors") && error.contains("--streams"),
            "{error}"
        );
    }
}
