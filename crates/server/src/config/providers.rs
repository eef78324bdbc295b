//! `[providers.*]`: rows of the catalog's own form, each read to its last mistake.
//!
//! A row is deserialized again and again, without the value that was wrong, until no mistake is
//! left to report: so ten mistakes in one table are ten lines of `waybill check`.

use std::collections::BTreeMap;
use std::ops::Range;

use catalog::rows::{ProviderRow, Rows};
use catalog::{Auth, LoadError};
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeValue};
use wire::Quirk;

use super::document::{Places, Table};
use super::problem::{Place, Problem};
use super::reader::Reader;
use super::written_credentials::{self as credentials, WrittenCredential};

/// What a configuration says about providers.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    /// The rows, as a layer over the built-in ones.
    pub rows: Rows,
    /// Credentials as they were written, by provider slug.
    pub credentials: BTreeMap<String, Vec<WrittenCredential>>,
    /// Where each value was written, by path: `providers.my-vllm.endpoints[2].price.input`.
    places: BTreeMap<String, Place>,
}

/// No table holds more mistakes than this; a guard against going round in circles.
const MISTAKES_MAX: usize = 100;

impl Providers {
    /// Where a path, or the longest part of it that was written, stands.
    #[must_use]
    pub fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return place.clone();
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return Place::Whole,
            }
        }
    }
}

/// Reads `[providers.*]`.
pub(super) fn providers(reader: &mut Reader<'_>) -> Providers {
    let mut found = Providers::default();
    let table = reader.table("providers");
    for (slug, value) in table {
        let path = format!("providers.{}", slug.get_ref());
        let DeValue::Table(mut table) = value.into_inner() else {
            reader.report(
                &slug.span(),
                path,
                "is a section: write it as [providers.SLUG]",
            );
            continue;
        };
        found
            .places
            .insert(path.clone(), reader.places().find(&slug.span()));
        note_places(&path, &table, reader.places(), &mut found.places);
        if let Some(credentials) = credentials::read(&path, &mut table, reader) {
            found
                .credentials
                .insert(slug.get_ref().to_string(), credentials);
        }
        read_variables(&mut table, reader.places());
        let mut row = read_row(&path, Spanned::new(slug.span(), table), reader);
        if !row.slug.is_empty() && row.slug != slug.get_ref().as_ref() {
            let message = "the name of the section is the slug; leave this out";
            reader.report(&slug.span(), format!("{path}.slug"), message);
        }
        row.slug = slug.get_ref().to_string();
        found.rows.providers.insert(row.slug.clone(), row);
    }
    found
}

/// Text from variables becomes a number or a truth value where it looks like one: rows have no
/// texts that do.
fn read_variables(table: &mut Table<'_>, places: &Places) {
    for (_, value) in table.iter_mut() {
        let is_variable = places.variable(&value.span()).is_some();
        match value.get_mut() {
            DeValue::Table(inner) => read_variables(inner, places),
            DeValue::String(text) if is_variable => {
                let parsed = DeValue::parse(text).map(Spanned::into_inner);
                let is_scalar = |v: &DeValue<'_>| v.is_integer() || v.is_bool();
                if let Some(DeValue::Boolean(flag)) = parsed.as_ref().ok().filter(|v| is_scalar(v))
                {
                    *value.get_mut() = DeValue::Boolean(*flag);
                }
            }
            _ => {}
        }
    }
}

fn read_row(path: &str, mut table: Spanned<Table<'_>>, reader: &mut Reader<'_>) -> ProviderRow {
    for _ in 0..MISTAKES_MAX {
        let error = match ProviderRow::deserialize(toml::de::Deserializer::from(table.clone())) {
            Ok(row) => return row,
            Err(error) => error,
        };
        let span = error.span().unwrap_or_else(|| table.span());
        let removed = remove(table.get_mut(), &span);
        let at = removed
            .as_ref()
            .map_or_else(|| path.to_owned(), |key| format!("{path}.{key}"));
        reader.report(&span, at, error.message().trim());
        if removed.is_none() {
            break;
        }
    }
    ProviderRow::default()
}

/// Removes the innermost entry that stands at `span`, by its key or by its value; gives its path.
fn remove(table: &mut Table<'_>, span: &Range<usize>) -> Option<String> {
    let is_at = |key: Range<usize>, value: Range<usize>| key == *span || value == *span;
    for (key, value) in table.iter_mut() {
        let inner = match value.get_mut() {
            DeValue::Table(inner) => remove(inner, span).map(|rest| format!(".{rest}")),
            DeValue::Array(items) => remove_item(items, span),
            _ => None,
        };
        if let Some(rest) = inner {
            return Some(format!("{}{rest}", key.get_ref()));
        }
    }
    let key = table
        .iter()
        .find(|(key, value)| is_at(key.span(), value.span()))
        .map(|(key, _)| key.get_ref().to_string())?;
    table.remove(key.as_str());
    Some(key)
}

fn remove_item(items: &mut DeArray<'_>, span: &Range<usize>) -> Option<String> {
    for (index, item) in items.iter_mut().enumerate() {
        if let DeValue::Table(inner) = item.get_mut()
            && let Some(rest) = remove(inner, span)
        {
            return Some(format!("[{index}].{rest}"));
        }
    }
    let index = items.iter().position(|item| item.span() == *span)?;
    let kept = items.iter().enumerate().filter(|(i, _)| *i != index);
    *items = kept.map(|(_, item)| item.clone()).collect();
    Some(format!("[{index}]"))
}

fn note_places(
    path: &str,
    table: &Table<'_>,
    places: &Places,
    found: &mut BTreeMap<String, Place>,
) {
    for (key, value) in table {
        let path = format!("{path}.{}", key.get_ref());
        found.insert(path.clone(), places.find(&key.span()));
        match value.get_ref() {
            DeValue::Table(inner) => note_places(&path, inner, places, found),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    found.insert(path.clone(), places.find(&item.span()));
                    if let DeValue::Table(inner) = item.get_ref() {
                        note_places(&path, inner, places, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What is wrong with words whose meaning lies outside the catalog (habits are `wire`'s), or that
/// it does not come to when a row has other mistakes.
#[must_use]
pub fn unknown_words(rows: &Rows) -> Vec<LoadError> {
    let mut found = Vec::new();
    for (slug, row) in &rows.providers {
        let path = format!("providers.{slug}");
        of_words(
            &path,
            row.quirks.as_deref(),
            row.auth.as_deref(),
            &mut found,
        );
        for (dialect, row) in &row.by_dialect {
            let path = format!("{path}.by_dialect.{dialect}");
            of_words(
                &path,
                row.quirks.as_deref(),
                row.auth.as_deref(),
                &mut found,
            );
        }
    }
    found
}

fn of_words(path: &str, quirks: Option<&[String]>, auth: Option<&str>, found: &mut Vec<LoadError>) {
    for (index, name) in quirks.unwrap_or_default().iter().enumerate() {
        if Quirk::from_name(name).is_none() {
            let known: Vec<&str> = Quirk::ALL.iter().map(|quirk| quirk.name).collect();
            let message = super::reader::unknown("quirk", name, &known);
            found.push(LoadError::new(&format!("{path}.quirks[{index}]"), &message));
        }
    }
    if let Some(word) = auth.filter(|word| Auth::read(word).is_none()) {
        let message = format!(
            "\"{word}\" is none of \"bearer\", \"header:NAME\", \"sigv4\", \"google\", \"azure\", \"none\""
        );
        found.push(LoadError::new(&format!("{path}.auth"), &message));
    }
}

/// A mistake that the catalog found, at the line where it was written.
#[must_use]
pub fn located(error: &LoadError, providers: &Providers) -> Problem {
    Problem {
        place: providers.place(&error.path),
        path: error.path.clone(),
        message: error.message.clone(),
    }
}
