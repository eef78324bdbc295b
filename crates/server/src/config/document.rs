//! The text of a configuration as a tree that remembers where each value was written.
//!
//! Environment variables are laid over the tree. Their spans lie behind the end of the text, one
//! range per variable, so that one kind of span finds both a line and a variable.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};

/// A table whose values know their spans.
pub type Table<'t> = DeTable<'t>;
/// A value that knows its span.
pub type Value<'t> = Spanned<DeValue<'t>>;

/// What every variable that overrides a setting begins with.
pub const VARIABLE_PREFIX: &str = "WAYBILL__";

/// A parsed configuration, variables laid over it.
#[derive(Debug)]
pub struct Document<'t> {
    /// The tree.
    pub root: Table<'t>,
    /// Where its values were written.
    pub places: Places,
}

/// Finds where a span is.
#[derive(Debug, Clone, Default)]
pub struct Places {
    line_starts: Vec<usize>,
    text_bytes: usize,
    variables: Vec<String>,
}

impl Places {
    fn new(text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            line_starts: std::iter::once(0).chain(starts).collect(),
            text_bytes: text.len(),
            variables: Vec::new(),
        }
    }

    /// Where a span begins.
    #[must_use]
    pub fn find(&self, span: &Range<usize>) -> Place {
        if let Some(variable) = self.variable(span) {
            return Place::Variable(variable.to_owned());
        }
        Place::Line(
            self.line_starts
                .partition_point(|start| *start <= span.start)
                .max(1),
        )
    }

    /// The variable that a span belongs to, if it does.
    #[must_use]
    pub fn variable(&self, span: &Range<usize>) -> Option<&str> {
        let index = span.start.checked_sub(self.text_bytes + 1)?;
        self.variables.get(index).map(String::as_str)
    }

    fn add_variable(&mut self, name: &str) -> Range<usize> {
        self.variables.push(name.to_owned());
        let at = self.text_bytes + self.variables.len();
        at..at + 1
    }
}

/// Parses `text`, lays `variables` (all that begin with [`VARIABLE_PREFIX`]) over it, and notes
/// every mistake of form; what could be read is in the document all the same.
pub fn parse<'t>(
    text: &'t str,
    variables: &'t [(String, String)],
    problems: &mut Vec<Problem>,
) -> Document<'t> {
    let mut places = Places::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = error.span().map_or(Place::Whole, |span| places.find(&span));
        problems.push(Problem {
            place,
            path: String::new(),
            message: error.message().to_owned(),
        });
    }
    let mut root = root.into_inner();
    for (name, value) in variables {
        let Some(path) = name.strip_prefix(VARIABLE_PREFIX) else {
            continue;
        };
        let span = places.add_variable(name);
        let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
        if let Err(message) = lay_over(&mut root, &path, value, &span) {
            problems.push(Problem {
                place: Place::Variable(name.clone()),
                path: path.join("."),
                message,
            });
        }
    }
    Document { root, places }
}

fn lay_over<'t>(
    root: &mut Table<'t>,
    path: &[String],
    text: &'t str,
    span: &Range<usize>,
) -> Result<(), String> {
    let Some((last, sections)) = path.split_last().filter(|(_, rest)| !rest.is_empty()) else {
        return Err("a variable names a section and a key: WAYBILL__SERVER__LISTEN".to_owned());
    };
    let mut table = root;
    for word in sections {
        let name = name_in(table, word);
        let entry = table
            .entry(Spanned::new(span.clone(), name.clone().into()))
            .or_insert_with(|| Spanned::new(span.clone(), DeValue::Table(Table::new())));
        let DeValue::Table(inner) = entry.get_mut() else {
            return Err(format!("\"{name}\" is a value, not a section"));
        };
        table = inner;
    }
    let name = name_in(table, last);
    let value = value_of(text, span)?;
    table.remove(name.as_str());
    table.insert(Spanned::new(span.clone(), name.into()), value);
    Ok(())
}

/// The key that a variable's word means: variables cannot spell a hyphen, so `MY_VLLM` finds
/// `my-vllm` where the table has it.
fn name_in(table: &Table<'_>, word: &str) -> String {
    table
        .keys()
        .map(Spanned::get_ref)
        .find(|key| key.replace('-', "_").eq_ignore_ascii_case(word))
        .map_or_else(|| word.to_owned(), ToString::to_string)
}

/// Lists and tables are written in TOML; everything else is taken as text, and read as a number or
/// a truth value where one is wanted.
fn value_of<'t>(text: &'t str, span: &Range<usize>) -> Result<Value<'t>, String> {
    if !text.starts_with(['[', '{']) {
        return Ok(Spanned::new(span.clone(), DeValue::String(text.into())));
    }
    let parsed = DeValue::parse(text).map_err(|error| error.message().to_owned())?;
    Ok(moved(parsed.into_inner(), span))
}

/// The same value with every span in it set to `span`.
fn moved<'t>(value: DeValue<'t>, span: &Range<usize>) -> Value<'t> {
    let value = match value {
        DeValue::Array(items) => DeValue::Array(
            items
                .into_iter()
                .map(|item| moved(item.into_inner(), span))
                .collect(),
        ),
        DeValue::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| {
                let key = Spanned::new(span.clone(), key.into_inner());
                (key, moved(value.into_inner(), span))
            });
            DeValue::Table(entries.collect())
        }
        scalar => scalar,
    };
    Spanned::new(span.clone(), value)
}
