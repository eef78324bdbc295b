//! `Generation`: the durable record of a finished call, its way and its bill.

use std::borrow::Cow;
use std::fmt;

use chat::{Dialect, FinishReason, Kind, Usage};

use crate::{Amount, Charge, PriceSheet};

/// `gen-` and a sortable, unguessable suffix. The idempotency key of all that follows from a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GenerationId(String);

impl GenerationId {
    /// Makes an id from the time (Unix milliseconds) and 80 bits of injected randomness: 12 hex
    /// digits of time, then 20 of randomness.
    #[must_use]
    pub fn new(unix_ms: i64, random: [u8; 10]) -> Self {
        // By hand: the formatting machinery takes ten times as long, and every call has one.
        let mut id = String::with_capacity(ID_BYTES);
        id.push_str("gen-");
        // Times beyond 48 bits are beyond the year 10889.
        let time = unix_ms.max(0).to_be_bytes();
        for byte in time.iter().skip(2).chain(&random) {
            for half in [byte >> 4, byte & 0xf] {
                id.push(char::from(DIGITS[usize::from(half)]));
            }
        }
        Self(id)
    }

    /// Takes an id as it came from a caller or from the database; any text is allowed, for looking up.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// `gen-` and 32 digits.
const ID_BYTES: usize = 36;

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the counted units come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageSource {
    /// The provider counted.
    Provider,
    /// The provider counted, and was read to its end for that after the caller had left.
    Drained,
    /// The provider did not say; estimated from what was sent and received.
    Estimated,
    /// Nothing was produced, so there is nothing to count.
    Nothing,
}

impl UsageSource {
    /// The word in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Drained => "drained",
            Self::Estimated => "estimated",
            Self::Nothing => "nothing",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Provider,
            Self::Drained,
            Self::Estimated,
            Self::Nothing,
        ]
        .into_iter()
        .find(|s| s.name() == name)
    }
}

/// How a call or an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer was delivered.
    Completed,
    /// The caller left first. Of an attempt also: another one spoke first, and this one was let go.
    Cancelled,
    /// It failed; what happened and the text that the caller saw (for an attempt: would have seen).
    Failed {
        /// What happened.
        kind: Kind,
        /// In words.
        message: String,
    },
}

/// One try of a call at one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The endpoint's tag: provider slug and optional suffix.
    pub endpoint: String,
    /// Provider slug.
    pub provider: String,
    /// Provider's display name.
    pub provider_name: String,
    /// Canonical slug of the model.
    pub model: String,
    /// Which of the provider's credentials was presented, by its label; absent where there is only
    /// one.
    pub credential: Option<String>,
    /// Whether that credential is the caller's own: one of its workspace, not of the house.
    pub is_byok: bool,
    /// When the attempt began, in milliseconds after the call.
    pub started_ms: u64,
    /// How long it took until it failed or its answer began, milliseconds.
    pub latency_ms: u64,
    /// The provider's HTTP status, when it answered at all.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the provider may have begun to work, and so may bill for a failed attempt.
    pub may_be_billed: bool,
    /// What the call is charged for it beside the last attempt; absent where that is nothing.
    pub share: Option<Share>,
    /// Where it went on with the answer of an earlier attempt, whose stream broke: how many characters
    /// the caller had of it by then.
    pub recovered_at_chars: Option<u64>,
}

/// What a call is charged for another attempt than the last: one that lost a race, or one whose stream
/// broke and was gone on with. Its lines are the last ones of the call's bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Name of the row of the settlement table.
    pub rule: Cow<'static, str>,
    /// Who counted.
    pub usage_source: UsageSource,
    /// What was counted there, where that is a part of the call's usage: of an answer that was gone on
    /// with. Absent for a race.
    pub usage: Option<Usage>,
    /// What it cost by itself, or why that is not known.
    pub charge: Charge,
}

/// The longest id or name that a caller may give its trace, characters; what is longer is cut.
pub const TRACE_TEXT_MAX: usize = 128;

/// Where its caller says that a call stands among others (`trace`, `traceparent`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceNote {
    /// The trace that it is part of.
    pub trace_id: Option<String>,
    /// Within which span, or call: a generation id is allowed.
    pub parent_span_id: Option<String>,
    /// What the trace is called.
    pub trace_name: Option<String>,
    /// What the step is called that this call is part of.
    pub span_name: Option<String>,
    /// What the call is called.
    pub generation_name: Option<String>,
    /// What else was said of it: one JSON object.
    pub metadata: Option<Box<str>>,
}

/// Who made a call, and in whose name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerNote {
    /// The workspace that pays.
    pub workspace_id: String,
    /// Hash of the key.
    pub key_hash: String,
    /// App URL (`HTTP-Referer`).
    pub http_referer: Option<String>,
    /// App name (`X-Title`, `X-OpenRouter-Title`).
    pub app_title: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// Session (`session_id`, `x-session-id`), at most 256 characters.
    pub session_id: Option<String>,
    /// The caller's own user (`user`).
    pub external_user: Option<String>,
    /// Where it stands among other calls, where its caller says so.
    pub trace: Option<Box<TraceNote>>,
}

/// How the charge of a call came about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Name of the row of the settlement table ([`Rule::name`](crate::settlement::Rule)); absent
    /// when nothing was sent to any provider, and in records older than the table.
    pub rule: Option<Cow<'static, str>>,
    /// Whether the prices are the workspace's stated fallback, because the endpoint has none.
    pub is_fallback_price: bool,
    /// What we charge less what the provider says that it charges, nano-USD; present when the two
    /// are further apart than [`cost_gap`] allows.
    pub cost_gap: Option<Amount>,
    /// Whether the caller's own credential paid the provider. The charge is what the call would cost
    /// at list price then: it counts in budgets that include such calls, and nobody owes it.
    pub is_byok: bool,
    /// The call whose answer was told again, where it came from the response cache.
    pub response_cache_source_id: Option<GenerationId>,
}

/// What we charge less what the provider reports (nano-USD), when that is more than 1 % of what it
/// reports, and more than the nano-dollar that rounding may make.
#[must_use]
pub fn cost_gap(charge: &Charge, reported_nanos: Option<i64>) -> Option<Amount> {
    const PARTS: i128 = 100;
    let ours = charge.as_ref().ok()?.total;
    let gap = ours.checked_sub(Amount::from_nanos(reported_nanos?))?;
    let size = i128::from(gap.nanos()).checked_abs()?;
    let allowed = i128::from(reported_nanos?)
        .checked_abs()?
        .checked_div(PARTS)?;
    (size > allowed.max(1)).then_some(gap)
}

/// What became of the content of a call: its request and its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Content {
    /// It was not to be kept.
    #[default]
    Off,
    /// It was taken, to be kept apart from the record.
    Kept,
    /// It was to be kept and was not: it was too large, or there was no room.
    Dropped,
}

impl Content {
    /// The word in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Kept => "kept",
            Self::Dropped => "dropped",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Off, Self::Kept, Self::Dropped]
            .into_iter()
            .find(|content| content.name() == name)
    }
}

/// That the provider's cache of a conversation was of much less use than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixBreak {
    /// Why: one JSON object.
    pub said: Box<str>,
    /// What the call cost more than with the cache, nano-USD.
    pub lost: Amount,
    /// Whether that was because another endpoint served.
    pub is_switch: bool,
}

/// What the house has noticed of a call beside its money.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noticed {
    /// What became of its content.
    pub content: Content,
    /// Why the provider's cache of its conversation was of less use than before.
    pub prefix_break: Option<PrefixBreak>,
    /// The earlier call of its session whose conversation it goes on with, found by hashes of prompts.
    pub continues: Option<GenerationId>,
    /// Whether one of its tool calls was for a tool that the request does not have, or with arguments
    /// that do not fit.
    pub has_invalid_tools: bool,
}

/// The record of one finished call.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// Our id.
    pub id: GenerationId,
    /// When the request had arrived, Unix milliseconds.
    pub created_at_ms: i64,
    /// Who called.
    pub caller: CallerNote,
    /// The dialect the caller spoke.
    pub dialect: Dialect,
    /// The model as asked for.
    pub requested_model: String,
    /// Canonical slug of the model that served; empty when none did.
    pub model: String,
    /// Tag of the endpoint that served, if one did.
    pub endpoint: Option<String>,
    /// Slug of the provider that served, if one did.
    pub provider: Option<String>,
    /// Display name of that provider.
    pub provider_name: Option<String>,
    /// The provider's own id of the answer.
    pub upstream_id: Option<String>,
    /// Every try, in the order in which they ended; where one served, it is the last.
    pub attempts: Vec<Attempt>,
    /// Whether the caller asked for a stream.
    pub streamed: bool,
    /// The status line the caller got.
    pub status: u16,
    /// How the call ended.
    pub outcome: Outcome,
    /// Why the answer ended; absent when there was none.
    pub finish: Option<FinishReason>,
    /// What was counted, in disjoint buckets; of an answer that was gone on with, by all who gave it.
    pub usage: Usage,
    /// Who counted.
    pub usage_source: UsageSource,
    /// The prices that applied, as they were at that moment.
    pub price_sheet: Option<PriceSheet>,
    /// What it cost, or why that is not known.
    pub charge: Charge,
    /// How that came about.
    pub settled: Settled,
    /// From arrival to the first token sent on, milliseconds (TTFT); absent when none was.
    pub first_token_ms: Option<u64>,
    /// From arrival to the end, milliseconds.
    pub total_ms: u64,
    /// Our own time, microseconds: from the arrival of the request to the head of its answer (of a
    /// whole answer, a refusal or a failure: to the moment at which this record was made), less the
    /// time in which somebody else was waited for: the caller to send its body, providers, and pauses
    /// before one is asked again.
    pub overhead_us: u64,
    /// What was dropped or changed on the way, by field name.
    pub dropped: Vec<String>,
    /// Why it went where it went: the plan as the catalog keeps it, one JSON object. Absent when
    /// there was none, and in records older than that.
    pub plan: Option<Box<str>>,
    /// What the house has noticed of it.
    pub noticed: Noticed,
}

impl Generation {
    /// Whether the caller left before the end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.outcome == Outcome::Cancelled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bill;

    #[test]
    fn a_reported_cost_is_remarked_upon_when_it_is_more_than_a_hundredth_away() {
        // ours, the provider's, what is said; nano-USD
        for (ours, reported, said) in [
            (1_000, Some(1_000), None),
            (1_010, Some(1_000), None),
            (1_011, Some(1_000), Some(11)),
            (989, Some(1_000), Some(-11)),
            (1, Some(0), None),
            (2, Some(0), Some(2)),
            (500, None, None),
        ] {
            let total = Amount::from_nanos(ours);
            let charge = Ok(Bill {
                total,
                lines: Vec::new(),
            });
            assert_eq!(
                cost_gap(&charge, reported).map(Amount::nanos),
                said,
                "{ours} {reported:?}"
            );
        }
        assert_eq!(cost_gap(&Err(crate::Unpriced::NoUsage), Some(7)), None);
    }

    #[test]
    fn ids_sort_by_time_and_carry_all_of_the_randomness() {
        let early = GenerationId::new(1, [0xff; 10]);
        let late = GenerationId::new(2, [0; 10]);
        assert!(early < late);
        assert_eq!(
            early.as_str(),
            format!("gen-000000000001{}", "ff".repeat(10))
        );
    }
}
