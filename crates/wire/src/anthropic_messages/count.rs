//! The question how many tokens a prompt is: `POST /messages/count_tokens`.
//!
//! Its body is that of the call, without what concerns the answer alone; more is refused.
//! <https://platform.claude.com/docs/en/api/messages-count-tokens> (2026). Vertex has the same
//! question, with the model in the body; Bedrock's holds the whole call (`bedrock/count.rs`).

use chat::Error;

use super::host::Host;
use super::same;
use crate::bedrock;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};
use crate::scan::text;
use crate::splice::{Edits, ObjectEdits, quoted};
use crate::track::broken;

/// What concerns the answer alone.
const OF_ANSWERS: &[&str] = &[
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
    "service_tier",
    "container",
    "speed",
    "inference_geo",
];

/// Writes the question for one endpoint; `None` where it cannot be asked.
pub(super) fn write(
    body: &[u8],
    request: &Incoming,
    to: &Outgoing<'_>,
) -> Result<Option<Written>, Error> {
    let mut written = same::write(body, request, to)?;
    if Host::of(to) == Host::Bedrock {
        written.body = bedrock::count::of_body(&written.body).into();
        // They concern the answer.
        written.headers.clear();
        return Ok(Some(written));
    }
    let unreadable = |_| broken("a request that was written cannot be read");
    let text = text(&written.body).map_err(unreadable)?;
    let members = Members::of_text(text).map_err(unreadable)?;
    let mut edited = ObjectEdits::new(&members);
    for name in OF_ANSWERS {
        edited.remove(name);
    }
    edited.set("model", quoted(to.native_model));
    let mut edits = Edits::default();
    edited.commit(&mut edits);
    written.body = edits.apply(text, "", "");
    Ok(Some(written))
}

/// Reads the answer.
pub(super) fn read(body: &[u8]) -> Option<u64> {
    let text = text(body).ok()?;
    let members = Members::of_text(text).ok()?;
    let of_bedrock = || bedrock::count::read(body);
    members.count("input_tokens").or_else(of_bedrock)
}
