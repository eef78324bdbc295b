//! `waybill records`: recount the roll-ups, add up anew what is wrong, show the partitions, drop old ones.

use anyhow::bail;
use relay::Clock as _;
use store::Store;

use super::arguments::{DropArguments, LogArgument, RecordsCommand};
use super::key;
use super::run::small_runtime;
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::out;

/// Runs one of its commands.
///
/// # Errors
/// When the database is away, and `verify` with the first difference.
pub fn run(
    command: RecordsCommand,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    small_runtime()?.block_on(async {
        match command {
            RecordsCommand::Verify(place) => {
                verify(&key::open(&place, log, environment).await?).await
            }
            RecordsCommand::Rebuild(place) => {
                rebuild(&key::open(&place, log, environment).await?).await
            }
            RecordsCommand::Months(place) => {
                months(&key::open(&place, log, environment).await?).await
            }
            RecordsCommand::Drop(arguments) => {
                let store = key::open(&arguments.place, log, environment).await?;
                drop_before(&store, &arguments).await
            }
        }
    })
}

async fn verify(store: &Store) -> anyhow::Result<()> {
    match store.verify_records().await? {
        None => {
            out::line("the roll-ups are what the records add up to")?;
            Ok(())
        }
        Some(difference) => bail!("the roll-ups are not what the records add up to: {difference}"),
    }
}

async fn rebuild(store: &Store) -> anyhow::Result<()> {
    store.merge_rollups().await?;
    let opened = store.open_different().await?;
    // A server beside this one may take its part; either is done when nothing is left.
    while store.seal_rollups(SystemClock.now_ms()).await? {}
    out::line(&match opened {
        0 => "every hour and day is what its calls add up to".to_owned(),
        _ => format!("{opened} hours and days were added up anew"),
    })?;
    Ok(())
}

async fn months(store: &Store) -> anyhow::Result<()> {
    store.merge_rollups().await?;
    for partition in store.partitions().await? {
        out::line(&format!("{}\t{}", partition.month, partition.calls))?;
    }
    Ok(())
}

async fn drop_before(store: &Store, asked: &DropArguments) -> anyhow::Result<()> {
    if !asked.is_sure {
        for partition in store.partitions().await? {
            if partition.month < asked.before {
                out::line(&format!("{}\t{}", partition.month, partition.calls))?;
            }
        }
        bail!("nothing was dropped: add --yes to drop the records of these months for ever");
    }
    for month in store.drop_months_before(asked.before).await? {
        out::line(&month.to_string())?;
    }
    Ok(())
}
