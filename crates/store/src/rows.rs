//! Parts of a generation as JSON text and back, exactly: integers stay integers, absent stays absent.
//!
//! Written by hand, since `ledger` and `chat` know no serialisation. What these texts look like is
//! nobody's business but ours; the names in them are the vocabulary's own.

use chat::{Kind, ServiceTier, Unit, Usage};
use ledger::cost::Line;
use ledger::generation::{Content, Noticed, PrefixBreak, Settled, TraceNote};
use ledger::price::{Condition, PriceOverride};
use ledger::{
    Amount, Attempt, Bill, Generation, GenerationId, Outcome, Price, PriceSheet, Share, Unpriced,
    UsageSource,
};
use serde_json::{Map, Value};

use crate::StoreError;
use crate::json::Json;

type Read<T> = Result<T, StoreError>;

// === Usage ===

/// The tier that served, beside buckets and conditions.
const TIER: &str = "service_tier";

/// The buckets that were mentioned, and a special tier: `{"input": 10, "output": 0}`.
pub(crate) fn write_counts(json: &mut Json, usage: &Usage) {
    json.object(|json| {
        for (unit, count) in usage.iter() {
            json.name(unit.name()).count(count);
        }
        if let Some(tier) = usage.service_tier {
            json.name(TIER).text(tier.name());
        }
    });
}

pub(crate) fn read_counts(text: &str) -> Read<Usage> {
    counts_of(&parse(text)?)
}

fn counts_of(value: &Value) -> Read<Usage> {
    let mut usage = Usage::default();
    for (name, count) in object(value)? {
        match name.as_str() {
            TIER => usage.service_tier = Some(read_tier(count)?),
            unit => usage.set(read_unit(unit)?, whole(count)?),
        }
    }
    Ok(usage)
}

// === Prices ===

/// `{"prices": [["input", 2500000]], "overrides": [{"min_prompt_tokens": 200000, "prices": […]}]}`,
/// prices in pico-USD.
pub(crate) fn write_sheet(json: &mut Json, sheet: &PriceSheet) {
    json.object(|json| {
        write_prices(json.name("prices"), sheet.iter());
        json.name("overrides").array(|json| {
            for over in &sheet.overrides {
                write_override(json, over);
            }
        });
    });
}

fn write_override(json: &mut Json, over: &PriceOverride) {
    json.object(|json| {
        if let Some(min) = over.condition.min_prompt_tokens {
            json.name("min_prompt_tokens").count(min);
        }
        if let Some((start, end)) = over.condition.utc_minutes {
            json.name("utc_minutes").array(|json| {
                json.count(start.into());
                json.count(end.into());
            });
        }
        if let Some(tier) = over.condition.service_tier {
            json.name(TIER).text(tier.name());
        }
        write_prices(json.name("prices"), over.prices.iter().copied());
    });
}

pub(crate) fn read_sheet(text: &str) -> Read<PriceSheet> {
    let value = parse(text)?;
    let mut sheet = PriceSheet::default();
    for (unit, price) in read_prices(field(&value, "prices")?)? {
        sheet.set(unit, price);
    }
    for over in array(field(&value, "overrides")?)? {
        let minutes = over.get("utc_minutes").map(|pair| -> Read<(u16, u16)> {
            Ok((small(item(pair, 0)?)?, small(item(pair, 1)?)?))
        });
        let condition = Condition {
            min_prompt_tokens: over.get("min_prompt_tokens").map(whole).transpose()?,
            utc_minutes: minutes.transpose()?,
            service_tier: over.get(TIER).map(read_tier).transpose()?,
        };
        let prices = read_prices(field(over, "prices")?)?;
        sheet.overrides.push(PriceOverride { condition, prices });
    }
    Ok(sheet)
}

fn write_prices(json: &mut Json, prices: impl Iterator<Item = (Unit, Price)>) {
    json.array(|json| {
        for (unit, price) in prices {
            json.array(|json| {
                json.text(unit.name());
                json.count(price.picos());
            });
        }
    });
}

fn read_prices(value: &Value) -> Read<Vec<(Unit, Price)>> {
    let pair = |pair: &Value| -> Read<(Unit, Price)> {
        Ok((
            read_unit(text_of(item(pair, 0)?)?)?,
            Price::from_picos(whole(item(pair, 1)?)?),
        ))
    };
    array(value)?.iter().map(pair).collect()
}

// === Charges ===

/// `[["input", 10, 2500000], …]`: unit, count, price in pico-USD.
pub(crate) fn write_lines(json: &mut Json, lines: &[Line]) {
    json.array(|json| {
        for line in lines {
            json.array(|json| {
                json.text(line.unit.name());
                json.count(line.count);
                json.count(line.price.picos());
            });
        }
    });
}

pub(crate) fn read_lines(text: &str) -> Read<Vec<Line>> {
    lines_of(&parse(text)?)
}

fn lines_of(value: &Value) -> Read<Vec<Line>> {
    let line = |line: &Value| -> Read<Line> {
        Ok(Line {
            unit: read_unit(text_of(item(line, 0)?)?)?,
            count: whole(item(line, 1)?)?,
            price: Price::from_picos(whole(item(line, 2)?)?),
        })
    };
    array(value)?.iter().map(line).collect()
}

/// `no_price:<unit>`, `too_large` or `no_usage`.
pub(crate) fn write_unpriced(reason: Unpriced) -> String {
    match reason {
        Unpriced::NoPrice(unit) => format!("no_price:{}", unit.name()),
        Unpriced::TooLarge => "too_large".to_owned(),
        Unpriced::NoUsage => "no_usage".to_owned(),
    }
}

pub(crate) fn read_unpriced(text: &str) -> Read<Unpriced> {
    match text.split_once(':') {
        Some(("no_price", unit)) => Ok(Unpriced::NoPrice(read_unit(unit)?)),
        None if text == "too_large" => Ok(Unpriced::TooLarge),
        None if text == "no_usage" => Ok(Unpriced::NoUsage),
        _ => Err(unreadable("unpriced", text)),
    }
}

// === Outcomes and attempts ===

/// An outcome in three columns: the word, and for a failure its kind and message.
pub(crate) fn write_outcome(
    outcome: &Outcome,
) -> (&'static str, Option<&'static str>, Option<&str>) {
    match outcome {
        Outcome::Completed => ("completed", None, None),
        Outcome::Cancelled => ("cancelled", None, None),
        Outcome::Failed { kind, message } => ("failed", Some(kind.name()), Some(message)),
    }
}

pub(crate) fn read_outcome(
    word: &str,
    kind: Option<&str>,
    message: Option<String>,
) -> Read<Outcome> {
    match (word, kind, message) {
        ("completed", _, _) => Ok(Outcome::Completed),
        ("cancelled", _, _) => Ok(Outcome::Cancelled),
        ("failed", Some(kind), Some(message)) => {
            let kind = Kind::from_name(kind).ok_or_else(|| unreadable("error kind", kind))?;
            Ok(Outcome::Failed { kind, message })
        }
        _ => Err(unreadable("outcome", word)),
    }
}

pub(crate) fn write_attempts(json: &mut Json, attempts: &[Attempt]) {
    json.array(|json| {
        for attempt in attempts {
            json.object(|json| write_attempt(json, attempt));
        }
    });
}

fn write_attempt(json: &mut Json, attempt: &Attempt) {
    let (outcome, kind, message) = write_outcome(&attempt.outcome);
    json.name("endpoint").text(&attempt.endpoint);
    json.name("provider").text(&attempt.provider);
    json.name("provider_name").text(&attempt.provider_name);
    json.name("model").text(&attempt.model);
    json.name("started_ms").count(attempt.started_ms);
    json.name("latency_ms").count(attempt.latency_ms);
    if let Some(status) = attempt.status {
        json.name("status").count(status.into());
    }
    json.name("outcome").text(outcome);
    if kind.is_some() {
        json.name("error_kind").text_or_null(kind);
        json.name("error_message").text_or_null(message);
    }
    json.name("may_be_billed").flag(attempt.may_be_billed);
    if let Some(credential) = &attempt.credential {
        json.name("credential").text(credential);
    }
    if attempt.is_byok {
        json.name("is_byok").flag(true);
    }
    if let Some(share) = &attempt.share {
        json.name("share").object(|json| write_share(json, share));
    }
    if let Some(chars) = attempt.recovered_at_chars {
        json.name("recovered_at_chars").count(chars);
    }
}

fn write_share(json: &mut Json, share: &Share) {
    json.name("rule").text(&share.rule);
    json.name("usage_source").text(share.usage_source.name());
    if let Some(usage) = &share.usage {
        write_counts(json.name("usage"), usage);
    }
    match &share.charge {
        Ok(bill) => {
            json.name("cost_nanos").int(bill.total.nanos());
            write_lines(json.name("bill"), &bill.lines);
        }
        Err(reason) => json.name("unpriced").text(&write_unpriced(*reason)),
    }
}

fn read_share(value: &Value) -> Read<Share> {
    let source = text_of(field(value, "usage_source")?)?;
    let charge = match value.get("unpriced") {
        Some(reason) => Err(read_unpriced(text_of(reason)?)?),
        None => Ok(Bill {
            total: nanos(field(value, "cost_nanos")?)?,
            lines: lines_of(field(value, "bill")?)?,
        }),
    };
    Ok(Share {
        rule: text_of(field(value, "rule")?)?.to_owned().into(),
        usage_source: UsageSource::from_name(source)
            .ok_or_else(|| unreadable("usage source", source))?,
        usage: value.get("usage").map(counts_of).transpose()?,
        charge,
    })
}

pub(crate) fn read_attempts(text: &str) -> Read<Vec<Attempt>> {
    array(&parse(text)?)?.iter().map(read_attempt).collect()
}

fn read_attempt(value: &Value) -> Read<Attempt> {
    let text = |name: &str| -> Read<String> { Ok(text_of(field(value, name)?)?.to_owned()) };
    let may_be_billed = field(value, "may_be_billed")?;
    let status = value.get("status").filter(|status| !status.is_null());
    let optional = |name: &str| value.get(name).and_then(Value::as_str);
    Ok(Attempt {
        endpoint: text("endpoint")?,
        provider: text("provider")?,
        provider_name: text("provider_name")?,
        model: text("model")?,
        credential: optional("credential").map(str::to_owned),
        is_byok: says(value, "is_byok"),
        started_ms: whole(field(value, "started_ms")?)?,
        latency_ms: whole(field(value, "latency_ms")?)?,
        status: status.map(small).transpose()?,
        outcome: read_outcome(
            &text("outcome")?,
            optional("error_kind"),
            optional("error_message").map(str::to_owned),
        )?,
        may_be_billed: may_be_billed
            .as_bool()
            .ok_or_else(|| wrong("true or false", may_be_billed))?,
        share: value.get("share").map(read_share).transpose()?,
        recovered_at_chars: value.get("recovered_at_chars").map(whole).transpose()?,
    })
}

// === Notes ===

/// What is said of a call beside its money and its answer.
pub(crate) struct Notes {
    pub(crate) dropped: Vec<String>,
    pub(crate) settled: Settled,
    pub(crate) noticed: Noticed,
    pub(crate) trace: Option<Box<TraceNote>>,
}

/// What was dropped, how the charge came about, and what was noticed: a list of names where there is
/// nothing else to say (and in older rows), else `{"dropped": […], "rule": "complete", …}`.
pub(crate) fn write_notes(json: &mut Json, generation: &Generation) {
    let (settled, noticed) = (&generation.settled, &generation.noticed);
    let trace = generation.caller.trace.as_deref();
    let is_plain = *settled == Settled::default() && *noticed == Noticed::default();
    if is_plain && trace.is_none() {
        return write_names(json, &generation.dropped);
    }
    json.object(|json| {
        write_names(json.name("dropped"), &generation.dropped);
        if let Some(rule) = &settled.rule {
            json.name("rule").text(rule);
        }
        if settled.is_fallback_price {
            json.name("is_fallback_price").flag(true);
        }
        if let Some(gap) = settled.cost_gap {
            json.name("cost_gap_nanos").int(gap.nanos());
        }
        if settled.is_byok {
            json.name("is_byok").flag(true);
        }
        if let Some(source) = &settled.response_cache_source_id {
            json.name("response_cache_source_id").text(source.as_str());
        }
        if noticed.content != Content::Off {
            json.name("content").text(noticed.content.name());
        }
        if let Some(broken) = &noticed.prefix_break {
            json.name("prefix_break").text(&broken.said);
            json.name("cache_lost_nanos").int(broken.lost.nanos());
            if broken.is_switch {
                json.name("is_cache_switch").flag(true);
            }
        }
        if let Some(before) = &noticed.continues {
            json.name("continues").text(before.as_str());
        }
        if let Some(trace) = trace {
            write_trace(json.name("trace"), trace);
        }
        if noticed.has_invalid_tools {
            json.name("has_invalid_tools").flag(true);
        }
    });
}

fn write_trace(json: &mut Json, trace: &TraceNote) {
    json.object(|json| {
        for (name, text) in [
            ("trace_id", trace.trace_id.as_deref()),
            ("parent_span_id", trace.parent_span_id.as_deref()),
            ("trace_name", trace.trace_name.as_deref()),
            ("span_name", trace.span_name.as_deref()),
            ("generation_name", trace.generation_name.as_deref()),
            ("metadata", trace.metadata.as_deref()),
        ] {
            if let Some(text) = text {
                json.name(name).text(text);
            }
        }
    });
}

fn read_trace(value: &Value) -> Box<TraceNote> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Box::new(TraceNote {
        trace_id: text("trace_id"),
        parent_span_id: text("parent_span_id"),
        trace_name: text("trace_name"),
        span_name: text("span_name"),
        generation_name: text("generation_name"),
        metadata: text("metadata").map(Into::into),
    })
}

pub(crate) fn read_notes(text: &str) -> Read<Notes> {
    let value = parse(text)?;
    if value.is_array() {
        return Ok(Notes {
            dropped: read_names(text)?,
            settled: Settled::default(),
            noticed: Noticed::default(),
            trace: None,
        });
    }
    let gap = value.get("cost_gap_nanos").and_then(Value::as_i64);
    let rule = value.get("rule").and_then(Value::as_str);
    let source = value.get("response_cache_source_id");
    let content = value.get("content").and_then(Value::as_str);
    let prefix_break = value.get("prefix_break").and_then(Value::as_str);
    let lost = value.get("cache_lost_nanos").and_then(Value::as_i64);
    let continues = value.get("continues").and_then(Value::as_str);
    Ok(Notes {
        dropped: read_names(&field(&value, "dropped")?.to_string())?,
        settled: Settled {
            rule: rule.map(|rule| rule.to_owned().into()),
            is_fallback_price: says(&value, "is_fallback_price"),
            cost_gap: gap.map(Amount::from_nanos),
            is_byok: says(&value, "is_byok"),
            response_cache_source_id: source.and_then(Value::as_str).map(GenerationId::from_text),
        },
        noticed: Noticed {
            content: content.and_then(Content::from_name).unwrap_or_default(),
            prefix_break: prefix_break.map(|said| PrefixBreak {
                said: said.into(),
                lost: Amount::from_nanos(lost.unwrap_or(0)),
                is_switch: says(&value, "is_cache_switch"),
            }),
            continues: continues.map(GenerationId::from_text),
            has_invalid_tools: says(&value, "has_invalid_tools"),
        },
        trace: value.get("trace").map(read_trace),
    })
}

// === Lists of names ===

fn write_names(json: &mut Json, names: &[String]) {
    json.array(|json| {
        for name in names {
            json.text(name);
        }
    });
}

fn read_names(text: &str) -> Read<Vec<String>> {
    array(&parse(text)?)?
        .iter()
        .map(|name| Ok(text_of(name)?.to_owned()))
        .collect()
}

// === Reading values ===

fn parse(text: &str) -> Read<Value> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
}

fn read_tier(value: &Value) -> Read<ServiceTier> {
    let name = text_of(value)?;
    ServiceTier::from_name(name).ok_or_else(|| unreadable("service tier", name))
}

fn read_unit(name: &str) -> Read<Unit> {
    Unit::from_name(name).ok_or_else(|| unreadable("unit", name))
}

/// A flag that is written only where it holds.
fn says(value: &Value, name: &str) -> bool {
    value.get(name).is_some_and(|said| said == true)
}

fn field<'a>(value: &'a Value, name: &str) -> Read<&'a Value> {
    value
        .get(name)
        .ok_or_else(|| unreadable("field that is not there", name))
}

fn item(value: &Value, index: usize) -> Read<&Value> {
    value
        .get(index)
        .ok_or_else(|| wrong("a longer list", value))
}

fn object(value: &Value) -> Read<&Map<String, Value>> {
    value.as_object().ok_or_else(|| wrong("an object", value))
}

fn array(value: &Value) -> Read<&Vec<Value>> {
    value.as_array().ok_or_else(|| wrong("a list", value))
}

fn text_of(value: &Value) -> Read<&str> {
    value.as_str().ok_or_else(|| wrong("text", value))
}

fn nanos(value: &Value) -> Read<Amount> {
    let nanos = value.as_i64().ok_or_else(|| wrong("an amount", value))?;
    Ok(Amount::from_nanos(nanos))
}

fn whole(value: &Value) -> Read<u64> {
    value.as_u64().ok_or_else(|| wrong("a whole number", value))
}

fn small(value: &Value) -> Read<u16> {
    whole(value)?
        .try_into()
        .map_err(|_| wrong("a small whole number", value))
}

fn unreadable(what: &str, text: &str) -> StoreError {
    StoreError::Unreadable(format!("{what} \"{text}\""))
}

fn wrong(expected: &str, found: &Value) -> StoreError {
    StoreError::Unreadable(format!("expected {expected}, found {found}"))
}
