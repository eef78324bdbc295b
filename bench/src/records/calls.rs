//! What whole calls take: a Waybill of its own on the database that was filled, a simulated provider
//! behind it, calls over its sockets at a steady rate, and somebody who asks for lists or dashboards.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::Method;
use tokio::time::{Instant, sleep};

use super::Arguments;
use super::beside::{Beside, Compared, Turn, Turns};
use super::counting::Counting;
use crate::load::line::excerpt;
use crate::load::open::{Pace, open};
use crate::load::order::{Form, Naming, Order, Subject, Way, Workload};
use crate::world::gateway::{self, Gateway, More, PLAIN_KEY, Setup};
use crate::world::room::Room;
use crate::world::upstream::Upstream;

/// Connections that the calls may use at once.
const CONNECTIONS: usize = 64;

/// Calls before anything is measured.
const WARM_UP: Duration = Duration::from_secs(3);

/// The lists that are asked for in turn, each a first page.
const LISTS: [&str; 10] = [
    "",
    "&outcome=failed",
    "&model=maker-1/model-1",
    "&provider=provider-3",
    "&workspace_id=workspace-2",
    "&app=App%207",
    "&status=429",
    "&min_cost=1.0",
    "&min_latency=60000",
    "&search=no%20such%20text",
];

/// The dashboards: measures, dimensions, granularity, and over how many days.
const DASHBOARDS: [(&str, &str, &str, i64); 6] = [
    (
        r#""request_count","total_usage","cache_savings""#,
        "",
        "day",
        59,
    ),
    (
        r#""request_count","total_usage","tokens_total""#,
        r#""model""#,
        "day",
        30,
    ),
    (
        r#""request_count","total_usage","tokens_total""#,
        r#""api_key_id""#,
        "month",
        59,
    ),
    (r#""latency_p50","latency_p95""#, r#""provider""#, "day", 30),
    (r#""request_count","error_rate""#, r#""model""#, "hour", 1),
    (r#""request_count""#, r#""status""#, "minute", 1),
];

/// The house, with what is asked of it.
struct House<'a> {
    setup: &'a Setup,
    gateway: &'a Gateway,
    order: Arc<Order>,
    now_ms: i64,
}

/// Measures calls on the database of that URL, which nobody else writes to meanwhile.
pub(crate) async fn measure(
    arguments: &Arguments,
    now_ms: i64,
    turns: Turns,
) -> anyhow::Result<Compared> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let binary = match &arguments.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => gateway::build(&root)?,
    };
    let room = Room::new(&root)?;
    let upstream = Upstream::start(&room).await?;
    let workload = workload();
    let setup = Setup::new(binary, upstream.addr, std::slice::from_ref(&workload))?;
    let more = More {
        storage: Some(absolute(&arguments.url)?),
        ..More::default()
    };
    let gateway = setup.start_with(&room, "records", &more).await?;
    let mut subject = Subject::new("Waybill", gateway.addr, "/api/v1", Naming::Catalog);
    subject
        .keys
        .push(setup.make_key(&gateway, PLAIN_KEY).await?);
    let house = House {
        setup: &setup,
        gateway: &gateway,
        order: Arc::new(Order::new(&subject, &workload)?),
        now_ms,
    };
    let rate = arguments.calls_per_second.max(1);
    house.calls(rate, WARM_UP).await?;
    let compared = Compared::take(turns, async |beside| {
        let (turn, answers) =
            tokio::join!(house.calls(rate, turns.time), house.readers(beside, turns));
        Ok(turn?.with(answers?))
    });
    let compared = compared.await?;
    gateway.child.stop().await?;
    Ok(compared)
}

impl House<'_> {
    async fn calls(&self, rate: u32, time: Duration) -> anyhow::Result<Turn> {
        let pace = Pace {
            rate,
            time,
            connections: CONNECTIONS,
        };
        let outcome = open(&self.order, pace).await;
        if outcome.calls == 0 {
            bail!("no call went well: {:?}", outcome.first_error);
        }
        Ok(Turn {
            calls: outcome.calls,
            errors: outcome.errors,
            p50: outcome.latency.quantile(500),
            p99: outcome.latency.quantile(990),
            max: outcome.latency.quantile(1000),
            ..Turn::default()
        })
    }

    /// One question after the other; how long each answer took.
    async fn readers(&self, beside: Beside, turns: Turns) -> anyhow::Result<Vec<Duration>> {
        let mut answers = Vec::new();
        let started = Instant::now();
        let counting = match beside {
            Beside::Counting => Some(Counting::start()?),
            _ => None,
        };
        if matches!(beside, Beside::Nothing | Beside::Counting) {
            sleep(turns.time).await;
            drop(counting);
            return Ok(answers);
        }
        while started.elapsed() < turns.time {
            let asked = Instant::now();
            self.ask(beside, answers.len()).await?;
            answers.push(asked.elapsed());
            sleep(turns.pause).await;
        }
        Ok(answers)
    }

    async fn ask(&self, beside: Beside, turn: usize) -> anyhow::Result<()> {
        let (method, path, body) = match beside {
            Beside::Dashboards => {
                let body = self.dashboard(turn)?;
                (Method::POST, "/api/v1/analytics/query".to_owned(), body)
            }
            Beside::Nothing | Beside::Counting | Beside::Lists => {
                let filter = LISTS[turn % LISTS.len()];
                (
                    Method::GET,
                    format!("/api/v1/generations?limit=50{filter}"),
                    String::new(),
                )
            }
        };
        let asked = self
            .setup
            .ask(self.gateway, (method, &path), Bytes::from(body.clone()));
        let (status, answer) = asked.await?;
        if !status.is_success() {
            bail!("{path} {body} answered {status}: {}", excerpt(&answer));
        }
        Ok(())
    }

    fn dashboard(&self, turn: usize) -> anyhow::Result<String> {
        const MS_PER_DAY: i64 = 86_400_000;
        let (metrics, dimension, granularity, days) = DASHBOARDS[turn % DASHBOARDS.len()];
        let (start, end) = (
            date(self.now_ms - days * MS_PER_DAY)?,
            date(self.now_ms + MS_PER_DAY)?,
        );
        Ok(format!(
            r#"{{"metrics":[{metrics}],"dimensions":[{dimension}],"granularity":"{granularity}","time_range":{{"start":"{start}","end":"{end}"}}}}"#
        ))
    }
}

fn workload() -> Workload {
    Workload {
        name: "whole, 1 kB",
        model: "simulated/whole".to_owned(),
        script: "tokens=32".to_owned(),
        body_bytes: 1024,
        form: Form::Whole,
        way: Way::Chat,
    }
}

/// The URL for a process that runs elsewhere.
fn absolute(url: &str) -> anyhow::Result<String> {
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Ok(url.to_owned());
    };
    let path: PathBuf = std::path::absolute(path.strip_prefix("//").unwrap_or(path))?;
    let path = path
        .to_str()
        .context("the path of the database is not text")?;
    Ok(format!("sqlite:{path}"))
}

/// The first moment of the day of a moment.
fn date(unix_ms: i64) -> anyhow::Result<String> {
    let at = jiff::Timestamp::from_millisecond(unix_ms)?;
    Ok(at.strftime("%Y-%m-%dT00:00:00Z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_798_761_599_999, "2026-12-31T00:00:00Z"),
        ] {
            assert_eq!(date(unix_ms).unwrap(), text);
        }
    }

    #[test]
    fn a_database_is_found_from_everywhere() {
        assert_eq!(absolute("sqlite:/a/b.db").unwrap(), "sqlite:/a/b.db");
        assert!(absolute("sqlite:b.db").unwrap().ends_with("/b.db"));
        assert_eq!(absolute("postgres://h/d").unwrap(), "postgres://h/d");
    }
}
