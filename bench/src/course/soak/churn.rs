//! What changes while calls are made: keys come and go, and so do providers, each of which makes a new catalog.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::calls::{Orders, Traffic};
use super::kinds::workloads;
use crate::load::line::excerpt;
use crate::load::order::{Naming, Order, Subject, Workload};
use crate::report::soak::{Changes, SoakSettings};
use crate::world::budgets::{self, counter};
use crate::world::gateway::{Gateway, Setup};

/// Gauges that are zero when everything has been settled.
const UNSETTLED: [&str; 2] = ["waybill_calls_in_flight", "waybill_unsaved_records"];

/// How often a change is asked for, and the time between: what Waybill says in `Retry-After`.
const TRIES: u32 = 10;
const PUT_OFF: Duration = Duration::from_secs(2);

/// So many turns after its last call was begun a key is deleted: by then that call was sent, however busy the
/// machine is, and only streams are under way.
const LEAVING: usize = 4;

/// A key that is in use.
struct Live {
    hash: String,
    orders: Orders,
}

/// Who changes things.
pub(super) struct Churn<'a> {
    setup: &'a Setup,
    gateway: &'a Gateway,
    traffic: Arc<Traffic>,
    settings: SoakSettings,
    workloads: Vec<Workload>,
    live: VecDeque<Live>,
    /// Keys that no new call takes and that are to be deleted.
    leaving: VecDeque<Live>,
    changes: Changes,
}

impl<'a> Churn<'a> {
    /// Sets the budgets of the house and makes the first keys.
    pub(super) async fn open(
        setup: &'a Setup,
        gateway: &'a Gateway,
        (traffic, settings): (Arc<Traffic>, SoakSettings),
    ) -> Result<Self> {
        budgets::govern(setup, gateway).await?;
        let mut churn = Self {
            setup,
            gateway,
            traffic,
            settings,
            workloads: workloads(),
            live: VecDeque::new(),
            leaving: VecDeque::new(),
            changes: Changes::default(),
        };
        for _ in 0..settings.keys {
            churn.make_key().await?;
        }
        churn.publish();
        Ok(churn)
    }

    /// Changes something whenever it is time, until then.
    pub(super) async fn run(&mut self, until: Instant) -> Result<Changes> {
        let start = Instant::now();
        for turn in 1.. {
            let at = start + Duration::from_millis(self.settings.key_every_ms) * turn;
            if at >= until {
                break;
            }
            sleep_until(at).await;
            self.change_key().await?;
            if turn % self.settings.catalog_every_keys == 0 {
                self.change_catalog().await?;
            }
        }
        Ok(self.changes)
    }

    /// A new key for the oldest one, and the end of one that was so some turns ago. Nobody uses that any more,
    /// but for calls that are under way.
    async fn change_key(&mut self) -> Result<()> {
        self.make_key().await?;
        self.leaving.extend(self.live.pop_front());
        self.publish();
        if self.leaving.len() <= LEAVING {
            return Ok(());
        }
        if let Some(gone) = self.leaving.pop_front() {
            let path = format!("/api/v1/keys/{}", gone.hash);
            self.ask((Method::DELETE, &path), "").await?;
            self.changes.keys += 1;
        }
        Ok(())
    }

    async fn make_key(&mut self) -> Result<()> {
        let answer = self
            .ask((Method::POST, "/api/v1/keys"), budgets::KEY)
            .await?;
        let text = |pointer: &str| {
            let found = answer.pointer(pointer).and_then(Value::as_str);
            found
                .map(str::to_owned)
                .with_context(|| format!("a new key without {pointer}"))
        };
        let mut subject = Subject::new("soak", self.gateway.addr, "/api/v1", Naming::Catalog);
        subject.keys.push(text("/key")?);
        let orders: Result<Vec<Order>> = self
            .workloads
            .iter()
            .map(|workload| Order::new(&subject, workload))
            .collect();
        self.live.push_back(Live {
            hash: text("/data/hash")?,
            orders: Arc::new(orders?),
        });
        Ok(())
    }

    fn publish(&self) {
        let keys = self.live.iter().map(|live| live.orders.clone());
        self.traffic.use_keys(keys.collect());
    }

    /// Adds a provider and takes it away again: two new catalogs.
    async fn change_catalog(&mut self) -> Result<()> {
        let name = format!("passing-{}", self.changes.catalogs / 2);
        let body = format!(
            r#"{{"name":"{name}","base_url":"http://{}/v1","models":["model"]}}"#,
            self.setup.upstream
        );
        self.ask((Method::POST, "/api/v1/providers/own"), body)
            .await?;
        let path = format!("/api/v1/providers/own/{name}");
        self.ask((Method::DELETE, &path), "").await?;
        self.changes.catalogs += 2;
        Ok(())
    }

    /// Asks for a change, again where the database was too busy for it. What was to be deleted may be gone
    /// then: the database may have done it and been too busy to say so.
    async fn ask(&mut self, what: (Method, &str), body: impl Into<Bytes>) -> Result<Value> {
        let body = body.into();
        for tried in 0..TRIES {
            let asked = (what.0.clone(), what.1);
            let (status, answer) = self.setup.ask(self.gateway, asked, body.clone()).await?;
            let is_gone = status == StatusCode::NOT_FOUND && what.0 == Method::DELETE && tried > 0;
            if status.is_success() || is_gone {
                return Ok(serde_json::from_slice(&answer).unwrap_or_default());
            }
            if status != StatusCode::SERVICE_UNAVAILABLE {
                bail!(
                    "{} {} answered {status}: {}",
                    what.0,
                    what.1,
                    excerpt(&answer)
                );
            }
            self.changes.put_off += 1;
            sleep(PUT_OFF).await;
        }
        bail!("{} {} answered 503 {TRIES} times", what.0, what.1)
    }
}

/// Calls that are under way, and records that are not saved yet.
pub(super) async fn unsettled(setup: &Setup, gateway: &Gateway) -> Result<u64> {
    let page = budgets::metrics(setup, gateway).await?;
    UNSETTLED.iter().map(|name| counter(&page, name)).sum()
}
