//! Names: from a provider's own model id to our slug, and from marks in it to a tag.

use std::collections::{BTreeMap, BTreeSet};

use crate::rows::{EndpointRow, Rows};

/// Words at the end of a model id that say how it is served, not what it is.
const SERVING_WORDS: &[&str] = &[
    "fp4", "nvfp4", "mxfp4", "fp8", "int4", "int8", "bf16", "fp16", "awq", "gguf", "turbo", "fast",
    "tee", "maas", "free", "thinking",
];

/// Static variants: such an endpoint is another thing to ask for, not another place to ask.
const VARIANTS: &[(&str, &str)] = &[
    ("free", "free"),
    ("thinking", "thinking"),
    ("extended", "extended"),
    ("web", "online"),
    ("nothinking", "non-thinking"),
    ("non-reasoning", "non-thinking"),
];

/// Marks that tell a caller nothing: parts of a host's naming.
const UNTOLD: &[&str] = &[
    "hf",
    "instant",
    "maas",
    "paddle",
    "reasoning",
    "router",
    "versatile",
];

/// Quantizations as rows name them.
pub(crate) const QUANTIZATIONS: &[&str] = &[
    "int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32",
];

/// Writes what the marks of an offer say into its row. `false` when the offer is only a preset of
/// another one (a fixed reasoning effort or budget) and therefore no endpoint.
pub(super) fn apply_marks(marks: &[String], row: &mut EndpointRow) -> bool {
    let mut tag = Vec::new();
    for mark in marks {
        let mark = mark.as_str();
        if mark.starts_with("effort:") || is_preset(mark) {
            return false;
        }
        if let Some((_, variant)) = VARIANTS.iter().find(|(word, _)| *word == mark) {
            row.variant = Some((*variant).to_owned());
        } else if let Some(region) = mark.strip_prefix("region:") {
            row.region = Some(region.to_owned());
            tag.push(region);
        } else if matches!(mark, "flex" | "priority") {
            row.tier = Some(mark.to_owned());
            tag.push(mark);
        } else if QUANTIZATIONS.contains(&mark) {
            row.quantization = Some(quantization(mark, row.upstream_model.as_deref()));
        } else if !UNTOLD.contains(&mark) {
            tag.push(mark);
        }
    }
    if !tag.is_empty() {
        row.tag = Some(tag.join("-"));
    }
    true
}

/// A fixed reasoning effort or budget: a setting of an endpoint, not an endpoint.
fn is_preset(word: &str) -> bool {
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    is_number || matches!(word, "low" | "medium" | "high" | "xhigh" | "max")
}

/// `NVFP4` and `MXFP4` are both published as "fp4"; the id tells them apart.
fn quantization(mark: &str, upstream_model: Option<&str>) -> String {
    let id = upstream_model.unwrap_or_default().to_ascii_lowercase();
    for precise in ["nvfp4", "mxfp4", "mxfp8"] {
        if precise.ends_with(mark) && id.contains(precise) {
            return precise.to_owned();
        }
    }
    mark.to_owned()
}

/// Makes the tags of one model's endpoints distinct: where two would be the same, the later ones
/// (by the provider's model name) are called after that name.
pub(super) fn separate_tags(endpoints: &mut [EndpointRow]) {
    let mut taken = BTreeSet::new();
    for row in endpoints {
        let key = |tag: Option<&str>| {
            let suffix = tag.or(row.quantization.as_deref()).unwrap_or("");
            let provider = row.provider.clone().unwrap_or_default();
            (row.variant.clone(), provider, suffix.to_owned())
        };
        if taken.insert(key(row.tag.as_deref())) {
            continue;
        }
        let name = tag_word(row.upstream_model.as_deref().unwrap_or_default());
        let mut tag = name.clone();
        let mut number = 2;
        while !taken.insert(key(Some(&tag))) {
            tag = format!("{name}-{number}");
            number += 1;
        }
        row.tag = Some(tag);
    }
}

/// The last part of a provider's model name, in the characters a tag may have.
fn tag_word(upstream_model: &str) -> String {
    let last = upstream_model.rsplit('/').next().unwrap_or_default();
    let word: String = last
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let word = word.trim_matches('-');
    if word.is_empty() {
        "other".to_owned()
    } else {
        word.to_owned()
    }
}

/// Finds the model that a provider's own id means, in a catalog that is already there.
pub(super) struct Matcher {
    /// (provider, upstream model) → slug.
    served: BTreeMap<(String, String), String>,
    /// Normalised slug, alias or weights repository → slug.
    named: BTreeMap<String, String>,
    /// Normalised name without its author → slug; `None` when several authors have it.
    short: BTreeMap<String, Option<String>>,
}

impl Matcher {
    pub(super) fn new(base: &Rows) -> Self {
        let mut matcher = Self {
            served: BTreeMap::new(),
            named: BTreeMap::new(),
            short: BTreeMap::new(),
        };
        for (slug, model) in &base.models {
            matcher.name(slug, slug);
            for alias in model.aliases.iter().flatten() {
                matcher.name(alias, slug);
            }
            if let Some(id) = &model.hugging_face_id {
                matcher.name(id, slug);
            }
            for row in &model.endpoints {
                if let (Some(provider), Some(upstream)) = (&row.provider, &row.upstream_model) {
                    let key = (provider.clone(), upstream.clone());
                    matcher.served.insert(key, slug.clone());
                }
            }
        }
        matcher
    }

    fn name(&mut self, name: &str, slug: &str) {
        let name = normal(name);
        if let Some((_, short)) = name.rsplit_once('/') {
            let entry = self.short.entry(short.to_owned());
            let known = entry.or_insert_with(|| Some(slug.to_owned()));
            if known.as_deref().is_some_and(|known| known != slug) {
                *known = None;
            }
        }
        self.named.entry(name).or_insert_with(|| slug.to_owned());
    }

    /// The slug of the model that this provider calls `id`, and the marks in the id that say how
    /// it is served. A model nobody knows yet gets a slug made from the id.
    pub(super) fn find(&self, provider: &str, id: &str) -> (String, Vec<String>) {
        if let Some(slug) = self.served.get(&(provider.to_owned(), id.to_owned())) {
            return (slug.clone(), Vec::new());
        }
        let mut name = normal(id);
        let mut marks = Vec::new();
        loop {
            if let Some(slug) = self.known(&name) {
                return (slug, marks);
            }
            let Some((rest, word)) = name.rsplit_once(['-', ':']) else {
                break;
            };
            let is_date = word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit());
            let is_preset = name[rest.len()..].starts_with(':') && is_preset(word);
            if !is_date && !is_preset && !SERVING_WORDS.contains(&word) {
                break;
            }
            if !is_date {
                marks.push(word.to_owned());
            }
            name = rest.to_owned();
        }
        let (name, marks) = match normal(id).split_once(':') {
            Some((name, mark)) => (name.to_owned(), vec![mark.to_owned()]),
            None => (normal(id), Vec::new()),
        };
        let slug = match name.split_once('/') {
            Some((author, rest)) if !rest.contains('/') && !author.is_empty() => name.clone(),
            _ => format!("{provider}/{}", name.rsplit('/').next().unwrap_or(&name)),
        };
        (slug, marks)
    }

    fn known(&self, name: &str) -> Option<String> {
        if let Some(slug) = self.named.get(name) {
            return Some(slug.clone());
        }
        let short = name.rsplit('/').next()?;
        self.short.get(short).cloned().flatten()
    }
}

/// Lower case, without the decoration that hosts put around a name.
fn normal(id: &str) -> String {
    let mut name = id.to_ascii_lowercase().replace(' ', "-");
    for prefix in [
        "accounts/fireworks/models/",
        "workers-ai/",
        "@cf/",
        "hf:",
        "tee/",
        "pro/",
    ] {
        if let Some(rest) = name.strip_prefix(prefix) {
            name = rest.to_owned();
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ModelRow;

    fn base() -> Rows {
        let mut rows = Rows::default();
        for (slug, aliases, upstream) in [
            ("openai/gpt-4o", vec!["openai/gpt-4o-2024-08-06"], "gpt-4o"),
            (
                "meta-llama/llama-3.3-70b-instruct",
                vec![],
                "llama-3.3-70b-versatile",
            ),
        ] {
            let endpoint = EndpointRow {
                provider: Some("groq".into()),
                upstream_model: Some(upstream.into()),
                ..EndpointRow::default()
            };
            let model = ModelRow {
                slug: slug.into(),
                aliases: Some(aliases.into_iter().map(str::to_owned).collect()),
                endpoints: vec![endpoint],
                ..ModelRow::default()
            };
            rows.models.insert(slug.into(), model);
        }
        rows
    }

    #[test]
    fn a_providers_own_id_finds_its_model() {
        let matcher = Matcher::new(&base());
        // provider, id → slug, marks
        for (provider, id, slug, marks) in [
            (
                "groq",
                "llama-3.3-70b-versatile",
                "meta-llama/llama-3.3-70b-instruct",
                "",
            ),
            ("x", "openai/GPT-4o", "openai/gpt-4o", ""),
            ("x", "openai/gpt-4o-2024-08-06", "openai/gpt-4o", ""),
            ("x", "gpt-4o-20240806", "openai/gpt-4o", ""),
            (
                "x",
                "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
                "meta-llama/llama-3.3-70b-instruct",
                "fast fp8",
            ),
            (
                "x",
                "Llama-3.3-70B-Instruct:free",
                "meta-llama/llama-3.3-70b-instruct",
                "free",
            ),
            (
                "x",
                "openai/gpt-4o:thinking:low",
                "openai/gpt-4o",
                "low thinking",
            ),
            ("x", "acme/new-model", "acme/new-model", ""),
            ("x", "new-model", "x/new-model", ""),
            ("x", "acme/new-model:free", "acme/new-model", "free"),
        ] {
            let (found, found_marks) = matcher.find(provider, id);
            assert_eq!(
                (found.as_str(), found_marks.join(" ")),
                (slug, marks.to_owned()),
                "{id}"
            );
        }
    }

    #[test]
    fn tags_are_made_distinct_by_the_providers_name() {
        let row = |upstream: &str| EndpointRow {
            provider: Some("p".into()),
            upstream_model: Some(upstream.into()),
            ..EndpointRow::default()
        };
        let mut rows = [row("a/Model"), row("a/Model_Big"), row("b/model-big")];
        separate_tags(&mut rows);
        let tags: Vec<Option<&str>> = rows.iter().map(|row| row.tag.as_deref()).collect();
        assert_eq!(tags, [None, Some("model-big"), Some("model-big-2")]);
    }
}
