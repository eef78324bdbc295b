//! Azure: a key in a header of its own, a bearer token, or Microsoft Entra's client credentials.
//!
//! Source: Microsoft, "OAuth 2.0 client credentials flow", as of 2026.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::credential::{Credential, Grant, Malformed, Object};
use super::tokens::{self, Form};
use crate::Secret;

/// The header of plain keys.
pub(super) const KEY_HEADER: &str = "api-key";

const AUTHORITY: &str = "https://login.microsoftonline.com";
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

/// An application that may fetch tokens for itself.
#[derive(Debug, Clone)]
pub struct Client {
    token_uri: Box<str>,
    client_id: Box<str>,
    client_secret: Secret,
    scope: Box<str>,
}

/// Reads a JSON credential: client credentials, or a token that somebody else keeps fresh.
pub(super) fn read(object: &Object) -> Result<Credential, Malformed> {
    if let Some(token) = object.optional("access_token")? {
        return Ok(Credential::Bearer(Secret::new(token)));
    }
    let tenant = object.required("tenant_id")?;
    let authority = object.text("authority")?.unwrap_or(AUTHORITY);
    let own = || {
        format!(
            "{}/{tenant}/oauth2/v2.0/token",
            authority.trim_end_matches('/')
        )
    };
    let client = Client {
        token_uri: object
            .optional("token_uri")?
            .unwrap_or_else(|| own().into()),
        client_id: object.required("client_id")?,
        client_secret: Secret::new(object.required("client_secret")?),
        scope: object.optional("scope")?.unwrap_or_else(|| SCOPE.into()),
    };
    Ok(Credential::Exchanged(Box::new(Grant::Entra(client))))
}

/// Whether a plain text is an access token (a JWT) and no key: keys have no dots in them.
pub(super) fn is_token(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("eyJ") && text.split('.').count() == 3
}

impl Client {
    /// The request for a token.
    pub(super) fn request(&self) -> Result<Request<Full<Bytes>>, Malformed> {
        let form: Form<'_> = &[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
            ("scope", &self.scope),
        ];
        tokens::post(&self.token_uri, form)
    }
}
