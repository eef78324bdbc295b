//! A provider's error answer, classified: whose fault, what happened, may another endpoint be asked.
//!
//! # The rule
//! What the provider *says* comes before the status it says it with, because statuses differ:
//! a context that is too long is 400 here and 413 or 500 there. Then the status decides:
//!
//! - 400, 409, 415, 422 and other 4xx: the request is wrong and would be wrong anywhere: stop.
//! - 401, 402, 403: *our* credential or account was refused. The caller cannot mend that and must
//!   never read it as "your key is wrong", so it becomes 502 with the truth in the message, and the
//!   next endpoint is asked. Such answers count against the provider's uptime (section 33, 24).
//! - 404: the provider does not have the model: next endpoint.
//! - 408, 429, 5xx: next endpoint.
//!
//! The same function reads errors that come inside a 200 answer or a stream; then a numeric `code`
//! stands for the status.

use std::time::Duration;

use chat::error::Metadata;
use chat::{Error, Kind, Next, Origin};
use serde_json::Value;

use super::mask::masked;
use super::texts::{Cause, cause_of};

/// Larger bodies are not taken apart, only shown in part.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The longest message that is passed on, in characters.
const MESSAGE_CHARS_MAX: usize = 600;
/// The longest raw body that is passed on, in characters.
const RAW_CHARS_MAX: usize = 2_000;

/// What a provider said went wrong, in whichever shape it said it.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) message: String,
    pub(super) code: String,
    pub(super) kind: String,
    param: Option<String>,
    status: Option<u16>,
    retry_after: Option<Duration>,
}

/// Classifies a provider's error answer; `status` is 200 for errors inside an answer.
#[must_use]
pub fn read_error(status: u16, body: &[u8]) -> Error {
    let said = Said::read(body);
    let status = if status >= 400 {
        status
    } else {
        said.status.unwrap_or(status)
    };
    let mut error = classify(status, &said);
    let raw = masked(&String::from_utf8_lossy(body), RAW_CHARS_MAX);
    let code = [&said.code, &said.kind]
        .into_iter()
        .find(|code| !code.is_empty());
    let metadata = error.metadata_mut();
    *metadata = Metadata {
        provider_code: code.map(|code| masked(code, 100)),
        raw: Some(raw).filter(|raw| !raw.is_empty()),
        retry_after: said.retry_after.or_else(|| wait_in_words(&said.message)),
        upstream_status: Some(status).filter(|status| *status >= 400),
        ..Metadata::default()
    };
    if error.origin == Origin::Caller {
        error.metadata_mut().field = said.param;
    }
    error
}

fn classify(status: u16, said: &Said) -> Error {
    let words = masked(&said.message, MESSAGE_CHARS_MAX);
    let or = |otherwise: &str| {
        if words.is_empty() {
            otherwise.to_owned()
        } else {
            words.clone()
        }
    };
    let provider = |kind: Kind, what: &str| {
        let message = match words.is_empty() {
            true => what.to_owned(),
            false => format!("{what}: {words}"),
        };
        Error::provider(kind, message)
    };
    match cause_of(status, said) {
        Some(Cause::Context) => Error::caller(
            Kind::ContextLengthExceeded,
            or("the prompt does not fit the model"),
        ),
        Some(Cause::Output) => Error::caller(
            Kind::MaxTokensExceeded,
            or("more output was asked for than is possible"),
        ),
        Some(Cause::Policy) => Error::caller(
            Kind::ContentPolicyViolation,
            or("the provider's policy forbids this"),
        ),
        Some(Cause::Image) => Error::caller(Kind::InvalidImage, or("an image cannot be read")),
        Some(Cause::Credential) => Error::provider(
            Kind::ProviderUnavailable,
            "the provider refused this gateway's credential; its operator has to mend that",
        )
        .with_detail(words),
        Some(Cause::Account) if status == 429 => provider(
            Kind::RateLimitExceeded,
            "this gateway's account with the provider is used up",
        ),
        Some(Cause::Account) => provider(
            Kind::ProviderUnavailable,
            "this gateway's account with the provider is used up",
        ),
        Some(Cause::Model) => provider(Kind::NotFound, "the provider does not have this model"),
        Some(Cause::Ability) => {
            Error::caller(Kind::InvalidRequest, words.clone()).with_next(Next::TryNextEndpoint)
        }
        Some(Cause::Limit) => provider(Kind::RateLimitExceeded, "the provider limits the rate"),
        Some(Cause::Overload) => provider(Kind::ProviderOverloaded, "the provider is overloaded"),
        Some(Cause::Timeout) => provider(Kind::Timeout, "the provider did not answer in time"),
        Some(Cause::Size) => Error::caller(Kind::PayloadTooLarge, or("the request is too large")),
        Some(Cause::Request) => {
            let kind = if status == 422 {
                Kind::Unprocessable
            } else {
                Kind::InvalidRequest
            };
            Error::caller(
                kind,
                or("the provider refused the request without saying why"),
            )
        }
        Some(Cause::Failure) | None => provider(Kind::ProviderUnavailable, "the provider failed"),
    }
}

impl Said {
    fn read(body: &[u8]) -> Self {
        let json = (body.len() <= BODY_BYTES_MAX).then(|| serde_json::from_slice::<Value>(body));
        let Some(Ok(json)) = json else {
            return Self {
                message: plain_text(body),
                ..Self::default()
            };
        };
        let outer = json.get(0).unwrap_or(&json);
        let inner = ["error", "errors", "detail"]
            .into_iter()
            .filter_map(|name| outer.get(name))
            .find(|value| !value.is_null())
            .map_or(outer, |value| value.get(0).unwrap_or(value));
        let mut said = Self {
            message: text_of(inner),
            ..Self::default()
        };
        for level in [inner, outer] {
            said.add(level);
        }
        // OpenRouter wraps what its own provider said.
        if let Some(raw) = inner.pointer("/metadata/raw").and_then(Value::as_str) {
            said.message = format!("{}: {raw}", said.message);
        }
        said
    }

    fn add(&mut self, level: &Value) {
        let word = |name: &str| match level.get(name) {
            Some(Value::String(word)) => word.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let take = |mine: &mut String, theirs: String| {
            if mine.is_empty() {
                *mine = theirs;
            }
        };
        take(&mut self.code, word("code"));
        take(&mut self.kind, word("type"));
        take(&mut self.kind, word("status"));
        if self.message.is_empty() {
            self.message = text_of(level);
        }
        for name in ["status_code", "http_status", "code", "status"] {
            let status = word(name)
                .parse::<u16>()
                .ok()
                .filter(|status| (400..600).contains(status));
            self.status = self.status.or(status);
        }
        self.param = self
            .param
            .take()
            .or_else(|| Some(word("param")).filter(|param| !param.is_empty()));
        let seconds = ["/retry_after", "/metadata/retry_after"]
            .into_iter()
            .find_map(|path| level.pointer(path).and_then(Value::as_u64));
        self.retry_after = self.retry_after.or(seconds.map(Duration::from_secs));
    }
}

fn text_of(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    ["message", "msg", "detail", "error", "title"]
        .into_iter()
        .find_map(|name| value.get(name).and_then(Value::as_str))
        .unwrap_or_default()
        .to_owned()
}

/// The text of a body that is not JSON; of a web page only the fact that it is one.
fn plain_text(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(body.get(..2_000).unwrap_or(body))
        .trim()
        .to_owned();
    if start.starts_with('<') {
        "a web page instead of an answer".to_owned()
    } else {
        start
    }
}

/// "Please try again in 1.2s": OpenAI and Groq say it in words only. Rounded up to milliseconds.
fn wait_in_words(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let after = ["try again in ", "retry after ", "retry in "]
        .into_iter()
        .find_map(|words| lower.split_once(words))?
        .1;
    let number: String = after
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let nanos = crate::decimal::nanos(number.trim_end_matches('.'))?;
    let amount = Duration::from_nanos(u64::try_from(nanos).ok()?);
    match after.get(number.len()..)?.trim_start() {
        unit if unit.starts_with("ms") => Some(amount / 1_000),
        unit if unit.starts_with('s') => Some(amount),
        unit if unit.starts_with('m') => amount.checked_mul(60),
        _ => None,
    }
}
