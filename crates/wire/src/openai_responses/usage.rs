//! Usage: a provider's counts to disjoint buckets, and buckets to the caller's usage object.
//!
//! # The rule
//! `input_tokens` includes `cached_tokens` and `cache_write_tokens`, and `output_tokens` includes
//! `reasoning_tokens`: what is told apart is taken out. Where the total shows that reasoning was
//! counted beside the output (as xAI once did in Chat), it is not. More reasoning than output, which
//! OpenAI reports after server tools, is all of the output. Source: OpenAI's reference of
//! `ResponseUsage`, 2026, and 360 recorded usages of nine providers.

use chat::{Unit, Usage};

use crate::decimal;
use crate::members::{Members, count};
use crate::scan::{Scanner, ValueKind};
use crate::splice::push_member;
use crate::stamp::CostText;

/// Reads a usage object into disjoint buckets.
pub(super) fn read(usage: &Members<'_>) -> Usage {
    let mut read = Usage::default();
    let detail = |object: &str, name: &str| usage.object(object).and_then(|of| of.count(name));
    let (input, output) = (usage.count("input_tokens"), usage.count("output_tokens"));
    let cached = detail("input_tokens_details", "cached_tokens");
    let written = detail("input_tokens_details", "cache_write_tokens");
    let reasoning = detail("output_tokens_details", "reasoning_tokens");
    let mut set = |unit: Unit, count: Option<u64>| {
        if let Some(count) = count {
            read.set(unit, count);
        }
    };
    let apart = cached.unwrap_or(0).saturating_add(written.unwrap_or(0));
    set(Unit::CacheRead, cached);
    set(Unit::CacheWrite, written);
    let is_within = |input: u64| if apart > input { input } else { input - apart };
    set(Unit::Input, input.map(is_within));
    let said = input.unwrap_or(0).saturating_add(output.unwrap_or(0));
    let hidden = usage
        .count("total_tokens")
        .unwrap_or(0)
        .saturating_sub(said);
    let thought = reasoning.unwrap_or(0);
    if thought > 0 && thought == hidden {
        set(Unit::Output, output);
        set(Unit::Reasoning, reasoning);
    } else {
        let most = output.unwrap_or(0);
        set(
            Unit::Output,
            output.map(|output| output.saturating_sub(thought)),
        );
        set(Unit::Reasoning, reasoning.map(|thought| thought.min(most)));
    }
    set(Unit::WebSearch, searches(usage));
    read.native_cost_nanos = native_cost(usage);
    read.native = Some(usage.span.of(usage.text).into());
    read
}

/// Searches, where the provider counts them itself: xAI and OpenRouter do.
fn searches(usage: &Members<'_>) -> Option<u64> {
    let within = |object: &str, name: &str| usage.object(object).and_then(|of| of.count(name));
    within("server_side_tool_usage_details", "web_search_calls")
        .or_else(|| within("server_tool_use_details", "web_search_requests"))
        .filter(|count| *count > 0)
}

/// What the provider says that it cost: xAI in ten-billionths of a dollar, OpenRouter in dollars.
fn native_cost(usage: &Members<'_>) -> Option<i64> {
    if let Some(ticks) = usage.number("cost_in_usd_ticks") {
        return i64::try_from(count(ticks).div_ceil(10)).ok();
    }
    let cost = usage
        .get("cost")
        .filter(|cost| cost.kind == ValueKind::Number)?;
    decimal::nanos(cost.value.of(usage.text)).filter(|nanos| *nanos >= 0)
}

/// Writes OpenRouter's usage object for this dialect. Source: section 17.1 of our digest.
pub(super) fn write(usage: &Usage, cost: &CostText) -> String {
    let (input, output) = (usage.prompt_tokens(), usage.completion_tokens());
    let written = usage
        .count(Unit::CacheWrite)
        .saturating_add(usage.count(Unit::CacheWrite1h));
    let cached = usage.count(Unit::CacheRead);
    let reasoning = usage.count(Unit::Reasoning);
    let mut json = String::with_capacity(320);
    let mut add = |name: &str, value: &str| push_member(&mut json, name, value);
    add("input_tokens", &input.to_string());
    add(
        "input_tokens_details",
        &format!("{{\"cached_tokens\":{cached},\"cache_write_tokens\":{written}}}"),
    );
    add("output_tokens", &output.to_string());
    add(
        "output_tokens_details",
        &format!("{{\"reasoning_tokens\":{reasoning}}}"),
    );
    add("total_tokens", &input.saturating_add(output).to_string());
    add("cost", number(cost.owed()).unwrap_or("null"));
    add("is_byok", if cost.is_byok { "true" } else { "false" });
    if let Some(details) = cost_details(cost) {
        add("cost_details", &details);
    }
    if let Some(searches) = usage.get(Unit::WebSearch) {
        let details = format!("{{\"web_search_requests\":{searches}}}");
        add("server_tool_use_details", &details);
    }
    format!("{{{json}}}")
}

/// The parts are required numbers in the schema, so without them there are no details at all. The
/// upstream cost is told where the caller's own credential paid it.
fn cost_details(cost: &CostText) -> Option<String> {
    let (input, output) = (money(&cost.prompt)?, money(&cost.completion)?);
    let upstream = match cost.is_byok {
        true => money(&cost.total).unwrap_or("null"),
        false => "null",
    };
    Some(format!(
        "{{\"upstream_inference_cost\":{upstream},\"upstream_inference_input_cost\":{input},\
         \"upstream_inference_output_cost\":{output}}}"
    ))
}

/// Decimal text goes into JSON as it is, so it has to be a JSON number.
fn money(decimal: &Option<String>) -> Option<&str> {
    number(decimal.as_deref())
}

fn number(decimal: Option<&str>) -> Option<&str> {
    let decimal = decimal?;
    let mut scanner = Scanner::new(decimal);
    (scanner.number().is_ok() && scanner.position() == decimal.len()).then_some(decimal)
}
