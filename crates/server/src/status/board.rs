//! `StatusBoard`: the last answer, for as long as it is good, made by one at a time however many ask.
//!
//! Whoever finds it old has a new one made beside them, and is told the old one meanwhile; who finds
//! none waits. So a crowd costs one look at the roll-ups every [`FRESH_MS`], and nothing while nobody
//! asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use chat::{Error, Kind};
use tokio::sync::watch;

use super::publicity::Publicity;
use super::report::{Reader, gather};
use crate::admin::analytics::{TIME_MAX, within};
use crate::app::App;
use crate::reply::storage_trouble;

/// How long an answer is good, milliseconds.
pub const FRESH_MS: i64 = 15_000;

/// How old one may be that is told while a new one is made, milliseconds.
const STALE_MAX_MS: i64 = 120_000;

/// For how long nobody tries again after one could not be made, milliseconds.
const TROUBLE_MS: i64 = 2_000;

/// An answer, as JSON without its envelope's end.
#[derive(Debug)]
pub struct Told {
    at_ms: i64,
    /// For anybody.
    pub open: Bytes,
    /// For management keys.
    pub full: Bytes,
}

/// What was made last.
#[derive(Debug, Clone, Default)]
struct Latest {
    told: Option<Arc<Told>>,
    /// When one could not be made, Unix milliseconds.
    trouble_ms: Option<i64>,
}

/// The last answer, and whether anybody may have it.
#[derive(Debug)]
pub struct StatusBoard {
    /// Whether anybody may look.
    pub publicity: Publicity,
    latest: watch::Sender<Latest>,
    is_being_made: AtomicBool,
}

impl StatusBoard {
    /// A board on which nothing stands yet.
    #[must_use]
    pub fn new(publicity: Publicity) -> Self {
        Self {
            publicity,
            latest: watch::Sender::new(Latest::default()),
            is_being_made: AtomicBool::new(false),
        }
    }
}

impl Latest {
    fn within(&self, age_ms: i64, now_ms: i64) -> Option<Arc<Told>> {
        let told = self.told.as_ref()?;
        (now_ms.saturating_sub(told.at_ms) < age_ms).then(|| Arc::clone(told))
    }

    fn has_trouble(&self, now_ms: i64) -> bool {
        self.trouble_ms
            .is_some_and(|at_ms| now_ms.saturating_sub(at_ms) < TROUBLE_MS)
    }
}

/// The answer of now, or of a moment ago.
///
/// # Errors
/// When there is none and the store is away, or it takes too long.
pub async fn told(app: &Arc<App>) -> Result<Arc<Told>, Error> {
    let mut heard = app.status.latest.subscribe();
    let now_ms = app.clock.now_ms();
    let latest = heard.borrow_and_update().clone();
    if let Some(told) = latest.within(FRESH_MS, now_ms) {
        return Ok(told);
    }
    if !latest.has_trouble(now_ms) {
        make(app);
    }
    if let Some(told) = latest.within(STALE_MAX_MS, now_ms) {
        return Ok(told);
    }
    let is_settled = |latest: &Latest| {
        latest.within(STALE_MAX_MS, now_ms).is_some() || latest.has_trouble(now_ms)
    };
    let settled = within(TIME_MAX, heard.wait_for(is_settled)).await?;
    let latest = settled.map_err(storage_trouble)?;
    let told = latest.within(STALE_MAX_MS, now_ms);
    told.ok_or_else(|| storage_trouble("the status could not be read"))
}

/// Has an answer made, unless somebody is at it.
fn make(app: &Arc<App>) {
    if app.status.is_being_made.swap(true, Ordering::AcqRel) {
        return;
    }
    let making = Making(Arc::clone(app));
    app.tasks.spawn(async move {
        let app = &making.0;
        let made = answer(app).await;
        let now_ms = app.clock.now_ms();
        app.status.latest.send_modify(|latest| match made {
            Ok(told) => {
                *latest = Latest {
                    told: Some(Arc::new(told)),
                    trouble_ms: None,
                };
            }
            Err(error) => {
                tracing::warn!(%error, detail = error.detail.as_deref(), "no status could be made");
                latest.trouble_ms = Some(now_ms);
            }
        });
    });
}

/// Whoever makes an answer; others may when it is gone, however it ended.
struct Making(Arc<App>);

impl Drop for Making {
    fn drop(&mut self) {
        self.0.status.is_being_made.store(false, Ordering::Release);
    }
}

async fn answer(app: &App) -> Result<Told, Error> {
    let gathered = gather(app).await?;
    let catalog = app.catalog.load();
    let text = |reader| {
        let text = serde_json::to_vec(&gathered.report(&catalog, reader));
        text.map(Bytes::from).map_err(|error| {
            Error::gateway(Kind::Server, "the status could not be written")
                .with_detail(error.to_string())
        })
    };
    Ok(Told {
        at_ms: app.clock.now_ms(),
        open: text(Reader::Anybody)?,
        full: text(Reader::Manager)?,
    })
}
