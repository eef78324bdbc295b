//! Rows → the text of the built-in files: sorted, one row per line, so that diffs are small.

use std::collections::BTreeMap;

use crate::rows::{EndpointRow, ModelRow, ProviderRow, Rows};

/// A file of the built-in catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the crate.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// The files for the models in `rows`: one per author, and the list that compiles them in.
///
/// # Errors
/// Never for rows that were read; the signature is that of the JSON writer.
pub fn files(rows: &Rows) -> Result<Vec<File>, serde_json::Error> {
    let mut authors: BTreeMap<&str, Vec<&ModelRow>> = BTreeMap::new();
    for model in rows.models.values() {
        let author = model.slug.split('/').next().unwrap_or_default();
        let author = author.trim_start_matches('~');
        authors.entry(author).or_default().push(model);
    }
    let mut files = vec![list(authors.keys())];
    for (author, models) in authors {
        let models: Result<Vec<String>, _> = models.into_iter().map(model_text).collect();
        files.push(File {
            path: format!("data/models/{author}.json"),
            text: format!("[\n{}\n]\n", models?.join(",\n")),
        });
    }
    Ok(files)
}

fn model_text(model: &ModelRow) -> Result<String, serde_json::Error> {
    let alone = ModelRow {
        endpoints: Vec::new(),
        ..model.clone()
    };
    let head = serde_json::to_string(&alone)?;
    let endpoints: Result<Vec<String>, _> = model
        .endpoints
        .iter()
        .map(|row: &EndpointRow| serde_json::to_string(row))
        .collect();
    let head = head.strip_suffix('}').unwrap_or(&head);
    Ok(format!(
        "{head},\"endpoints\":[\n  {}\n]}}",
        endpoints?.join(",\n  ")
    ))
}

fn list<'a>(authors: impl Iterator<Item = &'a &'a str>) -> File {
    let mut text = String::from(
        "//! The list of built-in model files, one per author. Written by `scripts/derive-catalog`.\n\n\
         /// Author and text of each file.\n\
         #[rustfmt::skip]\n\
         pub(crate) const AUTHORS: &[(&str, &str)] = &[\n",
    );
    for author in authors {
        text.push_str(&format!(
            "    (\"{author}\", include_str!(\"../data/models/{author}.json\")),\n"
        ));
    }
    text.push_str("];\n");
    File {
        path: "src/authors.rs".to_owned(),
        text,
    }
}

/// A provider's row as it stands in `providers.toml`: a new one is appended there, and kept by
/// hand from then on.
#[must_use]
pub fn provider_text(row: &ProviderRow) -> String {
    let list = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        format!("[{}]", names.join(", "))
    };
    let mut text = format!("\n[[provider]]\nslug = \"{}\"\n", row.slug);
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{key} = {value}\n"));
        }
    };
    let quoted = |value: &Option<String>| value.as_ref().map(|value| format!("{value:?}"));
    line("aliases", row.aliases.as_deref().map(list));
    line("name", quoted(&row.name));
    line("kind", quoted(&row.kind));
    line("base_url", quoted(&row.base_url));
    line("dialects", row.dialects.as_deref().map(list));
    line("auth", quoted(&row.auth));
    let env = row.env.as_ref().map(|env| match env.as_slice() {
        [one] => format!("\"{one}\""),
        many => list(many),
    });
    line("env", env);
    line("docs", quoted(&row.docs));
    text
}
