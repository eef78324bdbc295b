//! Everything that can go wrong with a call: who must act, what happened, what may be tried next.
//!
//! [`Kind`] alone determines the HTTP status and the error type of every dialect: one table, below.
//! [`Origin`] decides who pays and which metric moves; [`Next`] is what the relay may do about it.

use std::time::Duration;

/// Who must act for this not to happen again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The caller: the request is wrong, or not allowed.
    Caller,
    /// The provider: it failed, refused or vanished.
    Provider,
    /// This gateway: a bug, or its own infrastructure.
    Gateway,
}

/// What the relay may do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: another endpoint would answer the same.
    Stop,
    /// Ask the next endpoint of the plan.
    TryNextEndpoint,
    /// Ask the same endpoint again, not before this long.
    RetrySame(Duration),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident => ($status:literal, $type:literal)),+ $(,)?) => {
        /// What happened. Source of types and statuses: section 7.3 of our digest of OpenRouter's API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $variant),+
        }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The HTTP status a caller sees when nothing has been sent yet.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// The name in records: one per kind, unlike the error type.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),+ }
            }

            /// Reads a name back; `None` when it is not one of ours.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }

            /// The canonical `error_type`.
            #[must_use]
            pub const fn error_type(self) -> &'static str {
                match self { $(Self::$variant => $type),+ }
            }
        }
    };
}

kinds! {
    /// The prompt does not fit the model.
    ContextLengthExceeded => (400, "context_length_exceeded"),
    /// More output was asked for than the model can give.
    MaxTokensExceeded => (400, "max_tokens_exceeded"),
    /// A field is longer than allowed.
    StringTooLong => (400, "string_too_long"),
    /// The request is malformed or contradicts itself.
    InvalidRequest => (400, "invalid_request"),
    /// The prompt is malformed.
    InvalidPrompt => (400, "invalid_prompt"),
    /// The model id is unknown.
    ModelNotFound => (400, "invalid_request"),
    /// The model exists but is served by another path.
    WrongEndpoint => (400, "invalid_request"),
    /// The content breaks the provider's policy.
    ContentPolicyViolation => (400, "content_policy_violation"),
    /// The model refused.
    Refusal => (400, "refusal"),
    /// An image cannot be read.
    InvalidImage => (400, "invalid_image"),
    /// No key, or one that is unknown, disabled or expired.
    Authentication => (401, "authentication"),
    /// Money or a limit in money does not reach.
    PaymentRequired => (402, "payment_required"),
    /// The key may not do this.
    PermissionDenied => (403, "permission_denied"),
    /// The thing asked for does not exist.
    NotFound => (404, "not_found"),
    /// The model exists but nothing can serve it under these conditions.
    NoEndpoints => (404, "not_found"),
    /// The path exists, the method does not.
    MethodNotAllowed => (405, "invalid_request"),
    /// The caller took too long to send its request.
    RequestTimeout => (408, "timeout"),
    /// The request contradicts what is stored.
    Conflict => (409, "invalid_request"),
    /// A precondition was not met.
    PreconditionFailed => (412, "precondition_failed"),
    /// The body is larger than allowed.
    PayloadTooLarge => (413, "payload_too_large"),
    /// Understood, but cannot be done.
    Unprocessable => (422, "unprocessable"),
    /// Too many requests: ours or the provider's limit.
    RateLimitExceeded => (429, "rate_limit_exceeded"),
    /// A bug or a broken invariant of ours; the message is masked.
    Server => (500, "server"),
    /// The provider failed or answered nonsense.
    ProviderUnavailable => (502, "provider_unavailable"),
    /// The provider says it is overloaded.
    ProviderOverloaded => (503, "provider_overloaded"),
    /// Our own infrastructure (database, disk) is away; never the caller's fault.
    GatewayUnavailable => (503, "server"),
    /// The provider did not answer in time.
    Timeout => (504, "timeout"),
    /// The provider failed in a way that has no name here.
    Unmapped => (500, "unmapped"),
}

/// One failure of a call or of an attempt.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Who must act.
    pub origin: Origin,
    /// What happened.
    pub kind: Kind,
    /// What the relay may do.
    pub next: Next,
    /// For the caller: what was wrong and how to mend it.
    pub message: String,
    /// For the log only; never leaves the house.
    pub detail: Option<String>,
    /// Facts a caller may use, shown in `error.metadata` (boxed: most errors have none).
    pub metadata: Option<Box<Metadata>>,
}

/// What a caller may know about a failure beyond its message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Display name of the provider that failed.
    pub provider_name: Option<String>,
    /// The provider's own error code or type.
    pub provider_code: Option<String>,
    /// The provider's own message, with secrets masked.
    pub raw: Option<String>,
    /// What the provider (or we) ask the caller to wait before trying again.
    pub retry_after: Option<Duration>,
    /// The status the provider answered with; absent when it did not answer.
    pub upstream_status: Option<u16>,
    /// Which request field is at fault, as a path such as `messages[3].content`.
    pub field: Option<String>,
    /// The availability object, when no endpoint could serve the call.
    pub availability: Option<Availability>,
    /// Attempts before the last one.
    pub previous: Vec<PreviousError>,
    /// How the call was routed, as one JSON object, when its caller wants to know.
    pub route: Option<Box<str>>,
}

/// Why nothing could serve a model. Source: section 7.5 of our digest of OpenRouter's API.
#[derive(Debug, Clone, PartialEq)]
pub struct Availability {
    /// `model_not_found`, `no_endpoints`, `capacity_exhausted`, …
    pub code: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The models the caller asked for.
    pub requested_models: Vec<String>,
    /// Display names of the providers that were tried or left out.
    pub affected_providers: Vec<String>,
    /// Names of the filters that removed the last endpoints.
    pub excluded_by: Vec<String>,
    /// Other models that could be asked for: successors or near misses.
    pub fallback_models: Vec<String>,
}

/// One earlier attempt of a failed call: slim, never a provider's raw body.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviousError {
    /// Display name of the provider.
    pub provider: String,
    /// The canonical `error_type`.
    pub code: &'static str,
    /// The status the caller would have seen.
    pub status: u16,
}

impl Error {
    /// A failure that the caller can mend; no other endpoint would help.
    #[must_use]
    pub fn caller(kind: Kind, message: impl Into<String>) -> Self {
        Self::new(Origin::Caller, kind, Next::Stop, message)
    }

    /// A failure of the provider; the next endpoint may do better.
    #[must_use]
    pub fn provider(kind: Kind, message: impl Into<String>) -> Self {
        Self::new(Origin::Provider, kind, Next::TryNextEndpoint, message)
    }

    /// A failure of our own.
    #[must_use]
    pub fn gateway(kind: Kind, message: impl Into<String>) -> Self {
        Self::new(Origin::Gateway, kind, Next::Stop, message)
    }

    fn new(origin: Origin, kind: Kind, next: Next, message: impl Into<String>) -> Self {
        Self {
            origin,
            kind,
            next,
            message: message.into(),
            detail: None,
            metadata: None,
        }
    }

    /// The same error with what may be tried next.
    #[must_use]
    pub fn with_next(mut self, next: Next) -> Self {
        self.next = next;
        self
    }

    /// The same error with a text for the log.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same error with the request field that is at fault.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.metadata_mut().field = Some(field.into());
        self
    }

    /// The facts for the caller, made if there are none yet.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        self.metadata.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infrastructure_trouble_is_never_the_callers_status() {
        assert_eq!(Kind::GatewayUnavailable.status(), 503);
        assert_eq!(Kind::Server.status(), 500);
    }

    #[test]
    fn every_kind_is_an_error_status() {
        for kind in Kind::ALL {
            assert!((400..600).contains(&kind.status()), "{kind:?}");
        }
    }
}
