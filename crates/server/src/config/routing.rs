//! `[routing]`: what is preferred for every call of the house.

use std::sync::Arc;

use catalog::Preferences;
use serde_json::Value;

use super::reader::Reader;

/// `[routing]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routing {
    /// The house's own `provider` object: a ceiling over every request's, and its order and sort
    /// where a request has none.
    pub provider: Option<Arc<Preferences>>,
}

/// Reads `[routing]`.
pub(super) fn routing(reader: &mut Reader<'_>) -> Routing {
    let mut section = reader.section("routing");
    let provider = section
        .word_or_table("provider", "any", word, table)
        .flatten();
    section.finish();
    Routing { provider }
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
