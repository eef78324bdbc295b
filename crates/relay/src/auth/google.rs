//! Google: service accounts, users of `gcloud`, and the metadata server of Google's machines.
//!
//! Source: Google, "Using OAuth 2.0 for server to server applications" and "Application Default
//! Credentials", as of 2026. A service account signs a short statement about itself with its RSA
//! key, and gets an access token for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

use super::credential::{Malformed, Object};
use super::tokens::{self, Form};
use crate::Secret;

const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const METADATA_HOST: &str = "metadata.google.internal";
const METADATA_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// How long a statement is valid: the most that Google takes.
const ASSERTION_SECONDS: i64 = 3600;

/// Somebody whom Google gives tokens.
#[derive(Debug, Clone)]
pub struct Account {
    who: Who,
    project: Option<Box<str>>,
    region: Option<Box<str>>,
}

#[derive(Debug, Clone)]
enum Who {
    Service {
        email: Box<str>,
        key: Secret,
        key_id: Option<Box<str>>,
        token_uri: Box<str>,
    },
    User {
        client_id: Box<str>,
        client_secret: Secret,
        refresh_token: Secret,
        token_uri: Box<str>,
    },
    Machine {
        host: Box<str>,
    },
}

impl Account {
    pub(super) fn read(object: &Object) -> Result<Self, Malformed> {
        let kind = object.text("type")?.unwrap_or("service_account");
        let token_uri = || {
            Ok(object
                .optional("token_uri")?
                .unwrap_or_else(|| TOKEN_URI.into()))
        };
        let (who, project) = match kind {
            "service_account" => {
                let who = Who::Service {
                    email: object.required("client_email")?,
                    key: Secret::new(object.required("private_key")?),
                    key_id: object.optional("private_key_id")?,
                    token_uri: token_uri()?,
                };
                (who, object.optional("project_id")?)
            }
            "authorized_user" => {
                let who = Who::User {
                    client_id: object.required("client_id")?,
                    client_secret: Secret::new(object.required("client_secret")?),
                    refresh_token: Secret::new(object.required("refresh_token")?),
                    token_uri: token_uri()?,
                };
                (who, object.optional("quota_project_id")?)
            }
            "metadata_server" => {
                let host = object.optional("host")?;
                let host = host.unwrap_or_else(|| METADATA_HOST.into());
                (Who::Machine { host }, object.optional("project_id")?)
            }
            _ => {
                let known = "service_account, authorized_user or metadata_server";
                return Err(Malformed::new(format!("its \"type\" must be {known}")));
            }
        };
        Ok(Self {
            who,
            project,
            region: object.optional("region")?,
        })
    }

    /// Looks at the key of a service account, which is read only when it is needed otherwise.
    pub(super) fn check(&self) -> Result<(), Malformed> {
        match &self.who {
            Who::Service { key, .. } => read_key(key).map(drop),
            Who::User { .. } | Who::Machine { .. } => Ok(()),
        }
    }

    pub(super) const fn form(&self) -> &'static str {
        match &self.who {
            Who::Service { .. } => "Google service account",
            Who::User { .. } => "Google user",
            Who::Machine { .. } => "Google metadata server",
        }
    }

    pub(super) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    pub(super) fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// The project that pays for a user's calls: users, unlike service accounts, have none.
    pub(super) fn quota_project(&self) -> Option<&str> {
        match &self.who {
            Who::User { .. } => self.project(),
            Who::Service { .. } | Who::Machine { .. } => None,
        }
    }

    /// The request for a token.
    pub(super) fn request(&self, now_ms: i64) -> Result<Request<Full<Bytes>>, Malformed> {
        match &self.who {
            Who::Service { token_uri, .. } => {
                let form: Form<'_> = &[
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", &self.assertion(now_ms)?),
                ];
                tokens::post(token_uri, form)
            }
            Who::User {
                client_id,
                client_secret,
                refresh_token,
                token_uri,
            } => {
                let form: Form<'_> = &[
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose()),
                    ("refresh_token", refresh_token.expose()),
                ];
                tokens::post(token_uri, form)
            }
            Who::Machine { host } => Request::get(format!("http://{host}{METADATA_PATH}"))
                .header("metadata-flavor", "Google")
                .body(Full::new(Bytes::new()))
                .map_err(|_| Malformed::new("its field \"host\" is no host")),
        }
    }

    /// What a service account says about itself, signed: a JSON web token.
    fn assertion(&self, now_ms: i64) -> Result<String, Malformed> {
        let Who::Service {
            email,
            key,
            key_id,
            token_uri,
        } = &self.who
        else {
            return Err(Malformed::new("only service accounts sign"));
        };
        let pair = read_key(key)?;
        let mut head = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(id) = key_id {
            head["kid"] = json!(id);
        }
        let now = now_ms.div_euclid(1000);
        let claims = json!({
            "iss": email,
            "scope": SCOPE,
            "aud": token_uri,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .map_err(|_| Malformed::new("its private_key cannot sign"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn read_key(pem: &Secret) -> Result<RsaKeyPair, Malformed> {
    let unusable = || Malformed::new("its field \"private_key\" is no RSA key in PEM");
    let der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).map_err(|_| unusable())?;
    match &der {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(unusable()),
    }
    .map_err(|_| unusable())
}
