//! `GET /metrics`: the counters as Prometheus text (exposition format 0.0.4).

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use relay::Counts;
use store::{Figures, LedgerFigures};

use super::families::Page;
use super::recorder::{Metrics, OfProvider};
use super::{counted, house};
use crate::api::models::listing::usable_providers;
use crate::app::App;
use crate::content::ContentFigures;

/// The media type of the page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is read at the moment of the page rather than counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Models in the catalog.
    pub models: usize,
    /// Endpoints in the catalog.
    pub endpoints: usize,
    /// Providers of which at least one endpoint can be asked.
    pub usable_providers: usize,
    /// Memory at rest in RAM, bytes; absent where the system does not tell.
    pub resident_bytes: Option<u64>,
    /// Records on their way to the database.
    pub records: Figures,
    /// Leases of this node.
    pub leases: LedgerFigures,
    /// Calls that met a limit in money.
    pub money: Counts,
    /// Content on its way to where it is kept.
    pub content: ContentFigures,
    /// The link to the other replicas; absent where there are none.
    pub link: Option<cluster::Figures>,
    /// What destinations were told, and how many calls were lost before they were sorted.
    pub broadcast: (crate::broadcast::spool::Figures, u64),
    /// What a collector was told; absent where there is none.
    pub told: Option<telemetry::export::Figures>,
}

/// Answers `GET /metrics`.
pub async fn get(State(app): State<Arc<App>>) -> Response {
    let page = page(&app.metrics, &now(&app));
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page.text).into_response()
}

/// What the house looks like at this moment.
#[must_use]
pub fn now(app: &App) -> Now {
    let catalog = app.catalog.load();
    Now {
        models: catalog.models().len(),
        endpoints: catalog.endpoint_count(),
        usable_providers: usable_providers(&catalog).len(),
        resident_bytes: resident_bytes(),
        records: app.recorder.figures(),
        leases: app.ledgers.figures(),
        money: app.relay.counts(),
        content: app.content.figures(),
        link: app.gate.link().map(cluster::Link::figures),
        broadcast: app.broadcast.figures(),
        told: app.tracer.as_ref().map(|tracer| tracer.figures()),
    }
}

/// The page.
#[must_use]
pub fn page(metrics: &Metrics, now: &Now) -> Page {
    let mut page = Page::default();
    house::process(&mut page, metrics, now);
    let providers = metrics.providers();
    let providers: Vec<(&str, &OfProvider)> = providers
        .iter()
        .map(|(slug, of)| (&**slug, &**of))
        .collect();
    counted::calls(&mut page, metrics, &providers);
    counted::money(&mut page, &providers);
    counted::models(&mut page, metrics);
    counted::quality(&mut page, metrics);
    counted::limits(&mut page, metrics);
    if let Some(link) = &now.link {
        house::replicas(&mut page, link);
    }
    house::budgets(&mut page, now);
    house::content(&mut page, &now.content);
    if let Some(told) = &now.told {
        house::telemetry(&mut page, told);
    }
    house::broadcast(&mut page, now);
    counted::times(&mut page, metrics, &providers);
    page
}

/// Memory in RAM in bytes, from Linux's `/proc/self/status`; `None` elsewhere.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
