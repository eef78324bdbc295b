//! Joining the other replicas: the link to Valkey, and the limits that are shared through it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use cluster::Link;
use relay::Clock;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::config::sections::Cluster;
use crate::config::{Config, Environment};
use crate::limits::Gate;

/// How long a start waits for Valkey. Without it this replica begins with its share of each limit.
const WAIT: Duration = Duration::from_secs(1);

/// The rate limits: shared with the other replicas where the configuration names a Valkey, else
/// this process's own. What tends the link runs on the runtime that this runs on, where calls are:
/// they may wait for it.
///
/// # Errors
/// When `cluster.valkey` or `cluster.valkey_ca` cannot be read or is not what it should be.
pub async fn join(
    config: &Config,
    environment: &Environment,
    clock: &Arc<dyn Clock>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<Gate> {
    let rules = config.limits.rules.clone();
    let Some(written) = &config.cluster.valkey else {
        return Ok(Gate::new(rules));
    };
    let url = match written.resolve(environment) {
        Ok(Some(url)) => url,
        Ok(None) => bail!("cluster.valkey names a variable that is not set"),
        Err(message) => bail!("cluster.valkey: {message}"),
    };
    let name = hex::encode(clock::random::<8>()?);
    let link = Arc::new(link(url.expose(), name, &config.cluster)?);
    let (gate, keeper) = Gate::shared(rules, Arc::clone(&link), Arc::clone(clock));
    let tended = Arc::clone(&link);
    let told = stop.clone();
    tasks.spawn(async move { tended.tend(told).await });
    let began = Instant::now();
    while !link.is_there() && began.elapsed() < WAIT {
        sleep(Duration::from_millis(5)).await;
    }
    tasks.spawn(keeper.run(stop.clone()));
    Ok(gate)
}

fn link(url: &str, name: String, cluster: &Cluster) -> anyhow::Result<Link> {
    let Some(file) = &cluster.valkey_ca else {
        return Link::new(url, name, cluster.replicas)
            .map_err(|_| anyhow::anyhow!("cluster.valkey: expected \"redis://host:6379\""));
    };
    let authorities = std::fs::read(file)
        .with_context(|| format!("cluster.valkey_ca: cannot read {}", file.display()))?;
    Link::trusting(&authorities, url, name, cluster.replicas).map_err(|_| {
        anyhow::anyhow!(
            "cluster.valkey_ca: {} should hold certificates (PEM), and cluster.valkey begin with \
             \"rediss://\"",
            file.display()
        )
    })
}
