//! What calls are grouped and filtered by: dimensions of their facets.

use super::facets::Facet;
use crate::database::{Statement, placeholders};

/// A part of a facet that is grouped and filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// Id of the workspace.
    Workspace,
    /// Hash of the key.
    Key,
    /// Who made the key.
    Member,
    /// The dialect that the caller spoke.
    Dialect,
    /// The app's name.
    App,
    /// The app's URL.
    Origin,
    /// The model that served, else the one that was asked for.
    Model,
    /// Slug of the provider that served.
    Provider,
    /// Tag of the endpoint that served.
    Endpoint,
    /// The status line, as digits.
    Status,
    /// `completed`, `cancelled` or `failed`.
    Outcome,
    /// What went wrong.
    ErrorKind,
}

impl Dimension {
    /// How SQL says it, of the table `f`.
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Workspace => "f.workspace_id",
            Self::Key => "f.key_hash",
            Self::Member => "COALESCE(f.member, '')",
            Self::Dialect => "f.dialect",
            Self::App => "f.app",
            Self::Origin => "f.origin",
            Self::Model => "f.model",
            Self::Provider => "f.provider",
            Self::Endpoint => "f.endpoint",
            Self::Status => "CAST(f.status AS TEXT)",
            Self::Outcome => "f.outcome",
            Self::ErrorKind => "f.error_kind",
        }
    }

    /// What it is of a facet; empty where there is nothing.
    #[must_use]
    pub fn of(self, facet: &Facet) -> String {
        match self {
            Self::Workspace => facet.workspace_id.clone(),
            Self::Key => facet.key_hash.clone(),
            Self::Member => facet.member.clone().unwrap_or_default(),
            Self::Dialect => facet.dialect.clone(),
            Self::App => facet.app.clone(),
            Self::Origin => facet.origin.clone(),
            Self::Model => facet.model.clone(),
            Self::Provider => facet.provider.clone(),
            Self::Endpoint => facet.endpoint.clone(),
            Self::Status => facet.status.to_string(),
            Self::Outcome => facet.outcome.clone(),
            Self::ErrorKind => facet.error_kind.clone(),
        }
    }
}

/// Which facets: those for which each term holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacetFilter {
    terms: Vec<Term>,
    /// In lower case.
    containing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    dimension: Dimension,
    values: Vec<String>,
    is_one_of: bool,
}

/// What a text is searched in.
const NAMES: [Dimension; 9] = [
    Dimension::Workspace,
    Dimension::Key,
    Dimension::Member,
    Dimension::App,
    Dimension::Origin,
    Dimension::Model,
    Dimension::Provider,
    Dimension::Endpoint,
    Dimension::ErrorKind,
];

impl FacetFilter {
    /// Also, the dimension must be one of these.
    #[must_use]
    pub fn one_of(mut self, dimension: Dimension, values: Vec<String>) -> Self {
        self.terms.push(Term {
            dimension,
            values,
            is_one_of: true,
        });
        self
    }

    /// Also, the dimension must be none of these.
    #[must_use]
    pub fn none_of(mut self, dimension: Dimension, values: Vec<String>) -> Self {
        // Everything is none of nothing, but SQL would say that it does not know.
        if values.is_empty() {
            return self;
        }
        self.terms.push(Term {
            dimension,
            values,
            is_one_of: false,
        });
        self
    }

    /// Also, one of its names must contain this text, in any case.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.containing.push(text.to_lowercase());
        self
    }

    /// Whether all facets fit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.containing.is_empty()
    }

    /// Whether a facet fits.
    #[must_use]
    pub fn holds(&self, facet: &Facet) -> bool {
        let names = || NAMES.iter().map(|name| name.of(facet).to_lowercase());
        let contains = |text: &String| names().any(|name| name.contains(text.as_str()));
        self.containing.iter().all(contains)
            && self.terms.iter().all(|term| {
                let value = term.dimension.of(facet);
                term.values.contains(&value) == term.is_one_of
            })
    }

    /// The dimensions that it speaks of.
    pub(super) fn dimensions(&self) -> Vec<Dimension> {
        let mut all: Vec<Dimension> = self.terms.iter().map(|term| term.dimension).collect();
        if !self.containing.is_empty() {
            all.extend(NAMES);
        }
        all
    }

    /// The condition, with binds from that number on; of a table `f`.
    pub(crate) fn sql(&self, from: usize) -> String {
        let mut next = from;
        let mut text = String::from("1 = 1");
        for term in &self.terms {
            let negation = if term.is_one_of { "" } else { "NOT " };
            let list = match term.values.len() {
                0 => "NULL".to_owned(),
                count => placeholders(next, count),
            };
            next += term.values.len();
            text.push_str(&format!(
                " AND {} {negation}IN ({list})",
                term.dimension.sql()
            ));
        }
        for _ in &self.containing {
            let likes = NAMES.map(|name| format!("LOWER({}) LIKE ${next} ESCAPE '!'", name.sql()));
            text.push_str(&format!(" AND ({})", likes.join(" OR ")));
            next += 1;
        }
        text
    }

    /// Binds what [`FacetFilter::sql`] speaks of.
    pub(crate) fn bind(&self, mut statement: Statement) -> Statement {
        for value in self.terms.iter().flat_map(|term| &term.values) {
            statement = statement.text(value);
        }
        for text in &self.containing {
            statement = statement.text(&pattern(text));
        }
        statement
    }
}

/// A pattern for `LIKE … ESCAPE '!'` of all that contains a text, in lower case.
pub(super) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
