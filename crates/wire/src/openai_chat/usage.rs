//! A provider's usage object to disjoint buckets, and our buckets to OpenRouter's usage object.
//!
//! # The rule
//! 1. `prompt_tokens` includes cached, cache-written and audio tokens (OpenAI; DeepSeek spells the
//!    cached ones `prompt_cache_hit_tokens`, Moonshot and Together a bare `cached_tokens`). Each
//!    gets its own bucket and is taken out of `Input`. Where they are together more than
//!    `prompt_tokens` they cannot be part of it (xAI's models on Azure), and nothing is taken out.
//! 2. `completion_tokens` includes reasoning and audio tokens (OpenAI, DeepSeek, Groq). Where the
//!    total is prompt + completion + reasoning, it does not (xAI), and nothing is taken out.
//!    A part that is larger than the whole cannot be part of it either.
//! 3. Where the total is larger than prompt + completion and no reasoning is reported, the rest was
//!    spent on reasoning that is not shown (Gemini's compatible endpoint).
//! 4. A count that is not mentioned stays absent. Nothing is ever negative.
//! 5. A cost is taken from `cost` (OpenRouter, a number), `cost.total_cost` (Perplexity, USD) or
//!    `cost_in_usd_ticks` (xAI, 10⁻¹⁰ USD), exactly, rounded up to the nano-dollar.

use chat::{Unit, Usage};

use crate::decimal;
use crate::members::Members;
use crate::scan::{Scanner, ValueKind};
use crate::stamp::CostText;

/// Reads a provider's usage object.
pub(super) fn read(usage: &Members<'_>) -> Usage {
    let mut read = Usage::default();
    let prompt = usage
        .count("prompt_tokens")
        .or_else(|| usage.count("input_tokens"));
    let completion = usage
        .count("completion_tokens")
        .or_else(|| usage.count("output_tokens"));
    let said = prompt.unwrap_or(0).saturating_add(completion.unwrap_or(0));
    let hidden = usage
        .count("total_tokens")
        .unwrap_or(0)
        .saturating_sub(said);
    let reasoning = read_completion(usage, completion, hidden, &mut read);
    // What reasoning explains cannot also be a cache counted beside the prompt.
    let hidden = if reasoning { 0 } else { hidden };
    let cached = read_prompt(usage, prompt, hidden, &mut read);
    let is_unexplained = hidden > 0 && read.count(Unit::Reasoning) == 0;
    if is_unexplained && completion.is_some() && hidden != cached.unwrap_or(0) {
        read.set(Unit::Reasoning, hidden);
    }
    if let Some(searches) = searches(usage) {
        read.set(Unit::WebSearch, searches);
    }
    read.native_cost_nanos = native_cost(usage);
    read.native = Some(usage.span.of(usage.text).into());
    read
}

/// Reads the prompt side; how many tokens of it came out of a cache.
fn read_prompt(
    usage: &Members<'_>,
    prompt: Option<u64>,
    hidden: u64,
    read: &mut Usage,
) -> Option<u64> {
    let details = usage.object("prompt_tokens_details");
    let detail = |name: &str| details.as_ref().and_then(|details| details.count(name));
    let cached = detail("cached_tokens")
        .or_else(|| usage.count("prompt_cache_hit_tokens"))
        .or_else(|| usage.count("cached_tokens"));
    let written = detail("cache_write_tokens")
        .or_else(|| detail("cache_creation_tokens"))
        .or_else(|| usage.count("cache_creation_input_tokens"));
    let audio = detail("audio_tokens");
    let parts = [
        (Unit::CacheRead, cached),
        (Unit::CacheWrite, written),
        (Unit::InputAudio, audio),
    ];
    let apart = sum(&parts);
    for (unit, count) in parts {
        if let Some(count) = count {
            read.set(unit, count);
        }
    }
    if let Some(prompt) = prompt {
        let is_beside = apart > prompt || (apart > 0 && apart == hidden);
        read.set(Unit::Input, if is_beside { prompt } else { prompt - apart });
    }
    cached
}

/// Reads the completion side; says whether hidden tokens were the reasoning that is reported.
fn read_completion(
    usage: &Members<'_>,
    completion: Option<u64>,
    hidden: u64,
    read: &mut Usage,
) -> bool {
    let details = usage.object("completion_tokens_details");
    let detail = |name: &str| details.as_ref().and_then(|details| details.count(name));
    let reasoning = detail("reasoning_tokens").or_else(|| usage.count("reasoning_tokens"));
    let is_beside = reasoning.is_some_and(|count| count > 0 && count == hidden);
    let parts = [
        (Unit::OutputAudio, detail("audio_tokens")),
        (Unit::OutputImage, detail("image_tokens")),
        (Unit::Reasoning, reasoning),
    ];
    for (unit, count) in parts {
        if let Some(count) = count {
            read.set(unit, count);
        }
    }
    let beside = if is_beside { reasoning.unwrap_or(0) } else { 0 };
    let apart = sum(&parts).saturating_sub(beside);
    if let Some(completion) = completion {
        read.set(
            Unit::Output,
            if apart > completion {
                completion
            } else {
                completion - apart
            },
        );
    }
    is_beside
}

fn sum(parts: &[(Unit, Option<u64>)]) -> u64 {
    parts
        .iter()
        .fold(0, |sum, (_, count)| sum.saturating_add(count.unwrap_or(0)))
}

fn searches(usage: &Members<'_>) -> Option<u64> {
    let nested = |name: &str| {
        usage
            .object(name)
            .and_then(|tools| tools.count("web_search_requests"))
    };
    usage
        .count("num_search_queries")
        .or_else(|| nested("server_tool_use_details"))
        .or_else(|| nested("server_tool_use"))
        .filter(|count| *count > 0)
}

/// The cost that a provider itself reports, nano-dollars.
pub(crate) fn native_cost(usage: &Members<'_>) -> Option<i64> {
    if let Some(ticks) = usage.number("cost_in_usd_ticks") {
        return i64::try_from(crate::members::count(ticks).div_ceil(10)).ok();
    }
    match usage.get("cost")?.kind {
        ValueKind::Number => decimal::nanos(usage.number("cost")?),
        ValueKind::Object => decimal::nanos(usage.object("cost")?.number("total_cost")?),
        ValueKind::Array | ValueKind::String | ValueKind::Bool | ValueKind::Null => None,
    }
}

/// Writes OpenRouter's usage object. Source: section 17.1 of our digest; every member that its
/// clients' strict schemas know is there, and what was not counted is zero.
pub(crate) fn write(usage: &Usage, cost: &CostText) -> String {
    let (prompt, completion) = (usage.prompt_tokens(), usage.completion_tokens());
    let written = usage
        .count(Unit::CacheWrite)
        .saturating_add(usage.count(Unit::CacheWrite1h));
    let mut json = String::with_capacity(USAGE_BYTES);
    object(&mut json, |of| {
        of.count("prompt_tokens", prompt);
        of.count("completion_tokens", completion);
        of.count("total_tokens", prompt.saturating_add(completion));
        of.json("cost", money(cost.owed()));
        of.json("is_byok", if cost.is_byok { "true" } else { "false" });
        object(of.name("prompt_tokens_details"), |of| {
            of.count("cached_tokens", usage.count(Unit::CacheRead));
            of.count("cache_write_tokens", written);
            of.count("audio_tokens", usage.count(Unit::InputAudio));
            of.count("video_tokens", 0);
        });
        write_cost_details(of.name("cost_details"), cost);
        object(of.name("completion_tokens_details"), |of| {
            of.count("reasoning_tokens", usage.count(Unit::Reasoning));
            of.count("image_tokens", usage.count(Unit::OutputImage));
            of.count("audio_tokens", usage.count(Unit::OutputAudio));
        });
        if let Some(searches) = usage.get(Unit::WebSearch) {
            object(of.name("server_tool_use_details"), |of| {
                of.count("web_search_requests", searches);
            });
        }
    });
    json
}

/// The object of [`write_cost_details`] by itself.
pub(crate) fn cost_details(cost: &CostText) -> String {
    let mut json = String::new();
    write_cost_details(&mut json, cost);
    json
}

/// The parts are required numbers in the schema, so without them there are no details at all. The
/// upstream cost is told where the caller's own credential paid it. `components` is ours: the cost of
/// each unit, exact, where the total alone is rounded.
fn write_cost_details(json: &mut String, cost: &CostText) {
    let (Some(prompt), Some(completion)) = (number(&cost.prompt), number(&cost.completion)) else {
        return json.push_str("null");
    };
    let upstream = cost.total.as_deref().filter(|_| cost.is_byok);
    object(json, |of| {
        of.json("upstream_inference_cost", money(upstream));
        of.json("upstream_inference_prompt_cost", prompt);
        of.json("upstream_inference_completions_cost", completion);
        if cost.components.iter().any(|(_, usd)| is_number(usd)) {
            object(of.name("components"), |of| {
                for (unit, usd) in cost.components.iter().filter(|(_, usd)| is_number(usd)) {
                    of.json(unit, usd);
                }
            });
        }
    });
}

/// An amount as JSON; null where it is not known.
pub(crate) fn money(decimal: Option<&str>) -> &str {
    decimal.filter(|text| is_number(text)).unwrap_or("null")
}

fn number(decimal: &Option<String>) -> Option<&str> {
    decimal.as_deref().filter(|text| is_number(text))
}

/// Decimal text goes into JSON as it is, so it has to be a JSON number.
fn is_number(decimal: &str) -> bool {
    let mut scanner = Scanner::new(decimal);
    scanner.number().is_ok() && scanner.position() == decimal.len()
}

/// A usage object takes less than this, most of the time.
const USAGE_BYTES: usize = 768;

/// The members of an object on their way into a text. Their names are words of ours, which need no
/// escape.
struct Counted<'t>(&'t mut String);

fn object(json: &mut String, members: impl FnOnce(&mut Counted<'_>)) {
    json.push('{');
    members(&mut Counted(json));
    json.push('}');
}

impl Counted<'_> {
    /// The name of a member; its value is to be written next.
    fn name(&mut self, name: &str) -> &mut String {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0
    }

    fn json(&mut self, name: &str, json: &str) {
        self.name(name).push_str(json);
    }

    fn count(&mut self, name: &str, count: u64) {
        match count {
            0 => self.json(name, "0"),
            count => self.json(name, &count.to_string()),
        }
    }
}
