//! Catalog: the immutable snapshot of who serves what, swapped whole, and its look-ups.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::endpoint::{Endpoint, Status};
use crate::model::{Model, ModelSlug};
use crate::provider::{Provider, ProviderSlug};
use crate::suggest;

/// Suffixes that change how a model is routed, not which endpoints it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suffix {
    /// `:nitro`: fastest first.
    Nitro,
    /// `:floor`: cheapest first.
    Floor,
    /// `:exacto`: best tool callers first.
    Exacto,
    /// `:online`: with web search.
    Online,
}

impl Suffix {
    /// Reads the word after the colon; `None` when it is not one of them.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "nitro" => Some(Self::Nitro),
            "floor" => Some(Self::Floor),
            "exacto" => Some(Self::Exacto),
            "online" => Some(Self::Online),
            _ => None,
        }
    }
}

/// What a requested slug means.
#[derive(Debug, Clone)]
pub struct Resolved<'a> {
    /// The model.
    pub model: &'a Arc<Model>,
    /// The routing suffixes that were on the slug, in order.
    pub suffixes: Vec<Suffix>,
}

/// The immutable snapshot of who serves what.
#[derive(Debug, Default)]
pub struct Catalog {
    providers: BTreeMap<Box<str>, Arc<Provider>>,
    /// Other slugs and display names in lower case → slug.
    provider_names: BTreeMap<Box<str>, Box<str>>,
    models: BTreeMap<ModelSlug, Arc<Model>>,
    /// Aliases in lower case → slug.
    aliases: BTreeMap<Box<str>, ModelSlug>,
    /// `~author/family-latest` → slug of the newest model of that family.
    latest: BTreeMap<Box<str>, ModelSlug>,
    /// Provider → its own name of a model → the endpoint; the first one where several share a name.
    served: HashMap<ProviderSlug, HashMap<Box<str>, Arc<Endpoint>>>,
}

impl Catalog {
    pub(crate) fn new(providers: Vec<Arc<Provider>>, models: Vec<Model>) -> Self {
        let mut catalog = Self::default();
        for provider in providers {
            let slug: Box<str> = provider.slug.as_str().into();
            let names = provider
                .aliases
                .iter()
                .chain(std::iter::once(&provider.name));
            for name in names {
                let name = name.to_lowercase().into_boxed_str();
                catalog
                    .provider_names
                    .entry(name)
                    .or_insert_with(|| slug.clone());
            }
            catalog.providers.insert(slug, provider);
        }
        for model in models {
            let suffix = model
                .variant
                .as_ref()
                .map_or(String::new(), |variant| format!(":{variant}"));
            let other = model.aliases.iter().map(|alias| format!("{alias}{suffix}"));
            for alias in other.chain([model.slug.to_string(), model.canonical_slug.to_string()]) {
                let alias = alias.to_lowercase().into_boxed_str();
                catalog
                    .aliases
                    .entry(alias)
                    .or_insert_with(|| model.slug.clone());
            }
            catalog.models.insert(model.slug.clone(), Arc::new(model));
        }
        catalog.latest = latest(catalog.models.values());
        for endpoint in catalog.models.values().flat_map(|model| &model.endpoints) {
            let of_provider = catalog.served.entry(endpoint.provider.slug.clone());
            let name = endpoint.upstream_model.clone();
            let known = of_provider.or_default().entry(name);
            known.or_insert_with(|| Arc::clone(endpoint));
        }
        catalog
    }

    /// The provider that goes by `name`: slug, alias or display name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.get(name).or_else(|| {
            let slug = self.provider_names.get(name.to_lowercase().as_str())?;
            self.providers.get(slug)
        })
    }

    /// All providers, by slug.
    pub fn providers(&self) -> impl ExactSizeIterator<Item = &Arc<Provider>> {
        self.providers.values()
    }

    /// The model with exactly this slug (static variants included), or with this alias.
    #[must_use]
    pub fn model(&self, slug: &str) -> Option<&Arc<Model>> {
        self.models.get(slug).or_else(|| {
            let slug = self.aliases.get(slug.to_lowercase().as_str())?;
            self.models.get(slug)
        })
    }

    /// The newest model of a family (`~author/family-latest`), if the name is of that form and the
    /// catalog knows the family.
    fn newest(&self, name: &str) -> Option<&Arc<Model>> {
        if !name.starts_with('~') {
            return None;
        }
        let slug = self.latest.get(name.to_lowercase().as_str())?;
        self.models.get(slug)
    }

    /// What a requested slug means: newest of a family, slug, alias or dated slug, then static
    /// variant, then routing suffixes (`author/name:free:nitro`).
    #[must_use]
    pub fn resolve(&self, requested: &str) -> Option<Resolved<'_>> {
        let mut rest = requested.trim();
        let mut suffixes = Vec::new();
        loop {
            if let Some(model) = self.newest(rest).or_else(|| self.model(rest)) {
                suffixes.reverse();
                return Some(Resolved { model, suffixes });
            }
            let (shorter, word) = rest.rsplit_once(':')?;
            suffixes.push(Suffix::read(word)?);
            rest = shorter;
        }
    }

    /// All models by slug, static variants included.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &Arc<Model>> {
        self.models.values()
    }

    /// The endpoint that a provider serves under its own name of a model.
    #[must_use]
    pub fn served_as(
        &self,
        provider: &ProviderSlug,
        upstream_model: &str,
    ) -> Option<&Arc<Endpoint>> {
        self.served.get(provider)?.get(upstream_model)
    }

    /// How many endpoints there are.
    #[must_use]
    pub fn endpoint_count(&self) -> usize {
        self.models().map(|model| model.endpoints.len()).sum()
    }

    /// The slugs that an unknown one probably meant, nearest first; at most three.
    #[must_use]
    pub fn suggest(&self, unknown: &str) -> Vec<ModelSlug> {
        let known = self.models.keys().map(ModelSlug::as_str);
        suggest::nearest(unknown, known)
            .into_iter()
            .map(ModelSlug::new)
            .collect()
    }
}

/// The newest model of each family: one that is asked with messages, neither a variant nor itself an
/// alias, not about to go away; one that can be used here before one that cannot. Section 12.3 of
/// the digest.
fn latest<'a>(models: impl Iterator<Item = &'a Arc<Model>>) -> BTreeMap<Box<str>, ModelSlug> {
    let mut newest: BTreeMap<Box<str>, &Arc<Model>> = BTreeMap::new();
    let age = |model: &Model| {
        let usable = model.endpoints.iter().any(|e| e.provider.is_enabled());
        (usable, model.created)
    };
    for model in models {
        let Some(family) = model.family.as_deref() else {
            continue;
        };
        let is_plain = model.variant.is_none() && !model.is_moving_alias;
        let is_staying = model.retirement.is_none()
            && model.endpoints.iter().any(|e| e.status == Status::Stable);
        let author = model.author();
        if !is_plain || !is_staying || !model.kind.takes_messages() || author.starts_with('~') {
            continue;
        }
        let name = format!("~{author}/{family}-latest").to_lowercase();
        let known = newest.entry(name.into()).or_insert(model);
        if age(model) > age(known) {
            *known = model;
        }
    }
    let slugs = newest.into_iter();
    slugs
        .map(|(name, model)| (name, model.slug.clone()))
        .collect()
}
