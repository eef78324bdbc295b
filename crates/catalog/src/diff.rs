//! What changed between two sets of rows, for people and for counting.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::rows::{AbilitiesRow, EndpointRow, PriceRow, Rows};

/// What changed between two sets of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Slugs of providers that are new.
    pub added_providers: Vec<String>,
    /// Slugs of providers that are gone.
    pub removed_providers: Vec<String>,
    /// Slugs of models that are new.
    pub added_models: Vec<String>,
    /// Slugs of models that are gone.
    pub removed_models: Vec<String>,
    /// New endpoints of models that were there before.
    pub added_endpoints: Vec<EndpointName>,
    /// Gone endpoints of models that are still there.
    pub removed_endpoints: Vec<EndpointName>,
    /// What is different about endpoints that are in both.
    pub changes: Vec<Change>,
}

/// Names an endpoint for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointName {
    /// Slug of the model.
    pub model: String,
    /// Slug of the provider.
    pub provider: String,
    /// The provider's own name of the model.
    pub upstream_model: String,
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {} ({})",
            self.model, self.provider, self.upstream_model
        )
    }
}

/// One field of one endpoint that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The field: `price.input`, `context_length`, …
    pub field: String,
    /// Before; `None` when it was not stated.
    pub before: Option<String>,
    /// After; `None` when it is not stated any more.
    pub after: Option<String>,
}

impl Difference {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many prices are different.
    #[must_use]
    pub fn price_changes(&self) -> usize {
        let is_price = |change: &&Change| change.field.starts_with("price");
        self.changes.iter().filter(is_price).count()
    }

    /// The counts, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let prices = self.price_changes();
        format!(
            "models +{} -{}, endpoints +{} -{}, providers +{} -{}, {prices} prices and {} limits or abilities changed",
            self.added_models.len(),
            self.removed_models.len(),
            self.added_endpoints.len(),
            self.removed_endpoints.len(),
            self.added_providers.len(),
            self.removed_providers.len(),
            self.changes.len() - prices,
        )
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sign, what, names) in [
            ('+', "provider", &self.added_providers),
            ('-', "provider", &self.removed_providers),
            ('+', "model", &self.added_models),
            ('-', "model", &self.removed_models),
        ] {
            for name in names {
                writeln!(f, "{sign} {what} {name}")?;
            }
        }
        for (sign, names) in [('+', &self.added_endpoints), ('-', &self.removed_endpoints)] {
            for name in names {
                writeln!(f, "{sign} endpoint {name}")?;
            }
        }
        for change in &self.changes {
            let text = |side: &Option<String>| side.clone().unwrap_or_else(|| "unknown".to_owned());
            let (before, after) = (text(&change.before), text(&change.after));
            writeln!(
                f,
                "~ {}: {} {before} -> {after}",
                change.endpoint, change.field
            )?;
        }
        writeln!(f, "{}", self.summary())
    }
}

/// What is different in `after`.
#[must_use]
pub fn diff(before: &Rows, after: &Rows) -> Difference {
    let mut difference = Difference::default();
    (difference.added_providers, difference.removed_providers) =
        keys(&before.providers, &after.providers);
    (difference.added_models, difference.removed_models) = keys(&before.models, &after.models);
    for (slug, old) in &before.models {
        let Some(new) = after.models.get(slug) else {
            continue;
        };
        let (old_abilities, new_abilities) = (old.abilities(), new.abilities());
        let (old, new) = (named(slug, &old.endpoints), named(slug, &new.endpoints));
        for (name, row) in &old {
            match new.get(name) {
                None => difference.removed_endpoints.push(name.clone()),
                Some(other) => {
                    let was = fields(row, &old_abilities);
                    let is = fields(other, &new_abilities);
                    changes(name, &was, &is, &mut difference.changes);
                }
            }
        }
        let added = new.keys().filter(|name| !old.contains_key(name));
        difference.added_endpoints.extend(added.cloned());
    }
    difference
}

fn keys<T>(
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
) -> (Vec<String>, Vec<String>) {
    let only = |a: &BTreeMap<String, T>, b: &BTreeMap<String, T>| {
        a.keys()
            .filter(|key| !b.contains_key(*key))
            .cloned()
            .collect()
    };
    (only(after, before), only(before, after))
}

fn named<'a>(slug: &str, rows: &'a [EndpointRow]) -> BTreeMap<EndpointName, &'a EndpointRow> {
    let name = |row: &EndpointRow| EndpointName {
        model: slug.to_owned(),
        provider: row.provider.clone().unwrap_or_default(),
        upstream_model: row.upstream_model.clone().unwrap_or_default(),
    };
    rows.iter().map(|row| (name(row), row)).collect()
}

type Fields = BTreeMap<String, String>;

/// What a person would want to know of an endpoint, as text.
fn fields(row: &EndpointRow, model: &AbilitiesRow) -> Fields {
    let able = crate::abilities::completed(row.abilities(), model);
    let mut fields = Fields::new();
    let mut put = |field: &str, value: Option<String>| {
        if let Some(value) = value {
            fields.insert(field.to_owned(), value);
        }
    };
    put("context_length", able.context_length.map(|n| n.to_string()));
    put(
        "max_prompt_tokens",
        able.max_prompt_tokens.map(|n| n.to_string()),
    );
    put(
        "max_completion_tokens",
        able.max_completion_tokens.map(|n| n.to_string()),
    );
    put("tools", able.tools.map(|is| is.to_string()));
    put(
        "structured_outputs",
        able.structured_outputs.map(|is| is.to_string()),
    );
    put("reasoning", able.reasoning.map(|is| is.to_string()));
    put("input", able.input.map(|kinds| kinds.join("+")));
    put("output", able.output.map(|kinds| kinds.join("+")));
    put("status", row.status.clone());
    if let Some(price) = &row.price {
        prices(price, &mut fields);
    }
    fields
}

fn prices(price: &PriceRow, fields: &mut Fields) {
    for (unit, text) in &price.prices {
        fields.insert(format!("price.{}", unit.name()), text.to_string());
    }
    for tier in &price.tiers {
        let above = tier.above_prompt_tokens.unwrap_or(0);
        for (unit, text) in &tier.prices {
            fields.insert(
                format!("price above {above}.{}", unit.name()),
                text.to_string(),
            );
        }
    }
}

fn changes(name: &EndpointName, before: &Fields, after: &Fields, changes: &mut Vec<Change>) {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for field in all {
        let (was, is) = (before.get(field), after.get(field));
        if was != is {
            changes.push(Change {
                endpoint: name.clone(),
                field: field.clone(),
                before: was.cloned(),
                after: is.cloned(),
            });
        }
    }
}
