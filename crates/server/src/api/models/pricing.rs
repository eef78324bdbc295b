//! A price sheet as OpenRouter's `pricing` object: decimal text, USD per unit.
//!
//! `prompt` and `completion` are required there. Where nobody stated such a price it is `"-1"`,
//! which is how that API says "it depends": a missing price is never shown as free. All other
//! prices are absent when they are not stated.

use chat::Unit;
use ledger::{Condition, Price, PriceOverride, PriceSheet};
use serde_json::{Map, Value};

/// What stands for a required price that nobody stated.
pub const UNKNOWN: &str = "-1";

/// The `pricing` object.
#[must_use]
pub fn pricing(sheet: &PriceSheet) -> Value {
    let mut object = Map::new();
    for unit in [Unit::Input, Unit::Output] {
        object.insert(key(unit).to_owned(), UNKNOWN.into());
    }
    put_prices(&mut object, sheet.iter());
    if !sheet.overrides.is_empty() {
        object.insert(
            "overrides".to_owned(),
            sheet.overrides.iter().map(conditional).collect(),
        );
    }
    Value::Object(object)
}

fn conditional(one: &PriceOverride) -> Value {
    let mut object = Map::new();
    let Condition {
        min_prompt_tokens,
        utc_minutes,
        service_tier,
    } = one.condition;
    if let Some(tokens) = min_prompt_tokens {
        object.insert("min_prompt_tokens".to_owned(), tokens.into());
    }
    if let Some((start, end)) = utc_minutes {
        object.insert("utc_start".to_owned(), hhmm(start).into());
        object.insert("utc_end".to_owned(), hhmm(end).into());
    }
    if let Some(tier) = service_tier {
        object.insert("service_tier".to_owned(), tier.name().into());
    }
    put_prices(&mut object, one.prices.iter().copied());
    Value::Object(object)
}

fn put_prices(object: &mut Map<String, Value>, prices: impl Iterator<Item = (Unit, Price)>) {
    for (unit, price) in prices {
        object.insert(key(unit).to_owned(), price.to_usd_per_unit().into());
    }
}

/// Minutes of the day as the number that a clock shows: 90 → 130.
fn hhmm(minute: u16) -> u16 {
    minute / 60 * 100 + minute % 60
}

/// OpenRouter's name of the price of a unit.
const fn key(unit: Unit) -> &'static str {
    match unit {
        Unit::Input => "prompt",
        Unit::Output => "completion",
        Unit::Request => "request",
        Unit::InputImage => "image_token",
        Unit::OutputImage => "image_output",
        Unit::InputAudio => "audio",
        Unit::OutputAudio => "audio_output",
        Unit::WebSearch => "web_search",
        Unit::Reasoning => "internal_reasoning",
        Unit::CacheRead => "input_cache_read",
        Unit::CacheWrite => "input_cache_write",
        Unit::CacheWrite1h => "input_cache_write_1h",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chat::ServiceTier;
    use serde_json::json;

    #[test]
    fn prices_are_exact_decimals_per_unit() {
        let sheet = PriceSheet::default()
            .with(Unit::Input, Price::from_usd_per_million("0.10").unwrap())
            .with(Unit::Output, Price::from_usd_per_million("2.5").unwrap())
            .with(Unit::CacheRead, Price::ZERO);
        assert_eq!(
            pricing(&sheet),
            json!({"prompt": "0.0000001", "completion": "0.0000025", "input_cache_read": "0"})
        );
    }

    #[test]
    fn a_price_that_nobody_stated_is_not_free() {
        let sheet = PriceSheet::default().with(Unit::Input, Price::from_picos(1));
        assert_eq!(
            pricing(&sheet),
            json!({"prompt": "0.000000000001", "completion": "-1"})
        );
    }

    #[test]
    fn conditional_prices_carry_their_conditions() {
        let mut sheet = PriceSheet::default();
        sheet.overrides.push(PriceOverride {
            condition: Condition {
                min_prompt_tokens: Some(200_000),
                utc_minutes: Some((990, 30)),
                service_tier: Some(ServiceTier::Flex),
            },
            prices: vec![(Unit::Input, Price::from_picos(2_000_000))],
        });
        assert_eq!(
            pricing(&sheet)["overrides"],
            json!([{"min_prompt_tokens": 200_000, "utc_start": 1630, "utc_end": 30, "service_tier": "flex", "prompt": "0.000002"}])
        );
    }

    #[test]
    fn no_two_units_share_a_key() {
        let mut keys = Unit::ALL.map(key);
        keys.sort_unstable();
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    }
}
