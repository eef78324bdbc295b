//! What a credential is, read from its text. `waybill check` reads it as well, so that a malformed
//! one is found before the first call.

use std::fmt;

use catalog::provider::Auth;
use http::HeaderValue;
use serde_json::{Map, Value};

use super::{azure, google, sigv4};
use crate::Secret;

/// A credential, taken apart.
#[derive(Debug, Clone)]
pub enum Credential {
    /// None is needed.
    Nothing,
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// A header with the bare text in it.
    Header(Box<str>, Secret),
    /// Keys for AWS Signature Version 4.
    SigV4(Box<sigv4::Keys>),
    /// Something that is exchanged for access tokens.
    Exchanged(Box<Grant>),
}

/// What is exchanged for access tokens.
#[derive(Debug, Clone)]
pub enum Grant {
    /// Google's service accounts, users and machines.
    Google(google::Account),
    /// Microsoft Entra's client credentials.
    Entra(azure::Client),
}

impl Grant {
    pub(super) fn project(&self) -> Option<&str> {
        match self {
            Self::Google(account) => account.project(),
            Self::Entra(_) => None,
        }
    }

    pub(super) fn region(&self) -> Option<&str> {
        match self {
            Self::Google(account) => account.region(),
            Self::Entra(_) => None,
        }
    }

    /// The project that pays when the account's own is not meant.
    pub(super) fn quota_project(&self) -> Option<&str> {
        match self {
            Self::Google(account) => account.quota_project(),
            Self::Entra(_) => None,
        }
    }
}

/// Why a credential cannot be used. Never holds any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// In which line of its JSON, from 1; absent when the whole is meant.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.line {
            Some(line) => write!(f, " (line {line} of the credential)"),
            None => Ok(()),
        }
    }
}

impl Malformed {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            line: None,
            message: message.into(),
        }
    }
}

impl Credential {
    /// Reads a credential's text in the way that its provider's row says.
    ///
    /// # Errors
    /// When it has the form of a JSON object but is none, or lacks something.
    pub fn read(auth: &Auth, secret: &Secret) -> Result<Self, Malformed> {
        let plain = || Secret::new(secret.expose().trim());
        let object = |auth: &Auth| match auth {
            Auth::SigV4 | Auth::Google | Auth::Azure => Object::read(secret),
            Auth::None | Auth::Bearer | Auth::Header(_) => Ok(None),
        };
        Ok(match (auth, object(auth)?) {
            (Auth::None, _) => Self::Nothing,
            (Auth::Header(name), _) => Self::Header(name.clone(), plain()),
            (Auth::SigV4, Some(object)) => Self::SigV4(Box::new(sigv4::Keys::read(&object)?)),
            (Auth::Google, Some(object)) => {
                Self::Exchanged(Box::new(Grant::Google(google::Account::read(&object)?)))
            }
            (Auth::Azure, Some(object)) => azure::read(&object)?,
            (Auth::Azure, None) if !azure::is_token(secret.expose()) => {
                Self::Header(azure::KEY_HEADER.into(), plain())
            }
            (Auth::Bearer | Auth::SigV4 | Auth::Google | Auth::Azure, _) => Self::Bearer(plain()),
        })
    }

    /// Reads a credential and looks at all of it, keys included, so that what passes will not be
    /// refused for its form.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn check(auth: &Auth, secret: &Secret) -> Result<Self, Malformed> {
        let credential = Self::read(auth, secret)?;
        match &credential {
            Self::Bearer(secret) | Self::Header(_, secret) => {
                HeaderValue::from_str(secret.expose()).map_err(|_| {
                    Malformed::new("it contains characters that a header cannot carry")
                })?;
            }
            Self::Exchanged(grant) => {
                if let Grant::Google(account) = &**grant {
                    account.check()?;
                }
            }
            Self::Nothing | Self::SigV4(_) => {}
        }
        Ok(credential)
    }

    /// What it is, in a few words for people.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Bearer(_) | Self::Header(..) => "key",
            Self::SigV4(keys) if keys.is_temporary() => "AWS keys with a session token",
            Self::SigV4(_) => "AWS keys",
            Self::Exchanged(grant) => match &**grant {
                Grant::Google(account) => account.form(),
                Grant::Entra(_) => "Entra client credentials",
            },
        }
    }

    /// The region or location that it names.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::SigV4(keys) => keys.region(),
            Self::Exchanged(grant) => grant.region(),
            Self::Nothing | Self::Bearer(_) | Self::Header(..) => None,
        }
    }

    /// The project that it belongs to.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::Exchanged(grant) => grant.project(),
            Self::Nothing | Self::Bearer(_) | Self::Header(..) | Self::SigV4(_) => None,
        }
    }
}

/// A credential that is a JSON object.
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// `None` when the text is no object, nor meant to be one.
    fn read(secret: &Secret) -> Result<Option<Self>, Malformed> {
        let text = secret.expose();
        if !text.trim_start().starts_with('{') {
            return Ok(None);
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Ok(Some(Self(object))),
            Ok(_) => Err(Malformed::new("it is no JSON object")),
            // The parser's own message is left out: it may quote what it stumbled over.
            Err(error) => Err(Malformed {
                line: Some(error.line()),
                message: "it is no valid JSON".to_owned(),
            }),
        }
    }

    /// A field's text; `None` when it is absent, empty or null.
    ///
    /// # Errors
    /// When it is something else.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Malformed> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Malformed::new(format!("its field \"{name}\" must be text")))
            }
        }
    }

    /// A field's text as something that can be kept.
    ///
    /// # Errors
    /// When it is absent or no text.
    pub(super) fn required(&self, name: &str) -> Result<Box<str>, Malformed> {
        let missing = || Malformed::new(format!("its field \"{name}\" is missing"));
        self.text(name)?.map(Into::into).ok_or_else(missing)
    }

    /// The same for a field that may be absent.
    pub(super) fn optional(&self, name: &str) -> Result<Option<Box<str>>, Malformed> {
        Ok(self.text(name)?.map(Into::into))
    }
}
