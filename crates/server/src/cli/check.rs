//! `waybill check`: every mistake in configuration and catalog at once, then each provider.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use catalog::Provider;
use chat::Dialect;
use http::Request;
use http_body_util::Full;
use relay::auth::Signer;
use relay::auth::credential::Credential;
use relay::{HttpUpstream, Secret, Upstream};
use tokio_util::task::TaskTracker;

use super::arguments::{CheckArguments, LogArgument};
use super::run::{init_log, load, small_runtime};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::out;
use crate::setup::Setup;
use crate::tracer;

/// For a provider to answer.
const LIVE: Duration = Duration::from_secs(10);

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
    let client = HttpUpstream::new(LIVE).map_err(|error| anyhow::anyhow!("{error}"))?;
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
            let (is_well, answer) = ask(&client, &signer, provider, &one.secret).await;
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

/// Signs a request that is not sent: what is exchanged for a token has been asked for then.
async fn ask_for_token(signer: &Signer, provider: &Provider, secret: &Secret) -> (bool, String) {
    for connection in &provider.connections {
        let Ok(mut request) = Request::get(&*connection.base_url).body(Full::new(Bytes::new()))
        else {
            return (false, "its address cannot stand in a request".to_owned());
        };
        let signed = signer.sign(&connection.auth, secret, &mut request, b"");
        if let Err(error) = signed.await {
            return (false, refusal(error));
        }
    }
    (
        true,
        "not asked: it signs, but this dialect is not asked for its models".to_owned(),
    )
}

fn refusal(error: chat::Error) -> String {
    let why = error.detail.unwrap_or_default();
    format!("{}: {why}", error.message)
}

/// Lists the provider's models, which costs nothing.
async fn ask(
    client: &HttpUpstream,
    signer: &Signer,
    provider: &Provider,
    secret: &Secret,
) -> (bool, String) {
    let Some(connection) = provider.connection(Dialect::OpenaiChat) else {
        return ask_for_token(signer, provider, secret).await;
    };
    let request = Request::get(format!("{}/models", connection.base_url));
    let Ok(mut request) = request.body(Full::new(Bytes::new())) else {
        return (false, "its address cannot stand in a request".to_owned());
    };
    let signed = signer.sign(&connection.auth, secret, &mut request, b"");
    if let Err(error) = signed.await {
        return (false, refusal(error));
    }
    match tokio::time::timeout(LIVE, client.send(request)).await {
        Err(_) => (false, format!("no answer within {} s", LIVE.as_secs())),
        Ok(Err(error)) => (false, error.to_string()),
        Ok(Ok(response)) => match response.status().as_u16() {
            200..=299 => (true, "answers".to_owned()),
            401 | 403 => (false, "refuses the credential".to_owned()),
            404 | 405 => (true, "answers, but does not list its models".to_owned()),
            status => (false, format!("answers {status}")),
        },
    }
}
