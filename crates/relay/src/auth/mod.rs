//! Puts a credential on a request: one file per way to do it.

mod header;

use catalog::provider::Auth;
use chat::{Error, Kind};
use http::HeaderMap;

use crate::Secret;

/// Signs the headers of a request in the way the provider's row says.
///
/// # Errors
/// When the credential cannot be put into a header, or the way is not one that this build can do;
/// both are for the operator to mend, and say so.
pub(crate) fn apply(auth: &Auth, secret: &Secret, headers: &mut HeaderMap) -> Result<(), Error> {
    match auth {
        Auth::None => Ok(()),
        Auth::Bearer => header::put(
            headers,
            "authorization",
            &format!("Bearer {}", secret.expose()),
        ),
        Auth::Header(name) => header::put(headers, name, secret.expose()),
        Auth::SigV4 | Auth::Google => Err(Error::gateway(
            Kind::ProviderUnavailable,
            "this provider's way to authenticate is not supported yet",
        )),
    }
}
