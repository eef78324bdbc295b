//! Everything the calls of one simulator have in common.

use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderMap;

use crate::cache::Cache;
use crate::encoding::parameter;
use crate::gate::AwsCredentials;
use crate::ledger::Ledger;
use crate::persona::{PLAIN_NAME, Persona};
use crate::script::{Script, Shelf};

/// What all connections share.
pub(crate) struct Stage {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) shelf: Shelf,
    pub(crate) personas: Vec<Persona>,
    pub(crate) key: RwLock<Option<String>>,
    pub(crate) cache: Cache,
    pub(crate) aws: AwsCredentials,
    /// Where this simulator is, without a slash at the end.
    pub(crate) root_url: String,
}

/// Where a path leads: which persona, and what is asked of it.
pub(crate) struct Place<'a> {
    /// Slug of the persona, empty for the plain simulator.
    pub(crate) persona: &'a str,
    /// Display name for answers.
    pub(crate) name: &'a str,
    /// The persona's own script.
    pub(crate) script: Option<&'a Arc<Script>>,
    /// The path below the persona.
    pub(crate) path: &'a str,
}

impl Stage {
    pub(crate) fn place<'a>(&'a self, path: &'a str) -> Place<'a> {
        for persona in &self.personas {
            let below = path
                .strip_prefix('/')
                .and_then(|rest| rest.strip_prefix(&*persona.slug));
            if let Some(below) = below.filter(|below| below.starts_with('/')) {
                return Place {
                    persona: &persona.slug,
                    name: &persona.name,
                    script: Some(&persona.script),
                    path: below,
                };
            }
        }
        Place {
            persona: "",
            name: PLAIN_NAME,
            script: None,
            path,
        }
    }

    /// Whether the request carries the configured key, or none is configured.
    pub(crate) fn admits(&self, headers: &HeaderMap, query: &str) -> bool {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        let Some(key) = key.as_deref() else {
            return true;
        };
        const NAMES: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
        NAMES.iter().any(|name| {
            let given = headers.get(*name).and_then(|value| value.to_str().ok());
            given.is_some_and(|given| given.strip_prefix("Bearer ").unwrap_or(given) == key)
        }) || parameter(query, "key").as_deref() == Some(key)
    }

    /// Whether a bearer token is the configured key.
    pub(crate) fn is_key(&self, token: &str) -> bool {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        key.as_deref() == Some(token)
    }
}
