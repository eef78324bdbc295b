//! Which credential belongs to which provider: the configuration's, else the one in the variable
//! that the provider's own users have.

use std::collections::BTreeMap;

use catalog::Provider;
use relay::Secret;

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

    /// The credential of a provider, if there is one.
    #[must_use]
    pub fn of(&self, provider: &Provider) -> Option<Secret> {
        let names = provider.aliases.iter().map(AsRef::as_ref);
        let configured = std::iter::once(provider.slug.as_str())
            .chain(names)
            .find_map(|name| self.configured.get(name));
        if let Some(secret) = configured {
            return secret.clone();
        }
        let variable = provider
            .env
            .iter()
            .find_map(|name| self.environment.get(name));
        variable.map(|value| Secret::new(value.trim()))
    }

    /// The environment, for what stands in base URLs.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}
