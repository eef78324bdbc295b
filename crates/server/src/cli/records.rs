//! `waybill records`: recount the roll-ups, show the partitions, drop old ones.

use anyhow::bail;
use store::Store;

use super::arguments::{DropArguments, LogArgument, RecordsCommand};
use super::key;
use super::run::small_runtime;
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
