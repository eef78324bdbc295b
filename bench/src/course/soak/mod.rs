//! The soak: hours of mixed calls with faults, while keys come and go and catalogs change. Does memory stay flat, are
//! descriptors given back, and do the books agree at the end?

mod calls;
mod churn;
mod kinds;
mod watch;

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

use crate::arguments::{Arguments, SoakArguments};
use crate::measure::machine::machine;
use crate::report::soak::{Books, SoakReport, SoakSettings};
use crate::world::gateway::{self, Gateway, More, Setup};
use crate::world::room::Room;
use crate::world::upstream::Upstream;
use calls::Traffic;
use churn::Churn;

/// Calls under way at once; further ones are counted as never sent.
pub(crate) const STREAMS_MAX: usize = 512;
/// The gateway's directory.
const DIRECTORY: &str = "soak";
/// Longest wait for the last calls to be settled.
const SETTLE: Duration = Duration::from_secs(60);
/// After that, before memory is read for the last time.
const REST: Duration = Duration::from_secs(5);

/// Runs it. `say` is told what happens.
pub(crate) async fn run(
    arguments: &Arguments,
    soak: &SoakArguments,
    root: &Path,
    say: &dyn Fn(&str),
) -> Result<SoakReport> {
    let machine = machine(root);
    let room = Room::new(root)?;
    let upstream = Upstream::start(&room).await?;
    let binary = match &arguments.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => gateway::build(root)?,
    };
    let setup = Setup::new(binary, upstream.addr, &kinds::workloads())?;
    let more = More {
        config: kinds::second_endpoints(upstream.addr),
        storage: None,
    };
    let gateway = setup.start_with(&room, DIRECTORY, &more).await?;
    let settings = SoakSettings::new(soak, STREAMS_MAX);
    let traffic = Arc::new(Traffic::new(&settings));
    let mut churn = Churn::open(&setup, &gateway, (traffic.clone(), settings)).await?;
    say(&format!(
        "{} minutes of {} calls per second",
        soak.minutes, soak.calls_per_second
    ));
    let until = Instant::now() + Duration::from_secs(soak.minutes * 60);
    let pid = gateway.child.pid();
    let calls = async {
        calls::make(traffic.clone(), until).await;
        anyhow::Ok(())
    };
    let (samples, (), changes) = tokio::try_join!(
        watch::samples(pid, (until, settings), &traffic, say),
        calls,
        churn.run(until),
    )?;
    let unsettled = settle(&setup, &gateway).await?;
    sleep(REST).await;
    let after = watch::sample(pid, soak.minutes * 60)?;
    gateway
        .child
        .stop()
        .await
        .context("the gateway after the soak")?;
    say("verifying the books");
    let books = verify(&setup, &room)?;
    Ok(SoakReport::new(
        (machine, settings),
        (samples, after),
        traffic.outcomes(),
        (changes, unsettled, books),
    ))
}

/// Waits until nothing is under way or unsaved; what still is then is a finding.
async fn settle(setup: &Setup, gateway: &Gateway) -> Result<u64> {
    let until = Instant::now() + SETTLE;
    loop {
        let left = churn::unsettled(setup, gateway).await?;
        if left == 0 || Instant::now() >= until {
            return Ok(left);
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// `waybill ledger verify` on what the gateway has left behind.
fn verify(setup: &Setup, room: &Room) -> Result<Books> {
    let mut command = setup.command(room, DIRECTORY, &["ledger", "verify"]);
    let done = command.stdin(Stdio::null()).output();
    let done = done.context("cannot run `waybill ledger verify`")?;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Ok(Books {
        agree: done.status.success(),
        said: said.trim().lines().last().unwrap_or_default().to_owned(),
    })
}
