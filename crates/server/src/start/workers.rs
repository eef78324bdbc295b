//! What runs beside the calls, from the start to the end.

use std::sync::Arc;

use store::KeyHash;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::app::App;
use crate::books::CountedBooks;
use crate::config::Config;
use crate::{broadcast, jobs};

pub(super) fn start_jobs(
    app: &Arc<App>,
    config: &Config,
    seen: i64,
    (books, too_fast): (&CountedBooks, mpsc::Receiver<KeyHash>),
    desk: &Handle,
) {
    if let Some((velocity, fast)) = books.velocity.clone() {
        if app.gate.link().is_some() {
            let sharer = jobs::share_velocity::run(Arc::clone(app), Arc::clone(&velocity), fast);
            app.tasks.spawn_on(sharer, desk);
        }
        let freezer = jobs::freeze_keys::run(Arc::clone(app), velocity, too_fast);
        app.tasks.spawn_on(freezer, desk);
    }
    if let (Some(tracer), Some(every)) = (&app.tracer, config.telemetry.metrics_every) {
        let telling = jobs::tell_metrics::run(Arc::clone(app), Arc::clone(tracer), every);
        app.tasks.spawn_on(telling, desk);
    }
    let follower = jobs::follow_changes::run(Arc::clone(app), seen);
    app.tasks.spawn_on(follower, desk);
    app.tasks
        .spawn_on(jobs::keep_content::run(Arc::clone(app)), desk);
    let keeper = jobs::keep_records::run(Arc::clone(app), config.records);
    app.tasks.spawn_on(keeper, desk);
    for probe in &config.probes {
        let probing = jobs::probe_endpoints::run(Arc::clone(app), probe.clone());
        app.tasks.spawn_on(probing, desk);
    }
    if config.discovery.local_engines {
        app.tasks
            .spawn_on(jobs::local_engines::run(Arc::clone(app)), desk);
    }
}

pub(super) fn start_keepers(
    app: &Arc<App>,
    node: String,
    unsorted: mpsc::Receiver<broadcast::Offered>,
    desk: &Handle,
) {
    let sorter = broadcast::sort::run(Arc::clone(app), unsorted);
    app.tasks.spawn_on(sorter, desk);
    let keeper = jobs::keep_health::run(Arc::clone(app), node);
    app.tasks.spawn_on(keeper, desk);
}
