//! The table of dimensions: what can be grouped and filtered by, and how it is told.

use chat::Kind;
use store::Dimension;

use crate::api::generations::kinds_of;

/// How the values of a dimension are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// As they are.
    Plain,
    /// As numbers.
    Number,
    /// The name of the key; its hash beside it.
    Key,
    /// The name of the workspace; its id beside it.
    Workspace,
    /// As callers are told of it; several kinds are told alike.
    ErrorType,
    /// Two columns: the member, and an address, which we do not know.
    Member,
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Dimensional {
    /// In questions and answers.
    pub(super) name: &'static str,
    /// For people.
    pub(super) label: &'static str,
    /// What it is of a facet.
    pub(super) of: Dimension,
    /// How it is told.
    pub(super) told: Told,
    /// Whether calls may have none.
    pub(super) has_unset: bool,
}

/// A dimension that each call has.
const fn of_all(name: &'static str, label: &'static str, of: Dimension, told: Told) -> Dimensional {
    Dimensional {
        name,
        label,
        of,
        told,
        has_unset: false,
    }
}

/// One that a call may be without.
const fn of_some(name: &'static str, label: &'static str, of: Dimension) -> Dimensional {
    let told = match of {
        Dimension::Member => Told::Member,
        Dimension::ErrorKind => Told::ErrorType,
        _ => Told::Plain,
    };
    Dimensional {
        name,
        label,
        of,
        told,
        has_unset: true,
    }
}

/// Everything that can be grouped by: OpenRouter's first, then ours.
pub(super) const DIMENSIONS: &[Dimensional] = &[
    of_all("model", "Model", Dimension::Model, Told::Plain),
    of_all("api_key_id", "API Key", Dimension::Key, Told::Key),
    of_some("app", "App", Dimension::App),
    of_some("user", "User", Dimension::Member),
    of_all(
        "workspace",
        "Workspace",
        Dimension::Workspace,
        Told::Workspace,
    ),
    of_some("provider", "Provider", Dimension::Provider),
    of_some("origin", "Origin", Dimension::Origin),
    of_some("endpoint", "Endpoint", Dimension::Endpoint),
    of_all("dialect", "Dialect", Dimension::Dialect, Told::Plain),
    of_all("status", "Status", Dimension::Status, Told::Number),
    of_all("outcome", "Outcome", Dimension::Outcome, Told::Plain),
    of_some("error_type", "Error Type", Dimension::ErrorKind),
];

impl Dimensional {
    /// The dimension of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        DIMENSIONS.iter().find(|one| one.name == name)
    }
    /// The value of an answer that a counted one belongs to.
    pub(super) fn told(&self, counted: String) -> String {
        match self.told {
            Told::ErrorType => match Kind::from_name(&counted) {
                Some(kind) => kind.error_type().to_owned(),
                None => counted,
            },
            _ => counted,
        }
    }

    /// The counted values that a value of a question stands for.
    pub(super) fn counted(&self, asked: String) -> Vec<String> {
        match self.told {
            Told::ErrorType => kinds_of(&asked).collect(),
            _ => vec![asked],
        }
    }
}
