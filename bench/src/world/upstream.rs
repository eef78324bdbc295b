//! The upstream role: the simulator in a process of its own, which is this program started once more.

use std::io::{Write as _, stdin, stdout};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use simulator::{Limits, Options, Simulator};

use super::child::Child;
use super::room::Room;

/// The word that starts this program in this role.
pub(crate) const ROLE: &str = "upstream";
/// Entries its ledger keeps: the totals count, and old entries would only be memory.
const LEDGER_ENTRIES: usize = 1000;
const START: Duration = Duration::from_secs(10);

/// Runs the simulator until standard input ends, which it does when the bench ends in whatever way.
pub(crate) fn play() -> Result<()> {
    let limits = Limits {
        entries: LEDGER_ENTRIES,
        ..Limits::default()
    };
    let options = Options {
        limits,
        personas: Vec::new(),
        ..Options::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let simulator = runtime.block_on(Simulator::start_with("127.0.0.1:0", options))?;
    writeln!(stdout(), "{}", simulator.root_url())?;
    stdout().flush()?;
    // The runtime's own threads serve while this one waits.
    std::io::copy(&mut stdin(), &mut std::io::sink())?;
    runtime.block_on(simulator.shutdown());
    Ok(())
}

/// The simulator's process, and where it listens.
pub(crate) struct Upstream {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
}

impl Upstream {
    pub(crate) async fn start(room: &Room) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut command = Command::new(program);
        command.arg(ROLE);
        let mut child = Child::start("the simulator", command, &room.file("upstream.log"))?;
        let addr = child.address(START).await?;
        Ok(Self { child, addr })
    }
}
