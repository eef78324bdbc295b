//! The settings of one destination: read by its kind, merged, masked.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kind::{Kind, Row};

/// The longest value of a setting, characters.
const VALUE_MAX: usize = 4096;

/// So many headers may a destination have.
const HEADERS_MAX: usize = 32;

/// What stands in the middle of a masked value.
const MASK: &str = "...";

/// A setting that is wrong. Never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct Mistake {
    /// Which one, below `config`.
    pub field: String,
    /// What is wrong, in words.
    pub what: String,
}

/// The settings of one destination. Not printable: some are secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Settings {
    values: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values.keys()).finish()
    }
}

fn mistake(field: &str, what: impl Into<String>) -> Mistake {
    Mistake {
        field: field.to_owned(),
        what: what.into(),
    }
}

impl Settings {
    /// Reads `config` for a kind. What `before` has and this does not name stays; so does a secret
    /// that comes back masked, so that what was read can be written again. What a kind does not have
    /// is wrong.
    ///
    /// # Errors
    /// With the first setting that is missing, unknown or of a wrong form.
    pub fn read(kind: &Kind, config: &Value, before: Option<&Self>) -> Result<Self, Mistake> {
        let Value::Object(config) = config else {
            return Err(mistake("config", "is an object"));
        };
        let mut settings = before.cloned().unwrap_or_default();
        for (name, value) in config {
            if name == "headers" {
                settings.take_headers(value)?;
                continue;
            }
            let known = || kind.settings.keys().map(String::as_str).collect::<Vec<_>>();
            let row = kind.settings.get(name);
            let row = row.ok_or_else(|| {
                mistake(
                    name,
                    format!("is unknown; there are {}, headers", known().join(", ")),
                )
            })?;
            settings.take(name, row, value)?;
        }
        settings.complete(kind)?;
        Ok(settings)
    }

    fn take(&mut self, name: &str, row: &Row, value: &Value) -> Result<(), Mistake> {
        let Value::String(text) = value else {
            if value.is_null() {
                self.values.remove(name);
                return Ok(());
            }
            return Err(mistake(name, "is a text"));
        };
        let before = self.values.get(name);
        if row.secret && before.is_some_and(|before| masked(before) == *text) {
            return Ok(());
        }
        if text.chars().count() > VALUE_MAX || text.chars().any(char::is_control) {
            return Err(mistake(name, "is too long or has control characters"));
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if row.identifier && !text.chars().all(is_word) {
            return Err(mistake(name, "may have letters, digits and _ only"));
        }
        let is_of_host = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if row.host && !text.chars().all(is_of_host) {
            let what = "may have letters, digits, \"-\", \"_\" and \".\" only";
            return Err(mistake(name, what));
        }
        if !row.words.is_empty() && !row.words.contains_key(text) {
            let words: Vec<&str> = row.words.keys().map(String::as_str).collect();
            return Err(mistake(name, format!("is one of {}", words.join(", "))));
        }
        match text.trim() {
            "" => drop(self.values.remove(name)),
            text => drop(self.values.insert(name.to_owned(), text.to_owned())),
        }
        Ok(())
    }

    fn take_headers(&mut self, value: &Value) -> Result<(), Mistake> {
        let Value::Object(headers) = value else {
            return Err(mistake("headers", "is an object of texts"));
        };
        let before = std::mem::take(&mut self.headers);
        for (name, value) in headers {
            let Value::String(text) = value else {
                return Err(mistake("headers", "is an object of texts"));
            };
            let kept = before.get(name).filter(|before| masked(before) == *text);
            let text = kept.unwrap_or(text).clone();
            let is_fine = name.parse::<http::HeaderName>().is_ok()
                && http::HeaderValue::from_str(&text).is_ok();
            if !is_fine || is_of_transport(name) || self.headers.len() >= HEADERS_MAX {
                return Err(mistake("headers", format!("\"{name}\" cannot be sent")));
            }
            self.headers.insert(name.clone(), text);
        }
        Ok(())
    }

    fn complete(&self, kind: &Kind) -> Result<(), Mistake> {
        let mut rows = kind.settings.iter();
        let missing = rows.find(|(name, row)| row.required && !self.values.contains_key(*name));
        missing.map_or(Ok(()), |(name, _)| Err(mistake(name, "is required")))
    }

    /// What is shown: secrets and headers masked, defaults where nothing is set.
    #[must_use]
    pub fn shown(&self, kind: &Kind) -> Value {
        let mut shown = Map::new();
        for (name, row) in &kind.settings {
            let value = self.values.get(name).or(row.default.as_ref());
            let Some(value) = value else { continue };
            let value = if row.secret {
                masked(value)
            } else {
                value.clone()
            };
            shown.insert(name.clone(), value.into());
        }
        if !self.headers.is_empty() {
            let headers = self.headers.iter();
            let headers: Map<String, Value> = headers
                .map(|(name, value)| (name.clone(), masked(value).into()))
                .collect();
            shown.insert("headers".to_owned(), headers.into());
        }
        shown.into()
    }

    /// The whole as one text, to be sealed.
    #[must_use]
    pub fn to_text(&self) -> String {
        json!({ "values": self.values, "headers": self.headers }).to_string()
    }

    /// Reads what [`Settings::to_text`] wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let texts = |name: &str| {
            let object = value.get(name)?.as_object()?.iter();
            let texts =
                object.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            texts.collect::<Option<BTreeMap<_, _>>>()
        };
        Some(Self {
            values: texts("values")?,
            headers: texts("headers")?,
        })
    }

    /// Headers of its own.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What a setting means: its value, the default, or what its word stands for.
    pub(super) fn meaning(&self, kind: &Kind, name: &str) -> Option<String> {
        let row = kind.settings.get(name)?;
        let value = self.values.get(name).or(row.default.as_ref())?;
        Some(row.words.get(value).unwrap_or(value).clone())
    }

    /// A text with every `{name}` replaced by what the setting means; `None` where one has no value.
    pub(super) fn filled(&self, kind: &Kind, template: &str) -> Option<String> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            filled.push_str(before);
            let (name, part) = name.split_once(':').unwrap_or((name, ""));
            let meaning = self.meaning(kind, name)?;
            match part {
                "user" => filled.push_str(user_of(&meaning)?),
                _ => filled.push_str(&meaning),
            }
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }
}

/// What the client itself writes.
fn is_of_transport(name: &str) -> bool {
    let own = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "content-type",
    ];
    own.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// The user name in a URL.
fn user_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split_once('@')?;
    user.split(':').next()
}

/// The first and the last four characters of a long value, and nothing of a short one.
fn masked(value: &str) -> String {
    const SHOWN: usize = 4;
    let characters: Vec<char> = value.chars().collect();
    if characters.len() < 4 * SHOWN {
        return MASK.to_owned();
    }
    let first: String = characters.iter().take(SHOWN).collect();
    let last: String = characters.iter().skip(characters.len() - SHOWN).collect();
    format!("{first}{MASK}{last}")
}
