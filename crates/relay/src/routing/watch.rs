//! What an attempt says of its endpoint, for the health board. Section 9.10 of the digest.

use catalog::health::{Sample, Served};
use chat::{Error, Kind, Origin, Reason, Unit};
use tokio::time::Instant;

use crate::meter::Meter;

/// What a failure says: 401, 402, 404, 5xx and silence count, 429 counts apart, what the caller did
/// wrong (400, 413, moderation) and our own trouble do not.
pub(crate) fn failed(error: &Error) -> Option<Sample> {
    if error.origin != Origin::Provider {
        return None;
    }
    let metadata = error.metadata.as_ref();
    let asked = metadata.and_then(|metadata| metadata.retry_after);
    let retry_after_ms = asked.and_then(|wait| i64::try_from(wait.as_millis()).ok());
    Some(match error.kind {
        Kind::RateLimitExceeded => Sample::Limited { retry_after_ms },
        _ => Sample::Failed { retry_after_ms },
    })
}

/// What an answer says that came to its end; one that the provider itself ended as an error counts
/// as a failure.
pub(crate) fn served(meter: &Meter, sent_at: Instant) -> Sample {
    let finish = meter.finish.as_ref();
    if finish.is_some_and(|finish| finish.reason == Reason::Error) {
        return Sample::Failed {
            retry_after_ms: None,
        };
    }
    let since = |at: Instant| {
        let elapsed = at.saturating_duration_since(sent_at);
        u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX)
    };
    let (usage, _) = meter.usage(0);
    Sample::Served(Served {
        first_token_ms: meter.first_token.map(since),
        total_ms: since(Instant::now()),
        output_tokens: usage.completion_tokens(),
        prompt_tokens: usage.prompt_tokens(),
        cached_tokens: usage.count(Unit::CacheRead),
        tool_calls: None,
    })
}
