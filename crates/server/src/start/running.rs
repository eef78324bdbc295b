//! A server that answers, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::examples::{cheapest, usable, well_known};

use super::FirstKeys;

/// How long records may take to reach the database at the end.
const RECORDS_WAIT: Duration = Duration::from_secs(10);

/// How long giving back leases may take.
const LEASES_WAIT: Duration = Duration::from_secs(5);

/// How long jobs may take to end once they are told to, writing the last content among them.
const JOBS_WAIT: Duration = Duration::from_secs(6);

/// A server that answers.
pub struct Running {
    /// Everything in it.
    pub app: Arc<App>,
    /// Where it listens.
    pub address: SocketAddr,
    /// On the first start, the first keys.
    pub first_keys: Option<FirstKeys>,
    pub(super) calls: TaskTracker,
    pub(super) door: JoinHandle<()>,
    pub(super) drain: Duration,
}

impl Running {
    /// Waits until the app is told to stop, and then until everything has ended: connections,
    /// calls, records, jobs, in this order, each within a bound.
    pub async fn wait(self) {
        let app = self.app;
        if let Err(error) = self.door.await {
            tracing::error!(%error, "the accept loop ended badly");
            app.stop.cancel();
        }
        self.calls.close();
        if tokio::time::timeout(self.drain, self.calls.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                calls = self.calls.len(),
                "stopped before every call had ended"
            );
        }
        if let Err(error) = app.recorder.drain(RECORDS_WAIT).await {
            tracing::error!(%error, "records wait in the journal for the next start");
        }
        app.content.close_down();
        app.broadcast.close();
        app.caches.close();
        if !app.ledgers.close(LEASES_WAIT).await {
            tracing::warn!("leases are given back by the next start");
        }
        if let Some(tracer) = &app.tracer {
            tracer.close();
        }
        app.tasks.close();
        if tokio::time::timeout(JOBS_WAIT, app.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("stopped before every job had ended");
        }
        app.store.close().await;
    }

    /// Stops the server and waits for its end.
    pub async fn stop(self) {
        self.app.stop.cancel();
        self.wait().await;
    }

    /// Whether any model can be called.
    #[must_use]
    pub fn has_usable_provider(&self) -> bool {
        usable(&self.app.catalog.load()).next().is_some()
    }

    /// A few variables in which people keep credentials, for examples.
    #[must_use]
    pub fn credential_variables(&self) -> Vec<String> {
        let catalog = self.app.catalog.load();
        let well_known = well_known(&catalog).into_iter();
        let variables = well_known.filter_map(|provider| provider.env.first());
        variables.take(2).map(ToString::to_string).collect()
    }

    /// A model for examples: the cheapest that can be called, else of a well-known provider.
    #[must_use]
    pub fn example_model(&self) -> Option<String> {
        let catalog = self.app.catalog.load();
        let model = cheapest(usable(&catalog)).or_else(|| {
            let author = well_known(&catalog).first()?.slug.as_str();
            cheapest(catalog.models().filter(|model| model.author() == author))
        });
        model.map(|model| model.slug.to_string())
    }
}
