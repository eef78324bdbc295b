//! `waybill budget` and `waybill credits`: limits on spending, and money for prepaid workspaces.

use anyhow::bail;
use ledger::{BudgetId, Enforcement, GenerationId};
use relay::Clock as _;
use store::{CreditKind, DEFAULT_WORKSPACE_ID, NewCredit, Store};

use super::arguments::{
    BudgetCommand, BudgetCreateArguments, CreditArguments, CreditsCommand, LogArgument,
};
use super::key;
use super::run::small_runtime;
use crate::admin::{budgets, credits};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::out;

/// Runs one of its commands.
///
/// # Errors
/// When the database is away, or something is not as it should be.
pub fn run(
    command: BudgetCommand,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    small_runtime()?.block_on(async {
        match command {
            BudgetCommand::List(place) => list(&key::open(&place, log, environment).await?).await,
            BudgetCommand::Create(arguments) => {
                let store = key::open(&arguments.place, log, environment).await?;
                create(&store, &arguments).await
            }
            BudgetCommand::Delete(arguments) => {
                if !arguments.id.starts_with(budgets::PREFIX) {
                    bail!("only budgets made by \"budget create\" or the API are deleted here");
                }
                let store = key::open(&arguments.place, log, environment).await?;
                let id = BudgetId::from_text(arguments.id);
                if !store.budgets().delete(&id, SystemClock.now_ms()).await? {
                    bail!("there is no budget {id}; see waybill budget list");
                }
                out::note(&format!("deleted {id}"));
                Ok(())
            }
        }
    })
}

async fn list(store: &Store) -> anyhow::Result<()> {
    out::line("ID\tSUBJECT\tWHICH\tLIMIT\tWINDOW\tENFORCEMENT\tSTATE\tSPENT\tLEASED")?;
    let at = SystemClock.now_ms().div_euclid(1000);
    for stored in store.budgets().all().await? {
        let budget = &stored.budget;
        let state = store.budgets().state(budget, at).await?;
        let enabled = if stored.enabled { "on" } else { "off" };
        out::line(&format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{enabled}\t{}\t{}",
            budget.id,
            budget.subject.kind(),
            budget.subject.value(),
            budget.limit,
            budget.window,
            budget.enforcement.name(),
            state.posted,
            state.leased
        ))?;
    }
    Ok(())
}

async fn create(store: &Store, asked: &BudgetCreateArguments) -> anyhow::Result<()> {
    let (kind, value) = asked
        .subject
        .split_once('=')
        .unwrap_or((&asked.subject, ""));
    let found;
    let value = match kind {
        "key" => {
            found = key::find(store, value).await?;
            found.hash.as_str()
        }
        _ => value,
    };
    let id = budgets::new_id()?;
    let mut budget = budgets::budget_of(id, (kind, value), asked.limit, &asked.window)
        .map_err(|(field, message)| anyhow::anyhow!("{field}: {message}"))?;
    if asked.warn {
        budget.enforcement = Enforcement::Warn;
    }
    budget.workspace_id.clone_from(&asked.workspace);
    let now_ms = SystemClock.now_ms();
    store.budgets().put(&budget, true, now_ms).await?;
    Ok(out::line(budget.id.as_str())?)
}

/// Runs `waybill credits`.
///
/// # Errors
/// When the database is away, there is no such workspace or call, or the amount makes no sense.
pub fn run_credits(
    command: CreditsCommand,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let (kind, asked, generation) = match command {
        CreditsCommand::Grant(asked) => (CreditKind::Grant, asked, None),
        CreditsCommand::Purchase(asked) => (CreditKind::Purchase, asked, None),
        CreditsCommand::Refund(asked) => (CreditKind::Refund, asked.credit, asked.generation),
        CreditsCommand::Fee(asked) => (CreditKind::Fee, asked.credit, asked.generation),
    };
    small_runtime()?.block_on(async {
        let store = key::open(&asked.place, log, environment).await?;
        credit(&store, &asked, (kind, generation)).await
    })
}

async fn credit(
    store: &Store,
    asked: &CreditArguments,
    (kind, generation): (CreditKind, Option<String>),
) -> anyhow::Result<()> {
    let name = asked.workspace.as_deref().unwrap_or(DEFAULT_WORKSPACE_ID);
    let Some(workspace) = store.workspaces().by_id_or_slug(name).await? else {
        bail!("there is no workspace \"{name}\"");
    };
    let id = match &asked.id {
        Some(id) => id.clone(),
        None => credits::new_id(kind)?,
    };
    let credit = NewCredit {
        id,
        workspace_id: workspace.id,
        amount: asked.amount,
        kind,
        generation: generation.map(GenerationId::from_text),
        at_ms: SystemClock.now_ms(),
    };
    let posted = store.post_credit(&credit).await?;
    tracing::info!(
        id = credit.id, kind = kind.name(), workspace = credit.workspace_id,
        amount = %credit.amount, posted,
        note = asked.note.as_deref().unwrap_or_default(), "credits"
    );
    if !posted {
        out::note(&format!(
            "that {} was made before; nothing was done",
            kind.name()
        ));
    }
    Ok(out::line(&credit.id)?)
}
