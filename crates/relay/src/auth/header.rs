//! The credential as the value of one header: bearer tokens and plain key headers.

use chat::Error;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::refused;
use crate::Secret;

/// Sets `Authorization: Bearer …`.
///
/// # Errors
/// When the token cannot stand in a header.
pub(super) fn bearer(headers: &mut HeaderMap, token: &Secret) -> Result<(), Error> {
    let value = ["Bearer ", token.expose().trim()].concat();
    insert(headers, AUTHORIZATION, &value)
}

/// Sets one header, marked as sensitive so that no log of headers shows it.
///
/// # Errors
/// When the name or the value cannot stand in a header.
pub(super) fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Error> {
    let name = HeaderName::try_from(name).map_err(|_| unusable())?;
    insert(headers, name, value)
}

fn unusable() -> Error {
    refused("it contains characters that a header cannot carry")
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Error> {
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| unusable())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
