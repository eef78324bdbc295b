//! The names Amazon Bedrock gives its errors: in a header of a whole answer, and in an exception of a stream.

use serde_json::{Value, json};

use super::frames::binary_exception;
use super::{Event, Problem};

/// The header that names an error.
pub(super) const HEADER: &str = "x-amzn-errortype";

/// The name of an error.
pub(super) fn name(problem: &Problem) -> String {
    let name = match problem.status {
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    };
    problem.code.clone().unwrap_or_else(|| name.to_owned())
}

/// The body of an error.
pub(super) fn body(problem: &Problem) -> Value {
    json!({"message": problem.message})
}

/// An error inside a stream.
pub(super) fn event(problem: &Problem) -> Event {
    let name = match problem.status {
        424 => "modelStreamErrorException".to_owned(),
        _ => lower_first(&name(problem)),
    };
    binary_exception(&name, body(problem).to_string().as_bytes())
}

/// The answer to a call with a wrong key.
pub(super) fn denied() -> Problem {
    Problem::new(
        403,
        "Authentication failed: Please make sure your API Key is valid.",
    )
    .with_code("AccessDeniedException")
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}
