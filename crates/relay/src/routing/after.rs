//! What a failure leads to. Sections 9.12 and 11 of the digest.

use std::time::Duration;

use chat::{Error, Kind, Next, Origin};

/// The longest that a call waits for the same endpoint; what asks for more is asked no more.
const SAME_AGAIN_MAX: Duration = Duration::from_secs(2);

/// What is done after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Ask the next endpoint.
    NextEndpoint,
    /// Ask the same one again after this long: it is the only one, and says that it is worth it.
    SameAgain(Duration),
    /// Ask the endpoints of the next model: this one would answer the same everywhere.
    NextModel,
    /// Tell the caller.
    Stop,
}

/// Who else could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Others {
    /// Whether there is another endpoint to ask.
    pub(super) endpoint: bool,
    /// Whether there is an endpoint of another model to ask.
    pub(super) model: bool,
    /// Whether the same endpoint was asked again already.
    pub(super) same_again: bool,
}

/// What is done after this error.
///
/// - The caller's mistakes (a context that is too long, moderation, a malformed request) would be
///   mistakes anywhere: the next model if there is one, as "any error" moves `models` on.
/// - The provider's failures: the next endpoint. If there is none, the same again, once, where it
///   says that it is worth a short wait (429 and overload with `Retry-After`).
/// - Our own trouble: the end.
pub(super) fn after(error: &Error, others: Others) -> After {
    match error.origin {
        Origin::Gateway => After::Stop,
        Origin::Caller if others.model => After::NextModel,
        Origin::Caller => After::Stop,
        Origin::Provider if others.endpoint => After::NextEndpoint,
        Origin::Provider => match wait(error) {
            Some(wait) if !others.same_again => After::SameAgain(wait),
            _ => After::Stop,
        },
    }
}

fn wait(error: &Error) -> Option<Duration> {
    let asked = match error.next {
        Next::RetrySame(wait) => Some(wait),
        Next::Stop | Next::TryNextEndpoint => error.metadata.as_ref()?.retry_after,
    };
    let is_passing = matches!(
        error.kind,
        Kind::RateLimitExceeded | Kind::ProviderOverloaded
    );
    asked.filter(|wait| is_passing && *wait <= SAME_AGAIN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 9.12, 11: one row per class of failure.
    #[test]
    fn the_class_of_a_failure_decides_what_follows() {
        let (none, endpoint, model) = ((false, false), (true, false), (true, true));
        let second = Duration::from_secs(1);
        let hinted = |kind, seconds| {
            let mut error = Error::provider(kind, "");
            error.metadata_mut().retry_after = Some(Duration::from_secs(seconds));
            error
        };
        let provider = |kind| Error::provider(kind, "");
        let caller = |kind| Error::caller(kind, "");
        for (error, (endpoint, model), same_again, expected) in [
            // 429, overloaded, quota, credential, missing model, timeout, broken: the next endpoint.
            (
                provider(Kind::RateLimitExceeded),
                endpoint,
                false,
                After::NextEndpoint,
            ),
            (
                provider(Kind::ProviderOverloaded),
                endpoint,
                false,
                After::NextEndpoint,
            ),
            (
                provider(Kind::ProviderUnavailable),
                endpoint,
                false,
                After::NextEndpoint,
            ),
            (
                provider(Kind::NotFound),
                endpoint,
                false,
                After::NextEndpoint,
            ),
            (
                provider(Kind::Timeout),
                endpoint,
                false,
                After::NextEndpoint,
            ),
            // Nobody else: the same again only if it says when, soon, and only once.
            (provider(Kind::RateLimitExceeded), none, false, After::Stop),
            (
                hinted(Kind::RateLimitExceeded, 1),
                none,
                false,
                After::SameAgain(second),
            ),
            (
                hinted(Kind::ProviderOverloaded, 1),
                none,
                false,
                After::SameAgain(second),
            ),
            (hinted(Kind::RateLimitExceeded, 1), none, true, After::Stop),
            (
                hinted(Kind::RateLimitExceeded, 60),
                none,
                false,
                After::Stop,
            ),
            (
                hinted(Kind::ProviderUnavailable, 1),
                none,
                false,
                After::Stop,
            ),
            (
                hinted(Kind::RateLimitExceeded, 1),
                endpoint,
                false,
                After::NextEndpoint,
            ),
            // The caller's mistakes move `models` on, and nothing else.
            (
                caller(Kind::ContextLengthExceeded),
                model,
                false,
                After::NextModel,
            ),
            (
                caller(Kind::ContentPolicyViolation),
                model,
                false,
                After::NextModel,
            ),
            (caller(Kind::InvalidRequest), model, false, After::NextModel),
            (
                caller(Kind::ContextLengthExceeded),
                endpoint,
                false,
                After::Stop,
            ),
            (caller(Kind::InvalidRequest), endpoint, false, After::Stop),
            (Error::gateway(Kind::Server, ""), model, false, After::Stop),
        ] {
            let others = Others {
                endpoint,
                model,
                same_again,
            };
            assert_eq!(after(&error, others), expected, "{error:?} {others:?}");
        }
    }
}
