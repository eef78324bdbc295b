//! `waybill ledger`: verify the books, print statements, export entries, settle what a lost node
//! held.

use anyhow::bail;
use relay::Clock as _;
use serde_json::to_string;
use store::{ExportAfter, Scope, Store};

use super::arguments::{
    ExportArguments, LedgerCommand, LogArgument, ReleaseArguments, StatementArguments,
};
use super::key;
use super::run::small_runtime;
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::export;
use crate::out;
use crate::statement::{self, Form};
use crate::time::day_after;

/// Entries, or calls whose entries they are, read at a time.
const EXPORT_PAGE: u32 = 1000;

/// Runs one of its commands.
///
/// # Errors
/// When the database is away, and `verify` with the first difference.
pub fn run(
    command: LedgerCommand,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    small_runtime()?.block_on(async {
        match command {
            LedgerCommand::Verify(place) => {
                verify(&key::open(&place, log, environment).await?).await
            }
            LedgerCommand::Statement(arguments) => {
                let store = key::open(&arguments.place, log, environment).await?;
                print(&store, &arguments).await
            }
            LedgerCommand::Export(arguments) => {
                let store = key::open(&arguments.place, log, environment).await?;
                export_all(&store, &arguments).await
            }
            LedgerCommand::ReleaseNode(arguments) => {
                let store = key::open(&arguments.place, log, environment).await?;
                release(&store, &arguments).await
            }
        }
    })
}

async fn verify(store: &Store) -> anyhow::Result<()> {
    match store.verify().await? {
        None => {
            out::line("the books agree")?;
            Ok(())
        }
        Some(difference) => bail!("the books do not agree: {difference}"),
    }
}

async fn print(store: &Store, asked: &StatementArguments) -> anyhow::Result<()> {
    let scope = match (&asked.key, &asked.workspace) {
        (Some(name), _) => Scope::Key(key::find(store, name).await?.hash),
        (None, Some(name)) => match store.workspaces().by_id_or_slug(name).await? {
            Some(workspace) => Scope::Workspace(workspace.id),
            None => bail!("there is no workspace \"{name}\""),
        },
        (None, None) => Scope::House,
    };
    let to_ms = asked.to.map_or(i64::MAX, day_after);
    let rows = store
        .statement(&scope, asked.from.unwrap_or(0), to_ms)
        .await?;
    let text = match asked.format {
        Form::Table => statement::table(&rows),
        Form::Csv => statement::csv(&rows),
        Form::Json => to_string(&statement::whole(&rows))?,
    };
    Ok(out::line(text.trim_end())?)
}

async fn export_all(store: &Store, asked: &ExportArguments) -> anyhow::Result<()> {
    let to_ms = asked.to.map_or(i64::MAX, day_after);
    let time = (asked.from.unwrap_or(i64::MIN), to_ms);
    if asked.format == export::Form::Csv {
        out::line(export::CSV_HEAD.trim_end())?;
    }
    let mut after = Some(ExportAfter::beginning());
    while let Some(place) = after {
        let (entries, next) = store.export(&place, time, EXPORT_PAGE).await?;
        let mut text = String::new();
        for entry in &entries {
            match asked.format {
                export::Form::Csv => text.push_str(&export::csv(entry)),
                export::Form::Json => {
                    text.push_str(&to_string(&export::line(entry))?);
                    text.push('\n');
                }
            }
        }
        if !text.is_empty() {
            out::line(text.trim_end())?;
        }
        after = next;
    }
    Ok(())
}

async fn release(store: &Store, asked: &ReleaseArguments) -> anyhow::Result<()> {
    if !asked.is_lost {
        let held = store.leases(Some(&asked.node)).await?;
        for lease in &held {
            out::line(&format!("{}\t{}", lease.window, lease.amount))?;
        }
        bail!(
            "nothing was released: a node that comes back settles its own journal. If {} is gone for \
             good, journal and all, add --lost; what it spent and did not write is lost to the books then",
            asked.node
        );
    }
    let released = store
        .give_up_node(&asked.node, SystemClock.now_ms())
        .await?;
    out::line(&format!("{released}"))?;
    out::note(&format!("{released} USD are free again"));
    Ok(())
}
