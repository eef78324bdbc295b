//! A request as one endpoint is to see it.

use bytes::Bytes;
use chat::{Dialect, Error, Kind, Parameters};

use crate::quirks::Quirk;

/// What one endpoint needs to see.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The provider's dialect. It differs from the body's where a host wraps another's bodies, and
    /// then some fields move between body, path and headers.
    pub dialect: Dialect,
    /// The provider's own name of the model.
    pub native_model: &'a str,
    /// The provider's habits.
    pub quirks: &'a [&'static Quirk],
    /// The parameters the endpoint supports; `None` when unknown (then nothing is dropped).
    pub supported: Option<Parameters>,
    /// The most output tokens per choice that the money reaches for, to be sent in place of the
    /// caller's own limit; `None` when the caller's own stays.
    pub output_limit: Option<u64>,
    /// The most output tokens the endpoint can give, where that is known: for dialects that demand a
    /// limit from callers who set none.
    pub output_most: Option<u64>,
}

/// A request as one endpoint is to see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The bytes to send.
    pub body: Bytes,
    /// Headers that the dialect demands beside the credential: names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// Names of fields the caller set and this endpoint will not see.
    pub dropped: Vec<String>,
}

/// The mistake of a caller whose messages say nothing that a provider could be asked.
pub(crate) fn nothing_left() -> Error {
    let message = "messages: nothing is left to ask: no message says anything";
    Error::caller(Kind::InvalidRequest, message).with_field("messages")
}
