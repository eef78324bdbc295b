//! What providers call their errors: codes, types and wordings, as one table.
//!
//! Sources: the providers' error references as of 2026, and recorded traffic.

use super::read::Said;

/// What went wrong, as far as anybody can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The prompt is longer than the model's context.
    Context,
    /// The output limit is larger than the model's.
    Output,
    /// The content is not allowed.
    Policy,
    /// An image is unreadable or unreachable.
    Image,
    /// Our credential was refused.
    Credential,
    /// Our account has no money or quota.
    Account,
    /// The provider does not know the model.
    Model,
    /// This endpoint's model lacks what was asked for, which the same model may have elsewhere.
    Ability,
    /// Too many requests.
    Limit,
    /// Too many for the provider.
    Overload,
    /// It took too long.
    Timeout,
    /// The body is too large.
    Size,
    /// The request is wrong.
    Request,
    /// The provider failed.
    Failure,
}

/// What a code or a type means, when it is exactly this word.
const CODES: &[(&str, Cause)] = &[
    ("context_length_exceeded", Cause::Context),
    ("context_window_exceeded", Cause::Context),
    ("exceed_context_size_error", Cause::Context),
    ("string_above_max_length", Cause::Context),
    ("content_filter", Cause::Policy),
    ("content_policy_violation", Cause::Policy),
    ("moderation_blocked", Cause::Policy),
    ("data_inspection_failed", Cause::Policy),
    ("responsibleaipolicyviolation", Cause::Policy),
    ("invalid_image", Cause::Image),
    ("invalid_image_url", Cause::Image),
    ("invalid_image_format", Cause::Image),
    ("invalid_base64_image", Cause::Image),
    ("image_parse_error", Cause::Image),
    ("image_too_large", Cause::Image),
    ("invalid_api_key", Cause::Credential),
    ("invalid_authentication_error", Cause::Credential),
    ("authentication_error", Cause::Credential),
    ("incorrect_api_key_error", Cause::Credential),
    ("unauthenticated", Cause::Credential),
    ("insufficient_quota", Cause::Account),
    ("insufficient_balance", Cause::Account),
    ("exceeded_current_quota_error", Cause::Account),
    ("billing_hard_limit_reached", Cause::Account),
    ("billing_not_active", Cause::Account),
    ("arrearage", Cause::Account),
    ("model_not_found", Cause::Model),
    ("deploymentnotfound", Cause::Model),
    ("resource_not_found_error", Cause::Model),
    ("rate_limit_exceeded", Cause::Limit),
    ("rate_limit_error", Cause::Limit),
    ("rate_limit_reached_error", Cause::Limit),
    ("ratelimitreached", Cause::Limit),
    ("resource_exhausted", Cause::Limit),
    ("too_many_requests", Cause::Limit),
    ("overloaded", Cause::Overload),
    ("overloaded_error", Cause::Overload),
    ("engine_overloaded_error", Cause::Overload),
    ("service_unavailable", Cause::Overload),
    ("unavailable", Cause::Overload),
    ("timeout", Cause::Timeout),
    ("timeout_error", Cause::Timeout),
    ("deadline_exceeded", Cause::Timeout),
    // Groq: the *model* wrote a tool call that does not parse; another endpoint may do better.
    ("tool_use_failed", Cause::Failure),
    ("server_error", Cause::Failure),
    ("api_error", Cause::Failure),
    ("internal_error", Cause::Failure),
    ("internal_server_error", Cause::Failure),
];

/// What a message means, when it contains these words; looked at only where the request or the
/// credential may be at fault, never after a plain failure.
const WORDINGS: &[(&str, Cause)] = &[
    ("maximum context length", Cause::Context),
    ("max context length", Cause::Context),
    ("context length exceeded", Cause::Context),
    ("exceeds the context", Cause::Context),
    ("exceed the context", Cause::Context),
    ("exceeds context", Cause::Context),
    ("exceed context limit", Cause::Context),
    ("context window", Cause::Context),
    ("context size", Cause::Context),
    ("the model's context length", Cause::Context),
    ("prompt is too long", Cause::Context),
    ("prompt too long", Cause::Context),
    ("input is too long", Cause::Context),
    ("input token count", Cause::Context),
    ("maximum prompt length", Cause::Context),
    ("too many tokens: size limit", Cause::Context),
    ("reduce the length of the messages", Cause::Context),
    ("too large for model with", Cause::Context),
    ("max_tokens is too large", Cause::Output),
    ("max_completion_tokens is too large", Cause::Output),
    ("`max_tokens` must be less than", Cause::Output),
    ("`max_completion_tokens` must be less than", Cause::Output),
    ("maximum allowed number of output tokens", Cause::Output),
    ("content management policy", Cause::Policy),
    ("content policy", Cause::Policy),
    ("usage policies", Cause::Policy),
    ("safety system", Cause::Policy),
    ("inappropriate content", Cause::Policy),
    ("requires moderation", Cause::Policy),
    ("error while downloading http", Cause::Image),
    ("could not process image", Cause::Image),
    ("failed to download image", Cause::Image),
    ("incorrect api key", Cause::Credential),
    ("invalid api key", Cause::Credential),
    ("api key not valid", Cause::Credential),
    ("api key expired", Cause::Credential),
    ("insufficient balance", Cause::Account),
    ("insufficient credits", Cause::Account),
    ("credit balance is too low", Cause::Account),
    ("exceeded your current quota", Cause::Account),
    // Google, whose models may have them at Vertex and not in AI Studio.
    ("logprobs is not enabled for", Cause::Ability),
    ("logprobs is not supported for", Cause::Ability),
    // The same for several answers.
    ("multiple candidates is not enabled", Cause::Ability),
    ("only one candidate can be specified", Cause::Ability),
    ("candidatecount must be", Cause::Ability),
    ("has a candidatecount value of", Cause::Ability),
    ("model not found", Cause::Model),
    ("model identifier is invalid", Cause::Model),
    ("on-demand throughput isn", Cause::Model),
    ("model not exist", Cause::Model),
    ("unknown model", Cause::Model),
    ("no endpoints found for", Cause::Model),
];

/// What a type means that is too broad to go before the status.
const TYPES: &[(&str, Cause)] = &[
    ("invalid_request_error", Cause::Request),
    ("invalid_argument", Cause::Request),
    ("badrequesterror", Cause::Request),
    ("bad_request", Cause::Request),
    ("permission_error", Cause::Credential),
    ("permission_denied", Cause::Credential),
    ("not_found_error", Cause::Model),
];

/// What went wrong, from what was said and then from the status.
pub(super) fn cause_of(status: u16, said: &Said) -> Option<Cause> {
    let (code, kind) = (
        said.code.to_ascii_lowercase(),
        said.kind.to_ascii_lowercase(),
    );
    let look_up = |table: &[(&str, Cause)], word: &str| {
        table
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, cause)| *cause)
    };
    let by_code = look_up(CODES, &code).or_else(|| look_up(CODES, &kind));
    // A server that fails may call it anything; the status is then all that counts.
    if let Some(cause) = by_code.filter(|cause| status < 500 || !is_of_server(*cause)) {
        return Some(cause);
    }
    let message = said.message.to_ascii_lowercase();
    let by_words = WORDINGS
        .iter()
        .find(|(words, _)| message.contains(words))
        .map(|(_, cause)| *cause);
    if status != 429
        && let Some(cause) = by_words.filter(|cause| may_be(status, *cause))
    {
        return Some(cause);
    }
    match status {
        401 | 403 => Some(Cause::Credential),
        402 => Some(Cause::Account),
        404 => Some(Cause::Model),
        408 | 504 | 522 | 524 => Some(Cause::Timeout),
        413 => Some(Cause::Size),
        // Bedrock: the model failed, not the request.
        424 => Some(Cause::Failure),
        429 if by_words == Some(Cause::Account) => Some(Cause::Account),
        429 => Some(Cause::Limit),
        400..=499 => Some(Cause::Request),
        503 | 529 => Some(Cause::Overload),
        500..=599 => Some(Cause::Failure),
        _ => look_up(TYPES, &kind).or_else(|| look_up(TYPES, &code)),
    }
}

const fn is_of_server(cause: Cause) -> bool {
    matches!(cause, Cause::Failure | Cause::Overload | Cause::Timeout)
}

/// Some servers fail with 500 when the prompt is too long; nothing else is believed of a 5xx.
const fn may_be(status: u16, cause: Cause) -> bool {
    status < 500 || matches!(cause, Cause::Context)
}
