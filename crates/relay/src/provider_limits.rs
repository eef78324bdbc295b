//! What an operator allows to be sent to a provider or to an endpoint: asked before each attempt.
//!
//! The relay counts nothing itself; whoever counts is behind this trait. An endpoint whose limit is
//! met is passed over as if it had not been planned, and the next one is asked.

use catalog::endpoint::Endpoint;
use chat::Error;
use ledger::books::BoxFuture;

use crate::call::Call;

/// Limits of attempts.
pub trait ProviderLimits: Send + Sync {
    /// Why an endpoint cannot be asked now, without counting anything.
    fn met(&self, call: &Call, endpoint: &Endpoint) -> Option<Error>;

    /// Counts an attempt in.
    ///
    /// # Errors
    /// [`chat::Kind::RateLimitExceeded`] when a limit is met. Nothing has been counted then.
    fn enter<'a>(
        &'a self,
        call: &'a Call,
        endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// The attempt at an endpoint has failed, was let go or broke, and is not live any more. One that
    /// served is counted out when the call is settled.
    fn leave(&self, call: &Call, endpoint: &Endpoint);
}

/// No limits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl ProviderLimits for Unlimited {
    fn met(&self, _call: &Call, _endpoint: &Endpoint) -> Option<Error> {
        None
    }

    fn enter<'a>(
        &'a self,
        _call: &'a Call,
        _endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn leave(&self, _call: &Call, _endpoint: &Endpoint) {}
}
