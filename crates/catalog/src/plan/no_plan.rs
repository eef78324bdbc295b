//! Why there is no plan, and what would help.

use std::sync::Arc;

use super::Exclusion;
use crate::filter::Filter;
use crate::model::{Model, ModelSlug};
use crate::provider::{Access, Provider};

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
    /// The model's time is over.
    #[error("{model} is no longer served")]
    Retired {
        /// The model.
        model: ModelSlug,
        /// What took its place.
        successor: Option<ModelSlug>,
    },
    /// Nobody gives the model away any more.
    #[error("{paid} is no longer offered for free")]
    FreeVariantEnded {
        /// The model that costs something.
        paid: ModelSlug,
    },
    /// `:online` was asked for, and there is no web search here.
    #[error("\"{model}\" needs web search, which is not configured here")]
    NoSearch {
        /// As the caller wrote it.
        model: String,
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
            Self::UnknownModel { .. }
            | Self::WrongEndpoint { .. }
            | Self::Retired { .. }
            | Self::FreeVariantEnded { .. }
            | Self::NoSearch { .. } => Vec::new(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The reason why nobody is left.
pub(super) fn nobody(models: &[Arc<Model>], excluded: Vec<Exclusion>) -> NoPlan {
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
