//! An operator's tables → rows; every wrong key and every wrong type is reported, not the first.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::error::LoadError;
use crate::rows::{DataPolicyRow, DialectRow, EndpointRow, PriceRow, ProviderRow, Rows, TierRow};

impl Rows {
    /// Reads the `[providers]` table of a config file (without the keys the server keeps for
    /// itself, such as `credential`). What can be read is read, so that the rows can still be
    /// checked further; merge the errors of [`load`](crate::load()) with [`LoadError::merge`].
    #[must_use]
    pub fn read_config(providers: &Table) -> (Self, Vec<LoadError>) {
        let mut rows = Self::default();
        let mut errors = Vec::new();
        for (slug, value) in providers {
            let path = format!("providers.{slug}");
            let Some(table) = as_table(&path, value, &mut errors) else {
                continue;
            };
            let row = provider(&path, table, &mut errors);
            rows.providers.insert(slug.clone(), row);
        }
        (rows, errors)
    }
}

fn provider(path: &str, table: &Table, errors: &mut Vec<LoadError>) -> ProviderRow {
    const NESTED: [&str; 3] = ["data_policy", "by_dialect", "endpoints"];
    let mut row: ProviderRow = fields(path, table, &NESTED, errors);
    if let Some(value) = table.get("data_policy") {
        let path = format!("{path}.data_policy");
        if let Some(table) = as_table(&path, value, errors) {
            row.data_policy = Some(fields::<DataPolicyRow>(&path, table, &[], errors));
        }
    }
    if let Some(value) = table.get("by_dialect") {
        let path = format!("{path}.by_dialect");
        for (dialect, value) in as_table(&path, value, errors).into_iter().flatten() {
            let path = format!("{path}.{dialect}");
            if let Some(table) = as_table(&path, value, errors) {
                let read = fields::<DialectRow>(&path, table, &[], errors);
                row.by_dialect.insert(dialect.clone(), read);
            }
        }
    }
    if let Some(value) = table.get("endpoints") {
        let path = format!("{path}.endpoints");
        row.endpoints = list(&path, value, endpoint, errors);
    }
    row
}

fn endpoint(path: &str, table: &Table, errors: &mut Vec<LoadError>) -> EndpointRow {
    let mut row: EndpointRow = fields(path, table, &["price"], errors);
    if let Some(value) = table.get("price") {
        let path = format!("{path}.price");
        if let Some(table) = as_table(&path, value, errors) {
            row.price = Some(price(&path, table, errors));
        }
    }
    row
}

fn price(path: &str, table: &Table, errors: &mut Vec<LoadError>) -> PriceRow {
    let mut row: PriceRow = fields(path, table, &["tiers"], errors);
    if let Some(value) = table.get("tiers") {
        let tier = |path: &str, table: &Table, errors: &mut Vec<LoadError>| -> TierRow {
            fields(path, table, &[], errors)
        };
        row.tiers = list(&format!("{path}.tiers"), value, tier, errors);
    }
    row
}

fn list<T>(
    path: &str,
    value: &Value,
    read: impl Fn(&str, &Table, &mut Vec<LoadError>) -> T,
    errors: &mut Vec<LoadError>,
) -> Vec<T> {
    let Value::Array(items) = value else {
        let message = format!("a list of tables is needed, not {}", a(value));
        errors.push(LoadError::new(path, &message));
        return Vec::new();
    };
    let mut rows = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(table) = as_table(&path, item, errors) {
            rows.push(read(&path, table, errors));
        }
    }
    rows
}

/// Reads the fields of a row one by one, so that one wrong field does not hide the next.
fn fields<T: DeserializeOwned + Default>(
    path: &str,
    table: &Table,
    nested: &[&str],
    errors: &mut Vec<LoadError>,
) -> T {
    let mut good = Table::new();
    for (key, value) in table
        .iter()
        .filter(|(key, _)| !nested.contains(&key.as_str()))
    {
        let mut alone = Table::new();
        alone.insert(key.clone(), value.clone());
        match Value::Table(alone).try_into::<T>() {
            Ok(_) => {
                good.insert(key.clone(), value.clone());
            }
            Err(error) => {
                let message = error.message().replace('`', "\"");
                errors.push(LoadError::new(&format!("{path}.{key}"), &message));
            }
        }
    }
    Value::Table(good).try_into().unwrap_or_default()
}

fn as_table<'a>(path: &str, value: &'a Value, errors: &mut Vec<LoadError>) -> Option<&'a Table> {
    let table = value.as_table();
    if table.is_none() {
        let message = format!("a table is needed, not {}", a(value));
        errors.push(LoadError::new(path, &message));
    }
    table
}

fn a(value: &Value) -> String {
    let name = value.type_str();
    let article = if name.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}
