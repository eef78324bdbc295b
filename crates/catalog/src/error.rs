//! What can be wrong with rows: every mistake with the path to it.

use std::fmt;

/// One mistake in a row. A load collects all of them before it fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct LoadError {
    /// Where it is, for example `providers.my-vllm.endpoints[2].price.input`.
    pub path: String,
    /// What is wrong, with the offending value and what would be right.
    pub message: String,
}

impl LoadError {
    /// A mistake at a path.
    #[must_use]
    pub fn new(path: &str, message: &str) -> Self {
        Self {
            path: path.to_owned(),
            message: message.to_owned(),
        }
    }

    /// Adds `others` to `errors`, without those about a path that already has an error: a value
    /// that could not be read would be reported as missing as well.
    pub fn merge(errors: &mut Vec<Self>, others: Vec<Self>) {
        for other in others {
            if errors.iter().all(|error| error.path != other.path) {
                errors.push(other);
            }
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
