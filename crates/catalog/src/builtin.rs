//! The built-in rows: files under `data/`, compiled in and read by the same code as an operator's.

use crate::LoadError;
use crate::authors::AUTHORS;
use crate::rows::{ModelRow, ProviderRow, Rows};

/// `data/providers.toml`: hand-kept, one `[[provider]]` each.
const PROVIDERS: &str = include_str!("../data/providers.toml");

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderFile {
    #[serde(default)]
    provider: Vec<ProviderRow>,
}

/// The built-in rows.
///
/// # Errors
/// When a built-in file does not parse; a test holds that none does.
pub fn builtin() -> Result<Rows, LoadError> {
    let mut rows = Rows {
        providers: providers(PROVIDERS)?,
        ..Rows::default()
    };
    for (file, text) in AUTHORS {
        models(file, text, &mut rows)?;
    }
    Ok(rows)
}

/// Reads the text of a `providers.toml`.
///
/// # Errors
/// When the text is not such a file.
pub fn providers(text: &str) -> Result<std::collections::BTreeMap<String, ProviderRow>, LoadError> {
    let file: ProviderFile =
        toml::from_str(text).map_err(|e| LoadError::new("providers.toml", &e.to_string()))?;
    Ok(file
        .provider
        .into_iter()
        .map(|row| (row.slug.clone(), row))
        .collect())
}

/// Reads the text of a `models/<author>.json` into `rows`.
///
/// # Errors
/// When the text is not such a file.
pub fn models(file: &str, text: &str, rows: &mut Rows) -> Result<(), LoadError> {
    let models: Vec<ModelRow> = serde_json::from_str(text)
        .map_err(|e| LoadError::new(&format!("models/{file}.json"), &e.to_string()))?;
    rows.models
        .extend(models.into_iter().map(|row| (row.slug.clone(), row)));
    Ok(())
}
