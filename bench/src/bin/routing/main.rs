//! The routing simulation: a day of traffic over scripted fleets, once for each policy.
//!
//! `cargo run --release -p bench --bin routing` prints the report and, with `--write DIR`, writes it
//! and its picture there. Nothing is sent anywhere and no clock is read: the same seed gives the same
//! day, the same troubles and the same report.
//!
//! 1. `chance`: numbers from a seed. `traffic`: who calls when. `fleet`: endpoints, their prices and
//!    their troubles. `world`: what an endpoint answers at a time.
//! 2. `policy`: who is asked in which order: ours (the product's own plan and health board), what
//!    OpenRouter documents, and round robin.
//! 3. `day`: one policy's day. `report`: the table and the picture.

mod chance;
mod day;
mod fleet;
mod policy;
mod report;
mod traffic;
mod world;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;

/// Compares routing policies over a simulated day
#[derive(Debug, Parser)]
struct Arguments {
    /// Decides all chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many hours the day has
    #[arg(long, default_value_t = 24)]
    hours: i64,
    /// Writes routing-simulation.md and .svg there
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let results = results(arguments.seed, arguments.hours)?;
    let text = report::markdown(&results, arguments.seed, arguments.hours);
    writeln!(std::io::stdout(), "{text}")?;
    if let Some(dir) = arguments.write {
        std::fs::write(dir.join("routing-simulation.md"), &text)?;
        std::fs::write(
            dir.join("routing-simulation.svg"),
            report::picture(&results),
        )?;
    }
    Ok(())
}

/// Every fleet under every policy.
fn results(seed: u64, hours: i64) -> anyhow::Result<Vec<day::Result>> {
    let mut results = Vec::new();
    for fleet in fleet::fleets() {
        for kind in policy::Kind::ALL {
            results.push(day::run(&fleet, kind, (seed, hours))?);
        }
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The promise, on a shorter day so that it can be kept in every build.
    #[test]
    fn ours_costs_least_at_no_less_success_and_notices_a_dead_endpoint_in_three_calls() {
        let results = results(7, 5).expect("the fleets load");
        for group in results.chunks(policy::Kind::ALL.len()) {
            let [ours, others @ ..] = group else {
                panic!("nobody took part");
            };
            assert_eq!(ours.policy, policy::Kind::Ours);
            for other in others {
                assert!(ours.cost() < other.cost(), "{ours:?} {other:?}");
                assert!(
                    ours.success() >= other.success() - 0.000_5,
                    "{ours:?} {other:?}"
                );
            }
            assert!(ours.calls_to_notice <= 3, "{ours:?}");
        }
    }
}
