//! Tells a collector of metrics, as often as the configuration says.

use std::sync::Arc;
use std::time::Duration;

use telemetry::otlp::metrics::Span;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::metrics::page;
use crate::app::App;
use crate::tracer::Tracer;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// Runs until the app stops, and tells once more then.
pub async fn run(app: Arc<App>, tracer: Arc<Tracer>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await; // at once: nothing has happened yet
    let mut is_told = true;
    loop {
        let is_over = tokio::select! {
            () = app.stop.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let page = page::page(&app.metrics, &page::now(&app));
        let nanos = |ms: i64| {
            u64::try_from(ms)
                .unwrap_or(0)
                .saturating_mul(NANOS_PER_MILLI)
        };
        let span = Span {
            start_ns: nanos(app.metrics.started_at_ms),
            now_ns: nanos(app.clock.now_ms()),
        };
        let told = tracer.tell(&page.metrics, span).await;
        if let Err(why) = &told
            && is_told
        {
            tracing::warn!(why, "the collector did not take metrics; trying on");
        }
        is_told = told.is_ok();
        if is_over {
            return;
        }
    }
}
