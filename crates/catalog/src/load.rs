//! Rows → Catalog: layers are merged, everything is checked, every mistake is collected.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::check::{self, Known, Problems};
use crate::error::LoadError;
use crate::merge;
use crate::model::Model;
use crate::provider::Provider;
use crate::rows::{EndpointRow, ModelRow, ProviderRow, Rows, slug_of};
use crate::snapshot::Catalog;

/// What the world outside knows: which providers have a credential, and what fills the
/// `${VARIABLE}`s of base URLs.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// Whether there is a credential for this provider. (Its `access` is not known yet.)
    pub has_credential: &'a dyn Fn(&Provider) -> bool,
    /// The value of a variable in a base URL of this provider. Names in lower case are facts of its
    /// credential (`region`, `project`), the others are variables of the environment.
    pub variable: &'a dyn Fn(&Provider, &str) -> Option<String>,
}

impl Access<'static> {
    /// Nobody has given any credential.
    pub const NONE: Self = Self {
        has_credential: &|_| false,
        variable: &|_, _| None,
    };

    /// Every provider has a credential, and every variable a value; for tests and listings.
    pub const ALL: Self = Self {
        has_credential: &|_| true,
        variable: &|_, name| Some(name.to_lowercase().replace('_', "-")),
    };
}

/// Where a row stands, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// The n-th endpoint of a model.
    Model(&'a str, usize),
    /// The n-th endpoint of a provider, in a layer above the built-in one.
    Provider(&'a str, usize),
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(slug, index) => write!(f, "models.{slug}.endpoints[{index}]"),
            Self::Provider(slug, index) => write!(f, "providers.{slug}.endpoints[{index}]"),
        }
    }
}

/// An endpoint's row, with where it stands; `provider` is canonical.
#[derive(Debug, Clone)]
pub(crate) struct Placed<'a> {
    pub(crate) provider: Cow<'a, str>,
    pub(crate) row: Cow<'a, EndpointRow>,
    pub(crate) origin: Origin<'a>,
}

/// Layers merged, before anything is checked. Rows that no layer changes are not copied.
struct Merged<'a> {
    providers: BTreeMap<String, ProviderRow>,
    models: BTreeMap<&'a str, Cow<'a, ModelRow>>,
    /// By model slug.
    endpoints: BTreeMap<Cow<'a, str>, Vec<Placed<'a>>>,
    /// Alias → slug, lower case.
    aliases: BTreeMap<String, &'a str>,
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
    let mut merged = Merged {
        providers: builtin.providers.clone(),
        models: BTreeMap::new(),
        endpoints: BTreeMap::new(),
        aliases: BTreeMap::new(),
        problems: Problems::default(),
    };
    merged.put_models(&builtin.models);
    for layer in overrides {
        merged.put_over(layer);
    }
    let mut problems = merged.problems;
    let mut providers: BTreeMap<&str, Arc<Provider>> = BTreeMap::new();
    for (slug, row) in &merged.providers {
        if let Some(provider) = check::provider::provider(slug, row, access, &mut problems) {
            providers.insert(slug, Arc::new(provider));
        }
    }
    let mut models: Vec<Model> = Vec::with_capacity(merged.endpoints.len());
    let nothing = ModelRow::default();
    let known = Known {
        providers: &providers,
        access,
    };
    for (slug, placed) in &merged.endpoints {
        let row = merged
            .models
            .get(slug.as_ref())
            .map_or(&nothing, |row| row.as_ref());
        models.extend(check::model::models(
            slug,
            row,
            placed,
            known,
            &mut problems,
        ));
    }
    let unserved = |slug: &&str| merged.endpoints.get(*slug).is_none_or(Vec::is_empty);
    for slug in merged.models.keys().copied().filter(unserved) {
        problems.add(format!("models.{slug}"), "no endpoint serves it".to_owned());
    }
    if problems.is_empty() {
        let providers = providers.into_values().collect();
        Ok(Catalog::new(providers, models))
    } else {
        Err(problems.into_sorted())
    }
}

impl<'a> Merged<'a> {
    fn put_over(&mut self, layer: &'a Rows) {
        for (name, row) in &layer.providers {
            let slug = slug_of(&self.providers, name).unwrap_or(name).to_owned();
            let below = self.providers.entry(slug.clone()).or_default();
            if below.slug.is_empty() {
                below.slug.clone_from(&slug);
            }
            merge::provider(below, row);
            for (index, endpoint) in row.endpoints.iter().enumerate() {
                self.put_endpoint(&slug, endpoint, Origin::Provider(name, index));
            }
        }
        self.put_models(&layer.models);
    }

    fn put_models(&mut self, models: &'a BTreeMap<String, ModelRow>) {
        for (slug, row) in models {
            self.put_facts(slug, row);
            let mut placed = Vec::with_capacity(row.endpoints.len());
            for (index, endpoint) in row.endpoints.iter().enumerate() {
                let origin = Origin::Model(slug, index);
                let Some(name) = endpoint.provider.as_deref() else {
                    let message = "which provider serves it is missing".to_owned();
                    self.problems.add(format!("{origin}.provider"), message);
                    continue;
                };
                let provider = match slug_of(&self.providers, name) {
                    Some(slug) if slug != name => Cow::Owned(slug.to_owned()),
                    _ => Cow::Borrowed(name),
                };
                placed.push(Placed {
                    provider,
                    row: Cow::Borrowed(endpoint),
                    origin,
                });
            }
            match self.endpoints.get_mut(slug.as_str()) {
                None => {
                    self.endpoints.insert(Cow::Borrowed(slug), placed);
                }
                Some(below) => {
                    for placed in placed {
                        put(below, placed, &mut self.problems);
                    }
                }
            }
        }
    }

    fn put_facts(&mut self, slug: &'a str, row: &'a ModelRow) {
        for alias in row.aliases.iter().flatten() {
            self.aliases.insert(alias.to_lowercase(), slug);
        }
        match self.models.get_mut(slug) {
            Some(below) => merge::model(below.to_mut(), row),
            None => {
                self.models.insert(slug, Cow::Borrowed(row));
            }
        }
    }

    /// Puts an operator's endpoint over the ones it means, or beside them.
    fn put_endpoint(&mut self, provider: &str, row: &'a EndpointRow, origin: Origin<'a>) {
        let Some(named) = row.model.as_deref() else {
            let message = "which model it serves is missing".to_owned();
            self.problems.add(format!("{origin}.model"), message);
            check::endpoint::alone(row, &origin, &mut self.problems);
            return;
        };
        // `author/name:free` is the endpoint's variant, not another model.
        let (base, row) = match named.split_once(':') {
            None => (named, Cow::Borrowed(row)),
            Some((base, variant)) => {
                let variant = Some(variant.to_owned());
                let row = row.clone();
                (base, Cow::Owned(EndpointRow { variant, ..row }))
            }
        };
        let slug = match self.aliases.get(&base.to_lowercase()) {
            Some(slug) if !self.endpoints.contains_key(base) => slug,
            _ => base,
        };
        let placed = Placed {
            provider: Cow::Owned(provider.to_owned()),
            row,
            origin,
        };
        let below = self.endpoints.entry(Cow::Borrowed(slug)).or_default();
        put(below, placed, &mut self.problems);
    }
}

/// Puts a row over those of the same provider with the same upstream model; without an upstream
/// model, over all of that provider's; else beside them.
fn put<'a>(below: &mut Vec<Placed<'a>>, over: Placed<'a>, problems: &mut Problems) {
    let upstream = over.row.upstream_model.as_deref();
    let mut is_put = false;
    for placed in below
        .iter_mut()
        .filter(|placed| placed.provider == over.provider)
    {
        let same_name = upstream.is_none() || placed.row.upstream_model.as_deref() == upstream;
        let same_variant = over.row.variant.is_none() || placed.row.variant == over.row.variant;
        if same_name && same_variant {
            merge::endpoint(placed.row.to_mut(), &over.row);
            placed.origin = over.origin;
            is_put = true;
        }
    }
    if is_put {
        return;
    }
    if upstream.is_none() {
        let message = "the provider's own name of the model is missing".to_owned();
        problems.add(format!("{}.upstream_model", over.origin), message);
        check::endpoint::alone(&over.row, &over.origin, problems);
        return;
    }
    below.push(over);
}
