//! `Document`: the form in which the content of one call is kept. One line of JSON that says what
//! follows, then the bytes of the request and those of the answer, each as it was.

use chat::{Dialect, Error};
use serde::{Deserialize, Serialize};

/// A failure, as content shows it: with what the provider said, which the answer may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The status that the caller got.
    pub status: u16,
    /// In words.
    pub message: String,
    /// Display name of the provider that failed.
    pub provider_name: Option<String>,
    /// The provider's own words, secrets masked.
    pub raw: Option<String>,
    /// Attempts before.
    pub previous_errors: Vec<Previous>,
}

/// An earlier attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// The status that the caller would have seen.
    pub code: u16,
    /// What happened: the canonical `error_type`.
    pub message: String,
    /// Display name of the provider.
    pub provider_name: String,
}

impl Failure {
    /// What is kept of an error.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let facts = error.metadata.as_deref();
        let previous = facts.map(|facts| &facts.previous[..]).unwrap_or_default();
        Self {
            status: error.kind.status(),
            message: error.message.clone(),
            provider_name: facts.and_then(|facts| facts.provider_name.clone()),
            raw: facts.and_then(|facts| facts.raw.clone()),
            previous_errors: previous
                .iter()
                .map(|earlier| Previous {
                    code: earlier.status,
                    message: earlier.code.to_owned(),
                    provider_name: earlier.provider.clone(),
                })
                .collect(),
        }
    }
}

/// The content of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The dialect of the request and of a whole answer.
    pub dialect: Dialect,
    /// As the caller sent it.
    pub request: Vec<u8>,
    /// As the caller got it; of a stream one JSON object that it folds into. Empty where there was none.
    pub answer: Vec<u8>,
    /// Whether the answer was a stream.
    pub is_folded: bool,
    /// Whether the caller got all of it.
    pub is_whole: bool,
    /// How the call failed, if it did before an answer began.
    pub failure: Option<Failure>,
}

/// What the first line says.
#[derive(Serialize, Deserialize)]
struct Head {
    dialect: String,
    request_bytes: usize,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_folded: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_whole: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl Document {
    /// As it is kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = Head {
            dialect: self.dialect.name().to_owned(),
            request_bytes: self.request.len(),
            is_folded: self.is_folded,
            is_whole: self.is_whole,
            failure: self.failure.clone(),
        };
        // Nothing in it can fail to be written.
        let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
        bytes.reserve(1 + self.request.len() + self.answer.len());
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.request);
        bytes.extend_from_slice(&self.answer);
        bytes
    }

    /// Read back; `None` when these bytes are none of ours.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, rest) = bytes.split_at(end);
        let head: Head = serde_json::from_slice(head).ok()?;
        let (request, answer) = rest.get(1..)?.split_at_checked(head.request_bytes)?;
        Some(Self {
            dialect: head.dialect.parse().ok()?,
            request: request.to_vec(),
            answer: answer.to_vec(),
            is_folded: head.is_folded,
            is_whole: head.is_whole,
            failure: head.failure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_to_the_byte() {
        let failure = Failure {
            status: 502,
            message: "no\nmore".to_owned(),
            provider_name: Some("Acme".to_owned()),
            raw: None,
            previous_errors: vec![Previous {
                code: 429,
                message: "rate_limit".to_owned(),
                provider_name: "Other".to_owned(),
            }],
        };
        for failure in [None, Some(failure)] {
            let document = Document {
                dialect: Dialect::AnthropicMessages,
                request: b"{\n \"a\": 1.0}\n".to_vec(),
                answer: b"\xff\n{}".to_vec(),
                is_folded: failure.is_none(),
                is_whole: failure.is_some(),
                failure,
            };
            assert_eq!(Document::from_bytes(&document.to_bytes()), Some(document));
        }
        assert_eq!(Document::from_bytes(b"{}"), None);
        assert_eq!(
            Document::from_bytes(b"{\"dialect\":\"rerank\",\"request_bytes\":9}\nabc"),
            None
        );
    }
}
