//! Vital: what a plan wants to know of an endpoint, in one small value.

use serde::{Deserialize, Serialize};

use super::sketch::Percentiles;
use crate::endpoint::EndpointId;

/// How an endpoint stands, best first. Section 9.10 of the digest, and the 30 seconds of 9.7.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In order, or nothing is known.
    #[default]
    Normal,
    /// Between 80 and 95 of 100 attempts succeed: lower priority.
    Degraded,
    /// Its rate limit is nearly used up.
    Pressed,
    /// Fewer than 80 of 100 attempts succeed: only when others fail.
    Down,
    /// It has said that it is asked too often.
    Limited,
    /// It has failed just now: asked last.
    Out,
}

impl Standing {
    /// The word in explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Degraded => "degraded",
            Self::Pressed => "pressed",
            Self::Down => "down",
            Self::Limited => "limited",
            Self::Out => "out",
        }
    }

    /// OpenRouter's integer; its meanings are not documented, only that 0 is in order and that
    /// less is worse.
    #[must_use]
    pub const fn status(self) -> i32 {
        match self {
            Self::Normal => 0,
            Self::Degraded => -1,
            Self::Pressed | Self::Limited => -2,
            Self::Down => -3,
            Self::Out => -5,
        }
    }
}

/// How many answers with tool calls had nothing wrong in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    /// Answers whose calls were all valid.
    pub valid: u32,
    /// Answers with at least one call that was not.
    pub invalid: u32,
}

impl Tools {
    /// Answers with tool calls.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.valid.saturating_add(self.invalid)
    }
}

/// What a plan wants to know of an endpoint. The default is: nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vital {
    /// How it stands.
    #[serde(rename = "s", skip_serializing_if = "is_default")]
    pub standing: Standing,
    /// Time to the first token over 5 minutes, milliseconds.
    #[serde(rename = "l", skip_serializing_if = "is_default")]
    pub first_token_ms: Option<Percentiles>,
    /// Output speed over 5 minutes, tenths of a token per second.
    #[serde(rename = "v", skip_serializing_if = "is_default")]
    pub speed: Option<Percentiles>,
    /// Whether latency and speed are older than five minutes, for want of newer ones: good enough to
    /// sort by, not to cut off by, or an endpoint that was slow once would never be asked again.
    #[serde(rename = "o", skip_serializing_if = "is_default")]
    pub is_stale: bool,
    /// Tool calls over a day.
    #[serde(rename = "t", skip_serializing_if = "is_default")]
    pub tools: Tools,
    /// What is left of the tokens of its rate limit, when it says so.
    #[serde(rename = "r", skip_serializing_if = "is_default")]
    pub tokens_left: Option<u64>,
    /// Share of prompt tokens that came from the cache over 30 minutes, thousandths.
    #[serde(rename = "c", skip_serializing_if = "is_default")]
    pub cached_permille: Option<u16>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Where a plan looks up what is known of endpoints.
pub trait Vitals {
    /// What is known of one at that time; the default when nothing is.
    fn vital(&self, endpoint: &EndpointId, now_ms: i64) -> Vital;
}

impl Vitals for std::collections::BTreeMap<String, Vital> {
    fn vital(&self, endpoint: &EndpointId, _now_ms: i64) -> Vital {
        self.get(endpoint.as_str()).copied().unwrap_or_default()
    }
}
