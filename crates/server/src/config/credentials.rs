//! Which credential belongs to which provider: the configuration's, else the one in the variable
//! that the provider's own users have.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{Auth, Catalog, Provider};
use relay::Secret;
use relay::auth::credential::Credential;

use super::accounts;
use super::problem::Problem;
use super::providers::Providers;
use super::secret::Environment;

/// The credentials of a configuration, resolved, and the environment behind them.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// By the name of the section. `None`: switched off, whatever the environment says.
    configured: BTreeMap<String, Option<Secret>>,
    environment: Environment,
}

/// How a provider's credential is presented; of several ways the one that says most about it.
fn scheme(provider: &Provider) -> &Auth {
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
        for (name, written) in &providers.credentials {
            let secret = written.resolve(&environment).unwrap_or_else(|message| {
                let path = format!("providers.{name}.credential");
                problems.push(Problem {
                    place: providers.place(&path),
                    path,
                    message,
                });
                None
            });
            given.configured.insert(name.clone(), secret);
        }
        given.environment = environment;
        (given, problems)
    }

    /// Adds a credential, for a provider that needs one and is not in any configuration.
    pub fn insert(&mut self, name: &str, secret: Secret) {
        self.configured.insert(name.to_owned(), Some(secret));
    }

    /// The credential of a provider, if there is one that can be used.
    #[must_use]
    pub fn of(&self, provider: &Provider) -> Option<Secret> {
        self.checked(provider).ok().flatten()
    }

    /// Why the credential that somebody has given a provider cannot be used. Never holds any of it.
    #[must_use]
    pub fn trouble(&self, provider: &Provider) -> Option<String> {
        self.checked(provider).err()
    }

    /// The value of a variable in a base URL: a fact of the credential when its name is in lower
    /// case, else a variable of the environment.
    #[must_use]
    pub fn variable(&self, provider: &Provider, name: &str) -> Option<String> {
        let of_credential = || {
            let secret = self.found(provider).ok()??;
            Credential::read(scheme(provider), &secret).ok()
        };
        match name {
            "region" => of_credential()?.region().map(str::to_owned),
            "project" => of_credential()?.project().map(str::to_owned),
            _ => self.environment.get(name).map(str::to_owned),
        }
    }

    /// What is wrong with the credentials of a configuration, now that it is known how each is
    /// presented.
    #[must_use]
    pub fn malformed(&self, catalog: &Catalog, providers: &Providers) -> Vec<Problem> {
        let problem = |provider: &Arc<Provider>| {
            let name = self.section(provider)?;
            let path = format!("providers.{name}.credential");
            Some(Problem {
                place: providers.place(&path),
                path,
                message: self.trouble(provider)?,
            })
        };
        catalog.providers().filter_map(problem).collect()
    }

    /// The section that gives a provider its credential.
    fn section<'p>(&self, provider: &'p Provider) -> Option<&'p str> {
        let names = provider.aliases.iter().map(AsRef::as_ref);
        std::iter::once(provider.slug.as_str())
            .chain(names)
            .find(|name| self.configured.contains_key(*name))
    }

    /// The credential that somebody has given, with all that belongs to it.
    fn found(&self, provider: &Provider) -> Result<Option<Secret>, String> {
        let text = match self.section(provider) {
            Some(name) => self.configured[name].clone(),
            None => {
                let mut names = provider.env.iter();
                let value = names.find_map(|name| self.environment.get(name));
                value.map(|value| Secret::new(value.trim()))
            }
        };
        let Some(text) = text else { return Ok(None) };
        accounts::completed(scheme(provider), text, &self.environment).map(Some)
    }

    fn checked(&self, provider: &Provider) -> Result<Option<Secret>, String> {
        let Some(secret) = self.found(provider)? else {
            return Ok(None);
        };
        for connection in &provider.connections {
            Credential::check(&connection.auth, &secret)
                .map_err(|malformed| malformed.to_string())?;
        }
        Ok(Some(secret))
    }
}
