//! Rows → Catalog: layers are merged, everything is checked, every mistake is collected.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::check::{self, Known, Problems};
use crate::error::LoadError;
use crate::merge;
use crate::model::Model;
use crate::provider::Provider;
use crate::rows::{EndpointRow, ModelRow, Rows};
use crate::snapshot::Catalog;

/// What the world outside knows: which providers have a credential, and what fills the
/// `${VARIABLE}`s of base URLs.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// Whether there is a credential for this provider. (Its `access` is not known yet.)
    pub has_credential: &'a dyn Fn(&Provider) -> bool,
    /// The value of a variable in a base URL.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Access<'static> {
    /// Nobody has given any credential.
    pub const NONE: Self = Self {
        has_credential: &|_| false,
        variable: &|_| None,
    };

    /// Every provider has a credential, and every variable a value; for tests and listings.
    pub const ALL: Self = Self {
        has_credential: &|_| true,
        variable: &|name| Some(name.to_lowercase().replace('_', "-")),
    };
}

/// Where a row stands, for messages.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// The n-th endpoint of a model.
    Model(String, usize),
    /// The n-th endpoint of a provider, in a layer above the built-in one.
    Provider(String, usize),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(slug, index) => write!(f, "models.{slug}.endpoints[{index}]"),
            Self::Provider(slug, index) => write!(f, "providers.{slug}.endpoints[{index}]"),
        }
    }
}

/// An endpoint's row, with where it stands; `provider` is canonical.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) provider: String,
    pub(crate) row: EndpointRow,
    pub(crate) origin: Origin,
}

/// Layers merged, before anything is checked.
struct Merged {
    rows: Rows,
    /// By model slug.
    endpoints: BTreeMap<String, Vec<Placed>>,
    /// Alias → slug, lower case.
    aliases: BTreeMap<String, String>,
    problems: Problems,
}

/// Makes a catalog of the built-in rows and the layers above them, the last one winning field by
/// field. An endpoint for a model that nobody knows makes the model.
///
/// # Errors
/// Every mistake in every row, sorted by path.
pub fn load(
    builtin: &Rows,
    overrides: &[&Rows],
    access: &Access<'_>,
) -> Result<Catalog, Vec<LoadError>> {
    let mut merged = Merged::new(builtin);
    for layer in overrides {
        merged.put_over(layer);
    }
    let Merged {
        rows,
        endpoints,
        mut problems,
        ..
    } = merged;
    let mut providers: BTreeMap<&str, Arc<Provider>> = BTreeMap::new();
    for (slug, row) in &rows.providers {
        if let Some(provider) = check::provider::provider(slug, row, access, &mut problems) {
            providers.insert(slug, Arc::new(provider));
        }
    }
    let mut models: Vec<Model> = Vec::with_capacity(rows.models.len());
    let nothing = ModelRow::default();
    let known = Known {
        providers: &providers,
        access,
    };
    for (slug, placed) in &endpoints {
        let row = rows.models.get(slug).unwrap_or(&nothing);
        models.extend(check::model::models(
            slug,
            row,
            placed,
            known,
            &mut problems,
        ));
    }
    let served: BTreeSet<&str> = endpoints.keys().map(String::as_str).collect();
    for slug in rows
        .models
        .keys()
        .filter(|slug| !served.contains(slug.as_str()))
    {
        problems.add(format!("models.{slug}"), "no endpoint serves it".to_owned());
    }
    if problems.is_empty() {
        let providers = providers.into_values().collect();
        Ok(Catalog::new(providers, models))
    } else {
        Err(problems.into_sorted())
    }
}

impl Merged {
    fn new(builtin: &Rows) -> Self {
        let mut merged = Self {
            rows: Rows {
                providers: builtin.providers.clone(),
                models: BTreeMap::new(),
            },
            endpoints: BTreeMap::new(),
            aliases: BTreeMap::new(),
            problems: Problems::default(),
        };
        merged.put_models(&builtin.models);
        merged
    }

    fn put_over(&mut self, layer: &Rows) {
        for (name, row) in &layer.providers {
            let slug = self.rows.provider_slug(name).unwrap_or(name).to_owned();
            let below = self.rows.providers.entry(slug.clone()).or_default();
            if below.slug.is_empty() {
                below.slug.clone_from(&slug);
            }
            merge::provider(below, row);
            for (index, endpoint) in row.endpoints.iter().enumerate() {
                let origin = Origin::Provider(name.clone(), index);
                self.put_endpoint(&slug, endpoint, origin);
            }
        }
        self.put_models(&layer.models);
    }

    fn put_models(&mut self, models: &BTreeMap<String, ModelRow>) {
        for (slug, row) in models {
            self.put_facts(slug, row);
            let mut placed = Vec::with_capacity(row.endpoints.len());
            for (index, endpoint) in row.endpoints.iter().enumerate() {
                let origin = Origin::Model(slug.clone(), index);
                let Some(name) = endpoint.provider.as_deref() else {
                    let message = "which provider serves it is missing".to_owned();
                    self.problems.add(format!("{origin}.provider"), message);
                    continue;
                };
                let provider = self.rows.provider_slug(name).unwrap_or(name).to_owned();
                placed.push(Placed {
                    provider,
                    row: endpoint.clone(),
                    origin,
                });
            }
            match self.endpoints.get_mut(slug) {
                None => {
                    self.endpoints.insert(slug.clone(), placed);
                }
                Some(below) => placed
                    .into_iter()
                    .for_each(|placed| put(below, placed, &mut self.problems)),
            }
        }
    }

    fn put_facts(&mut self, slug: &str, row: &ModelRow) {
        for alias in row.aliases.iter().flatten() {
            self.aliases.insert(alias.to_lowercase(), slug.to_owned());
        }
        match self.rows.models.get_mut(slug) {
            Some(below) => merge::model(below, row),
            None => {
                let alone = ModelRow {
                    endpoints: Vec::new(),
                    ..row.clone()
                };
                self.rows.models.insert(slug.to_owned(), alone);
            }
        }
    }

    /// Puts an operator's endpoint over the ones it means, or beside them.
    fn put_endpoint(&mut self, provider: &str, row: &EndpointRow, origin: Origin) {
        let Some(named) = row.model.as_deref() else {
            let message = "which model it serves is missing".to_owned();
            self.problems.add(format!("{origin}.model"), message);
            return;
        };
        // `author/name:free` is the endpoint's variant, not another model.
        let (base, variant) = match named.split_once(':') {
            Some((base, variant)) => (base, Some(variant.to_owned())),
            None => (named, row.variant.clone()),
        };
        let lower = base.to_lowercase();
        let slug = match self.aliases.get(&lower) {
            Some(slug) if !self.endpoints.contains_key(base) => slug.clone(),
            _ => base.to_owned(),
        };
        let row = EndpointRow {
            variant,
            ..row.clone()
        };
        let placed = Placed {
            provider: provider.to_owned(),
            row,
            origin,
        };
        put(
            self.endpoints.entry(slug).or_default(),
            placed,
            &mut self.problems,
        );
    }
}

/// Puts a row over those of the same provider with the same upstream model; without an upstream
/// model, over all of that provider's; else beside them.
fn put(below: &mut Vec<Placed>, over: Placed, problems: &mut Problems) {
    let upstream = over.row.upstream_model.as_deref();
    let mut is_put = false;
    for placed in below
        .iter_mut()
        .filter(|placed| placed.provider == over.provider)
    {
        let same_name = upstream.is_none() || placed.row.upstream_model.as_deref() == upstream;
        let same_variant = over.row.variant.is_none() || placed.row.variant == over.row.variant;
        if same_name && same_variant {
            merge::endpoint(&mut placed.row, &over.row);
            placed.origin = over.origin.clone();
            is_put = true;
        }
    }
    if is_put {
        return;
    }
    if upstream.is_none() {
        let message = "the provider's own name of the model is missing".to_owned();
        problems.add(format!("{}.upstream_model", over.origin), message);
        return;
    }
    below.push(over);
}
