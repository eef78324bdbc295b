//! A configuration, checked to the end: every mistake in it and in the catalog it makes.

use std::fmt;
use std::sync::Arc;

use catalog::{Catalog, LoadError, Rows};
use chat::Dialect;
use relay::Clock;

use crate::clock::SystemClock;
use crate::config::credentials::Given;
use crate::config::providers::{located, unknown_words};
use crate::config::{Config, Environment, Loaded, Problems};
use crate::shelf::{Built, Shelf};

/// Everything that is needed to start, checked.
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// The time of day; tests give one that jumps.
    pub clock: Arc<dyn Clock>,
    pub(crate) shelf: Shelf,
    pub(crate) built: Built,
    pub(crate) environment: Environment,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Setup {
    /// Checks a configuration to the end: the catalog with its rows must build, every credential
    /// must be readable.
    ///
    /// # Errors
    /// With every mistake.
    pub fn from_loaded(mut loaded: Loaded, environment: Environment) -> Result<Self, Problems> {
        let (given, unreadable) = Given::resolve(&loaded.config.providers, environment.clone());
        loaded.add(unreadable);
        Self::with_credentials(loaded, environment, given)
    }

    /// The same with credentials that were resolved elsewhere.
    ///
    /// # Errors
    /// With every mistake.
    pub fn with_credentials(
        mut loaded: Loaded,
        environment: Environment,
        given: Given,
    ) -> Result<Self, Problems> {
        let rows = loaded.config.providers.rows.clone();
        let shelf = Shelf::new(rows.clone(), given);
        let unknown = unknown_words(&rows);
        let mut errors = match shelf.build(None) {
            Ok(built) if unknown.is_empty() => {
                loaded.add(
                    shelf
                        .given()
                        .malformed(&built.catalog, &loaded.config.providers),
                );
                return Ok(Self {
                    config: loaded.into_config()?,
                    shelf,
                    built,
                    environment,
                    clock: Arc::new(SystemClock),
                });
            }
            Ok(_) => Vec::new(),
            Err(errors) => errors,
        };
        errors.extend(unknown);
        let mended = mended(rows, &errors);
        let given = shelf.given();
        match Shelf::new(mended, given.clone()).build(None) {
            Ok(built) => loaded.add(given.malformed(&built.catalog, &loaded.config.providers)),
            Err(more) => errors.extend(more),
        }
        // A value that could not be read is not missing as well.
        let paths = loaded.problems.iter().map(|problem| problem.path.clone());
        let mut known: Vec<String> = paths.collect();
        for error in errors {
            if !known.contains(&error.path) {
                known.push(error.path.clone());
                let problem = located(&error, &loaded.config.providers);
                loaded.add([problem]);
            }
        }
        let Loaded { file, problems, .. } = loaded;
        Err(Problems {
            file,
            all: problems,
        })
    }

    /// The catalog of the configuration alone, without what is kept in the store.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.built.catalog
    }

    /// The credentials that go with it.
    #[must_use]
    pub fn credentials(&self) -> &relay::Credentials {
        &self.built.credentials
    }

    /// What the catalog is made of.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }
}

/// The rows with what is wrong about providers themselves replaced by something that is right, so
/// that what is wrong about their endpoints is found in the same run.
fn mended(mut rows: Rows, errors: &[LoadError]) -> Rows {
    for (slug, row) in &mut rows.providers {
        let path = format!("providers.{slug}");
        if errors.iter().any(|error| error.path.starts_with(&path)) {
            row.base_url = Some("http://127.0.0.1/v1".to_owned());
            row.dialects = Some(vec![Dialect::OpenaiChat.name().to_owned()]);
            row.auth = Some("none".to_owned());
            row.kind = None;
            row.quirks = None;
            row.data_policy = None;
        }
    }
    rows
}
