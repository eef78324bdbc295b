//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures Waybill and writes bench/report/.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Arguments {
    /// What to do instead of measuring everything once
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    /// Less than five minutes instead of twenty, with coarser figures
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these parts, with commas; everything else is left out
    #[arg(long, value_name = "PARTS", value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
    /// Also install (the first time) and measure the gateways that bench/others.toml names
    #[arg(long)]
    pub(crate) others: bool,
    /// Another file with rows of gateways, instead of bench/others.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) others_file: Option<PathBuf>,
    /// A database that `--bin records` has filled (sqlite:PATH); this run's calls are added to it
    #[arg(long, value_name = "URL")]
    pub(crate) filled: Option<String>,
    /// Measure this waybill binary instead of building one
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) binary: Option<PathBuf>,
    /// Concurrent slow streams, with commas where several crowds come one after another
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = at_least_one)]
    pub(crate) streams: Vec<usize>,
    /// Seconds for which all slow streams are open together
    #[arg(long, value_name = "SECONDS")]
    pub(crate) hold: Option<u64>,
    /// Connections of the load runs
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    pub(crate) connections: usize,
    /// Calls per second of the open loop, instead of half of what the gateway managed in the closed loop
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
    /// Processor cores for everything, such as 0,1; the first two unless told
    #[arg(long, value_name = "LIST", global = true)]
    pub(crate) cores: Option<String>,
    /// Where the report goes, instead of bench/report
    #[arg(long, value_name = "DIRECTORY", global = true)]
    pub(crate) out: Option<PathBuf>,
    /// Also draw the picture that README.md shows into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
    /// Only the generator against the simulator, without Waybill: what the harness itself can do
    #[arg(long)]
    pub(crate) harness_only: bool,
    /// Compare the ratios with those of an earlier run, kept in this file, and say what moved
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,
    /// Keep the ratios of this run in a file, to compare later ones with
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
    /// Exit status 1 when a target is missed
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// Set when descriptors and cores have been seen to
    #[arg(long, hide = true, global = true)]
    pub(crate) prepared: bool,
}

/// What this program can be beside a benchmark.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Role {
    /// Plays the simulated provider; for this program's own use
    #[command(hide = true)]
    Upstream,
    /// Passes bytes on with the libraries that Waybill is made of; for this program's own use
    #[command(hide = true)]
    Floor {
        /// The provider
        #[arg(long)]
        upstream: SocketAddr,
    },
    /// Hours of mixed calls, faults, new keys and catalogs: does memory stay flat, do the books agree
    Soak(SoakArguments),
}

/// How the soak is run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SoakArguments {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub(crate) minutes: u64,
    /// Calls per second, all kinds together
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) calls_per_second: u32,
}

/// A part of the run that can be asked for alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Size of the binary, cold starts, memory at rest
    Start,
    /// Crowds of slow streams
    Streams,
    /// Long requests, and translated ones
    Sizes,
    /// Whole and streamed calls, closed and open loop
    Loads,
    /// What budgets, limits and kept content cost
    Governed,
    /// SQLite and PostgreSQL
    Databases,
    /// Many keys, budgets, endpoints and records that no call needs
    Plenty,
    /// Other gateways, on the calls of `loads`
    Others,
}

impl Arguments {
    /// Whether a part is measured. Other gateways only when somebody asks for them: they are installed.
    pub(crate) fn wants(&self, part: Part) -> bool {
        match part {
            Part::Others => self.others || self.only.contains(&Part::Others),
            _ => self.only.is_empty() || self.only.contains(&part),
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=100_000) => Ok(number),
        _ => Err("expected a number from 1 to 100000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Arguments {
        let words = std::iter::once("bench").chain(line.iter().copied());
        Arguments::try_parse_from(words).unwrap()
    }

    #[test]
    fn without_a_word_everything_is_measured_but_what_must_be_installed() {
        let all = read(&[]);
        assert!(all.wants(Part::Start) && all.wants(Part::Plenty) && !all.wants(Part::Others));
        assert!(read(&["--others"]).wants(Part::Others));
    }

    #[test]
    fn parts_are_asked_for_by_name() {
        let some = read(&["--only", "start,others"]);
        assert!(some.wants(Part::Start) && some.wants(Part::Others));
        assert!(!some.wants(Part::Loads));
        assert!(Arguments::try_parse_from(["bench", "--only", "everything"]).is_err());
    }

    #[test]
    fn a_second_start_of_a_soak_is_understood() {
        let soak = read(&[
            "soak",
            "--minutes",
            "5",
            "--binary",
            "waybill",
            "--prepared",
        ]);
        assert!(soak.prepared && soak.binary.is_some());
        assert!(matches!(soak.role, Some(Role::Soak(soak)) if soak.minutes == 5));
    }
}
