//! The credential as the value of one header: bearer tokens and plain key headers.

use chat::{Error, Kind};
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Sets one header, marked as sensitive so that no log of headers shows it.
///
/// # Errors
/// When the name or the value cannot stand in a header.
pub(super) fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Error> {
    let unusable = || {
        Error::gateway(
            Kind::ProviderUnavailable,
            "the credential configured for this provider contains characters that a header cannot carry",
        )
    };
    let name = HeaderName::try_from(name).map_err(|_| unusable())?;
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| unusable())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
