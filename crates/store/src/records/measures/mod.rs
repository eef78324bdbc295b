//! What is counted of calls: sums, two maxima, and three sketches of how long things take.
//!
//! Adding is exact, in any order and any grouping. Sums stop at the largest number. Of a single call
//! no more is counted than [`CALL_MAX`] of anything but money, so that not even nonsense from a
//! provider lets the database's own sums of them run over.

mod text;

use catalog::health::Total;
use chat::{Reason, Unit};
use ledger::{Amount, Generation, Outcome};

use crate::posting::{cost_of, owed_for};

/// The most that one call counts of anything but money: four tebi.
const CALL_MAX: u64 = 1 << 42;

/// Speeds are kept in hundredths of a token per second.
const SPEED_UNITS: u64 = 100;

macro_rules! measures {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// One thing that is counted. New ones stand last: deltas that wait to be merged name them by
        /// their number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Measure {
            $($(#[$doc])* $variant,)*
        }

        impl Measure {
            /// All of them, in the order of their columns.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name of its column.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

measures! {
    /// Calls.
    Calls "calls",
    /// Calls that failed.
    Failed "failed",
    /// Calls whose caller left first.
    Cancelled "cancelled",
    /// Calls that asked for a stream.
    Streamed "streamed",
    /// Calls that nobody could price.
    Unpriced "unpriced",
    /// Answers that ended at a limit of length.
    Truncated "truncated",
    /// Answers that were filtered or refused.
    Filtered "filtered",
    /// Answers that ended in calls of tools.
    ToolCalls "tool_calls",
    /// Attempts.
    Attempts "attempts",
    /// Attempts that did not serve.
    WastedAttempts "wasted_attempts",
    /// Parameters that were dropped or changed.
    DroppedParameters "dropped_parameters",
    /// What calls cost, nano-USD.
    Cost "cost_nanos",
    /// What calls on the caller's own credentials would have cost, nano-USD.
    Byok "byok_nanos",
    /// What caches of providers saved, less what writing to them cost, nano-USD.
    CacheSaved "cache_saved_nanos",
    /// What attempts that did not serve cost, nano-USD.
    Wasted "wasted_nanos",
    /// What prompts cost, nano-USD.
    PromptCost "prompt_nanos",
    /// What completions cost, nano-USD.
    CompletionCost "completion_nanos",
    /// What searches of providers cost, nano-USD.
    SearchCost "search_nanos",
    /// Units of usage, by the names of [`Unit`].
    Input "input",
    /// As named.
    CacheRead "cache_read",
    /// As named.
    CacheWrite "cache_write",
    /// As named.
    CacheWrite1h "cache_write_1h",
    /// As named.
    InputAudio "input_audio",
    /// As named.
    InputImage "input_image",
    /// As named.
    Output "output",
    /// As named.
    Reasoning "reasoning",
    /// As named.
    OutputAudio "output_audio",
    /// As named.
    OutputImage "output_image",
    /// As named.
    Request "request",
    /// As named.
    WebSearch "web_search",
    /// Our own time before the first attempts, microseconds.
    Overhead "overhead_us",
    /// Times to the first token, milliseconds.
    FirstToken "first_token_ms",
    /// Calls that had a first token.
    FirstTokens "first_tokens",
    /// Whole times, milliseconds.
    TotalTime "total_ms",
    /// Times from the first token to the end, milliseconds.
    Generating "generating_ms",
    /// Completion tokens of these calls.
    Generated "generated_tokens",
    /// What the dearest call cost, nano-USD.
    MaxCost "max_cost_nanos",
    /// How long the slowest call took, milliseconds.
    MaxTotalTime "max_total_ms",
    /// Answers with tool calls that do not fit the request's tools.
    InvalidTools "invalid_tools",
}

impl Measure {
    /// The measure of a unit of usage.
    #[must_use]
    pub const fn of_unit(unit: Unit) -> Self {
        match unit {
            Unit::Input => Self::Input,
            Unit::CacheRead => Self::CacheRead,
            Unit::CacheWrite => Self::CacheWrite,
            Unit::CacheWrite1h => Self::CacheWrite1h,
            Unit::InputAudio => Self::InputAudio,
            Unit::InputImage => Self::InputImage,
            Unit::Output => Self::Output,
            Unit::Reasoning => Self::Reasoning,
            Unit::OutputAudio => Self::OutputAudio,
            Unit::OutputImage => Self::OutputImage,
            Unit::Request => Self::Request,
            Unit::WebSearch => Self::WebSearch,
        }
    }

    /// Whether the greatest counts, not the sum.
    #[must_use]
    pub const fn is_maximum(self) -> bool {
        matches!(self, Self::MaxCost | Self::MaxTotalTime)
    }

    /// Whether it is money, nano-USD.
    #[must_use]
    pub const fn is_money(self) -> bool {
        matches!(
            self,
            Self::Cost
                | Self::Byok
                | Self::CacheSaved
                | Self::Wasted
                | Self::PromptCost
                | Self::CompletionCost
                | Self::SearchCost
                | Self::MaxCost
        )
    }
}

/// A time or speed of which a sketch is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sketched {
    /// From arrival to the first token, milliseconds.
    FirstToken,
    /// From arrival to the end, milliseconds.
    TotalTime,
    /// Completion tokens per second after the first token, in hundredths.
    Speed,
}

impl Sketched {
    /// All of them, in the order of their columns.
    pub const ALL: [Self; 3] = [Self::FirstToken, Self::TotalTime, Self::Speed];

    /// The name of its column.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstToken => "first_token_sketch",
            Self::TotalTime => "total_sketch",
            Self::Speed => "speed_sketch",
        }
    }
}

/// What was counted of some calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measures {
    values: [i64; Measure::COUNT],
    sketches: [Total; 3],
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            values: [0; Measure::COUNT],
            sketches: [Total::default(), Total::default(), Total::default()],
        }
    }
}

impl Measures {
    /// What was counted of one thing.
    #[must_use]
    pub fn get(&self, measure: Measure) -> i64 {
        self.values.get(measure as usize).copied().unwrap_or(0)
    }

    /// How times or speeds are distributed.
    #[must_use]
    pub fn sketch(&self, sketched: Sketched) -> &Total {
        // The order of the variants is that of `ALL`.
        let [first_token, total, speed] = &self.sketches;
        match sketched {
            Sketched::FirstToken => first_token,
            Sketched::TotalTime => total,
            Sketched::Speed => speed,
        }
    }

    /// Prompt tokens, of all kinds.
    #[must_use]
    pub fn prompt_tokens(&self) -> i64 {
        self.tokens(Unit::is_prompt)
    }

    /// Completion tokens, of all kinds.
    #[must_use]
    pub fn completion_tokens(&self) -> i64 {
        self.tokens(Unit::is_completion)
    }

    fn tokens(&self, counts: fn(Unit) -> bool) -> i64 {
        let units = Unit::ALL.into_iter().filter(|unit| counts(*unit));
        units.fold(0, |sum, unit| {
            sum.saturating_add(self.get(Measure::of_unit(unit)))
        })
    }

    /// Adds what was counted of other calls.
    pub fn merge(&mut self, other: &Self) {
        for measure in Measure::ALL {
            self.add(*measure, other.get(*measure));
        }
        for (sum, part) in self.sketches.iter_mut().zip(&other.sketches) {
            part.filled()
                .for_each(|(bucket, count)| sum.count_many(bucket, count));
        }
    }

    /// Adds only some of what was counted of other calls.
    pub(crate) fn merge_only(
        &mut self,
        other: &Self,
        (measures, sketches): (&[Measure], &[Sketched]),
    ) {
        let wanted = Measure::ALL.iter().filter(|one| measures.contains(one));
        for measure in wanted {
            self.add(*measure, other.get(*measure));
        }
        for sketched in Sketched::ALL.iter().filter(|one| sketches.contains(one)) {
            if let Some(sum) = self.sketches.get_mut(*sketched as usize) {
                let filled = other.sketch(*sketched).filled();
                filled.for_each(|(bucket, count)| sum.count_many(bucket, count));
            }
        }
    }

    /// Counts one call.
    pub fn count(&mut self, call: &Generation) {
        self.count_fate(call);
        self.count_money(call);
        for (unit, count) in call.usage.iter() {
            self.add(Measure::of_unit(unit), clamped(count));
        }
        self.add(Measure::Overhead, clamped(call.overhead_us));
        self.add(Measure::TotalTime, clamped(call.total_ms));
        self.add(Measure::MaxTotalTime, clamped(call.total_ms));
        self.note(Sketched::TotalTime, call.total_ms);
        let Some(first) = call.first_token_ms else {
            return;
        };
        self.add(Measure::FirstToken, clamped(first));
        self.add(Measure::FirstTokens, 1);
        self.note(Sketched::FirstToken, first);
        let (tokens, rest) = (
            call.usage.completion_tokens(),
            call.total_ms.saturating_sub(first),
        );
        if tokens > 0 && rest > 0 {
            self.add(Measure::Generating, clamped(rest));
            self.add(Measure::Generated, clamped(tokens));
            let speed = tokens.saturating_mul(1000 * SPEED_UNITS) / rest;
            self.note(Sketched::Speed, speed);
        }
    }

    fn count_fate(&mut self, call: &Generation) {
        let reason = call.finish.as_ref().map(|finish| finish.reason);
        let has_served = usize::from(!call.model.is_empty() && !call.attempts.is_empty());
        let wasted = call.attempts.len().saturating_sub(has_served);
        let flags = [
            (Measure::Calls, true),
            (
                Measure::Failed,
                matches!(call.outcome, Outcome::Failed { .. }),
            ),
            (Measure::Cancelled, call.is_cancelled()),
            (Measure::Streamed, call.streamed),
            (Measure::Unpriced, call.charge.is_err()),
            (Measure::Truncated, reason == Some(Reason::Length)),
            (Measure::Filtered, reason == Some(Reason::ContentFilter)),
            (Measure::ToolCalls, reason == Some(Reason::ToolCalls)),
            (Measure::InvalidTools, call.noticed.has_invalid_tools),
        ];
        for (measure, holds) in flags {
            self.add(measure, i64::from(holds));
        }
        let lengths = [
            (Measure::Attempts, call.attempts.len()),
            (Measure::WastedAttempts, wasted),
            (Measure::DroppedParameters, call.dropped.len()),
        ];
        for (measure, length) in lengths {
            self.add(measure, clamped(u64::try_from(length).unwrap_or(u64::MAX)));
        }
    }

    fn count_money(&mut self, call: &Generation) {
        if call.settled.is_byok {
            // Somebody else is owed it: it is no part of what calls cost here.
            return self.add(Measure::Byok, cost_of(call).nanos());
        }
        let cost = owed_for(call);
        self.add(Measure::Cost, cost.nanos());
        self.add(Measure::MaxCost, cost.nanos());
        let shares = call.attempts.iter().filter_map(|one| one.share.as_ref());
        for share in shares {
            if let Ok(bill) = &share.charge {
                self.add(Measure::Wasted, bill.total.nanos());
            }
        }
        let Ok(bill) = &call.charge else {
            return;
        };
        self.add(Measure::PromptCost, bill.part(Unit::is_prompt).nanos());
        let completion = bill.part(Unit::is_completion);
        self.add(Measure::CompletionCost, completion.nanos());
        let search = bill.part(|unit| unit == Unit::WebSearch);
        self.add(Measure::SearchCost, search.nanos());
        if let Some(sheet) = &call.price_sheet {
            let saved = bill.cache_discount(sheet).unwrap_or(Amount::ZERO);
            self.add(Measure::CacheSaved, saved.nanos());
        }
    }

    /// Adds to one thing.
    pub(crate) fn add(&mut self, measure: Measure, value: i64) {
        if let Some(slot) = self.values.get_mut(measure as usize) {
            *slot = if measure.is_maximum() {
                (*slot).max(value)
            } else {
                slot.saturating_add(value)
            };
        }
    }

    fn note(&mut self, sketched: Sketched, value: u64) {
        if let Some(sketch) = self.sketches.get_mut(sketched as usize) {
            sketch.count(u32::try_from(value).unwrap_or(u32::MAX));
        }
    }

    /// The first thing in which two differ: its name, and both values.
    pub(crate) fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let differs = |measure: &&Measure| self.get(**measure) != other.get(**measure);
        if let Some(measure) = Measure::ALL.iter().find(differs) {
            let values = [self, other].map(|side| side.get(*measure).to_string());
            let [ours, theirs] = values;
            return Some((measure.name(), ours, theirs));
        }
        let differs = |one: &Sketched| self.sketch(*one) != other.sketch(*one);
        let sketched = Sketched::ALL.into_iter().find(differs)?;
        let [ours, theirs] = [self, other].map(|side| side.sketch_text(sketched));
        Some((sketched.name(), ours, theirs))
    }
}

fn clamped(count: u64) -> i64 {
    i64::try_from(count.min(CALL_MAX)).unwrap_or(i64::MAX)
}
