//! Checks: merged rows → providers, models and endpoints, with every mistake noted.

pub(crate) mod endpoint;
pub(crate) mod model;
pub(crate) mod provider;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chat::{Dialect, Modalities, Modality};

use crate::error::LoadError;
use crate::load::Access;
use crate::provider::Provider;

/// What an endpoint's row is checked against.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) providers: &'a BTreeMap<&'a str, Arc<Provider>>,
    pub(crate) access: &'a Access<'a>,
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<LoadError>);

impl Problems {
    pub(crate) fn add(&mut self, path: String, message: String) {
        self.0.push(LoadError { path, message });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a mistake at or below `path` has been noted.
    pub(super) fn mentions(&self, path: &str) -> bool {
        self.0.iter().any(|error| error.path.starts_with(path))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_sorted(mut self) -> Vec<LoadError> {
        self.0.sort();
        self.0.dedup();
        self.0
    }

    /// `read(text)`, or a note that `text` is not one of `known`.
    pub(super) fn word<T>(
        &mut self,
        path: impl fmt::Display,
        text: &str,
        read: Option<T>,
        known: impl fmt::Display,
    ) -> Option<T> {
        if read.is_none() {
            self.add(
                path.to_string(),
                format!("\"{text}\" is unknown; known are {known}"),
            );
        }
        read
    }
}

pub(super) fn dialects(
    path: impl fmt::Display,
    names: &[String],
    problems: &mut Problems,
) -> Vec<Dialect> {
    if names.is_empty() {
        problems.add(
            path.to_string(),
            "at least one dialect is needed".to_owned(),
        );
    }
    let mut dialects = Vec::with_capacity(names.len());
    for name in names {
        match name.parse() {
            Ok(dialect) => dialects.push(dialect),
            Err(error) => problems.add(path.to_string(), format!("{error}")),
        }
    }
    dialects
}

pub(super) fn modalities(
    path: impl fmt::Display + Copy,
    names: Option<&[String]>,
    problems: &mut Problems,
) -> Modalities {
    names
        .unwrap_or_default()
        .iter()
        .filter_map(|name| {
            let known = OneOf(&Modality::ALL.map(Modality::name));
            problems.word(path, name, Modality::from_name(name), known)
        })
        .collect()
}

/// A list of words as it is said, joined only when it has to be.
pub(super) struct OneOf<'a>(pub(super) &'a [&'a str]);

impl fmt::Display for OneOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// The path of a field, spelled out only when it has to be.
#[derive(Clone, Copy)]
pub(super) struct At<'a>(pub(super) &'a dyn fmt::Display, pub(super) &'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

pub(super) fn boxed(names: Option<&[String]>) -> Vec<Box<str>> {
    names
        .unwrap_or_default()
        .iter()
        .map(|name| name.as_str().into())
        .collect()
}
