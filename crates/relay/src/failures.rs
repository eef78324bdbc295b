//! What failures are called, and what many failed attempts add up to.

use std::time::Duration;

use catalog::endpoint::Endpoint;
use chat::error::{Availability, PreviousError};
use chat::{Error, Kind};

use crate::upstream::SendError;

/// The attempts of one call that have failed so far.
pub(crate) struct Failures<'a> {
    models: &'a [String],
    errors: Vec<(String, Error)>,
}

impl<'a> Failures<'a> {
    pub(crate) fn new(models: &'a [String]) -> Self {
        Self {
            models,
            errors: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub(crate) fn push(&mut self, endpoint: &Endpoint, error: Error) {
        self.errors
            .push((endpoint.provider.name.to_string(), error));
    }

    /// What the caller is told: the last error, the earlier ones in slim form, and why the model
    /// is not available when every attempt failed in the same way (section 7.5 of the digest).
    pub(crate) fn into_error(mut self) -> Error {
        let availability = self.availability();
        let Some((_, mut error)) = self.errors.pop() else {
            return Error::gateway(Kind::Server, "the plan had no endpoint to try");
        };
        let hints = self.errors.iter().map(|(_, error)| error);
        let retry_after = hints
            .chain([&error])
            .filter_map(|error| error.metadata.as_ref()?.retry_after)
            .min();
        let metadata = error.metadata_mut();
        metadata.retry_after = retry_after;
        metadata.availability = availability;
        metadata.previous = self
            .errors
            .into_iter()
            .map(|(provider, error)| PreviousError {
                provider,
                code: error.kind.error_type(),
                status: error.kind.status(),
            })
            .collect();
        error
    }

    fn availability(&self) -> Option<Availability> {
        let all = |belongs: fn(&Error) -> bool| self.errors.iter().all(|(_, error)| belongs(error));
        let upstream_404 = |error: &Error| {
            error
                .metadata
                .as_ref()
                .is_some_and(|metadata| metadata.upstream_status == Some(404))
        };
        let (code, retryable) = if self.errors.is_empty() {
            return None;
        } else if all(|error| error.kind == Kind::RateLimitExceeded) {
            ("capacity_exhausted", true)
        } else if all(|error| error.kind.status() >= 500) {
            ("temporarily_unavailable", true)
        } else if all(upstream_404) {
            ("model_unavailable_upstream", false)
        } else {
            return None;
        };
        Some(Availability {
            code,
            retryable,
            requested_models: self.models.to_vec(),
            affected_providers: self
                .errors
                .iter()
                .map(|(provider, _)| provider.clone())
                .collect(),
            excluded_by: Vec::new(),
            fallback_models: Vec::new(),
        })
    }
}

/// The error with the provider's name on it.
pub(crate) fn named(endpoint: &Endpoint, mut error: Error) -> Error {
    error.metadata_mut().provider_name = Some(endpoint.provider.name.to_string());
    error
}

/// There are credentials for the model, and none of them is for this call.
pub(crate) fn no_credential(endpoint: &Endpoint) -> Error {
    let name = &endpoint.provider.name;
    let message = format!(
        "No credential for {name} may be used for {} by this key; see GET /api/v1/byok",
        endpoint.model
    );
    named(endpoint, Error::caller(Kind::NoEndpoints, message))
}

/// The provider could not be reached, or the connection broke before its answer began.
pub(crate) fn send(endpoint: &Endpoint, error: &SendError) -> Error {
    let name = &endpoint.provider.name;
    let (kind, message) = match error {
        SendError::Connect(_) => (
            Kind::ProviderUnavailable,
            format!("{name} cannot be reached"),
        ),
        SendError::ConnectTimeout => (Kind::Timeout, format!("{name} cannot be reached in time")),
        SendError::Broken(_) => (
            Kind::ProviderUnavailable,
            format!("{name} closed the connection without an answer"),
        ),
    };
    named(
        endpoint,
        Error::provider(kind, message).with_detail(error.to_string()),
    )
}

/// The connection broke in the middle of an answer.
pub(crate) fn broken(endpoint: &Endpoint, error: &SendError) -> Error {
    let message = format!(
        "{} closed the connection in the middle of its answer",
        endpoint.provider.name
    );
    named(
        endpoint,
        Error::provider(Kind::ProviderUnavailable, message).with_detail(error.to_string()),
    )
}

/// One of the timers ran out.
pub(crate) fn timeout(endpoint: &Endpoint, what: &str, limit: Duration) -> Error {
    let message = format!(
        "{} {what} within {} ms",
        endpoint.provider.name,
        limit.as_millis()
    );
    named(endpoint, Error::provider(Kind::Timeout, message))
}

/// The deadline of the whole call has passed.
pub(crate) fn deadline(endpoint: &Endpoint) -> Error {
    let message = format!(
        "{} did not answer before the deadline of the call",
        endpoint.provider.name
    );
    named(endpoint, Error::provider(Kind::Timeout, message))
}

/// The answer is larger than we are willing to hold.
pub(crate) fn too_large(endpoint: &Endpoint, bytes_max: usize) -> Error {
    let message = format!(
        "{} sent an answer of more than {bytes_max} bytes",
        endpoint.provider.name
    );
    named(
        endpoint,
        Error::provider(Kind::ProviderUnavailable, message),
    )
}

/// It answered with nothing.
pub(crate) fn empty(endpoint: &Endpoint) -> Error {
    let message = format!("{} answered with nothing", endpoint.provider.name);
    named(
        endpoint,
        Error::provider(Kind::ProviderUnavailable, message),
    )
}

/// It has as many calls under way as it may have.
pub(crate) fn full(endpoint: &Endpoint) -> Error {
    let message = format!(
        "{} has as many calls under way as it may have here",
        endpoint.provider.name
    );
    named(endpoint, Error::provider(Kind::ProviderOverloaded, message))
}
