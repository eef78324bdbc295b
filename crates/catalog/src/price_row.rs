//! The price part of a row: decimal strings per unit, and tiers of them.

use std::fmt;

use chat::{ServiceTier, Unit};
use ledger::{Condition, Price, PriceOverride, PriceSheet};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Prices as written: unit → decimal string. `request` and `web_search` are USD each; all others
/// are USD per million tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceRow {
    /// The stated prices, in unit order.
    pub prices: Vec<(Unit, Box<str>)>,
    /// Prices that replace these under a condition; the last one that holds wins.
    pub tiers: Vec<TierRow>,
}

/// Prices that replace the plain ones while all its conditions hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TierRow {
    /// Applies when the prompt has strictly more tokens than this.
    pub above_prompt_tokens: Option<u64>,
    /// Applies from this time of day on (UTC, `HHMM`), inclusive.
    pub utc_start: Option<u16>,
    /// Applies until this time of day (UTC, `HHMM`), exclusive.
    pub utc_end: Option<u16>,
    /// Applies when the provider says that it served by this tier.
    pub service_tier: Option<ServiceTier>,
    /// The prices that differ.
    pub prices: Vec<(Unit, Box<str>)>,
}

impl PriceRow {
    /// The stated price of a unit, as written.
    #[must_use]
    pub fn get(&self, unit: Unit) -> Option<&str> {
        get(&self.prices, unit)
    }

    /// States a price.
    pub fn set(&mut self, unit: Unit, text: &str) {
        set(&mut self.prices, unit, text);
    }

    /// Takes over what `other` states: its prices per unit, and its tiers if it has any.
    pub fn overlay(&mut self, other: &Self) {
        for (unit, text) in &other.prices {
            self.set(*unit, text);
        }
        if !other.tiers.is_empty() {
            self.tiers.clone_from(&other.tiers);
        }
    }

    /// The sheet that these texts say, and what is wrong with them: path below `price`, message.
    #[must_use]
    pub fn sheet(&self) -> (PriceSheet, Vec<(String, String)>) {
        let mut sheet = PriceSheet::default();
        let mut wrong = Vec::new();
        for (unit, text) in &self.prices {
            match parse(*unit, text) {
                Ok(price) => sheet.set(*unit, price),
                Err(message) => wrong.push((unit.name().to_owned(), message)),
            }
        }
        for (index, tier) in self.tiers.iter().enumerate() {
            match tier.condition() {
                Ok(condition) => {
                    let mut prices = Vec::with_capacity(tier.prices.len());
                    for (unit, text) in &tier.prices {
                        match parse(*unit, text) {
                            Ok(price) => prices.push((*unit, price)),
                            Err(message) => {
                                wrong.push((format!("tiers[{index}].{}", unit.name()), message));
                            }
                        }
                    }
                    sheet.overrides.push(PriceOverride { condition, prices });
                }
                Err(message) => wrong.push((format!("tiers[{index}]"), message)),
            }
        }
        (sheet, wrong)
    }
}

impl TierRow {
    /// States a price.
    pub fn set(&mut self, unit: Unit, text: &str) {
        set(&mut self.prices, unit, text);
    }

    fn condition(&self) -> Result<Condition, String> {
        let utc_minutes = match (self.utc_start, self.utc_end) {
            (None, None) => None,
            (Some(start), Some(end)) => Some((minutes(start)?, minutes(end)?)),
            _ => return Err("utc_start and utc_end go together".to_owned()),
        };
        let is_plain = self.above_prompt_tokens.is_none() && self.service_tier.is_none();
        if is_plain && utc_minutes.is_none() {
            return Err(
                "a tier needs above_prompt_tokens, service_tier, or utc_start and utc_end"
                    .to_owned(),
            );
        }
        Ok(Condition {
            min_prompt_tokens: self.above_prompt_tokens,
            utc_minutes,
            service_tier: self.service_tier,
        })
    }
}

fn get(prices: &[(Unit, Box<str>)], unit: Unit) -> Option<&str> {
    prices
        .iter()
        .find(|(stated, _)| *stated == unit)
        .map(|(_, text)| text.as_ref())
}

fn set(prices: &mut Vec<(Unit, Box<str>)>, unit: Unit, text: &str) {
    match prices.binary_search_by_key(&unit, |(stated, _)| *stated) {
        Ok(at) => prices[at].1 = text.into(),
        Err(at) => prices.insert(at, (unit, text.into())),
    }
}

/// `HHMM` → minute of the day.
fn minutes(clock: u16) -> Result<u16, String> {
    let (hours, minutes) = (clock / 100, clock % 100);
    if hours > 23 || minutes > 59 {
        return Err(format!("{clock} is not a time of day in HHMM form"));
    }
    Ok(hours * 60 + minutes)
}

/// Whether a unit's price is written per piece rather than per million.
fn is_per_piece(unit: Unit) -> bool {
    matches!(unit, Unit::Request | Unit::WebSearch)
}

fn parse(unit: Unit, text: &str) -> Result<Price, String> {
    let price = if is_per_piece(unit) {
        Price::from_usd_per_unit(text)
    } else {
        Price::from_usd_per_million(text)
    };
    price.map_err(|error| error.to_string())
}

// === As text ===

/// Reads a unit's key; the default cache lifetime may be named.
fn unit_of(key: &str) -> Option<Unit> {
    match key {
        "cache_write_5m" => Some(Unit::CacheWrite),
        _ => Unit::from_name(key),
    }
}

fn unknown_key<E: de::Error>(key: &str, also: &str) -> E {
    let units: Vec<&str> = Unit::ALL.into_iter().map(Unit::name).collect();
    E::custom(format_args!(
        "unknown key \"{key}\"; known are {}, {also}",
        units.join(", ")
    ))
}

/// A price must be text: a TOML or JSON number would pass through a float.
struct DecimalText(Box<str>);

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = DecimalText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal string such as \"0.25\" (in quotes, so that it stays exact)")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DecimalText, E> {
                Ok(DecimalText(text.into()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A tier by its name.
struct TierName(ServiceTier);

impl<'de> Deserialize<'de> for TierName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        ServiceTier::from_name(&name).map(Self).ok_or_else(|| {
            let known = ServiceTier::ALL.map(ServiceTier::name).join(", ");
            de::Error::custom(format_args!(
                "unknown service tier \"{name}\"; known are {known}"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for PriceRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Row;
        impl<'de> Visitor<'de> for Row {
            type Value = PriceRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of prices such as { input = \"0.10\", output = \"0.30\" }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PriceRow, A::Error> {
                let mut row = PriceRow::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match unit_of(&key) {
                        Some(unit) => row.set(unit, &map.next_value::<DecimalText>()?.0),
                        None if key == "tiers" => row.tiers = map.next_value()?,
                        None => return Err(unknown_key(&key, "tiers")),
                    }
                }
                Ok(row)
            }
        }
        deserializer.deserialize_map(Row)
    }
}

impl<'de> Deserialize<'de> for TierRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Row;
        impl<'de> Visitor<'de> for Row {
            type Value = TierRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table such as { above_prompt_tokens = 200000, input = \"2.50\" }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TierRow, A::Error> {
                const CONDITIONS: &str = "above_prompt_tokens, service_tier, utc_start, utc_end";
                let mut row = TierRow::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match (unit_of(&key), key.as_ref()) {
                        (Some(unit), _) => row.set(unit, &map.next_value::<DecimalText>()?.0),
                        (None, "above_prompt_tokens") => {
                            row.above_prompt_tokens = Some(map.next_value()?);
                        }
                        (None, "service_tier") => {
                            row.service_tier = Some(map.next_value::<TierName>()?.0);
                        }
                        (None, "utc_start") => row.utc_start = Some(map.next_value()?),
                        (None, "utc_end") => row.utc_end = Some(map.next_value()?),
                        (None, _) => return Err(unknown_key(&key, CONDITIONS)),
                    }
                }
                Ok(row)
            }
        }
        deserializer.deserialize_map(Row)
    }
}

impl Serialize for PriceRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (unit, text) in &self.prices {
            map.serialize_entry(unit.name(), text)?;
        }
        if !self.tiers.is_empty() {
            map.serialize_entry("tiers", &self.tiers)?;
        }
        map.end()
    }
}

impl Serialize for TierRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(tokens) = self.above_prompt_tokens {
            map.serialize_entry("above_prompt_tokens", &tokens)?;
        }
        if let (Some(start), Some(end)) = (self.utc_start, self.utc_end) {
            map.serialize_entry("utc_start", &start)?;
            map.serialize_entry("utc_end", &end)?;
        }
        if let Some(tier) = self.service_tier {
            map.serialize_entry("service_tier", tier.name())?;
        }
        for (unit, text) in &self.prices {
            map.serialize_entry(unit.name(), text)?;
        }
        map.end()
    }
}
