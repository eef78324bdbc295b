//! `[routing]`: what is preferred for every call of the house.

use std::sync::Arc;

use catalog::Preferences;
use serde_json::Value;

use super::reader::Reader;
use crate::api::wishes::{Wishes, read_hedge};

/// `[routing]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routing {
    /// The house's own `provider` object: a ceiling over every request's, and its order and sort
    /// where a request has none.
    pub provider: Option<Arc<Preferences>>,
    /// What is wished for calls where neither a request nor its key says.
    pub wishes: Wishes,
}

/// Reads `[routing]`.
pub(super) fn routing(reader: &mut Reader<'_>) -> Routing {
    let mut section = reader.section("routing");
    let provider = section
        .word_or_table("provider", "any", word, table)
        .flatten();
    let hedge = section.parsed("hedge", "false", |text| {
        read_hedge(text).ok_or("is none of \"true\", \"false\" and \"MILLISECONDS\"")
    });
    let recovers = section.boolean("recover", false);
    section.finish();
    Routing {
        provider,
        wishes: Wishes {
            hedge: hedge.unwrap_or_default(),
            recovers,
        },
    }
}

fn word(word: &str) -> Result<Option<Arc<Preferences>>, String> {
    match word {
        "any" => Ok(None),
        other => Err(format!(
            "\"{other}\" is neither \"any\" nor a table such as {{ zdr = true, sort = \"price\" }}"
        )),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the reader gives tables away"
)]
fn table(object: Value) -> Result<Option<Arc<Preferences>>, String> {
    let read = Preferences::read(&object).map_err(|error| error.to_string());
    read.map(|preferences| Some(Arc::new(preferences)))
}
