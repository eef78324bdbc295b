//! What to name in examples: a model that works here, or one that people know.

use std::sync::Arc;

use catalog::{Catalog, Model, Provider};
use chat::Dialect;

/// The models that can be talked to with the credentials there are.
pub(crate) fn usable(catalog: &Catalog) -> impl Iterator<Item = &Arc<Model>> {
    catalog
        .models()
        .filter(|model| model.kind.takes_messages() && model.is_served(&[Dialect::OpenaiChat]))
}

/// The cheapest of some models; those without a known price, and variants, last.
pub(crate) fn cheapest<'a>(models: impl Iterator<Item = &'a Arc<Model>>) -> Option<&'a Arc<Model>> {
    models.min_by_key(|model| {
        let prices = model
            .top_endpoint()
            .and_then(|endpoint| endpoint.known_prices());
        let output = prices.and_then(|prices| prices.get(chat::Unit::Output));
        (
            !model.kind.takes_messages(),
            model.variant.is_some(),
            output.is_none(),
            output,
        )
    })
}

/// Providers that serve models of their own, those with the most of them first.
pub(crate) fn well_known(catalog: &Catalog) -> Vec<&Arc<Provider>> {
    let own = |provider: &Provider| {
        let author = provider.slug.as_str();
        let models = catalog.models();
        models.filter(|model| model.author() == author).count()
    };
    let mut ranked: Vec<_> = catalog
        .providers()
        .filter(|provider| !provider.env.is_empty())
        .map(|provider| (own(provider), provider))
        .filter(|(models, _)| *models > 0)
        .collect();
    ranked.sort_by_key(|(models, _)| std::cmp::Reverse(*models));
    ranked.into_iter().map(|(_, provider)| provider).collect()
}
