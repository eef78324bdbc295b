//! How a secret is written in a configuration: `env:NAME`, `file:PATH`, or the literal.

use std::collections::HashMap;

use relay::Secret;

/// The environment as it was at start; the only way the rest of the house sees it.
#[derive(Clone, Default)]
pub struct Environment {
    variables: HashMap<String, String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[environment]")
    }
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        (!value.trim().is_empty()).then_some(value.as_str())
    }

    /// The variables whose names begin with `prefix`, in order of their names.
    #[must_use]
    pub fn beginning_with(&self, prefix: &str) -> Vec<(String, String)> {
        let mut found: Vec<_> = self
            .variables
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        found.sort();
        found
    }

    /// Replaces every `${NAME}` in `text`.
    ///
    /// # Errors
    /// With the name of the first variable that is not set.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            expanded.push_str(before);
            expanded.push_str(self.get(name).ok_or_else(|| name.to_owned())?);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self {
            variables: pairs.into_iter().collect(),
        }
    }
}

/// A secret as it was written. Not printable: it may be the secret itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Written(String);

impl Written {
    /// Takes what stands in a configuration.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Resolves it. `None` when the variable it names is not set, or the text is empty.
    ///
    /// # Errors
    /// When the file it names cannot be read.
    pub fn resolve(&self, environment: &Environment) -> Result<Option<Secret>, String> {
        resolve(&self.0, environment)
    }
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Resolves a secret as it was written. `None` when the variable it names is not set, or the text
/// is empty: what it belongs to is then off.
///
/// # Errors
/// When the file it names cannot be read.
fn resolve(written: &str, environment: &Environment) -> Result<Option<Secret>, String> {
    let text = if let Some(name) = written.strip_prefix("env:") {
        environment.get(name).unwrap_or_default().to_owned()
    } else if let Some(path) = written.strip_prefix("file:") {
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?
    } else {
        written.to_owned()
    };
    let text = text.trim();
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        [("A", "one"), ("EMPTY", " ")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    #[test]
    fn secrets_come_from_variables_files_and_literals() {
        let check = |written: &str, expected: Option<&str>| {
            let secret = resolve(written, &environment()).unwrap();
            assert_eq!(secret.as_ref().map(Secret::expose), expected, "{written}");
        };
        check("env:A", Some("one"));
        check("env:EMPTY", None);
        check("env:ABSENT", None);
        check("literal", Some("literal"));
        check("", None);
        assert!(resolve("file:/nonexistent/secret", &environment()).is_err());
    }

    #[test]
    fn names_in_braces_are_replaced_and_absent_ones_are_named() {
        assert_eq!(
            environment().expand("https://${A}/v1"),
            Ok("https://one/v1".to_owned())
        );
        assert_eq!(environment().expand("x${ABSENT}"), Err("ABSENT".to_owned()));
        assert_eq!(environment().expand("plain ${"), Ok("plain ${".to_owned()));
    }
}
