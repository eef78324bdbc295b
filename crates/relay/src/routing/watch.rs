//! What an attempt says of its endpoint, for the health board. Section 9.10 of the digest.

use catalog::Endpoint;
use catalog::health::{Headroom, Sample, Served, ToolCalls};
use chat::{Error, Kind, Origin, Reason, Unit};
use http::HeaderMap;
use tokio::time::Instant;

use super::wallets::{Chosen, Why};
use crate::meter::Meter;
use crate::relay::{Relay, Underway};

impl Relay {
    /// Posts a failed attempt on the health board.
    pub(crate) fn report(&self, endpoint: &Endpoint, error: &Error) {
        if let Some(sample) = failed(error) {
            let now_ms = self.parts.clock.now_ms();
            self.health.record(&endpoint.id, &sample, now_ms);
        }
    }

    /// Posts what an answer's headers say is left of the provider's rate limit. Of several
    /// credentials the one whose limit is nearly met rests, while there is another.
    pub(crate) fn report_headroom(
        &self,
        endpoint: &Endpoint,
        headers: &HeaderMap,
        chosen: Option<&Chosen>,
    ) {
        // Most say nothing of it; that is told sooner than each name of a limit is looked for.
        if !headers
            .keys()
            .any(|name| wire::tells_rate_limit(name.as_str()))
        {
            return;
        }
        let now_ms = self.parts.clock.now_ms();
        let header = |name: &str| headers.get(name)?.to_str().ok();
        if let Some(limit) = wire::rate_limit(&header, now_ms.div_euclid(1000)) {
            if let Some(chosen) = chosen.filter(|chosen| chosen.label().is_some()) {
                let why = Why {
                    status: 429,
                    retry_after_ms: Some(limit.resets_in_ms),
                    now_ms,
                };
                if !is_nearly_met(&limit) || self.wallets.rest(chosen, endpoint, why) {
                    return;
                }
            }
            let headroom = Headroom {
                requests: limit.requests,
                tokens: limit.tokens,
                resets_ms: now_ms.saturating_add(limit.resets_in_ms),
            };
            self.health.record_headroom(&endpoint.id, headroom);
        }
    }

    /// Posts an answer that came to its end on the health board.
    pub(crate) fn report_served(&self, endpoint: &Endpoint, meter: &Meter, sent_at: Instant) {
        let now_ms = self.parts.clock.now_ms();
        let sample = served(meter, sent_at);
        self.health.record(&endpoint.id, &sample, now_ms);
    }

    /// The same for the answer to a call of a conversation, which is remembered. What is wrong with
    /// its tool calls will stand in the record.
    pub(crate) fn report_answered(
        &self,
        endpoint: &Endpoint,
        meter: &Meter,
        way: &mut Underway<'_>,
    ) {
        let now_ms = self.parts.clock.now_ms();
        let call = way.call;
        let mut sample = served(meter, way.draft.attempt_started());
        if let (Sample::Served(served), Some(calls)) = (&mut sample, meter.tool_calls()) {
            let fit = wire::tool_calls_fit(&call.body, &call.request, &calls);
            way.draft.has_invalid_tools = !fit;
            served.tool_calls = Some(match fit {
                true => ToolCalls::Valid,
                false => ToolCalls::Invalid,
            });
        }
        if let (Sample::Served(served), false) = (&mut sample, call.request.needs.stream) {
            served.first_token_ms = None;
        }
        self.health.record(&endpoint.id, &sample, now_ms);
        self.remember(call, endpoint, meter);
    }
}

/// Whether 5 % or less is left.
fn is_nearly_met(limit: &wire::RateLimit) -> bool {
    let all = [limit.requests, limit.tokens].into_iter().flatten();
    all.into_iter()
        .any(|(left, all)| left.saturating_mul(20) <= all)
}

/// What a failure says: 401, 402, 404, 5xx and silence count, 429 counts apart, what the caller did
/// wrong (400, 413, moderation) and our own trouble do not.
fn failed(error: &Error) -> Option<Sample> {
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
fn served(meter: &Meter, sent_at: Instant) -> Sample {
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
