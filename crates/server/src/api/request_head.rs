//! What the head of a request says of its call: who calls, and what they want beside an answer.

use chat::{Error, Kind};
use http::HeaderMap;
use http::header::{HeaderName, REFERER, USER_AGENT};
use ledger::generation::CallerNote;
use relay::AdmissionPolicy;
use wire::Incoming;

use crate::api::trace_note;
use crate::caller::Caller;

/// In a request: what is to happen when the money does not reach, `clamp` or `reject`. In an answer:
/// on which ground a call with budgets was let in, `full`, `estimate` or `clamped=N`.
pub(super) const ADMISSION: HeaderName = HeaderName::from_static("x-waybill-admission");

const SIMULATE: HeaderName = HeaderName::from_static("x-simulate");

// As names, not as texts: each text that is looked up is read as a name first.
const REFERERS: [HeaderName; 3] = [
    HeaderName::from_static("http-referer"),
    REFERER,
    HeaderName::from_static("x-waybill-referer"),
];
const TITLES: [HeaderName; 3] = [
    HeaderName::from_static("x-openrouter-title"),
    HeaderName::from_static("x-waybill-title"),
    HeaderName::from_static("x-title"),
];
const SESSION_ID: HeaderName = HeaderName::from_static("x-session-id");
const METADATA: [HeaderName; 2] = [
    HeaderName::from_static("x-openrouter-metadata"),
    HeaderName::from_static("x-openrouter-experimental-metadata"),
];

/// The longest session id, characters. Source: `session_id` of the reference.
const SESSION_ID_MAX: usize = 256;

/// The longest of the other texts that go into a record, characters; what is longer is cut.
const NOTE_MAX: usize = 512;

/// What the caller wants to happen when the money does not reach.
pub(super) fn admission(headers: &HeaderMap) -> Result<Option<AdmissionPolicy>, Error> {
    let Some(value) = headers.get(ADMISSION) else {
        return Ok(None);
    };
    match value.to_str().map(str::trim) {
        Ok("clamp") => Ok(Some(AdmissionPolicy::Clamp)),
        Ok("reject") => Ok(Some(AdmissionPolicy::Reject)),
        _ => {
            let message = "X-Waybill-Admission is neither \"clamp\" nor \"reject\"";
            Err(Error::caller(Kind::InvalidRequest, message).with_field("X-Waybill-Admission"))
        }
    }
}

/// Whether the caller asks how it was routed. The older name is still in use (contradiction 32 of
/// the digest).
pub(super) fn wants_metadata(headers: &HeaderMap) -> bool {
    METADATA
        .iter()
        .filter_map(|name| headers.get(name))
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"enabled"))
}

/// Who calls, for the record.
pub(crate) fn note(caller: &Caller, headers: &HeaderMap, request: &Incoming) -> CallerNote {
    let text = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then(|| cut(value, NOTE_MAX))
    };
    let first = |names: &[HeaderName]| names.iter().find_map(text);
    CallerNote {
        workspace_id: caller.facts.key.workspace_id.clone(),
        key_hash: caller.facts.key.hash.as_str().to_owned(),
        http_referer: first(&REFERERS),
        app_title: first(&TITLES),
        user_agent: text(&USER_AGENT),
        session_id: request
            .session_id
            .clone()
            .or_else(|| text(&SESSION_ID))
            .map(|id| cut(&id, SESSION_ID_MAX)),
        external_user: request.user.as_deref().map(|user| cut(user, NOTE_MAX)),
        trace: trace_note::read(request.trace.as_ref(), headers).map(Box::new),
    }
}

fn cut(text: &str, characters_max: usize) -> String {
    text.chars().take(characters_max).collect()
}

/// What is meant for simulated providers; the relay shows it to no other.
pub(crate) fn simulation(headers: &HeaderMap) -> HeaderMap {
    let mut found = HeaderMap::new();
    if let Some(value) = headers.get(SIMULATE) {
        found.insert(SIMULATE, value.clone());
    }
    found
}
