//! Secrets that we present to providers; none of them can be printed.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ledger::generation::CallerNote;

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

/// A credential that is only for some calls, or only for when others have failed. It is presented
/// where its turn comes, never drawn by weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// Identifies it.
    pub id: Arc<str>,
    /// What records call it; holds nothing of its text.
    pub label: Box<str>,
    /// The credential.
    pub secret: Secret,
    /// The workspace whose own it is; absent for one of the house.
    pub workspace_id: Option<Box<str>>,
    /// Canonical slugs of the models that it may be used for; absent for all.
    pub models: Option<Vec<String>>,
    /// Hashes of the keys that may use it; absent for all.
    pub keys: Option<Vec<String>>,
    /// Ids of the members whose keys may use it; absent for all.
    pub members: Option<Vec<String>>,
    /// Whether it is presented only after everything else has failed.
    pub is_fallback: bool,
}

impl Pinned {
    /// Whether it is the own one of a workspace, and not the house's.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.workspace_id.is_some()
    }

    /// Whether somebody may use it, for some models at least.
    fn is_for(&self, who: &CallerNote, member: Option<&str>) -> bool {
        let workspace = self.workspace_id.as_deref();
        workspace.is_none_or(|id| id == who.workspace_id)
            && is_among(self.keys.as_deref(), Some(&who.key_hash))
            && is_among(self.members.as_deref(), member)
    }
}

/// Whether a list names somebody; no list names everybody.
fn is_among(list: Option<&[String]>, name: Option<&str>) -> bool {
    list.is_none_or(|list| list.iter().any(|one| Some(one.as_str()) == name))
}

/// The credentials of each provider, by provider slug.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Those that any call may present.
    pool: HashMap<String, Arc<[Labelled]>>,
    /// The others, in the order in which they are presented.
    pinned: HashMap<String, Vec<Arc<Pinned>>>,
}

impl Credentials {
    /// The same with credentials that are only for some calls, in the order in which they are tried.
    #[must_use]
    pub fn with_pinned(mut self, pinned: HashMap<String, Vec<Arc<Pinned>>>) -> Self {
        self.pinned = pinned;
        self
    }

    /// The first credential of a provider that any call may present, if there is one. A provider
    /// without any credential is called without.
    #[must_use]
    pub fn get(&self, provider: &str) -> Option<&Secret> {
        self.pool.get(provider)?.first().map(|first| &first.secret)
    }

    /// All credentials of a provider that any call may present; `None` when it has none.
    #[must_use]
    pub fn all(&self, provider: &str) -> Option<&Arc<[Labelled]>> {
        self.pool.get(provider).filter(|all| !all.is_empty())
    }

    /// The credentials of a provider that are only for some calls, this one among them.
    pub fn pinned<'c>(
        &'c self,
        provider: &str,
        (who, member): (&'c CallerNote, Option<&'c str>),
        model: &'c str,
    ) -> impl Iterator<Item = &'c Arc<Pinned>> {
        let all = self.pinned.get(provider).map_or(&[][..], Vec::as_slice);
        let mut fit = all.iter();
        std::iter::from_fn(move || {
            fit.find(|one| one.is_for(who, member) && is_among(one.models.as_deref(), Some(model)))
        })
    }

    /// Whether any call may be made to a provider that this says anything of.
    #[must_use]
    pub fn is_open(&self, provider: &str) -> bool {
        self.all(provider).is_some() || !self.pinned.contains_key(provider)
    }

    /// Slugs of the providers of which somebody may use no credential, although there are some.
    #[must_use]
    pub fn lacking(&self, who: &CallerNote, member: Option<&str>) -> Vec<String> {
        let pinned = self.pinned.iter();
        let lacking = pinned.filter(|(slug, all)| {
            self.all(slug).is_none() && !all.iter().any(|one| one.is_for(who, member))
        });
        let mut slugs: Vec<String> = lacking.map(|(slug, _)| slug.clone()).collect();
        slugs.sort_unstable();
        slugs
    }

    /// Whether there is no credential that is only for some calls.
    #[must_use]
    pub fn has_no_pinned(&self) -> bool {
        self.pinned.is_empty()
    }

    /// Whether no provider has a credential.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pool.is_empty() && self.pinned.is_empty()
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
        Self {
            pool: shared.collect(),
            pinned: HashMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_credential_is_for_whom_it_names() {
        let pinned = |workspace: Option<&str>, models: Option<&str>, keys: Option<&str>| {
            let one = |text: &str| vec![text.to_owned()];
            Arc::new(Pinned {
                id: "id".into(),
                label: "own".into(),
                secret: Secret::new("s"),
                workspace_id: workspace.map(Into::into),
                models: models.map(one),
                keys: keys.map(one),
                members: None,
                is_fallback: false,
            })
        };
        let who = CallerNote {
            workspace_id: "w".to_owned(),
            key_hash: "k".to_owned(),
            ..CallerNote::default()
        };
        for (one, is_for_it, is_lacking) in [
            (pinned(Some("w"), None, None), true, false),
            (pinned(None, Some("a/b"), Some("k")), true, false),
            (pinned(Some("other"), None, None), false, true),
            (pinned(None, Some("c/d"), None), false, false),
            (pinned(Some("w"), None, Some("l")), false, true),
        ] {
            let all = HashMap::from([("p".to_owned(), vec![one])]);
            let all = Credentials::default().with_pinned(all);
            assert_eq!(all.pinned("p", (&who, None), "a/b").count() == 1, is_for_it);
            assert_eq!(all.lacking(&who, None).is_empty(), !is_lacking);
            assert!(!all.is_open("p") && all.is_open("q"));
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let all: Credentials = [("p".to_owned(), Secret::new("hunter2"))]
            .into_iter()
            .collect();
        assert!(!format!("{all:?}").contains("hunter2"));
    }
}
