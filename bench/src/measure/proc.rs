//! What the kernel says of a process: memory, processor time, open descriptors.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Clock ticks per second in `/proc/PID/stat`. Linux has shown 100 to user space on every architecture that Rust's
/// standard library supports since 2.6; see proc(5) and `getconf CLK_TCK`.
const TICKS_PER_SECOND: u64 = 100;

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident now (`VmRSS`).
    pub(crate) resident_kib: u64,
    /// The most that was ever resident (`VmHWM`).
    pub(crate) peak_kib: u64,
}

pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    read_memory(&text).with_context(|| format!("{path} does not say VmRSS and VmHWM"))
}

/// Processor time a process has used, in user mode and in the kernel, all its threads together.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    read_processor_time(&text).with_context(|| format!("{path} is not as proc(5) says"))
}

/// A process and everything that descends from it, itself first.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(u32, u32)> = numbers
        .filter_map(|entry| {
            let child = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
            Some((child, read_parent(&stat)?))
        })
        .collect();
    descendants(pid, &parents)
}

fn descendants(pid: u32, parents: &[(u32, u32)]) -> Vec<u32> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = parents.iter().filter(|(_, its)| *its == parent);
        let new: Vec<u32> = children
            .map(|(child, _)| *child)
            .filter(|child| !family.contains(child))
            .collect();
        family.extend(new);
        next += 1;
    }
    family
}

/// Processor time of a process and everything that descends from it and still lives.
pub(crate) fn family_processor_time(pid: u32) -> Result<Duration> {
    let own = processor_time(pid)?;
    let others = family(pid).into_iter().skip(1);
    // One that has ended meanwhile is no longer anybody's.
    Ok(own + others.filter_map(|child| processor_time(child).ok()).sum())
}

/// Resident memory of a process and everything that descends from it, in KiB; what they share counts for each.
pub(crate) fn family_resident_kib(pid: u32) -> Result<u64> {
    let own = memory(pid)?.resident_kib;
    let others = family(pid).into_iter().skip(1);
    let others = others.filter_map(|child| memory(child).ok());
    Ok(own + others.map(|memory| memory.resident_kib).sum::<u64>())
}

/// Descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> Result<usize> {
    let path = format!("/proc/{pid}/fd");
    Ok(fs::read_dir(&path)
        .with_context(|| format!("cannot read {path}"))?
        .count())
}

fn read_memory(status: &str) -> Option<Memory> {
    let kib = |name: &str| -> Option<u64> {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(Memory {
        resident_kib: kib("VmRSS")?,
        peak_kib: kib("VmHWM")?,
    })
}

/// The fourth field, behind the name in brackets and the state.
fn read_parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn read_processor_time(stat: &str) -> Option<Duration> {
    // The second field is the program's name in brackets and may hold anything, brackets and spaces included.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace().skip(11); // to field 14, utime
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(
        (user + system) * (1000 / TICKS_PER_SECOND),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_a_status_page() {
        let status = "Name:\twaybill\nVmPeak:\t  9 kB\nVmHWM:\t   51200 kB\nVmRSS:\t   40960 kB\n";
        assert_eq!(
            read_memory(status),
            Some(Memory {
                resident_kib: 40_960,
                peak_kib: 51_200
            })
        );
        assert_eq!(read_memory("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn processor_time_is_user_and_system_whatever_the_name() {
        let stat = "42 (a ) (b) S 1 42 42 0 -1 4194304 100 0 0 0 250 125 0 0 20 0 4 0 12345 0 0";
        assert_eq!(read_processor_time(stat), Some(Duration::from_millis(3750)));
        assert_eq!(read_processor_time("42 waybill"), None);
    }

    #[test]
    fn a_family_is_everyone_below_whatever_the_order() {
        let parents = [(9, 5), (5, 2), (3, 1), (2, 1), (7, 3)];
        assert_eq!(descendants(2, &parents), [2, 5, 9]);
        assert_eq!(descendants(4, &parents), [4]);
        assert_eq!(read_parent("42 (a ) (b) S 7 42 42 0"), Some(7));
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        assert!(memory(pid).unwrap().resident_kib > 0);
        assert!(processor_time(pid).is_ok());
        assert!(descriptors(pid).unwrap() >= 3);
    }
}
