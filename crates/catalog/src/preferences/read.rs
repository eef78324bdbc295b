//! Reads the `provider` object of a request, strictly.

use ledger::Price;
use ledger::decimal::DecimalError;
use serde_json::{Map, Value};

use super::{Cutoffs, MaxPrice, Preferences, Sort};
use crate::import::QUANTIZATIONS;

/// What is wrong with a `provider` object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct PreferenceError {
    /// Where, for example `provider.max_price.prompt`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Preferences {
    /// Reads a `provider` object; null means none.
    ///
    /// # Errors
    /// The first field that is unknown or of the wrong type, with its path.
    pub fn read(value: &Value) -> Result<Self, PreferenceError> {
        let mut read = Self::default();
        if value.is_null() {
            return Ok(read);
        }
        for (key, value) in object("provider", value)? {
            let path = format!("provider.{key}");
            let is_known = read.field(key, &path, value)?;
            if !is_known {
                return Err(wrong(&path, "this field is unknown"));
            }
        }
        Ok(read)
    }

    /// Reads one field; `false` when there is none of that name. Null stands for the default.
    fn field(&mut self, key: &str, path: &str, value: &Value) -> Result<bool, PreferenceError> {
        if value.is_null() && FIELDS.contains(&key) {
            return Ok(true);
        }
        match key {
            "order" => self.order = texts(path, value)?,
            "allow_fallbacks" => self.allow_fallbacks = boolean(path, value)?,
            "only" => self.only = Some(texts(path, value)?),
            "ignore" => self.ignore = texts(path, value)?,
            "require_parameters" => self.require_parameters = boolean(path, value)?,
            "data_collection" => {
                self.denies_data_collection = one_of(path, value, &["allow", "deny"])? == "deny";
            }
            "zdr" => self.zdr = boolean(path, value)?,
            "enforce_distillable_text" => self.enforce_distillable_text = boolean(path, value)?,
            "quantizations" => self.quantizations = Some(quantizations(path, value)?),
            "sort" => self.sort(path, value)?,
            "preferred_min_throughput" => self.preferred_min_throughput = cutoffs(path, value)?,
            "preferred_max_latency" => self.preferred_max_latency = cutoffs(path, value)?,
            "max_price" => self.max_price = max_price(path, value)?,
            "regions" => self.regions = Some(texts(path, value)?),
            "sticky" => self.sticky = Some(boolean(path, value)?),
            // Passed through on other requests; on this one it has no meaning.
            "options" => {
                object(path, value)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn sort(&mut self, path: &str, value: &Value) -> Result<(), PreferenceError> {
        let Value::Object(object) = value else {
            self.sort = Some(sort_by(path, value)?);
            return Ok(());
        };
        for (key, value) in object {
            let path = format!("{path}.{key}");
            match key.as_str() {
                _ if value.is_null() => {}
                "by" => self.sort = Some(sort_by(&path, value)?),
                "partition" => {
                    self.sorts_across_models = one_of(&path, value, &["model", "none"])? == "none";
                }
                _ => return Err(wrong(&path, "this field is unknown")),
            }
        }
        Ok(())
    }
}

const FIELDS: [&str; 16] = [
    "order",
    "allow_fallbacks",
    "only",
    "ignore",
    "require_parameters",
    "data_collection",
    "zdr",
    "enforce_distillable_text",
    "quantizations",
    "sort",
    "preferred_min_throughput",
    "preferred_max_latency",
    "max_price",
    "options",
    "regions",
    "sticky",
];

fn sort_by(path: &str, value: &Value) -> Result<Sort, PreferenceError> {
    let words = ["price", "throughput", "latency", "exacto", "balanced"];
    Ok(match one_of(path, value, &words)? {
        "price" => Sort::Price,
        "throughput" => Sort::Throughput,
        "latency" => Sort::Latency,
        "exacto" => Sort::Exacto,
        _ => Sort::Balanced,
    })
}

fn quantizations(path: &str, value: &Value) -> Result<Vec<String>, PreferenceError> {
    let names = texts(path, value)?;
    for (index, name) in names.iter().enumerate() {
        if name != "unknown" && !QUANTIZATIONS.contains(&name.as_str()) {
            let known = QUANTIZATIONS.join(", ");
            let message = format!("\"{name}\" is unknown; known are {known}, unknown");
            return Err(wrong(&format!("{path}[{index}]"), &message));
        }
    }
    Ok(names)
}

fn cutoffs(path: &str, value: &Value) -> Result<Cutoffs, PreferenceError> {
    let positive = |path: &str, value: &Value| match value.as_f64() {
        Some(number) if number >= 0.0 => Ok(Some(number)),
        _ => Err(wrong(path, "a number of at least 0 is needed")),
    };
    let mut read = Cutoffs::default();
    let Value::Object(object) = value else {
        read.p50 = positive(path, value)?;
        return Ok(read);
    };
    for (key, value) in object {
        let path = format!("{path}.{key}");
        let slot = match key.as_str() {
            "p50" => &mut read.p50,
            "p75" => &mut read.p75,
            "p90" => &mut read.p90,
            "p99" => &mut read.p99,
            _ => {
                return Err(wrong(
                    &path,
                    "this field is unknown; known are p50, p75, p90, p99",
                ));
            }
        };
        if !value.is_null() {
            *slot = positive(&path, value)?;
        }
    }
    Ok(read)
}

fn max_price(path: &str, value: &Value) -> Result<MaxPrice, PreferenceError> {
    let mut read = MaxPrice::default();
    for (key, value) in object(path, value)? {
        let path = format!("{path}.{key}");
        let (slot, per_million) = match key.as_str() {
            "prompt" => (&mut read.prompt, true),
            "completion" => (&mut read.completion, true),
            "audio" => (&mut read.audio, true),
            "request" => (&mut read.request, false),
            "image" => (&mut read.image, false),
            _ => {
                let message =
                    "this field is unknown; known are prompt, completion, request, image, audio";
                return Err(wrong(&path, message));
            }
        };
        if !value.is_null() {
            *slot = Some(price(&path, value, per_million)?);
        }
    }
    Ok(read)
}

/// A price limit: a number or a decimal string. Prices have a smallest step, so a limit between
/// two steps is the lower one.
fn price(path: &str, value: &Value, per_million: bool) -> Result<Price, PreferenceError> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => {
            return Err(wrong(
                path,
                "a price is needed, as a number or a decimal string",
            ));
        }
    };
    let read = |text: &str| match per_million {
        true => Price::from_usd_per_million(text),
        false => Price::from_usd_per_unit(text),
    };
    let places = if per_million { 6 } else { 12 };
    read(&text)
        .or_else(|error| match (error, text.split_once('.')) {
            (DecimalError::TooFine { .. }, Some((whole, fraction)))
                if !text.contains(['e', 'E']) =>
            {
                read(&format!(
                    "{whole}.{}",
                    fraction.get(..places).unwrap_or(fraction)
                ))
            }
            (DecimalError::TooFine { .. }, _) => Ok(Price::ZERO),
            (error, _) => Err(error),
        })
        .map_err(|error| wrong(path, &error.to_string()))
}

fn object<'a>(path: &str, value: &'a Value) -> Result<&'a Map<String, Value>, PreferenceError> {
    value
        .as_object()
        .ok_or_else(|| wrong(path, "an object is needed"))
}

fn boolean(path: &str, value: &Value) -> Result<bool, PreferenceError> {
    value
        .as_bool()
        .ok_or_else(|| wrong(path, "true or false is needed"))
}

fn texts(path: &str, value: &Value) -> Result<Vec<String>, PreferenceError> {
    let items = value
        .as_array()
        .ok_or_else(|| wrong(path, "a list of strings is needed"))?;
    let text = |(index, item): (usize, &Value)| {
        let text = item.as_str().map(str::to_owned);
        text.ok_or_else(|| wrong(&format!("{path}[{index}]"), "a string is needed"))
    };
    items.iter().enumerate().map(text).collect()
}

fn one_of<'a>(path: &str, value: &'a Value, words: &[&str]) -> Result<&'a str, PreferenceError> {
    match value.as_str() {
        Some(text) if words.contains(&text) => Ok(text),
        _ => Err(wrong(
            path,
            &format!("one of \"{}\" is needed", words.join("\", \"")),
        )),
    }
}

fn wrong(path: &str, message: &str) -> PreferenceError {
    PreferenceError {
        path: path.to_owned(),
        message: message.to_owned(),
    }
}
