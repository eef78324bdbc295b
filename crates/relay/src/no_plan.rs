//! What a caller is told when no endpoint can serve the call, and what would help.

use catalog::{MissingCredential, ModelSlug, NoPlan, ProviderKind};
use chat::error::Availability;
use chat::{Error, Kind};

/// The error for a call that cannot be planned. Codes and statuses: section 7.5 of the digest.
pub(crate) fn error(no_plan: &NoPlan, requested: &[String]) -> Error {
    let (kind, code, message) = told(no_plan);
    let fallback_models = match no_plan {
        NoPlan::UnknownModel { suggestions, .. } => {
            suggestions.iter().map(ToString::to_string).collect()
        }
        NoPlan::Retired { successor, .. } => successor.iter().map(ToString::to_string).collect(),
        NoPlan::FreeVariantEnded { paid } => vec![paid.to_string()],
        NoPlan::WrongEndpoint { .. }
        | NoPlan::NoSearch { .. }
        | NoPlan::NoCredential { .. }
        | NoPlan::Filtered { .. } => Vec::new(),
    };
    let own = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    let mut error = Error::caller(kind, message);
    error.metadata_mut().availability = Some(Availability {
        code,
        retryable: false,
        requested_models: requested.to_vec(),
        affected_providers: own(no_plan.affected_providers()),
        excluded_by: own(no_plan.excluded_by()),
        fallback_models,
    });
    error
}

/// Kind, availability code, and the words.
fn told(no_plan: &NoPlan) -> (Kind, &'static str, String) {
    match no_plan {
        NoPlan::UnknownModel { model, suggestions } => {
            let hint = meant(suggestions);
            (
                Kind::ModelNotFound,
                "model_not_found",
                format!("{model} is not a valid model ID; {hint}"),
            )
        }
        NoPlan::WrongEndpoint { model, path } => (
            Kind::WrongEndpoint,
            "wrong_endpoint",
            format!("{model} is served at {path}, not here"),
        ),
        NoPlan::Retired { model, successor } => {
            let next = successor.as_ref();
            let hint = next.map_or(String::new(), |slug| format!("; {slug} took its place"));
            (
                Kind::NoEndpoints,
                "model_deprecated",
                format!("{model} is no longer served{hint}"),
            )
        }
        NoPlan::FreeVariantEnded { paid } => (
            Kind::NoEndpoints,
            "free_variant_ended",
            format!("{paid} is not offered for free; without \":free\" it is"),
        ),
        NoPlan::NoSearch { model } => (
            Kind::InvalidRequest,
            "no_endpoints",
            format!("{model} needs web search, which is not configured here"),
        ),
        NoPlan::NoCredential { models, missing } => {
            let names: Vec<_> = models.iter().map(ModelSlug::as_str).collect();
            let message = format!(
                "No provider of {} has a credential here. Any of these would help: {}",
                names.join(", "),
                helpful(missing)
            );
            (Kind::NoEndpoints, "no_endpoints", message)
        }
        NoPlan::Filtered { .. } => {
            let private = no_plan
                .excluded_by()
                .iter()
                .any(|word| word.starts_with("data_policy"));
            let code = if private {
                "privacy_restricted"
            } else {
                "constraint_filtered"
            };
            (
                Kind::NoEndpoints,
                code,
                format!("No endpoint fits this request: {no_plan}"),
            )
        }
    }
}

fn meant(suggestions: &[ModelSlug]) -> String {
    let quoted: Vec<_> = suggestions
        .iter()
        .map(|slug| format!("\"{slug}\""))
        .collect();
    if quoted.is_empty() {
        return "GET /api/v1/models lists them all".to_owned();
    }
    format!("did you mean {}?", quoted.join(" or "))
}

/// Providers and the variables that would switch them on: the makers of models first, then those
/// who host them; the first few are enough to act.
fn helpful(missing: &[MissingCredential]) -> String {
    const SHOWN_MAX: usize = 5;
    let distance = |missing: &&MissingCredential| match missing.provider.kind {
        Some(ProviderKind::FirstParty) => 0,
        Some(ProviderKind::Local | ProviderKind::Simulated) => 1,
        Some(ProviderKind::Host) => 2,
        Some(ProviderKind::Aggregator) | None => 3,
    };
    let mut nearest: Vec<&MissingCredential> = missing.iter().collect();
    nearest.sort_by_key(distance);
    let mut shown: Vec<String> = nearest.into_iter().take(SHOWN_MAX).map(one).collect();
    if missing.len() > SHOWN_MAX {
        shown.push(format!("or one of {} more", missing.len() - SHOWN_MAX));
    }
    shown.join(", ")
}

fn one(missing: &MissingCredential) -> String {
    let provider = &missing.provider;
    let variables = if missing.lacking.is_empty() {
        &provider.env
    } else {
        &missing.lacking
    };
    match variables.first() {
        Some(variable) => format!("{variable} ({})", provider.name),
        None => format!(
            "providers.{}.credential in the configuration ({})",
            provider.slug, provider.name
        ),
    }
}
