//! Reads the signatures that Google's host of this dialect attaches to texts and calls.
//!
//! They stand in `extra_content.google.thought_signature`, and must come back with what they vouch
//! for. Callers who keep the whole message give them back there; those who keep `reasoning_details`,
//! as OpenRouter's clients do, find them there as well.
//! <https://ai.google.dev/gemini-api/docs/thought-signatures#openai> (2026)

use chat::opaque::Format;
use chat::{Error, Event, Opaque, Seal};

use super::details::{self, Sealed};
use super::events::Walk;
use crate::members::Members;
use crate::track::{Voice, object_of};

/// The signature of a message: of its text, or of the thoughts before its calls. Gives the entry that
/// repeats it, where the answer is forwarded.
pub(super) fn of_message(
    walk: &mut Walk<'_, '_>,
    index: u32,
    body: &Members<'_>,
) -> Result<Option<String>, Error> {
    let Some(opaque) = signature(body)? else {
        return Ok(None);
    };
    if walk.telling.is_none() {
        return Ok(Some(details::sealed(&opaque, Sealed::Text, 0)));
    }
    let choice = walk.tracker.choice(index)?;
    let voice = match choice.block_of(Voice::Text) {
        Some(_) => Voice::Text,
        None => Voice::Reasoning,
    };
    choice.seal(voice, opaque, walk.listen);
    Ok(None)
}

/// The signature of a call, likewise.
pub(super) fn of_call(
    walk: &mut Walk<'_, '_>,
    index: u32,
    call: &Members<'_>,
) -> Result<Option<String>, Error> {
    let Some((opaque, id)) = signature(call)?.zip(call.filled("id")) else {
        return Ok(None);
    };
    let id = id.decode();
    if walk.telling.is_none() {
        return Ok(Some(details::sealed(&opaque, Sealed::Call(&id), 0)));
    }
    if let Some(block) = walk.tracker.choice(index)?.block_of_call(&id) {
        (walk.listen)(Event::Sealed(block, opaque));
    }
    Ok(None)
}

fn signature(holder: &Members<'_>) -> Result<Option<Opaque>, Error> {
    let Some(extra) = object_of(holder, "extra_content")? else {
        return Ok(None);
    };
    let google = object_of(&extra, "google")?;
    let value = google
        .as_ref()
        .and_then(|it| it.filled("thought_signature"));
    Ok(value.map(|value| Opaque {
        format: Format::GoogleGemini,
        seal: Seal::Signature,
        value: value.decode().into_owned(),
        id: None,
    }))
}
