//! A model's row, checked, with its endpoints; one model per static variant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chat::Modalities;

use super::{At, Known, OneOf, Problems, boxed, endpoint, modalities};
use crate::endpoint::Endpoint;
use crate::load::Placed;
use crate::model::{Model, ModelKind, ModelSlug, Reasoning, Retirement, unix_seconds};
use crate::rows::{ModelRow, ReasoningRow};

/// Checks a model's row and those of its endpoints; one model per static variant.
pub(crate) fn models(
    slug: &str,
    row: &ModelRow,
    placed: &[Placed<'_>],
    known: Known<'_>,
    problems: &mut Problems,
) -> Vec<Model> {
    let path = format!("models.{slug}");
    if !is_model_slug(slug) {
        let message = format!("\"{slug}\" is no model slug: author/name is needed");
        let at = placed
            .first()
            .map_or(path.clone(), |placed| format!("{}.model", placed.origin));
        problems.add(at, message);
        for placed in placed {
            endpoint::alone(&placed.row, &placed.origin, problems);
        }
        return Vec::new();
    }
    let facts = model(slug, row, problems);
    let stated = row.abilities();
    let mut by_variant: BTreeMap<Option<&str>, Vec<Arc<Endpoint>>> = BTreeMap::new();
    let mut tags = BTreeSet::new();
    for placed in placed {
        let variant = placed.row.variant.as_deref();
        let Some(mut endpoint) = endpoint::endpoint((slug, &stated), placed, known, problems)
        else {
            continue;
        };
        endpoint.distillable = endpoint.distillable.or(row.distillable);
        if !tags.insert((variant, endpoint.tag.clone())) {
            let message = format!(
                "another endpoint of this model has the tag \"{}\"",
                endpoint.tag
            );
            problems.add(format!("{}.tag", placed.origin), message);
            continue;
        }
        by_variant
            .entry(variant)
            .or_default()
            .push(Arc::new(endpoint));
    }
    let mut made = Vec::with_capacity(by_variant.len());
    for (variant, mut endpoints) in by_variant {
        endpoints.sort_by(|a, b| a.tag.cmp(&b.tag));
        let mut model = facts.clone();
        model.endpoints = endpoints;
        if let Some(variant) = variant {
            model.slug = ModelSlug::new(&format!("{slug}:{variant}"));
            model.canonical_slug = ModelSlug::new(&format!("{}:{variant}", facts.canonical_slug));
            model.name = format!("{} ({variant})", facts.name).into();
            model.variant = Some(variant.into());
        }
        complete(&mut model);
        made.push(model);
    }
    made
}

/// A model that nobody describes is what its endpoints say.
fn complete(model: &mut Model) {
    let union = |sets: &mut dyn Iterator<Item = Modalities>| -> Modalities {
        sets.flat_map(Modalities::iter).collect()
    };
    if model.input.is_empty() {
        model.input = union(&mut model.endpoints.iter().map(|e| e.input));
    }
    if model.output.is_empty() {
        model.output = union(&mut model.endpoints.iter().map(|e| e.output));
    }
}

fn model(slug: &str, row: &ModelRow, problems: &mut Problems) -> Model {
    let path = format!("models.{slug}");
    let kind = row.kind.as_deref().and_then(|text| {
        let known: Vec<&str> = ModelKind::names().collect();
        problems.word(
            format!("{path}.kind"),
            text,
            ModelKind::read(text),
            OneOf(&known),
        )
    });
    let created = row.released.as_deref().and_then(|date| {
        let seconds = unix_seconds(date);
        problems.word(
            format!("{path}.released"),
            date,
            seconds,
            "YYYY-MM-DD and YYYY-MM",
        )
    });
    let short = slug.rsplit('/').next().unwrap_or(slug);
    Model {
        slug: ModelSlug::new(slug),
        canonical_slug: ModelSlug::new(dated_alias(slug, row).unwrap_or(slug)),
        name: row.name.as_deref().unwrap_or(short).into(),
        kind: kind.unwrap_or(ModelKind::Chat),
        variant: None,
        aliases: boxed(row.aliases.as_deref()),
        is_moving_alias: row.moving_alias == Some(true),
        family: row.family.as_deref().map(Into::into),
        created: created.unwrap_or(0),
        knowledge_cutoff: row.knowledge_cutoff.as_deref().map(Into::into),
        has_open_weights: row.open_weights == Some(true),
        hugging_face_id: row.hugging_face_id.as_deref().map(Into::into),
        retirement: retirement(&path, row, problems),
        input: modalities(At(&path, "input"), row.input.as_deref(), problems),
        output: modalities(At(&path, "output"), row.output.as_deref(), problems),
        context_length: row.context_length,
        reasoning: (row.reasoning == Some(true)).then(|| reasoning(row.reasoning_options.as_ref())),
        endpoints: Vec::new(),
    }
}

fn retirement(path: &str, row: &ModelRow, problems: &mut Problems) -> Option<Retirement> {
    let date = row.retires.as_deref()?;
    let at = problems.word(
        format!("{path}.retires"),
        date,
        unix_seconds(date),
        "YYYY-MM-DD and YYYY-MM",
    )?;
    Some(Retirement {
        at,
        successor: row.successor.as_deref().map(ModelSlug::new),
        redirects: row.redirects == Some(true),
    })
}

/// The first alias (in text order) of the same author that ends in a date.
fn dated_alias<'a>(slug: &str, row: &'a ModelRow) -> Option<&'a str> {
    let author = slug.split_once('/')?.0;
    let is_dated = |alias: &str| {
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        let bytes = alias.as_bytes();
        let compact = bytes.len() > 9 && digits(&alias[alias.len() - 8..]) == 8;
        let spelled = bytes.len() > 11
            && bytes[alias.len() - 3] == b'-'
            && bytes[alias.len() - 6] == b'-'
            && digits(&alias[alias.len() - 10..]) == 8;
        compact || spelled
    };
    let of_author = |alias: &&str| {
        alias
            .split_once('/')
            .is_some_and(|(name, _)| name == author)
    };
    let aliases = row.aliases.iter().flatten().map(String::as_str);
    aliases
        .filter(of_author)
        .filter(|alias| alias.is_ascii() && is_dated(alias))
        .min()
}

fn reasoning(row: Option<&ReasoningRow>) -> Reasoning {
    const STRONGEST_FIRST: [&str; 7] = ["max", "xhigh", "high", "medium", "low", "minimal", "none"];
    let Some(row) = row else {
        return Reasoning::default();
    };
    let known = STRONGEST_FIRST.into_iter();
    Reasoning {
        efforts: known
            .filter(|e| row.efforts.iter().any(|own| own == e))
            .map(Into::into)
            .collect(),
        toggle: row.toggle,
        budget: row.budget,
        budget_min: row.budget_min,
        budget_max: row.budget_max,
    }
}

/// `author/name`; the characters of URLs, but no `:` and no `@`, which mean something else.
fn is_model_slug(text: &str) -> bool {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/' | b'+');
    text.split_once('/')
        .is_some_and(|(author, name)| !author.is_empty() && !name.is_empty())
        && text.bytes().all(allowed)
}
