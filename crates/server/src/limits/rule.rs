//! One limit: how much of what, for whom, in which span of time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::count::Terms;

/// Whom a limit is counted for: each one of them has a counter of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// All calls together.
    House,
    /// The workspace that pays.
    Workspace,
    /// The key.
    Key,
    /// The model, as its canonical slug.
    Model,
    /// The provider that is asked, as its slug. Counted for each attempt; where it is met, the next
    /// endpoint of the plan is asked.
    Provider,
    /// The endpoint that is asked: model slug, `@`, tag. Counted like [`Per::Provider`].
    Endpoint,
}

impl Per {
    /// The word in rows and in refusals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::House => "house",
            Self::Workspace => "workspace",
            Self::Key => "key",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Endpoint => "endpoint",
        }
    }
}

impl Per {
    /// Whether it is counted for each attempt, not for the call.
    #[must_use]
    pub const fn is_of_attempts(self) -> bool {
        match self {
            Self::Provider | Self::Endpoint => true,
            Self::House | Self::Workspace | Self::Key | Self::Model => false,
        }
    }
}

/// What holds while replicas share a limit and Valkey is away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutValkey {
    /// Each replica counts up to its share: the limit over the number of replicas.
    #[default]
    Share,
    /// Each replica counts up to what it holds, and refuses the rest.
    Refuse,
    /// Each replica counts up to the whole limit.
    Allow,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Calls that were let in.
    Requests,
    /// Tokens of prompt and answer; the prompt is estimated until the call has ended.
    Tokens,
    /// Calls that have not ended.
    Concurrent,
}

impl Measure {
    /// The word in rows and in refusals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Concurrent => "concurrent",
        }
    }
}

/// A fixed window of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// From second 0.
    Minute,
    /// From minute 0.
    Hour,
    /// From midnight.
    Day,
}

impl Span {
    /// The word in rows and in refusals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// How long it is, milliseconds.
    #[must_use]
    pub const fn ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The first millisecond of the window that an instant is in.
    #[must_use]
    pub const fn start(self, now_ms: i64) -> i64 {
        now_ms - now_ms.rem_euclid(self.ms())
    }
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What refusals call it.
    pub name: String,
    /// For whom it is counted.
    pub per: Per,
    /// Only for this one of them; absent means for each.
    pub only: Option<String>,
    /// Only for calls to free variants (`:free`).
    pub free_only: bool,
    /// What is counted.
    pub measure: Measure,
    /// In which window; means nothing for calls at once.
    pub span: Span,
    /// The most there may be; 0 allows nothing.
    pub limit: u64,
    /// What holds while Valkey is away.
    pub without: WithoutValkey,
}

impl Rule {
    /// OpenRouter's limit of free variants, for each workspace.
    #[must_use]
    pub fn of_free_models(span: Span, limit: u64) -> Self {
        let short = match span {
            Span::Minute => "min",
            Span::Hour | Span::Day => span.name(),
        };
        Self {
            name: format!("free-models-per-{short}"),
            per: Per::Workspace,
            only: None,
            free_only: true,
            measure: Measure::Requests,
            span,
            limit,
            without: WithoutValkey::default(),
        }
    }

    /// What a counter of this rule counts.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            limit: self.limit,
            is_live: self.measure == Measure::Concurrent,
            without: self.without,
        }
    }

    /// What all replicas call the counter of this rule for a subject in a window. The limit is part
    /// of it, so that replicas with different configurations never share one.
    #[must_use]
    pub fn shared_name(&self, is_own: bool, subject: &str) -> String {
        let Self { name, limit, .. } = self;
        let only = self
            .only
            .as_deref()
            .unwrap_or(if is_own { "own" } else { "" });
        format!("{name}:{limit}:{only}:{subject}")
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, span, .. } = self;
        match self.measure {
            Measure::Requests => write!(f, "{limit} requests per {}", span.name())?,
            Measure::Tokens => write!(f, "{limit} tokens per {}", span.name())?,
            Measure::Concurrent => write!(f, "{limit} calls at once")?,
        }
        match self.per {
            Per::House => f.write_str(" for everybody together"),
            per => write!(f, " for each {}", per.name()),
        }
    }
}

/// A row of `[[limits.rate]]`, and of a key's own `rate_limits`; up to three limits in one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateRow {
    /// For whom it is counted; a key's own rows are always for the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
    /// Only for this one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Tokens of prompt and answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Calls that run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<u64>,
    /// In which window requests and tokens are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// What holds while replicas share it and Valkey is away.
    #[serde(default, skip_serializing_if = "is_default")]
    pub without_valkey: WithoutValkey,
}

fn is_default(without: &WithoutValkey) -> bool {
    *without == WithoutValkey::default()
}

impl RateRow {
    /// The limits in a row of the configuration.
    ///
    /// # Errors
    /// In words, when it limits nothing or lacks something.
    pub fn rules(&self) -> Result<Vec<Rule>, String> {
        let per = self.per.ok_or(
            "per: say for whom it is counted: \"house\", \"workspace\", \"key\", \"model\", \"provider\" or \"endpoint\"",
        )?;
        if per == Per::House && self.only.is_some() {
            return Err("only: there is only one house".to_owned());
        }
        self.counted_for(per)
    }

    /// The limits in a row of a key's own.
    ///
    /// # Errors
    /// In words, when it limits nothing, lacks something, or is for somebody else.
    pub fn rules_of_key(&self) -> Result<Vec<Rule>, String> {
        if self.per.is_some() || self.only.is_some() {
            return Err("a key's own limits are for the key: leave out per and only".to_owned());
        }
        self.counted_for(Per::Key)
    }

    fn counted_for(&self, per: Per) -> Result<Vec<Rule>, String> {
        let counts = [
            (Measure::Requests, self.requests),
            (Measure::Tokens, self.tokens),
            (Measure::Concurrent, self.concurrent),
        ];
        let is_windowed = self.requests.is_some() || self.tokens.is_some();
        if !is_windowed && self.concurrent.is_none() {
            return Err("it limits nothing: set requests, tokens or concurrent".to_owned());
        }
        if is_windowed && self.window.is_none() {
            return Err("window: say \"minute\", \"hour\" or \"day\"".to_owned());
        }
        if !is_windowed && self.window.is_some() {
            return Err("window: calls at once are not counted in a window".to_owned());
        }
        let span = self.window.unwrap_or(Span::Minute);
        let rule = |(measure, limit): (Measure, Option<u64>)| {
            let limit = limit?;
            let name = match measure {
                Measure::Concurrent => format!("{}-concurrent", per.name()),
                measure => format!("{}-{}-per-{}", per.name(), measure.name(), span.name()),
            };
            Some(Rule {
                name,
                per,
                only: self.only.clone(),
                free_only: false,
                measure,
                span,
                limit,
                without: self.without_valkey,
            })
        };
        Ok(counts.into_iter().filter_map(rule).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> RateRow {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_row_is_up_to_three_limits() {
        let rules = row(
            r#"{"per": "key", "requests": 60, "tokens": 1000, "concurrent": 4, "window": "hour"}"#,
        )
        .rules()
        .unwrap();
        let names: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "key-requests-per-hour",
                "key-tokens-per-hour",
                "key-concurrent"
            ]
        );
        assert_eq!(rules[0].to_string(), "60 requests per hour for each key");
        assert_eq!(rules[2].to_string(), "4 calls at once for each key");
    }

    #[test]
    fn a_row_that_says_too_little_or_too_much_is_a_mistake() {
        for (text, words) in [
            (r#"{"requests": 1, "window": "day"}"#, "per"),
            (r#"{"per": "key"}"#, "limits nothing"),
            (r#"{"per": "key", "tokens": 1}"#, "window"),
            (
                r#"{"per": "key", "concurrent": 1, "window": "day"}"#,
                "window",
            ),
            (
                r#"{"per": "house", "only": "x", "concurrent": 1}"#,
                "one house",
            ),
        ] {
            let error = row(text).rules().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        let foreign = row(r#"{"per": "house", "concurrent": 1}"#);
        assert!(foreign.rules_of_key().unwrap_err().contains("leave out"));
    }

    #[test]
    fn windows_begin_where_the_clock_says() {
        let day = 86_400_000;
        assert_eq!(Span::Minute.start(61_500), 60_000);
        assert_eq!(Span::Hour.start(day + 3_600_001), day + 3_600_000);
        assert_eq!(Span::Day.start(day - 1), 0);
        assert_eq!(Span::Day.start(-1), -day);
    }
}
