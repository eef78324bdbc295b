//! `waybill catalog`: show what is known, or bring it up to date.

use anyhow::bail;
use catalog::{Catalog, LoadError, Model, import};
use chat::Unit;
use relay::Clock as _;
use serde_json::json;
use store::Store;

use super::arguments::{
    CatalogCommand, CatalogShowArguments, CatalogUpdateArguments, LogArgument, Place,
};
use super::fetch;
use super::run::{init_log, load, small_runtime};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::out;
use crate::setup::Setup;
use crate::shelf::KEPT_ROWS;
use crate::start;

/// How many mistakes of a document are shown.
const MISTAKES_SHOWN: usize = 20;

/// Runs one of its commands.
///
/// # Errors
/// When the configuration is wrong, the store is away, or what was fetched is not usable.
pub fn run(
    command: CatalogCommand,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    small_runtime()?.block_on(async {
        match command {
            CatalogCommand::Show(arguments) => show(&arguments, log, environment).await,
            CatalogCommand::Update(arguments) => update(&arguments, log, environment).await,
        }
    })
}

/// A checked configuration, its store, and the rows that an update has kept there.
pub(super) async fn open(
    place: &Place,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<(Setup, Store, Option<String>)> {
    let loaded = load(place, environment)?;
    init_log(&loaded.config.log, log);
    let setup = Setup::from_loaded(loaded, environment.clone())?;
    let store = start::open_store(&setup.config, environment).await?;
    let kept = store.settings().get(KEPT_ROWS).await?;
    Ok((setup, store, kept.map(|setting| setting.value)))
}

async fn show(
    arguments: &CatalogShowArguments,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let (setup, _, kept) = open(&arguments.place, log, environment).await?;
    let built = setup
        .shelf()
        .build(kept.as_deref())
        .map_err(|errors| mistakes(&errors))?;
    let Some(name) = &arguments.model else {
        return list(&built.catalog, arguments.json);
    };
    let Some(resolved) = built.catalog.resolve(name) else {
        let near: Vec<_> = built
            .catalog
            .suggest(name)
            .iter()
            .map(ToString::to_string)
            .collect();
        bail!(
            "there is no model \"{name}\"; did you mean one of: {}?",
            near.join(", ")
        );
    };
    if arguments.json {
        out::line(&model_json(resolved.model).to_string())?;
        return Ok(());
    }
    for line in model_lines(resolved.model) {
        out::line(&line)?;
    }
    Ok(())
}

fn list(catalog: &Catalog, as_json: bool) -> anyhow::Result<()> {
    for model in catalog.models() {
        if as_json {
            out::line(&model_json(model).to_string())?;
        } else {
            let usable = model
                .endpoints
                .iter()
                .filter(|e| e.provider.is_enabled())
                .count();
            let all = model.endpoints.len();
            out::line(&format!("{}\t{usable}/{all} endpoints usable", model.slug))?;
        }
    }
    Ok(())
}

fn model_json(model: &Model) -> serde_json::Value {
    let endpoints: Vec<_> = model
        .endpoints
        .iter()
        .map(|endpoint| {
            let prices: serde_json::Map<_, _> = endpoint
                .prices
                .iter()
                .map(|(unit, price)| (unit.name().to_owned(), price.to_usd_per_million().into()))
                .collect();
            json!({
                "tag": endpoint.tag,
                "provider": endpoint.provider.slug.as_str(),
                "upstream_model": endpoint.upstream_model,
                "usable": endpoint.provider.is_enabled(),
                "context_length": endpoint.context_length,
                "usd_per_million": prices,
            })
        })
        .collect();
    json!({ "id": model.slug.as_str(), "name": model.name, "endpoints": endpoints })
}

fn model_lines(model: &Model) -> Vec<String> {
    let mut lines = vec![format!("{}\t{}", model.slug, model.name)];
    for endpoint in &model.endpoints {
        let price = |unit: Unit| {
            let price = endpoint.prices.get(unit);
            price.map_or_else(|| "unknown".to_owned(), |price| price.to_usd_per_million())
        };
        let state = if endpoint.provider.is_enabled() {
            "usable"
        } else {
            "no credential"
        };
        lines.push(format!(
            "  {}\t{}\tinput {} output {} USD per million\t{state}",
            endpoint.tag,
            endpoint.upstream_model,
            price(Unit::Input),
            price(Unit::Output),
        ));
    }
    lines
}

async fn update(
    arguments: &CatalogUpdateArguments,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let (setup, store, kept) = open(&arguments.place, log, environment).await?;
    let text = fetch::text(&arguments.source).await?;
    let before = setup.shelf().bottom(kept.as_deref())?;
    let after = import::models_dev(&text, &before).map_err(|errors| mistakes(&errors))?;
    // Nothing is kept that would not build, with the configuration on top of it.
    setup
        .shelf()
        .build_on(&after)
        .map_err(|errors| mistakes(&errors))?;
    out::line(catalog::diff(&before, &after).to_string().trim_end())?;
    if arguments.dry_run {
        out::note("nothing was changed (--dry-run)");
        return Ok(());
    }
    if before == after {
        return Ok(());
    }
    store
        .settings()
        .set(KEPT_ROWS, &after.to_json()?, SystemClock.now_ms())
        .await?;
    out::note("kept; a running server takes it over within a second");
    Ok(())
}

fn mistakes(errors: &[LoadError]) -> anyhow::Error {
    let mut text = String::from("the catalog stays as it is:");
    for error in errors.iter().take(MISTAKES_SHOWN) {
        text.push_str(&format!("\n  {error}"));
    }
    if errors.len() > MISTAKES_SHOWN {
        text.push_str(&format!("\n  … and {} more", errors.len() - MISTAKES_SHOWN));
    }
    anyhow::anyhow!(text)
}
