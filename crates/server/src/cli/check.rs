//! `waybill check`: every mistake in configuration and catalog at once, then each provider.

use std::sync::Arc;

use anyhow::bail;
use catalog::Provider;
use relay::auth::Signer;
use relay::auth::credential::Credential;
use relay::{HttpUpstream, Secret, Upstream};
use tokio_util::task::TaskTracker;

use super::arguments::{CheckArguments, LogArgument};
use super::run::{init_log, load, small_runtime};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::live;
use crate::out;
use crate::setup::Setup;
use crate::tracer;

/// Checks, and lists.
///
/// # Errors
/// With every mistake; and, with `--live`, when a provider refuses its credential or is away.
pub fn run(
    arguments: &CheckArguments,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let loaded = load(&arguments.place, environment)?;
    init_log(&loaded.config.log, log);
    let setup = Setup::from_loaded(loaded, environment.clone())?;
    tracer::collector(&setup.config, &setup.environment, "")?;
    let catalog = setup.catalog();
    out::line(&format!(
        "configuration and catalog are valid: {} providers, {} models, {} endpoints",
        catalog.providers().len(),
        catalog.models().len(),
        catalog.endpoint_count(),
    ))?;
    let mut unusable = 0;
    for provider in catalog.providers() {
        let endpoints = catalog
            .models()
            .flat_map(|model| &model.endpoints)
            .filter(|endpoint| endpoint.provider.slug == provider.slug)
            .count();
        let trouble = setup.shelf().given().trouble(provider);
        unusable += usize::from(trouble.is_some());
        let state = match trouble {
            Some(why) => format!("credential cannot be used: {why}"),
            None => credential_states(&setup, provider),
        };
        out::line(&format!(
            "{}\t{}\t{endpoints} endpoints\t{state}",
            provider.slug, provider.name
        ))?;
    }
    if unusable > 0 {
        bail!("{unusable} credentials cannot be used as they are");
    }
    if arguments.live {
        small_runtime()?.block_on(ask_all(&setup))?;
    }
    Ok(())
}

/// What is there of a provider's credentials; of several, each by its label.
fn credential_states(setup: &Setup, provider: &Provider) -> String {
    let slug = provider.slug.as_str();
    let first = setup.credentials().get(slug);
    let mut state = credential_state(provider, first);
    let all = setup.credentials().all(slug).map_or(&[][..], |all| all);
    if all.len() > 1 {
        let each = all.iter();
        let each: Vec<String> = each
            .map(|one| format!("{} (weight {})", one.label, one.weight))
            .collect();
        state = format!("{state}; {} of them: {}", all.len(), each.join(", "));
    }
    let unset = setup.shelf().given().unset(provider);
    if !unset.is_empty() && !all.is_empty() {
        state = format!("{state}; not set: {}", unset.join(", "));
    }
    state
}

fn credential_state(provider: &Provider, secret: Option<&Secret>) -> String {
    let account = secret.and_then(|secret| {
        let mut ways = provider.connections.iter();
        ways.find_map(|way| match Credential::read(&way.auth, secret).ok()? {
            credential @ (Credential::SigV4(_) | Credential::Exchanged(_)) => Some(credential),
            _ => None,
        })
    });
    match &provider.access {
        catalog::provider::Access::Ready if secret.is_some() => match account {
            Some(account) => format!("credential present ({})", account.form()),
            None => "credential present".to_owned(),
        },
        catalog::provider::Access::Ready => "needs no credential".to_owned(),
        catalog::provider::Access::Lacking(variables) => {
            format!(
                "credential present, but {} is not set",
                variables.join(", ")
            )
        }
        catalog::provider::Access::NoCredential if provider.env.is_empty() => {
            "no credential (set it in the configuration)".to_owned()
        }
        catalog::provider::Access::NoCredential => {
            format!("no credential (set {})", provider.env.join(" or "))
        }
    }
}

async fn ask_all(setup: &Setup) -> anyhow::Result<()> {
    let client = HttpUpstream::new(live::WITHIN).map_err(|error| anyhow::anyhow!("{error}"))?;
    let client = Arc::new(client);
    let upstream = Arc::clone(&client) as Arc<dyn Upstream>;
    let signer = Signer::new(upstream, Arc::new(SystemClock), TaskTracker::new());
    let mut failed = 0;
    for provider in setup.catalog().providers() {
        let Some(all) = setup.credentials().all(provider.slug.as_str()) else {
            continue;
        };
        if !provider.is_enabled() {
            continue;
        }
        for one in all.iter() {
            let (is_well, answer) = live::ask((&client, &signer), provider, &one.secret).await;
            failed += usize::from(!is_well);
            let which = match all.len() {
                1 => String::new(),
                _ => format!("\t{}", one.label),
            };
            out::line(&format!("live\t{}{which}\t{answer}", provider.slug))?;
        }
    }
    if failed > 0 {
        bail!("{failed} providers cannot be used as they are");
    }
    Ok(())
}
