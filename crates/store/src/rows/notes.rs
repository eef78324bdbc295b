//! What is said of a call beside its money and its answer, as JSON text and back.

use ledger::generation::{Content, Noticed, PrefixBreak, Settled, TraceNote};
use ledger::{Amount, Generation, GenerationId};
use serde_json::Value;

use super::values::{Read, array, field, parse, says, text_of};
use crate::json::Json;

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
