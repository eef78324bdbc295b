//! What the catalog is made of, and how it is made: built-in rows, or those that were kept by
//! `waybill catalog update`; over them what was found on this machine, what was added at run time,
//! then the configuration.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use catalog::{Access, Catalog, LoadError, Provider, ProviderKind, Rows};
use relay::{Credentials, Labelled, Pinned};

use crate::byok::Opened;
use crate::config::credentials::{Given, fact};

/// The setting under which updated rows are kept in the store.
pub const KEPT_ROWS: &str = "catalog.rows";

/// Rows by layer, and the credentials that switch providers on.
#[derive(Debug)]
pub struct Shelf {
    found: ArcSwap<Rows>,
    added: ArcSwap<Rows>,
    configured: Rows,
    given: Given,
    stored: ArcSwap<Opened>,
}

/// A catalog and the credentials that go with it.
#[derive(Debug)]
pub struct Built {
    /// The catalog.
    pub catalog: Catalog,
    /// By provider slug.
    pub credentials: Credentials,
}

impl Shelf {
    /// A shelf with the built-in rows at the bottom. They are not kept in memory: a catalog is
    /// built seldom, and reading them takes a few hundredths of a second.
    #[must_use]
    pub fn new(configured: Rows, given: Given) -> Self {
        Self {
            found: ArcSwap::default(),
            added: ArcSwap::default(),
            configured,
            given,
            stored: ArcSwap::default(),
        }
    }

    /// Puts the stored credentials beside those of the configuration.
    pub fn put_stored(&self, stored: Opened) {
        self.stored.store(stored.into());
    }

    /// Whether there are stored credentials.
    #[must_use]
    pub fn has_stored(&self) -> bool {
        !self.stored.load().is_empty()
    }

    /// The rows at the bottom: the kept ones, else the built-in ones. What an update starts from.
    ///
    /// # Errors
    /// When the kept text is not one that we wrote.
    pub fn bottom(&self, kept: Option<&str>) -> Result<Rows, LoadError> {
        match kept {
            None => catalog::builtin(),
            Some(text) => {
                Rows::from_json(text).map_err(|error| LoadError::new(KEPT_ROWS, &error.to_string()))
            }
        }
    }

    /// Lays what was found on this machine under the configuration.
    pub fn put_found(&self, rows: Rows) {
        self.found.store(rows.into());
    }

    /// Lays what was added at run time under the configuration.
    pub fn put_added(&self, rows: Rows) {
        self.added.store(rows.into());
    }

    /// Builds the catalog, on the kept rows if there are any.
    ///
    /// # Errors
    /// With every mistake in every layer.
    pub fn build(&self, kept: Option<&str>) -> Result<Built, Vec<LoadError>> {
        self.build_on(&self.bottom(kept).map_err(|error| vec![error])?)
    }

    /// Builds the catalog on other rows than the built-in ones.
    ///
    /// # Errors
    /// With every mistake in every layer.
    pub fn build_on(&self, bottom: &Rows) -> Result<Built, Vec<LoadError>> {
        self.build_with(bottom, &self.added.load())
    }

    /// Builds the catalog with other rows in the place of those that were added.
    ///
    /// # Errors
    /// With every mistake in every layer.
    pub fn build_with(&self, bottom: &Rows, added: &Rows) -> Result<Built, Vec<LoadError>> {
        let found = self.found.load();
        let stored = self.stored.load();
        let credentials: RefCell<HashMap<String, Vec<Labelled>>> = RefCell::default();
        let pinned: RefCell<HashMap<String, Vec<Arc<Pinned>>>> = RefCell::default();
        let access = Access {
            has_credential: &|provider| {
                let mut given = self.given.of(provider);
                given.extend_from_slice(stored.pool(provider));
                let slug = provider.slug.as_str().to_owned();
                let own = stored.pinned(provider);
                if !own.is_empty() {
                    pinned.borrow_mut().insert(slug.clone(), own.to_vec());
                }
                if given.is_empty() {
                    return !own.is_empty()
                        || provider.needs_no_credential()
                            && self.is_there(provider, [&found, added]);
                }
                credentials.borrow_mut().insert(slug, given);
                true
            },
            variable: &|provider, name| {
                let given = self.given.variable(provider, name);
                given.or_else(|| fact(provider, stored.first(provider)?, name))
            },
        };
        let catalog = catalog::load(bottom, &[&found, added, &self.configured], &access)?;
        Ok(Built {
            catalog,
            credentials: credentials
                .into_inner()
                .into_iter()
                .collect::<Credentials>()
                .with_pinned(pinned.into_inner()),
        })
    }

    /// Whether a provider without credentials is there to be called: one that is said to run on
    /// somebody's own machine is, when it was found there or is in the configuration.
    fn is_there(&self, provider: &Provider, [found, added]: [&Rows; 2]) -> bool {
        let is_listed = |rows: &Rows| rows.providers.keys().any(|name| provider.goes_by(name));
        provider.kind != Some(ProviderKind::Local)
            || is_listed(found)
            || is_listed(added)
            || is_listed(&self.configured)
    }

    /// The credentials that were given.
    #[must_use]
    pub fn given(&self) -> &Given {
        &self.given
    }

    /// Whether the configuration says what a provider serves.
    #[must_use]
    pub fn configures_endpoints_of(&self, slug: &str) -> bool {
        let row = self.configured.providers.get(slug);
        row.is_some_and(|row| !row.endpoints.is_empty())
    }
}
