//! Usage, prices and charges as JSON text and back.

use chat::{ServiceTier, Unit, Usage};
use ledger::cost::Line;
use ledger::price::{Condition, PriceOverride};
use ledger::{Price, PriceSheet, Unpriced};
use serde_json::Value;

use super::values::{Read, array, field, item, object, parse, small, text_of, unreadable, whole};
use crate::json::Json;

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

pub(super) fn counts_of(value: &Value) -> Read<Usage> {
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

pub(super) fn lines_of(value: &Value) -> Read<Vec<Line>> {
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

// === Names ===

fn read_tier(value: &Value) -> Read<ServiceTier> {
    let name = text_of(value)?;
    ServiceTier::from_name(name).ok_or_else(|| unreadable("service tier", name))
}

fn read_unit(name: &str) -> Read<Unit> {
    Unit::from_name(name).ok_or_else(|| unreadable("unit", name))
}
