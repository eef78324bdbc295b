//! Secrets that we present to providers; none of them can be printed.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A secret text. Its `Debug` prints `[secret]`, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for a request header and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// One of a provider's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// What records call it; holds nothing of its text.
    pub label: Box<str>,
    /// How much of the traffic it takes beside the others; at least 1.
    pub weight: u32,
    /// The credential.
    pub secret: Secret,
}

/// The credentials of each provider, by provider slug.
#[derive(Debug, Clone, Default)]
pub struct Credentials(HashMap<String, Arc<[Labelled]>>);

impl Credentials {
    /// The first credential of a provider, if there is one. A provider without one is called without.
    #[must_use]
    pub fn get(&self, provider: &str) -> Option<&Secret> {
        self.0.get(provider)?.first().map(|first| &first.secret)
    }

    /// All credentials of a provider; `None` when it has none.
    #[must_use]
    pub fn all(&self, provider: &str) -> Option<&Arc<[Labelled]>> {
        self.0.get(provider).filter(|all| !all.is_empty())
    }

    /// Whether no provider has a credential.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Secret)> for Credentials {
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(pairs: I) -> Self {
        let only = |secret| {
            vec![Labelled {
                label: "1".into(),
                weight: 1,
                secret,
            }]
        };
        pairs
            .into_iter()
            .map(|(provider, secret)| (provider, only(secret)))
            .collect()
    }
}

impl FromIterator<(String, Vec<Labelled>)> for Credentials {
    fn from_iter<I: IntoIterator<Item = (String, Vec<Labelled>)>>(pairs: I) -> Self {
        let shared = pairs
            .into_iter()
            .map(|(provider, all)| (provider, all.into()));
        Self(shared.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let all: Credentials = [("p".to_owned(), Secret::new("hunter2"))]
            .into_iter()
            .collect();
        assert!(!format!("{all:?}").contains("hunter2"));
    }
}
