//! The machine and the tools of a run, so that figures are never read without them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

/// Where and with what a run was made.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// When the run began, UTC.
    pub(crate) at: String,
    /// Cores this run could use.
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    /// Commit of the source tree; ends in `+` when files were changed since.
    pub(crate) commit: String,
    /// Load average of the last minute before the run: figures from a busy machine are worth little.
    pub(crate) load_average: String,
}

pub(crate) fn machine(root: &Path) -> Machine {
    let cpu = read("/proc/cpuinfo");
    let memory = read("/proc/meminfo");
    let kib: u64 = field(&memory, "MemTotal")
        .trim_end_matches(" kB")
        .parse()
        .unwrap_or(0);
    Machine {
        at: output(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M:%S UTC"])),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        processor: field(&cpu, "model name"),
        memory_mib: kib / 1024,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        rustc: output(Command::new("rustc").arg("-V")),
        commit: commit(root),
        load_average: read("/proc/loadavg")
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| output(Command::new("git").arg("-C").arg(root).args(arguments));
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    let has_changes = !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty();
    if has_changes {
        format!("{commit}+")
    } else {
        commit
    }
}

/// What a command says, trimmed; empty when it cannot be run.
fn output(command: &mut Command) -> String {
    let said = command.output().ok().filter(|said| said.status.success());
    said.map_or_else(String::new, |said| {
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of the first `name : value` line.
fn field(text: &str, name: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t: 85\nmodel name\t: A Processor\nMemTotal:  1024 kB\n";
        assert_eq!(field(text, "model name"), "A Processor");
        assert_eq!(field(text, "MemTotal"), "1024 kB");
        assert_eq!(field(text, "flags"), "");
    }
}
