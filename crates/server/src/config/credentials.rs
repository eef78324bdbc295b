//! Which credential belongs to which provider: the configuration's, else one that was added at run
//! time, else the one in the variable that the provider's own users have.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use catalog::{Auth, Catalog, Provider};
use relay::auth::credential::Credential;
use relay::{Labelled, Secret};

use super::accounts;
use super::problem::Problem;
use super::providers::Providers;
use super::secret::Environment;

/// The credentials of a configuration, resolved, and the environment behind them.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// By the name of the section. None at all: switched off, whatever the environment says.
    configured: BTreeMap<String, Vec<Configured>>,
    /// What was added at run time, by slug; the same for every copy of this.
    added: Arc<ArcSwap<BTreeMap<String, Added>>>,
    environment: Environment,
}

/// A credential that was added at run time.
#[derive(Debug, Clone)]
pub struct Added {
    /// The masked secret.
    pub label: Box<str>,
    /// What is presented.
    pub secret: Secret,
}

/// Where a provider's credential comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The configuration, which wins.
    Configuration,
    /// Added at run time.
    Added,
    /// The variable that the provider's users have.
    Environment,
}

/// A credential of the configuration.
#[derive(Debug, Clone)]
struct Configured {
    label: Box<str>,
    weight: u32,
    /// Where it stands.
    path: String,
    /// `None` where the variable that it names is not set.
    secret: Option<Secret>,
}

/// How a provider's credential is presented; of several ways the one that says most about it.
#[must_use]
pub fn scheme(provider: &Provider) -> &Auth {
    let ways = || {
        provider
            .connections
            .iter()
            .map(|connection| &connection.auth)
    };
    let is_account = |auth: &&Auth| matches!(auth, Auth::SigV4 | Auth::Google | Auth::Azure);
    ways()
        .find(is_account)
        .or_else(|| ways().next())
        .unwrap_or(&Auth::None)
}

impl Given {
    /// Resolves what a configuration says about credentials; files that cannot be read are mistakes.
    #[must_use]
    pub fn resolve(providers: &Providers, environment: Environment) -> (Self, Vec<Problem>) {
        let mut given = Self::default();
        let mut problems = Vec::new();
        for (name, all) in &providers.credentials {
            let configured = all.iter().map(|one| {
                let secret = one.written.resolve(&environment).unwrap_or_else(|message| {
                    problems.push(Problem {
                        place: providers.place(&one.path),
                        path: one.path.clone(),
                        message,
                    });
                    None
                });
                Configured {
                    label: one.label.as_str().into(),
                    weight: one.weight,
                    path: one.path.clone(),
                    secret,
                }
            });
            let configured = configured.collect();
            given.configured.insert(name.clone(), configured);
        }
        given.environment = environment;
        (given, problems)
    }

    /// Adds a credential, for a provider that needs one and is not in any configuration.
    pub fn insert(&mut self, name: &str, secret: Secret) {
        let only = Configured {
            label: "1".into(),
            weight: 1,
            path: format!("providers.{name}.credential"),
            secret: Some(secret),
        };
        self.configured.insert(name.to_owned(), vec![only]);
    }

    /// Takes over what was added at run time, by slug.
    pub fn put_added(&self, added: BTreeMap<String, Added>) {
        self.added.store(added.into());
    }

    /// Where the credential of a provider comes from, and what it is called; `None` when it has none.
    #[must_use]
    pub fn source(&self, provider: &Provider) -> Option<(Source, Box<str>)> {
        let label = self.found(provider).into_iter().next()?.label;
        let source = if self.section(provider).is_some() {
            Source::Configuration
        } else if self.added.load().contains_key(provider.slug.as_str()) {
            Source::Added
        } else {
            Source::Environment
        };
        Some((source, label))
    }

    /// Why a text cannot be the credential of a provider.
    ///
    /// # Errors
    /// With what is wrong with it, and none of it.
    pub fn check(&self, provider: &Provider, secret: Secret) -> Result<Secret, String> {
        let secret = accounts::completed(scheme(provider), secret, &self.environment);
        checked(provider, secret)
    }

    /// The credentials of a provider that can be used.
    #[must_use]
    pub fn of(&self, provider: &Provider) -> Vec<Labelled> {
        let found = self.found(provider).into_iter();
        let usable = found.filter_map(|found| {
            let secret = checked(provider, found.secret).ok()?;
            Some(Labelled {
                label: found.label,
                weight: found.weight,
                secret,
            })
        });
        usable.collect()
    }

    /// Why a credential that somebody has given a provider cannot be used. Never holds any of it.
    #[must_use]
    pub fn trouble(&self, provider: &Provider) -> Option<String> {
        let mut found = self.found(provider).into_iter();
        found.find_map(|found| checked(provider, found.secret).err())
    }

    /// Labels of the configured credentials of a provider whose variables are not set.
    #[must_use]
    pub fn unset(&self, provider: &Provider) -> Vec<&str> {
        let section = self.section(provider);
        let all = section.map_or(&[][..], |name| &self.configured[name]);
        let unset = all.iter().filter(|one| one.secret.is_none());
        unset.map(|one| one.label.as_ref()).collect()
    }

    /// The value of a variable in a base URL: a fact of the credential when its name is in lower
    /// case, else a variable of the environment.
    #[must_use]
    pub fn variable(&self, provider: &Provider, name: &str) -> Option<String> {
        match name {
            "region" | "project" => {
                let first = self.found(provider).into_iter().next()?;
                fact(provider, &first.secret.ok()?, name)
            }
            _ => self.environment.get(name).map(str::to_owned),
        }
    }

    /// What is wrong with the credentials of a configuration, now that it is known how each is
    /// presented.
    #[must_use]
    pub fn malformed(&self, catalog: &Catalog, providers: &Providers) -> Vec<Problem> {
        let problems = |provider: &Arc<Provider>| {
            self.section(provider)?;
            let found = self.found(provider).into_iter();
            let wrong = found.filter_map(|found| {
                let message = checked(provider, found.secret).err()?;
                let path = found.path;
                Some(Problem {
                    place: providers.place(&path),
                    path,
                    message,
                })
            });
            Some(wrong.collect::<Vec<_>>())
        };
        catalog.providers().filter_map(problems).flatten().collect()
    }

    /// The section that gives a provider its credential.
    fn section<'p>(&self, provider: &'p Provider) -> Option<&'p str> {
        let names = provider.aliases.iter().map(AsRef::as_ref);
        std::iter::once(provider.slug.as_str())
            .chain(names)
            .find(|name| self.configured.contains_key(*name))
    }

    /// The credentials that somebody has given, each with all that belongs to it.
    fn found(&self, provider: &Provider) -> Vec<Found> {
        let complete = |secret| accounts::completed(scheme(provider), secret, &self.environment);
        let Some(name) = self.section(provider) else {
            if let Some(added) = self.added.load().get(provider.slug.as_str()) {
                return vec![Found {
                    label: added.label.clone(),
                    weight: 1,
                    path: String::new(),
                    secret: complete(added.secret.clone()),
                }];
            }
            let mut names = provider.env.iter();
            let found = names.find_map(|name| Some((name, self.environment.get(name)?)));
            let found = found.map(|(name, value)| Found {
                label: format!("env:{name}").into(),
                weight: 1,
                path: String::new(),
                secret: complete(Secret::new(value.trim())),
            });
            return found.into_iter().collect();
        };
        let given = self.configured[name].iter().filter_map(|one| {
            Some(Found {
                label: one.label.clone(),
                weight: one.weight,
                path: one.path.clone(),
                secret: complete(one.secret.clone()?),
            })
        });
        given.collect()
    }
}

/// A credential that was given, or why it is not whole.
struct Found {
    label: Box<str>,
    weight: u32,
    /// Where it stands in the configuration; empty when it is in the environment.
    path: String,
    secret: Result<Secret, String>,
}

/// What a credential says of a variable in its provider's address.
#[must_use]
pub fn fact(provider: &Provider, secret: &Secret, name: &str) -> Option<String> {
    let credential = Credential::read(scheme(provider), secret).ok()?;
    match name {
        "region" => credential.region().map(str::to_owned),
        "project" => credential.project().map(str::to_owned),
        _ => None,
    }
}

/// Whether a credential has the form that its provider wants.
///
/// # Errors
/// With what is wrong with it; never holds any of it.
pub fn check(provider: &Provider, secret: Secret) -> Result<Secret, String> {
    checked(provider, Ok(secret))
}

fn checked(provider: &Provider, secret: Result<Secret, String>) -> Result<Secret, String> {
    let secret = secret?;
    for connection in &provider.connections {
        Credential::check(&connection.auth, &secret).map_err(|malformed| malformed.to_string())?;
    }
    Ok(secret)
}
