//! The vault that secrets in the database are sealed with: which master keys it has.

use anyhow::{Context as _, anyhow, bail};
use store::{MasterKeys, Store, Vault};

use crate::clock;
use crate::config::{Config, Environment};

/// The vault with the keys of `storage.master_key`, else of the file `master.key` in the data
/// directory, which is made when it is not there. A database that ends with the process gets a key
/// that does, too.
///
/// # Errors
/// When the setting names nothing, holds no key, or the file cannot be used as it is.
pub fn open(config: &Config, environment: &Environment, store: &Store) -> anyhow::Result<Vault> {
    let keys = if let Some(written) = &config.storage.master_key {
        match written.resolve(environment) {
            Ok(Some(text)) => MasterKeys::from_text(text.expose())
                .map_err(|mistake| anyhow!("storage.master_key: {mistake}"))?,
            Ok(None) => bail!("storage.master_key names a variable that is not set"),
            Err(message) => bail!("storage.master_key: {message}"),
        }
    } else if store.is_in_memory() {
        MasterKeys::for_this_process(clock::random()?)
    } else {
        let dir = &config.server.data_dir;
        MasterKeys::in_data_dir(dir, clock::random()?)
            .with_context(|| format!("no master key in the data directory {}", dir.display()))?
    };
    Ok(Vault::new(keys))
}
