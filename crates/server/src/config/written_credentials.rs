//! `credential` and `credentials` of a provider's section: as they were written, each with its label.

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;

use super::document::Table;
use super::reader::Reader;
use super::secret::Written;

/// One of a provider's credentials, as it was written.
#[derive(Debug, Clone)]
pub struct WrittenCredential {
    /// What records and `waybill check` call it: as it says, else where it comes from (`env:NAME`,
    /// `file:PATH`), else its place (`#2`). Never any of its text.
    pub label: String,
    /// How much of the traffic it takes beside the others.
    pub weight: u32,
    /// Where it stands in the configuration.
    pub path: String,
    /// `env:NAME`, `file:PATH` or the secret itself.
    pub written: Written,
}

/// A row of `credentials`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    credential: String,
    weight: Option<u32>,
    label: Option<String>,
}

/// The most that one may weigh.
const WEIGHT_MAX: u32 = 1000;

const EXPECTED: &str = "expected text: \"env:NAME\", \"file:PATH\" or the secret itself";

/// Takes both members out of a provider's table: `credential` is the first, with weight 1. `None`
/// where neither is there; an empty list switches the provider off.
pub(super) fn read(
    path: &str,
    table: &mut Table<'_>,
    reader: &mut Reader<'_>,
) -> Option<Vec<WrittenCredential>> {
    let (single, list) = (table.remove("credential"), table.remove("credentials"));
    if single.is_none() && list.is_none() {
        return None;
    }
    let mut all = Vec::new();
    if let Some(value) = single {
        let path = format!("{path}.credential");
        match value.get_ref() {
            DeValue::String(text) => all.push(WrittenCredential {
                label: label(text, 1),
                weight: 1,
                path,
                written: Written::new(text),
            }),
            _ => reader.report(&value.span(), path, EXPECTED),
        }
    }
    let Some(value) = list else {
        return Some(all);
    };
    let path = format!("{path}.credentials");
    let span = value.span();
    let DeValue::Array(rows) = value.into_inner() else {
        reader.report(
            &span,
            path,
            "expected a list of { credential, weight, label }",
        );
        return Some(all);
    };
    for (index, row) in rows.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        let span = row.span();
        match one(row, (path.clone(), all.len() + 1)) {
            Ok(one) if all.iter().all(|other| other.label != one.label) => all.push(one),
            Ok(one) => {
                let message = format!("another credential is called \"{}\" already", one.label);
                reader.report(&span, path, &message);
            }
            Err(message) => reader.report(&span, path, &message),
        }
    }
    Some(all)
}

fn one(
    row: Spanned<DeValue<'_>>,
    (path, number): (String, usize),
) -> Result<WrittenCredential, String> {
    let span = row.span();
    let DeValue::Table(table) = row.into_inner() else {
        return Err("expected { credential = …, weight = … }".to_owned());
    };
    let row = Row::deserialize(toml::de::Deserializer::from(Spanned::new(span, table)))
        .map_err(|error| error.message().trim().to_owned())?;
    let weight = row.weight.unwrap_or(1);
    if !(1..=WEIGHT_MAX).contains(&weight) {
        return Err(format!("a weight is a number from 1 to {WEIGHT_MAX}"));
    }
    Ok(WrittenCredential {
        label: row.label.unwrap_or_else(|| label(&row.credential, number)),
        weight,
        path,
        written: Written::new(&row.credential),
    })
}

/// What a credential is called that says nothing of it: where it comes from, else its place.
fn label(text: &str, number: usize) -> String {
    if text.starts_with("env:") || text.starts_with("file:") {
        return text.to_owned();
    }
    format!("#{number}")
}
