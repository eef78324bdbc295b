//! A failure that an AWS stream reports instead of an event.

use chat::Error;

use super::read_error;

/// The statuses that Bedrock's exceptions would have had as an answer's own.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html> (2026)
const STATUSES: &[(&str, u16)] = &[
    ("throttlingException", 429),
    ("serviceQuotaExceededException", 429),
    ("modelTimeoutException", 504),
    ("serviceUnavailableException", 503),
    ("modelNotReadyException", 503),
    ("validationException", 400),
    ("accessDeniedException", 403),
    ("resourceNotFoundException", 404),
    ("internalServerException", 500),
    ("modelErrorException", 500),
    ("modelStreamErrorException", 500),
];

/// Classifies a failure by the kind that the stream names it by.
pub(crate) fn read_exception(kind: &str, body: &[u8]) -> Error {
    let known = STATUSES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(kind));
    read_error(known.map_or(500, |(_, status)| *status), body)
}
