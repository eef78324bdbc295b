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
    /// Ask the endpoints of the next model, or the ones with a longer context: the others would answer
    /// the same.
    NextModel,
    /// Tell the caller.
    Stop,
}

/// Who else could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Others {
    /// Whether there is another endpoint to ask.
    pub(super) endpoint: bool,
    /// Whether there is an endpoint of another model to ask, or one that takes longer prompts where
    /// this one's was too long.
    pub(super) model: bool,
    /// Whether the same endpoint was asked again already.
    pub(super) same_again: bool,
}

/// What is done after this error.
///
/// - The caller's mistakes (a context that is too long, moderation, a malformed request) would be
///   mistakes anywhere: the next model if there is one, as "any error" moves `models` on.
/// - What this endpoint lacks and another may have: the next endpoint.
/// - The provider's failures: the next endpoint. If there is none, the same again, once, where it
///   says that it is worth a short wait (429 and overload with `Retry-After`).
/// - Our own trouble: the end.
pub(super) fn after(error: &Error, others: Others) -> After {
    match error.origin {
        Origin::Gateway => After::Stop,
        Origin::Caller if others.endpoint && error.next == Next::TryNextEndpoint => {
            After::NextEndpoint
        }
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

    const NONE: (bool, bool) = (false, false);
    const ENDPOINT: (bool, bool) = (true, false);
    const MODEL: (bool, bool) = (true, true);

    /// Checks what follows when such others (endpoint, model) are left.
    fn check(error: &Error, (endpoint, model): (bool, bool), same_again: bool, expected: After) {
        let others = Others {
            endpoint,
            model,
            same_again,
        };
        assert_eq!(after(error, others), expected, "{error:?} {others:?}");
    }

    fn hinted(kind: Kind, seconds: u64) -> Error {
        let mut error = Error::provider(kind, "");
        error.metadata_mut().retry_after = Some(Duration::from_secs(seconds));
        error
    }

    /// Section 9.12: 429, overload, quota, credential, missing model, timeout, broken beginning.
    #[test]
    fn the_providers_failures_lead_to_the_next_endpoint_or_to_the_end() {
        for kind in [
            Kind::RateLimitExceeded,
            Kind::ProviderOverloaded,
            Kind::ProviderUnavailable,
            Kind::NotFound,
            Kind::Timeout,
        ] {
            let error = Error::provider(kind, "");
            check(&error, ENDPOINT, false, After::NextEndpoint);
            check(&error, NONE, false, After::Stop);
            check(&hinted(kind, 1), ENDPOINT, false, After::NextEndpoint);
        }
    }

    #[test]
    fn the_same_endpoint_is_asked_again_only_if_it_says_when_and_soon_and_once() {
        let again = After::SameAgain(Duration::from_secs(1));
        for kind in [Kind::RateLimitExceeded, Kind::ProviderOverloaded] {
            check(&hinted(kind, 1), NONE, false, again);
            check(&hinted(kind, 1), NONE, true, After::Stop);
            check(&hinted(kind, 60), NONE, false, After::Stop);
        }
        check(
            &hinted(Kind::ProviderUnavailable, 1),
            NONE,
            false,
            After::Stop,
        );
    }

    /// Section 11: any error moves `models` on; section 9.12: another endpoint would not help.
    #[test]
    fn the_callers_mistakes_move_models_on_and_our_own_trouble_is_the_end() {
        for kind in [
            Kind::ContextLengthExceeded,
            Kind::ContentPolicyViolation,
            Kind::InvalidRequest,
        ] {
            let error = Error::caller(kind, "");
            check(&error, MODEL, false, After::NextModel);
            check(&error, ENDPOINT, false, After::Stop);
        }
        let lacking = Error::caller(Kind::InvalidRequest, "").with_next(Next::TryNextEndpoint);
        check(&lacking, ENDPOINT, false, After::NextEndpoint);
        check(&lacking, NONE, false, After::Stop);
        let ours = Error::gateway(Kind::Server, "");
        check(&ours, MODEL, false, After::Stop);
    }
}
