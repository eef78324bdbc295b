//! The kinds of destinations there are: rows of `data/destinations.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The rows.
const ROWS: &str = include_str!("../../data/destinations.toml");

/// Every kind, by its type.
#[derive(Debug, Clone)]
pub struct Kinds(BTreeMap<String, Kind>);

/// One kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Where it is asked, from its settings.
    pub(super) url: String,
    /// What the address ends with, where a setting may leave it out.
    pub(super) path: Option<String>,
    /// In which form.
    pub(super) body: Body,
    /// Headers, from its settings.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Attributes of the resource, from its settings.
    #[serde(default)]
    pub(super) resource: BTreeMap<String, String>,
    /// The attributes in which it looks for what was asked and answered.
    #[serde(default)]
    pub(super) content: ContentNames,
    /// The settings it has.
    pub(super) settings: BTreeMap<String, Row>,
}

/// The form of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// OTLP in protobuf.
    Otlp,
    /// OTLP in JSON.
    OtlpJson,
    /// An object in a bucket for each trace.
    Object,
    /// An event of product analytics for each call.
    Event,
    /// Spans of an intake's own kind, in JSON.
    LlmSpans,
    /// A line of JSON for each span.
    Rows,
    /// The same rows in a statement of SQL.
    Statement,
}

/// Names of attributes; OpenTelemetry's, where a kind does not say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContentNames {
    pub(super) input: String,
    pub(super) output: String,
}

impl Default for ContentNames {
    fn default() -> Self {
        Self {
            input: "gen_ai.input.messages".to_owned(),
            output: "gen_ai.output.messages".to_owned(),
        }
    }
}

/// One setting of a kind.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Row {
    /// Whether a destination cannot do without it.
    pub required: bool,
    /// Whether it is masked wherever it is shown.
    pub secret: bool,
    /// Whether it becomes part of a statement, and so may have letters, digits and `_` only.
    pub(super) identifier: bool,
    /// Whether it becomes part of the name of a host.
    pub(super) host: bool,
    /// What it is when nobody says.
    pub default: Option<String>,
    /// The words that it may be, and what they stand for; any text when there are none.
    pub words: BTreeMap<String, String>,
}

impl Kinds {
    /// The built-in ones.
    ///
    /// # Errors
    /// When the rows do not read, which a test sees first.
    pub fn built_in() -> Result<Self, String> {
        let rows = toml::from_str(ROWS);
        rows.map(Self).map_err(|error| error.to_string())
    }

    /// The kind of that type.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.0.get(name)
    }

    /// The types there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Kind {
    /// In which form it is told.
    #[must_use]
    pub const fn body(&self) -> Body {
        self.body
    }

    /// Its settings, by name.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.settings.iter().map(|(name, row)| (name.as_str(), row))
    }
}
