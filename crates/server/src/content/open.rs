//! From a configuration to a keeper: where segments lie, and what workspaces want.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use relay::auth::sigv4::Keys;
use relay::{Clock, HttpUpstream};
use store::{Archive, Directory, InMemory, Objects, Store, Vault};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::bucket::Bucket;
use super::keeper::Keeper;
use crate::config::{Config, Environment};
use crate::workspace_terms;

/// The folder of the data directory that segments lie in.
const FOLDER: &str = "content";

/// The keeper of a configuration; its writer runs on `desk`.
///
/// # Errors
/// When the bucket's credential cannot be used, or the store is away.
pub async fn open(
    (config, environment, node, clock): (&Config, &Environment, &str, &Arc<dyn Clock>),
    (store, vault): (&Store, &Arc<Vault>),
    (tasks, desk): (&TaskTracker, &Handle),
) -> anyhow::Result<Arc<Keeper>> {
    let objects = objects(config, environment, store, clock)?;
    let archive = Archive::new(store.clone(), Arc::clone(vault), objects, node);
    let policies = workspace_terms::content_policies(store).await?;
    let (keeper, writer) = Keeper::new(archive, config.content.limits(), policies);
    tasks.spawn_on(writer, desk);
    Ok(keeper)
}

/// Where segments lie: a bucket, a directory, or memory beside a database that is in memory, too.
///
/// # Errors
/// When the bucket's credential cannot be used.
pub fn objects(
    config: &Config,
    environment: &Environment,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Objects>> {
    let content = &config.content;
    if let Some(url) = &content.bucket {
        let Some(written) = &content.bucket_credential else {
            bail!("content.bucket_credential is missing: a bucket needs keys");
        };
        let secret = match written.resolve(environment) {
            Ok(Some(secret)) => secret,
            Ok(None) => bail!("content.bucket_credential names a variable that is not set"),
            Err(message) => bail!("content.bucket_credential: {message}"),
        };
        let keys = Keys::of_secret(&secret)
            .map_err(|malformed| anyhow!("content.bucket_credential: {malformed}"))?;
        let upstream = HttpUpstream::new(config.timers.connect)
            .map_err(|error| anyhow!("the client for the bucket cannot be made: {error}"))?;
        return Ok(Arc::new(Bucket {
            url: url.clone(),
            region: content.bucket_region.clone(),
            keys,
            upstream: Arc::new(upstream),
            clock: Arc::clone(clock),
        }));
    }
    if let Some(directory) = &content.directory {
        return Ok(Arc::new(Directory::new(
            directory,
            content.is_directory_shared,
        )));
    }
    if store.is_in_memory() {
        return Ok(Arc::new(InMemory::default()));
    }
    let folder = config.server.data_dir.join(FOLDER);
    Ok(Arc::new(Directory::new(folder, false)))
}
