//! The table of metrics: what can be asked for, and how it follows from what is counted.

use serde::{Serialize, Serializer};
use store::{Measure, Measures, Sketched};

use crate::money::usd;

use Format::{Currency, Latency, Number, Percent, Throughput};
use Value::{Mean, Money, Part, Percentile, Share, Sum, Unused};

/// How a metric is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// A plain number.
    Number,
    /// USD.
    Currency,
    /// From 0 to 1.
    Percent,
    /// Milliseconds.
    Latency,
    /// Tokens per second.
    Throughput,
}

/// How a metric follows from what is counted.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// The sum of counts.
    Sum(&'static [Measure]),
    /// Money: a sum less another.
    Money(&'static [Measure], &'static [Measure]),
    /// The same; null instead of 0, as OpenRouter has it for parts of the total.
    Part(&'static [Measure], &'static [Measure]),
    /// What the first sum is of the second, from 0 to 1.
    Share(&'static [Measure], &'static [Measure]),
    /// The first divided by the second, in so many of its units; null of nothing.
    Mean(Measure, Measure, f64),
    /// The value below which such a share lies, in so many of its units; null of nothing.
    Percentile(Sketched, f64, f64),
    /// Always null: there is no such thing here.
    Unused,
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Metric {
    /// In questions and answers.
    pub(super) name: &'static str,
    /// For people.
    pub(super) label: &'static str,
    /// How it is to be shown.
    pub(super) format: Format,
    value: Value,
}

/// One field of a row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Null,
    /// A number of things.
    Count(i64),
    /// Nano-USD; told in USD.
    Money(i64),
    /// A ratio or a mean.
    Real(f64),
    /// A name.
    Text(String),
}

const PROMPT: [Measure; 6] = [
    Measure::Input,
    Measure::CacheRead,
    Measure::CacheWrite,
    Measure::CacheWrite1h,
    Measure::InputAudio,
    Measure::InputImage,
];

const COMPLETION: [Measure; 4] = [
    Measure::Output,
    Measure::Reasoning,
    Measure::OutputAudio,
    Measure::OutputImage,
];

/// Prompts and completions.
pub(super) const TOKENS: [Measure; 10] = {
    let [a, b, c, d, e, f] = PROMPT;
    let [g, h, i, j] = COMPLETION;
    [a, b, c, d, e, f, g, h, i, j]
};

const CALLS: &[Measure] = &[Measure::Calls];

/// The metric that may be ordered by without being asked for.
pub(super) const REQUEST_COUNT: &Metric =
    &metric("request_count", "Request Count", Number, Sum(CALLS));

const fn metric(name: &'static str, label: &'static str, format: Format, value: Value) -> Metric {
    Metric {
        name,
        label,
        format,
        value,
    }
}

const fn count(name: &'static str, label: &'static str, of: &'static [Measure]) -> Metric {
    metric(name, label, Number, Sum(of))
}

const fn rate(name: &'static str, label: &'static str, of: &'static [Measure]) -> Metric {
    metric(name, label, Percent, Share(of, CALLS))
}

/// A percentile of a time, milliseconds.
const fn time(name: &'static str, label: &'static str, (of, share): (Sketched, f64)) -> Metric {
    metric(name, label, Latency, Percentile(of, share, 1.0))
}

/// A speed that such a share of the calls exceeds; speeds are kept in hundredths.
const fn speed(name: &'static str, label: &'static str, share: f64) -> Metric {
    let value = Percentile(Sketched::Speed, 1.0 - share, 0.01);
    metric(name, label, Throughput, value)
}

/// Everything that can be asked for: OpenRouter's first, then ours.
pub(super) const METRICS: &[Metric] = &[
    metric("request_count", "Request Count", Number, Sum(CALLS)),
    metric(
        "total_usage",
        "Total Usage",
        Currency,
        Money(&[Measure::Cost], &[]),
    ),
    metric(
        "usage_upstream",
        "Inference",
        Currency,
        Part(
            &[Measure::Cost, Measure::CacheSaved],
            &[Measure::SearchCost],
        ),
    ),
    metric(
        "usage_cache",
        "Caching",
        Currency,
        Part(&[], &[Measure::CacheSaved]),
    ),
    metric("usage_data", "Data Discount", Currency, Unused),
    metric(
        "usage_web",
        "Web Search",
        Currency,
        Part(&[Measure::SearchCost], &[]),
    ),
    metric("usage_file", "File Processing", Currency, Unused),
    metric(
        "byok_usage_inference",
        "BYOK Inference",
        Currency,
        Money(&[Measure::Byok], &[]),
    ),
    count("tokens_total", "Total Tokens", &TOKENS),
    count("tokens_prompt", "Prompt Tokens", &PROMPT),
    count("tokens_completion", "Completion Tokens", &COMPLETION),
    count(
        "reasoning_tokens",
        "Reasoning Tokens",
        &[Measure::Reasoning],
    ),
    metric(
        "cache_hit_rate",
        "Cache Hit Rate",
        Percent,
        Share(&[Measure::CacheRead], &PROMPT),
    ),
    metric(
        "latency_avg",
        "Latency (mean)",
        Latency,
        Mean(Measure::TotalTime, Measure::Calls, 1.0),
    ),
    time("latency_p50", "Latency (p50)", (Sketched::TotalTime, 0.50)),
    time("latency_p75", "Latency (p75)", (Sketched::TotalTime, 0.75)),
    time("latency_p90", "Latency (p90)", (Sketched::TotalTime, 0.90)),
    time("latency_p95", "Latency (p95)", (Sketched::TotalTime, 0.95)),
    time("latency_p99", "Latency (p99)", (Sketched::TotalTime, 0.99)),
    metric(
        "latency_max",
        "Latency (slowest)",
        Latency,
        Sum(&[Measure::MaxTotalTime]),
    ),
    metric(
        "ttft_avg",
        "Time to First Token (mean)",
        Latency,
        Mean(Measure::FirstToken, Measure::FirstTokens, 1.0),
    ),
    time(
        "ttft_p50",
        "Time to First Token (p50)",
        (Sketched::FirstToken, 0.50),
    ),
    time(
        "ttft_p75",
        "Time to First Token (p75)",
        (Sketched::FirstToken, 0.75),
    ),
    time(
        "ttft_p90",
        "Time to First Token (p90)",
        (Sketched::FirstToken, 0.90),
    ),
    time(
        "ttft_p95",
        "Time to First Token (p95)",
        (Sketched::FirstToken, 0.95),
    ),
    time(
        "ttft_p99",
        "Time to First Token (p99)",
        (Sketched::FirstToken, 0.99),
    ),
    metric(
        "throughput_avg",
        "Throughput (mean)",
        Throughput,
        Mean(Measure::Generated, Measure::Generating, 1000.0),
    ),
    speed("throughput_p50", "Throughput (half are faster)", 0.50),
    speed("throughput_p75", "Throughput (75% are faster)", 0.75),
    speed("throughput_p90", "Throughput (90% are faster)", 0.90),
    speed("throughput_p99", "Throughput (99% are faster)", 0.99),
    metric(
        "overhead_avg",
        "Waybill's Own Time (mean)",
        Latency,
        Mean(Measure::Overhead, Measure::Calls, 0.001),
    ),
    count(
        "cached_tokens",
        "Tokens Read from Caches",
        &[Measure::CacheRead],
    ),
    count(
        "cache_write_tokens",
        "Tokens Written to Caches",
        &[Measure::CacheWrite, Measure::CacheWrite1h],
    ),
    metric(
        "cache_savings",
        "Saved by Caches",
        Currency,
        Money(&[Measure::CacheSaved], &[]),
    ),
    metric(
        "usage_prompt",
        "Cost of Prompts",
        Currency,
        Money(&[Measure::PromptCost], &[]),
    ),
    metric(
        "usage_completion",
        "Cost of Completions",
        Currency,
        Money(&[Measure::CompletionCost], &[]),
    ),
    metric(
        "usage_wasted",
        "Cost of Wasted Attempts",
        Currency,
        Money(&[Measure::Wasted], &[]),
    ),
    metric(
        "usage_max",
        "Dearest Request",
        Currency,
        Money(&[Measure::MaxCost], &[]),
    ),
    count(
        "unpriced_count",
        "Requests without a Price",
        &[Measure::Unpriced],
    ),
    count("attempt_count", "Attempts", &[Measure::Attempts]),
    count(
        "wasted_attempts",
        "Wasted Attempts",
        &[Measure::WastedAttempts],
    ),
    count(
        "dropped_parameters",
        "Dropped Parameters",
        &[Measure::DroppedParameters],
    ),
    count("failed_count", "Failed Requests", &[Measure::Failed]),
    rate("error_rate", "Error Rate", &[Measure::Failed]),
    count(
        "cancelled_count",
        "Cancelled Requests",
        &[Measure::Cancelled],
    ),
    count("streamed_count", "Streamed Requests", &[Measure::Streamed]),
    count(
        "truncated_count",
        "Truncated Answers",
        &[Measure::Truncated],
    ),
    rate("truncation_rate", "Truncation Rate", &[Measure::Truncated]),
    count(
        "filtered_count",
        "Filtered or Refused Answers",
        &[Measure::Filtered],
    ),
    rate("refusal_rate", "Refusal Rate", &[Measure::Filtered]),
    count(
        "tool_call_count",
        "Answers That Call Tools",
        &[Measure::ToolCalls],
    ),
    count(
        "invalid_tools_count",
        "Answers Whose Tool Calls Do Not Fit",
        &[Measure::InvalidTools],
    ),
    metric(
        "invalid_tools_rate",
        "Invalid Tool Calls",
        Percent,
        Share(&[Measure::InvalidTools], &[Measure::ToolCalls]),
    ),
    count("web_search_count", "Web Searches", &[Measure::WebSearch]),
];

impl Metric {
    /// The metric of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    /// Whether it is averaged or otherwise not to be summed.
    pub(super) fn is_rate(&self) -> bool {
        match self.value {
            Share(..) | Mean(..) | Percentile(..) => true,
            Sum(_) | Money(..) | Part(..) | Unused => self.measures().any(Measure::is_maximum),
        }
    }

    /// What must have been counted for it.
    pub(super) fn measures(&self) -> impl Iterator<Item = Measure> + use<> {
        let (one, other): (&[Measure], &[Measure]) = match &self.value {
            Sum(of) => (of, &[]),
            Money(plus, minus) | Part(plus, minus) => (plus, minus),
            Share(part, whole) => (part, whole),
            Mean(..) | Percentile(..) | Unused => (&[], &[]),
        };
        let of_mean = match self.value {
            Mean(sum, of, _) => vec![sum, of],
            _ => Vec::new(),
        };
        let all: Vec<Measure> = one.iter().chain(other).copied().chain(of_mean).collect();
        all.into_iter()
    }

    /// Which sketch it is read from.
    pub(super) const fn sketch(&self) -> Option<Sketched> {
        match self.value {
            Percentile(sketched, ..) => Some(sketched),
            _ => None,
        }
    }

    /// What it is of a group.
    pub(super) fn of(&self, measures: &Measures) -> Cell {
        let sum = |of: &[Measure]| {
            let values = of.iter().map(|one| measures.get(*one));
            values.fold(0, i64::saturating_add)
        };
        match self.value {
            Sum(of) => Cell::Count(sum(of)),
            Money(plus, minus) => Cell::Money(sum(plus).saturating_sub(sum(minus))),
            Part(plus, minus) => match sum(plus).saturating_sub(sum(minus)) {
                0 => Cell::Null,
                nanos => Cell::Money(nanos),
            },
            Share(part, whole) => ratio(sum(part), sum(whole), 1.0),
            Mean(of, by, unit) => ratio(measures.get(of), measures.get(by), unit),
            Percentile(sketched, share, unit) => {
                let value = measures.sketch(sketched).percentile(share);
                value.map_or(Cell::Null, |value| Cell::Real(f64::from(value) * unit))
            }
            Unused => Cell::Null,
        }
    }
}

fn ratio(of: i64, by: i64, unit: f64) -> Cell {
    if by == 0 {
        return Cell::Null;
    }
    Cell::Real(of as f64 / by as f64 * unit)
}

impl Cell {
    /// In which order two stand; nothing is less than anything.
    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Count(one), Self::Count(other)) | (Self::Money(one), Self::Money(other)) => {
                one.cmp(other)
            }
            (Self::Real(one), Self::Real(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            // One metric or dimension has cells of one kind.
            (one, other) => (*one != Self::Null).cmp(&(*other != Self::Null)),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Count(count) => serializer.serialize_i64(*count),
            Self::Money(nanos) => usd(ledger::Amount::from_nanos(*nanos)).serialize(serializer),
            Self::Real(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chat::Unit;
    use std::collections::BTreeSet;

    #[test]
    fn tokens_are_those_that_the_vocabulary_calls_so() {
        let of = |counts: fn(Unit) -> bool| -> Vec<Measure> {
            let units = Unit::ALL.into_iter().filter(|unit| counts(*unit));
            units.map(Measure::of_unit).collect()
        };
        assert_eq!(of(Unit::is_prompt), PROMPT);
        assert_eq!(of(Unit::is_completion), COMPLETION);
    }

    #[test]
    fn names_are_unlike_each_other() {
        let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        assert_eq!(
            Metric::named("request_count").unwrap().label,
            REQUEST_COUNT.label
        );
    }

    #[test]
    fn nothing_counted_is_nothing_said() {
        for metric in METRICS {
            let cell = metric.of(&Measures::default());
            let is_nothing = matches!(cell, Cell::Null | Cell::Count(0) | Cell::Money(0));
            assert!(is_nothing, "{}: {cell:?}", metric.name);
            assert_eq!(
                cell == Cell::Null,
                !matches!(metric.value, Sum(_) | Money(..))
            );
        }
    }
}
