//! Takes typed settings out of a document, section by section, and collects every mistake.
//!
//! Whatever a section was not asked for is an unknown key. What was asked for is remembered with
//! its default, which is how the example file is kept complete.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::DeValue;

use super::document::{Document, Places, Table, Value};
use super::problem::Problem;

/// One setting that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Section and key, such as `server.listen`.
    pub path: String,
    /// The default as TOML text; absent when the setting has none.
    pub default: Option<String>,
}

/// Reads one document.
#[derive(Debug)]
pub struct Reader<'t> {
    root: Table<'t>,
    places: Places,
    sections: BTreeSet<&'static str>,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

/// One section of it, while it is read.
#[derive(Debug)]
pub struct Section<'r, 't> {
    reader: &'r mut Reader<'t>,
    name: &'static str,
    table: Table<'t>,
    keys: Vec<&'static str>,
}

impl<'t> Reader<'t> {
    /// A reader over a parsed document and the mistakes of form found in it.
    #[must_use]
    pub fn new(document: Document<'t>, problems: Vec<Problem>) -> Self {
        Self {
            root: document.root,
            places: document.places,
            sections: BTreeSet::new(),
            settings: Vec::new(),
            problems,
        }
    }

    /// Begins a section of plain settings.
    pub fn section(&mut self, name: &'static str) -> Section<'_, 't> {
        let table = self.table(name);
        Section {
            reader: self,
            name,
            table,
            keys: Vec::new(),
        }
    }

    /// Takes a whole section out as it is; empty when it is absent.
    pub fn table(&mut self, name: &'static str) -> Table<'t> {
        self.sections.insert(name);
        let Some(value) = self.root.remove(name) else {
            return Table::new();
        };
        let span = value.span();
        if let DeValue::Table(table) = value.into_inner() {
            return table;
        }
        self.report(&span, name, "is a section: write it as [section]");
        Table::new()
    }

    /// Notes a mistake at a span.
    pub fn report(&mut self, span: &Range<usize>, path: impl Into<String>, message: impl Display) {
        self.problems.push(Problem {
            place: self.places.find(span),
            path: path.into(),
            message: message.to_string(),
        });
    }

    /// Where spans are.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Ends the reading: what is left in the document is unknown. Gives every setting that exists
    /// and every mistake, in the order of the file.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Setting>, Vec<Problem>) {
        let known: Vec<&str> = self.sections.iter().copied().collect();
        for (key, _) in std::mem::take(&mut self.root) {
            let message = unknown("section", key.get_ref(), &known);
            self.report(&key.span(), key.get_ref().to_string(), message);
        }
        self.problems.sort();
        (self.settings, self.problems)
    }
}

impl<'t> Section<'_, 't> {
    /// Text with a default.
    pub fn text(&mut self, key: &'static str, default: &str) -> String {
        self.declare(key, Some(format!("{default:?}")));
        self.take_text(key)
            .map_or_else(|| default.to_owned(), |(text, _)| text)
    }

    /// Text that may be absent.
    pub fn optional_text(&mut self, key: &'static str) -> Option<String> {
        self.declare(key, None);
        self.take_text(key).map(|(text, _)| text)
    }

    /// Text that is read into something else; the default is text as well.
    pub fn parsed<T, E: Display>(
        &mut self,
        key: &'static str,
        default: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.declare(key, Some(format!("{default:?}")));
        let (text, span) = self
            .take_text(key)
            .unwrap_or_else(|| (default.to_owned(), 0..0));
        match read(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.reader.report(&span, self.path(key), message);
                None
            }
        }
    }

    /// Text that may be absent and is read into something else.
    pub fn optional_parsed<T, E: Display>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.declare(key, None);
        let (text, span) = self.take_text(key)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.reader.report(&span, self.path(key), message);
                None
            }
        }
    }

    /// One of a closed set of words; the first is the default.
    pub fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let first = choices.first()?;
        self.parsed(key, first.0, |text| {
            let found = choices.iter().find(|(word, _)| *word == text);
            let words: Vec<_> = choices
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            found
                .map(|(_, value)| *value)
                .ok_or_else(|| format!("\"{text}\" is none of {}", words.join(", ")))
        })
    }

    /// A whole number within a range, with a default.
    pub fn integer(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        self.declare(key, Some(default.to_string()));
        let Some(value) = self.table.remove(key) else {
            return default;
        };
        let span = value.span();
        let is_variable = self.reader.places.variable(&span).is_some();
        let number = match value.get_ref() {
            DeValue::Integer(integer) => integer
                .to_string()
                .parse::<i128>()
                .or_else(|_| i128::from_str_radix(integer.as_str(), integer.radix()))
                .ok(),
            DeValue::String(text) if is_variable => text.trim().parse::<i128>().ok(),
            _ => None,
        };
        let Some(number) = number else {
            let message = format!("expected a whole number, found {}", shown(&value));
            self.reader.report(&span, self.path(key), message);
            return default;
        };
        match u64::try_from(number).ok().filter(|n| range.contains(n)) {
            Some(number) => number,
            None => {
                let (low, high) = (range.start(), range.end());
                let message = format!("{number} is not between {low} and {high}");
                self.reader.report(&span, self.path(key), message);
                default
            }
        }
    }

    /// A span of time in whole milliseconds.
    pub fn milliseconds(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_millis(self.integer(key, default, range))
    }

    /// A word with a default, or a table instead of it.
    pub fn word_or_table<T: DeserializeOwned, U>(
        &mut self,
        key: &'static str,
        default: &str,
        word: impl Fn(&str) -> Result<U, String>,
        table: impl Fn(T) -> Result<U, String>,
    ) -> Option<U> {
        let is_table = |value: &Value<'t>| matches!(value.get_ref(), DeValue::Table(_));
        if !self.table.get(key).is_some_and(is_table) {
            return self.parsed(key, default, word);
        }
        self.declare(key, Some(format!("{default:?}")));
        let value = self.table.remove(key)?;
        let span = value.span();
        match read_table(value).and_then(table) {
            Ok(value) => Some(value),
            Err(message) => {
                self.reader.report(&span, self.path(key), message);
                None
            }
        }
    }

    /// A list of tables, each read into something; one mistake is told for each row.
    pub fn rows<T: DeserializeOwned, U>(
        &mut self,
        key: &'static str,
        read: impl Fn(T) -> Result<U, String>,
    ) -> Vec<U> {
        self.declare(key, None);
        let Some(value) = self.table.remove(key) else {
            return Vec::new();
        };
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            let message = "is a list: write each row as [[section.name]]";
            self.reader.report(&span, self.path(key), message);
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{}[{index}]", self.path(key));
            let span = item.span();
            match read_table(item).and_then(&read) {
                Ok(row) => found.push(row),
                Err(message) => self.reader.report(&span, path, message),
            }
        }
        found
    }

    /// Yes or no.
    pub fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        self.declare(key, Some(default.to_string()));
        let Some(value) = self.table.remove(key) else {
            return default;
        };
        let span = value.span();
        let is_variable = self.reader.places.variable(&span).is_some();
        match value.get_ref() {
            DeValue::Boolean(flag) => return *flag,
            DeValue::String(text) if is_variable => {
                if let Ok(flag) = text.trim().parse() {
                    return flag;
                }
            }
            _ => {}
        }
        let message = format!("expected true or false, found {}", shown(&value));
        self.reader.report(&span, self.path(key), message);
        default
    }

    /// Ends the section: what was not asked for is unknown.
    pub fn finish(self) {
        let Self {
            reader,
            name,
            table,
            keys,
        } = self;
        for (key, _) in table {
            let message = unknown("setting", key.get_ref(), &keys);
            reader.report(&key.span(), format!("{name}.{}", key.get_ref()), message);
        }
    }

    fn declare(&mut self, key: &'static str, default: Option<String>) {
        self.keys.push(key);
        let path = self.path(key);
        self.reader.settings.push(Setting { path, default });
    }

    fn take_text(&mut self, key: &'static str) -> Option<(String, Range<usize>)> {
        let value = self.table.remove(key)?;
        let span = value.span();
        if let DeValue::String(text) = value.get_ref() {
            return Some((text.to_string(), span));
        }
        let message = format!("expected text in quotes, found {}", shown(&value));
        self.reader.report(&span, self.path(key), message);
        None
    }

    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

/// A table as something of ours.
fn read_table<T: DeserializeOwned>(value: Value<'_>) -> Result<T, String> {
    let span = value.span();
    let DeValue::Table(table) = value.into_inner() else {
        return Err("is a table: { … }".to_owned());
    };
    T::deserialize(toml::de::Deserializer::from(Spanned::new(span, table)))
        .map_err(|error| error.message().trim().to_owned())
}

/// A value for a message: its kind, and the value itself where it is short and no secret can hide.
fn shown(value: &Value<'_>) -> String {
    match value.get_ref() {
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(flag) => format!("{flag}"),
        DeValue::String(text) if text.len() <= 24 => format!("the text \"{text}\""),
        other => format!("a {}", other.type_str()),
    }
}

/// Says that a name is unknown, and which known one was probably meant.
#[must_use]
pub fn unknown(noun: &str, name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= name.len() / 3 + 1);
    match nearest {
        Some((_, candidate)) => format!("unknown {noun}; did you mean \"{candidate}\"?"),
        None => format!("unknown {noun}; there are {}", known.join(", ")),
    }
}

/// Edits (insert, delete, replace) from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
