//! Providers who speak Chat Completions, where the caller does not: requests out of the vocabulary,
//! answers into it.
//!
//! | file | does |
//! |---|---|
//! | `compose.rs` | a request, before the endpoint's habits are applied as in the other lane |
//! | `turns.rs`, `parts.rs` | its messages and their content |
//! | `tools.rs` | its tools, and which of them may be called |
//! | `reader.rs` | chunks and whole answers → events, by the walk of the other lane |
//! | `alike.rs` | chunks that differ in their word alone → events, without it |

mod alike;
mod compose;
mod parts;
mod reader;
mod tools;
mod turns;

use chat::{Error, Kind, Parameter, Parameters, Request};

use super::tap::OpenaiChat;
use super::write::fit;
use crate::codec::{Outbound, Reader};
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};

/// What OpenAI has in both of its dialects, and nobody else: how its cache works.
pub(crate) const OF_OPENAI: &[&str] = &["prompt_cache_options", "prompt_cache_retention"];

impl Outbound for OpenaiChat {
    fn write(&self, request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
        let (text, dropped) = compose::compose(request, to)?;
        let members = Members::of_text(&text).map_err(|error| {
            Error::gateway(Kind::Server, "a translated request is not JSON")
                .with_detail(error.to_string())
        })?;
        let asked = Parameters::default().with(Parameter::MaxTokens);
        let mut written = fit(&members, (asked, request.stream), to);
        for name in dropped {
            if !written.dropped.contains(&name) {
                written.dropped.push(name);
            }
        }
        Ok(written)
    }

    fn own_fields(&self) -> &'static [&'static str] {
        OF_OPENAI
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(reader::Answer::default())
    }
}
