//! A request as a dialect gets it: its body, and what its path, query and headers say.

use http::HeaderMap;
use serde_json::Value;

use super::Problem;
use super::ask::{required_text, truth};
use crate::ledger::Usage;
use crate::script::Script;

/// A request whose body is JSON.
pub(crate) struct Received<'a> {
    pub(crate) body: &'a Value,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: &'a str,
    /// The model, where the path names it.
    pub(crate) model: Option<&'a str>,
    /// Whether the path asks for a stream, where it says so.
    pub(crate) streams: Option<bool>,
    pub(crate) script: &'a Script,
}

/// An answer that is no generated text: embeddings, a ranking, a count.
pub(crate) struct Made {
    pub(crate) body: Value,
    pub(crate) usage: Option<Usage>,
    /// The true number of prompt tokens.
    pub(crate) prompt_tokens: u64,
}

impl Received<'_> {
    /// The model, from the path or else from the body.
    pub(crate) fn model(&self) -> Result<String, Problem> {
        match self.model {
            Some(model) => Ok(model.to_owned()),
            None => required_text(self.body, "model"),
        }
    }

    /// Whether a stream is asked for, by the path or else by the body.
    pub(crate) fn stream(&self) -> Result<bool, Problem> {
        match self.streams {
            Some(streams) => Ok(streams),
            None => truth(self.body, "stream"),
        }
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// An answer for a prompt of so many tokens, whose body is written with the usage as it is reported.
    pub(crate) fn made(
        &self,
        prompt_tokens: u64,
        write: impl FnOnce(Option<Usage>) -> Value,
    ) -> Made {
        let usage = Usage {
            prompt: prompt_tokens,
            ..Usage::default()
        };
        let usage = self.script.content.usage.reported(usage);
        Made {
            body: write(usage),
            usage,
            prompt_tokens,
        }
    }
}
