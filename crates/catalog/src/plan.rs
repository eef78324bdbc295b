//! `plan`: which endpoints to ask for a call, in which order, and why not the others.
//!
//! A pure function: the same catalog, question, health and moment give the same plan.

use std::sync::Arc;

use chat::{Dialect, Modality, Needs};

use crate::endpoint::Endpoint;
use crate::filter::{self, Filter, Sieve};
use crate::health::Health;
use crate::model::{Model, ModelSlug};
use crate::order::{self, Rank};
use crate::preferences::Preferences;
use crate::provider::{Access, Provider};
use crate::snapshot::{Catalog, Suffix};

/// What is to be planned.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The model, as the caller wrote it.
    pub model: &'a str,
    /// Models to try after it, as the caller wrote them.
    pub fallbacks: &'a [String],
    /// What the request needs.
    pub needs: &'a Needs,
    /// What the caller prefers.
    pub preferences: &'a Preferences,
    /// The dialects that can be sent for this call.
    pub dialects: &'a [Dialect],
}

/// When and with which randomness a plan is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Decides between equals. No ordering needs it yet.
    pub seed: u64,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// One planned try.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The model it serves.
    pub model: Arc<Model>,
    /// Whom to ask.
    pub endpoint: Arc<Endpoint>,
    /// In which dialect.
    pub dialect: Dialect,
    /// Why it stands where it stands.
    pub rank: Rank,
}

/// An endpoint that was left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// The first filter that took it out.
    pub filter: Filter,
}

/// What to do for a call. Has at least one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Whom to ask, in order; no endpoint twice.
    pub attempts: Vec<Attempt>,
    /// Who was left out, and by which filter.
    pub excluded: Vec<Exclusion>,
    /// The routing suffixes that were on the first model's slug.
    pub suffixes: Vec<Suffix>,
}

/// A provider that would serve the call if it had a credential.
#[derive(Debug, Clone, PartialEq)]
pub struct MissingCredential {
    /// The provider; its `env` says which variables would help.
    pub provider: Arc<Provider>,
    /// Variables of its address that are missing although there is a credential.
    pub lacking: Vec<Box<str>>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoPlan {
    /// No such model.
    #[error("there is no model \"{model}\"")]
    UnknownModel {
        /// As the caller wrote it.
        model: String,
        /// What was probably meant, nearest first.
        suggestions: Vec<ModelSlug>,
    },
    /// The model is not asked in this way.
    #[error("\"{model}\" is served at {path}")]
    WrongEndpoint {
        /// The model.
        model: ModelSlug,
        /// The path below `/api/v1` that serves it.
        path: &'static str,
    },
    /// Nobody who serves the model has a credential.
    #[error("no provider of {} has a credential", list(.models))]
    NoCredential {
        /// The models that were asked for.
        models: Vec<ModelSlug>,
        /// Who would serve them.
        missing: Vec<MissingCredential>,
    },
    /// Filters left nobody.
    #[error("no endpoint of {} is left: {last} took out the last one", list(.models))]
    Filtered {
        /// The models that were asked for.
        models: Vec<ModelSlug>,
        /// The filter that took out the last ones.
        last: Filter,
        /// Everybody who was left out, and by which filter.
        excluded: Vec<Exclusion>,
    },
}

fn list(models: &[ModelSlug]) -> String {
    let names: Vec<&str> = models.iter().map(ModelSlug::as_str).collect();
    names.join(", ")
}

impl NoPlan {
    /// The words for `availability.excluded_by`: each filter once, in the order of application.
    #[must_use]
    pub fn excluded_by(&self) -> Vec<&'static str> {
        let Self::Filtered { excluded, .. } = self else {
            return Vec::new();
        };
        let mut filters: Vec<Filter> = excluded.iter().map(|out| out.filter).collect();
        filters.sort_unstable();
        let mut words: Vec<&str> = filters
            .into_iter()
            .filter_map(Filter::excluded_by)
            .collect();
        words.dedup();
        words
    }

    /// The display names of the providers that were left out, each once.
    #[must_use]
    pub fn affected_providers(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match self {
            Self::Filtered { excluded, .. } => excluded
                .iter()
                .map(|out| out.endpoint.provider.name.as_ref())
                .collect(),
            Self::NoCredential { missing, .. } => missing
                .iter()
                .map(|missing| missing.provider.name.as_ref())
                .collect(),
            Self::UnknownModel { .. } | Self::WrongEndpoint { .. } => Vec::new(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Plans a call: models in the order asked for, and of each model the endpoints that pass every
/// filter, ordered.
///
/// # Errors
/// [`NoPlan`] when a model is unknown or not asked in this way, or when nobody is left.
pub fn plan(
    catalog: &Catalog,
    question: &Question<'_>,
    health: &Health,
    moment: Moment,
) -> Result<Plan, NoPlan> {
    let (models, suffixes) = models(catalog, question)?;
    let sieve = Sieve {
        needs: question.needs,
        preferences: question.preferences,
        dialects: question.dialects,
    };
    let mut plan = Plan {
        attempts: Vec::new(),
        excluded: Vec::new(),
        suffixes,
    };
    for model in &models {
        of_model(model, &sieve, (health, moment), &mut plan);
    }
    // Without fallbacks only the first choice is tried, or (filtered above) what `order` names.
    let preferences = question.preferences;
    if !preferences.allow_fallbacks && preferences.order.is_empty() {
        let rest = plan.attempts.split_off(plan.attempts.len().min(1));
        plan.excluded
            .extend(rest.into_iter().map(|attempt| Exclusion {
                endpoint: attempt.endpoint,
                filter: Filter::Fallback,
            }));
    }
    if plan.attempts.is_empty() {
        return Err(nobody(&models, plan.excluded));
    }
    Ok(plan)
}

/// The models asked for, each once, and the suffixes of the first.
fn models(
    catalog: &Catalog,
    question: &Question<'_>,
) -> Result<(Vec<Arc<Model>>, Vec<Suffix>), NoPlan> {
    let mut models: Vec<Arc<Model>> = Vec::with_capacity(1 + question.fallbacks.len());
    let mut suffixes = Vec::new();
    let names =
        std::iter::once(question.model).chain(question.fallbacks.iter().map(String::as_str));
    for (index, name) in names.enumerate() {
        let Some(resolved) = catalog.resolve(name) else {
            return Err(NoPlan::UnknownModel {
                model: name.to_owned(),
                suggestions: catalog.suggest(name),
            });
        };
        let model = resolved.model;
        if !gives(model, question.needs) {
            return Err(NoPlan::WrongEndpoint {
                model: model.slug.clone(),
                path: model.kind.path(),
            });
        }
        if index == 0 {
            suffixes = resolved.suffixes;
        }
        if models.iter().all(|known| known.slug != model.slug) {
            models.push(Arc::clone(model));
        }
    }
    Ok((models, suffixes))
}

/// Whether a model gives anything of what is asked for; text is asked for with messages.
fn gives(model: &Model, needs: &Needs) -> bool {
    let wants_text = needs.output.contains(Modality::Text);
    let gives_any = needs
        .output
        .iter()
        .any(|modality| model.output.contains(modality));
    gives_any && (!wants_text || model.kind.takes_messages())
}

fn of_model(
    model: &Arc<Model>,
    sieve: &Sieve<'_>,
    (health, moment): (&Health, Moment),
    plan: &mut Plan,
) {
    let mut left: Vec<&Arc<Endpoint>> = Vec::with_capacity(model.endpoints.len());
    let mut exclude = |endpoint: &Arc<Endpoint>, filter| {
        plan.excluded.push(Exclusion {
            endpoint: Arc::clone(endpoint),
            filter,
        });
    };
    for endpoint in &model.endpoints {
        match sieve.excludes(endpoint) {
            Some(filter) => exclude(endpoint, filter),
            None => left.push(endpoint),
        }
    }
    let preferred = filter::preferred(sieve.needs.parameters, &left);
    left.retain(|endpoint| {
        let stays = preferred.minus(endpoint.parameters).is_empty();
        if !stays {
            exclude(endpoint, Filter::PreferredParameters);
        }
        stays
    });
    let rank = |endpoint: &Endpoint| {
        let cooling = health.is_cooling(&endpoint.id, moment.now_ms);
        order::rank(
            endpoint,
            sieve.needs,
            sieve.preferences,
            (cooling, moment.now_ms),
        )
    };
    let mut ranked: Vec<(Rank, &Arc<Endpoint>)> = left.into_iter().map(|e| (rank(e), e)).collect();
    ranked.sort_by(|(a, one), (b, other)| order::compare((a, one), (b, other)));
    for (rank, endpoint) in ranked {
        // Every endpoint that is left speaks a dialect: that is one of the filters.
        if let Some(dialect) = sieve.dialect(endpoint) {
            plan.attempts.push(Attempt {
                model: Arc::clone(model),
                endpoint: Arc::clone(endpoint),
                dialect,
                rank,
            });
        }
    }
}

fn nobody(models: &[Arc<Model>], excluded: Vec<Exclusion>) -> NoPlan {
    let models = models.iter().map(|model| model.slug.clone()).collect();
    let last = excluded
        .iter()
        .map(|out| out.filter)
        .max()
        .unwrap_or(Filter::Credential);
    if last > Filter::Credential {
        return NoPlan::Filtered {
            models,
            last,
            excluded,
        };
    }
    let mut missing: Vec<MissingCredential> = Vec::new();
    for out in excluded {
        let provider = &out.endpoint.provider;
        if missing
            .iter()
            .any(|known| known.provider.slug == provider.slug)
        {
            continue;
        }
        let lacking = match &provider.access {
            Access::Lacking(names) => names.clone(),
            Access::Ready | Access::NoCredential => Vec::new(),
        };
        missing.push(MissingCredential {
            provider: Arc::clone(provider),
            lacking,
        });
    }
    NoPlan::NoCredential { models, missing }
}
