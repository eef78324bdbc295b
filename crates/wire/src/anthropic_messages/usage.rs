//! A provider's usage object to disjoint buckets, and our buckets to this dialect's usage object.
//!
//! # The rule
//! 1. `input_tokens`, `cache_read_input_tokens` and `cache_creation_input_tokens` are disjoint
//!    already. Of the tokens written to the cache, `cache_creation.ephemeral_1h_input_tokens` live
//!    for an hour, the rest for five minutes.
//!    <https://docs.claude.com/en/docs/build-with-claude/prompt-caching> (2026)
//! 2. `output_tokens` includes `output_tokens_details.thinking_tokens`, which get their own bucket.
//!    A part that is larger than the whole cannot be part of it.
//! 3. A stream counts twice: `message_start` counts the prompt, each `message_delta` counts all so
//!    far, and the later count wins per field. The delta repeats the sum of what was written to the
//!    cache but not its parts, so fields are merged before they are made into buckets.
//! 4. `iterations` of the types `compaction` and `advisor_message` are billed beside the top level
//!    and are added to it; those of other types are part of it. An advisor may be another model: its
//!    tokens are counted here all the same, since counting them nowhere would make them free.
//!    <https://docs.claude.com/en/docs/build-with-claude/compaction> (2026)
//! 5. `server_tool_use.web_search_requests` counts searches. What is not mentioned stays absent.

use chat::{Unit, Usage};

use crate::members::Members;
use crate::openai_chat::{cost_details, money};
use crate::scan::{Malformed, Scanner, ValueKind};
use crate::splice::push_member;
use crate::stamp::CostText;

/// What a provider has counted so far, in its own fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_written: Option<u64>,
    cache_written_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    searches: Option<u64>,
    beside: Option<Beside>,
    native: Option<Box<str>>,
}

/// What was counted beside the top level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Beside {
    input: u64,
    cache_read: u64,
    cache_written: u64,
    output: u64,
}

impl Counts {
    /// Takes in one usage object; what it mentions wins.
    pub(super) fn add(&mut self, usage: &Members<'_>) {
        let creation = usage.object("cache_creation");
        let part = |name: &str| creation.as_ref().and_then(|parts| parts.count(name));
        let short = part("ephemeral_5m_input_tokens");
        let long = part("ephemeral_1h_input_tokens");
        let parts = short.map(|short| short.saturating_add(long.unwrap_or(0)));
        let details = usage.object("output_tokens_details");
        let thinking = details.and_then(|details| details.count("thinking_tokens"));
        let tools = usage.object("server_tool_use");
        let searches = tools.and_then(|tools| tools.count("web_search_requests"));
        let take = |mine: &mut Option<u64>, theirs: Option<u64>| *mine = theirs.or(*mine);
        take(&mut self.input, usage.count("input_tokens"));
        take(&mut self.cache_read, usage.count("cache_read_input_tokens"));
        let written = usage.count("cache_creation_input_tokens").or(parts);
        take(&mut self.cache_written, written);
        take(&mut self.cache_written_1h, long);
        take(&mut self.output, usage.count("output_tokens"));
        take(&mut self.thinking, thinking);
        take(&mut self.searches, searches.filter(|count| *count > 0));
        self.beside = beside(usage).or(self.beside);
        self.native = Some(usage.span.of(usage.text).into());
    }

    /// The buckets.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        let beside = self.beside.unwrap_or_default();
        let with = |count: Option<u64>, beside: u64| match (count, beside) {
            (None, 0) => None,
            (count, beside) => Some(count.unwrap_or(0).saturating_add(beside)),
        };
        let long = self
            .cache_written_1h
            .map(|long| long.min(self.cache_written.unwrap_or(long)));
        let short = self
            .cache_written
            .map(|written| written - long.unwrap_or(0).min(written));
        let thinking = self
            .thinking
            .filter(|thinking| *thinking <= self.output.unwrap_or(0));
        let output = self.output.map(|output| output - thinking.unwrap_or(0));
        for (unit, count) in [
            (Unit::Input, with(self.input, beside.input)),
            (Unit::CacheRead, with(self.cache_read, beside.cache_read)),
            (Unit::CacheWrite, with(short, beside.cache_written)),
            (Unit::CacheWrite1h, long),
            (Unit::Output, with(output, beside.output)),
            (Unit::Reasoning, thinking),
            (Unit::WebSearch, self.searches),
        ] {
            if let Some(count) = count {
                usage.set(unit, count);
            }
        }
        usage.native.clone_from(&self.native);
        usage
    }
}

fn beside(usage: &Members<'_>) -> Option<Beside> {
    let list = usage
        .get("iterations")
        .filter(|member| member.kind == ValueKind::Array)?;
    let mut sum = Beside::default();
    // The text was checked before, so the walk cannot fail.
    let _ = Scanner::within(usage.text, list.value).array(|scanner, _| {
        if scanner.peek()? != ValueKind::Object {
            return Ok::<(), Malformed>(());
        }
        let one = Members::read(usage.text, scanner)?;
        let is_beside = one
            .string("type")
            .is_some_and(|kind| kind.is("compaction") || kind.is("advisor_message"));
        if is_beside {
            let add = |mine: &mut u64, name: &str| {
                *mine = mine.saturating_add(one.count(name).unwrap_or(0));
            };
            add(&mut sum.input, "input_tokens");
            add(&mut sum.cache_read, "cache_read_input_tokens");
            add(&mut sum.cache_written, "cache_creation_input_tokens");
            add(&mut sum.output, "output_tokens");
        }
        Ok(())
    });
    Some(sum)
}

/// The members of OpenRouter's that stand beside the provider's counts: names and JSON.
pub(super) fn costs(cost: &CostText) -> [(&'static str, String); 3] {
    [
        ("cost", money(cost.owed()).to_owned()),
        ("is_byok", cost.is_byok.to_string()),
        ("cost_details", cost_details(cost)),
    ]
}

/// Writes this dialect's usage object out of our buckets; without a cost where it is not known yet.
pub(super) fn write(usage: &Usage, cost: Option<&CostText>) -> String {
    let count = |unit: Unit| usage.count(unit);
    let (short, long) = (count(Unit::CacheWrite), count(Unit::CacheWrite1h));
    let cached = count(Unit::CacheRead)
        .saturating_add(short)
        .saturating_add(long);
    let input = usage.prompt_tokens().saturating_sub(cached);
    let searches = match usage.get(Unit::WebSearch) {
        Some(searches) => {
            format!("{{\"web_search_requests\":{searches},\"web_fetch_requests\":0}}")
        }
        None => "null".to_owned(),
    };
    let thinking = match usage.get(Unit::Reasoning) {
        Some(thinking) => format!("{{\"thinking_tokens\":{thinking}}}"),
        None => "null".to_owned(),
    };
    let creation =
        format!("{{\"ephemeral_5m_input_tokens\":{short},\"ephemeral_1h_input_tokens\":{long}}}");
    let mut inner = String::with_capacity(256);
    for (name, json) in [
        ("input_tokens", input.to_string()),
        (
            "cache_creation_input_tokens",
            short.saturating_add(long).to_string(),
        ),
        (
            "cache_read_input_tokens",
            count(Unit::CacheRead).to_string(),
        ),
        ("cache_creation", creation),
        ("output_tokens", usage.completion_tokens().to_string()),
        ("output_tokens_details", thinking),
        ("server_tool_use", searches),
        ("service_tier", "null".to_owned()),
        ("inference_geo", "null".to_owned()),
    ] {
        push_member(&mut inner, name, &json);
    }
    for (name, json) in cost.map(costs).into_iter().flatten() {
        push_member(&mut inner, name, &json);
    }
    format!("{{{inner}}}")
}
