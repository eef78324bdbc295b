//! `[probes]`: which endpoints are asked for a word when nobody else asks them, and how much that may cost.

use ledger::Amount;
use serde::Deserialize;

use super::reader::Reader;
use crate::money::read_usd_text;

/// How often an endpoint is probed where its row does not say, per hour.
const PER_HOUR: u32 = 4;

/// More often would be no more probe: who was asked within five minutes is not probed.
const PER_HOUR_MAX: u32 = 12;

/// What probing an endpoint may cost where its row does not say, USD per hour.
const USD_PER_HOUR: &str = "0.001";

/// One endpoint that is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its id: `model@tag`.
    pub endpoint: String,
    /// How often at the most, per hour: 1 to 12.
    pub per_hour: u32,
    /// What that may cost at the most, nano-USD per hour.
    pub cost_per_hour: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    endpoint: String,
    per_hour: Option<u32>,
    usd_per_hour: Option<String>,
}

impl Row {
    fn probe(self) -> Result<Probe, String> {
        if !self.endpoint.contains('@') {
            return Err(format!("\"{}\" is no endpoint (model@tag)", self.endpoint));
        }
        let per_hour = self.per_hour.unwrap_or(PER_HOUR);
        if !(1..=PER_HOUR_MAX).contains(&per_hour) {
            return Err(format!("per_hour is not from 1 to {PER_HOUR_MAX}"));
        }
        let usd = self.usd_per_hour.as_deref().unwrap_or(USD_PER_HOUR);
        let cost = read_usd_text(usd).map_err(|error| format!("usd_per_hour: {error}"));
        Ok(Probe {
            endpoint: self.endpoint,
            per_hour,
            cost_per_hour: cost?,
        })
    }
}

/// Reads `[probes]`.
pub(super) fn probes(reader: &mut Reader<'_>) -> Vec<Probe> {
    let mut section = reader.section("probes");
    let probes = section.rows("endpoint", Row::probe);
    section.finish();
    probes
}
