//! A gateway of a comparison: what it differs in, opened as an operator would.

use anyhow::{Result, bail};
use bytes::Bytes;
use http::Method;
use tokio::task::JoinSet;

use super::budgets::{self, Counters};
use super::config;
use super::gateway::{Gateway, More, PLAIN_KEY, Setup};
use super::room::Room;
use crate::load::line::{Line, excerpt};
use crate::load::order::{Naming, Subject};
use crate::settings::Plenty;

/// Connections over which many things are made.
const MAKERS: usize = 4;
/// Switches the keeping of content on for every call.
const KEEP: (Method, &str, &str) = (
    Method::PATCH,
    "/api/v1/workspaces/default",
    r#"{"is_observability_io_logging_enabled":true,"io_logging_sampling_rate":1}"#,
);

/// How a gateway is set up, and what its callers are held to.
#[derive(Clone, Default)]
pub(crate) struct House {
    /// How the report calls it; also the name of its directory.
    pub(crate) name: &'static str,
    /// Whether its keys are under three budgets and three limits.
    pub(crate) is_governed: bool,
    /// Whether it keeps what is asked and answered.
    pub(crate) keeps_content: bool,
    /// Another system of record than SQLite in its directory.
    pub(crate) storage: Option<String>,
    /// Process of that system, where it is our own.
    pub(crate) database: Option<u32>,
    /// What else there is; one key and nothing more where absent.
    pub(crate) plenty: Option<Plenty>,
}

/// A house whose gateway runs.
pub(crate) struct Opened {
    pub(crate) house: House,
    pub(crate) gateway: Gateway,
    pub(crate) subject: Subject,
}

impl House {
    /// Starts its gateway and makes everything that is to be there.
    pub(crate) async fn open(self, setup: &Setup, room: &Room) -> Result<Opened> {
        let directory = self.name.replace([' ', ','], "-");
        let endpoints = self.plenty.map_or(0, |plenty| plenty.endpoints);
        let more = More {
            config: match endpoints {
                0 => String::new(),
                _ => config::elsewhere(setup.upstream, endpoints),
            },
            storage: self.storage.clone(),
        };
        let gateway = setup.start_with(room, &directory, &more).await?;
        let mut keys = vec![match self.is_governed {
            true => budgets::govern(setup, &gateway).await?,
            false => setup.make_key(&gateway, PLAIN_KEY).await?,
        }];
        if self.keeps_content {
            let (method, path, body) = KEEP;
            let (status, answer) = setup.ask(&gateway, (method, path), body).await?;
            if !status.is_success() {
                bail!("{path} answered {status}: {}", excerpt(&answer));
            }
        }
        if let Some(plenty) = self.plenty {
            let terms = |_| budgets::ONE_OF_MANY.to_owned();
            let made = make_many(setup, &gateway, "/api/v1/keys", plenty.keys - 1, terms).await?;
            keys.extend(
                made.iter()
                    .filter_map(|answer| super::gateway::read_key(answer)),
            );
            keys.truncate(plenty.used);
            let budget = |index| {
                format!(r#"{{"subject":"end_user","subject_id":"nobody-{index}","limit":1000}}"#)
            };
            make_many(setup, &gateway, "/api/v1/budgets", plenty.budgets, budget).await?;
        }
        let mut subject = Subject::new(self.name, gateway.addr, "/api/v1", Naming::Catalog);
        subject.pid = Some(gateway.child.pid());
        subject.database = self.database;
        subject.keys = keys;
        Ok(Opened {
            house: self,
            gateway,
            subject,
        })
    }
}

impl Opened {
    pub(crate) async fn counters(&self, setup: &Setup) -> Result<Counters> {
        Counters::read(setup, &self.gateway).await
    }
}

/// Posts so many bodies over a few connections and gives the answers.
async fn make_many(
    setup: &Setup,
    gateway: &Gateway,
    path: &'static str,
    count: usize,
    body: impl Fn(usize) -> String,
) -> Result<Vec<Bytes>> {
    let mut makers = JoinSet::new();
    for maker in 0..MAKERS.min(count) {
        let bodies: Vec<_> = (maker..count).step_by(MAKERS).map(&body).collect();
        let poster = setup.poster(gateway.addr);
        makers.spawn(async move {
            let mut line = Line::open(poster.addr).await?;
            let mut answers = Vec::with_capacity(bodies.len());
            for body in bodies {
                let (status, answer) = line.fetch(poster.post(path, body)?).await?;
                if !status.is_success() {
                    bail!("{path} answered {status}: {}", excerpt(&answer));
                }
                answers.push(answer);
            }
            Ok(answers)
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(made) = makers.join_next().await {
        all.extend(made??);
    }
    Ok(all)
}
