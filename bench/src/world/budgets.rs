//! Money and rate limits around a key, set over the API as an operator would, and what the gateway counts about them.

use anyhow::{Context as _, Result, bail};
use http::{Method, StatusCode};
use serde::Serialize;

use super::gateway::{Gateway, Setup};
use crate::load::line::excerpt;

/// Budgets that a governed call falls under: the key's limit, the workspace's and the organization's.
pub(crate) const BUDGETS: u64 = 3;
/// A key with a limit in money, and with limits of each kind that nobody reaches.
pub(crate) const KEY: &str = r#"{"name":"governed","limit":1000000,"limit_reset":"monthly","rate_limits":[{"requests":100000000,"tokens":100000000000,"concurrent":100000,"window":"minute"}]}"#;
/// One of thousands: the money of the house and of its workspace hold it, and limits of its own.
pub(super) const ONE_OF_MANY: &str = r#"{"name":"one of many","rate_limits":[{"requests":100000000,"tokens":100000000000,"concurrent":100000,"window":"minute"}]}"#;
/// The other two budgets: how they are asked for, and with what.
const OTHERS: [(Method, &str, &str); 2] = [
    (
        Method::PUT,
        "/api/v1/workspaces/default/budgets/monthly",
        r#"{"limit_usd":1000000}"#,
    ),
    (
        Method::POST,
        "/api/v1/budgets",
        r#"{"subject":"organization","limit":1000000}"#,
    ),
];

/// What the gateway has counted about budgets since it started; or between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counters {
    /// Calls for which money was held.
    pub(crate) admitted: u64,
    /// Times that a call waited for the database to lease money.
    pub(crate) waits: u64,
    /// Transactions for leases, those that no call waited for as well.
    pub(crate) round_trips: u64,
    /// Budget windows of which it holds leases: not a difference.
    pub(crate) windows: u64,
    /// Calls whose content was kept.
    pub(crate) contents: u64,
}

/// The counter of kept content, with its label.
const KEPT: &str = r#"waybill_content_total{outcome="kept"}"#;

/// Sets all budgets and makes a key that falls under them.
pub(crate) async fn govern(setup: &Setup, gateway: &Gateway) -> Result<String> {
    for (method, path, body) in OTHERS {
        let (status, answer) = setup.ask(gateway, (method, path), body).await?;
        if !status.is_success() {
            bail!("{path} answered {status}: {}", excerpt(&answer));
        }
    }
    setup.make_key(gateway, KEY).await
}

/// The page of everything that a gateway counts.
pub(crate) async fn metrics(setup: &Setup, gateway: &Gateway) -> Result<String> {
    let (status, page) = setup.ask(gateway, (Method::GET, "/metrics"), "").await?;
    if status != StatusCode::OK {
        bail!("/metrics answered {status}: {}", excerpt(&page));
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// One figure of that page, by its name and labels.
pub(crate) fn counter(page: &str, name: &str) -> Result<u64> {
    let mut lines = page.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = lines
        .find(|(begin, _)| *begin == name)
        .with_context(|| format!("/metrics does not have {name}"))?;
    let value = value.trim().parse();
    value.with_context(|| format!("{name} in /metrics is not a whole number"))
}

impl Counters {
    /// Reads `/metrics`.
    pub(crate) async fn read(setup: &Setup, gateway: &Gateway) -> Result<Self> {
        Self::on(&metrics(setup, gateway).await?)
    }

    fn on(page: &str) -> Result<Self> {
        Ok(Self {
            admitted: counter(page, "waybill_budget_admissions_total")?,
            waits: counter(page, "waybill_lease_waits_total")?,
            round_trips: counter(page, "waybill_lease_round_trips_total")?,
            windows: counter(page, "waybill_leased_windows")?,
            contents: counter(page, KEPT)?,
        })
    }

    /// What has been counted since an earlier look.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            admitted: self.admitted.saturating_sub(before.admitted),
            waits: self.waits.saturating_sub(before.waits),
            round_trips: self.round_trips.saturating_sub(before.round_trips),
            windows: self.windows,
            contents: self.contents.saturating_sub(before.contents),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP waybill_lease_waits_total Waits.\n# TYPE waybill_lease_waits_total counter\n\
        waybill_lease_waits_total 3\nwaybill_lease_round_trips_total 12\n\
        waybill_budget_admissions_total 4000\nwaybill_leased_windows 3\n\
        waybill_content_total{outcome=\"kept\"} 7\nwaybill_content_total{outcome=\"dropped\"} 9\n";

    #[test]
    fn counters_are_read_from_the_page_and_subtracted() {
        let after = Counters::on(PAGE).unwrap();
        let before = Counters {
            admitted: 1000,
            waits: 3,
            round_trips: 9,
            windows: 3,
            contents: 5,
        };
        let between = Counters {
            admitted: 3000,
            waits: 0,
            round_trips: 3,
            windows: 3,
            contents: 2,
        };
        assert_eq!(after.since(before), between);
    }

    #[test]
    fn a_counter_that_is_not_there_is_no_zero() {
        let page = PAGE.replace("waybill_lease_round_trips_total", "renamed");
        let error = Counters::on(&page).unwrap_err().to_string();
        assert!(error.contains("waybill_lease_round_trips_total"), "{error}");
    }

    #[test]
    fn what_is_sent_is_json() {
        for text in [KEY, ONE_OF_MANY, OTHERS[0].2, OTHERS[1].2] {
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok());
        }
    }
}
