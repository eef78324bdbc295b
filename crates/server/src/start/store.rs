//! The database that a configuration names.

use std::path::Path;

use anyhow::{Context as _, bail};
use store::Store;

use crate::config::{Config, Environment};

/// Opens the store that a configuration names, making the data directory if it is needed.
///
/// # Errors
/// When the directory cannot be made or the database cannot be opened.
pub async fn open_store(config: &Config, environment: &Environment) -> anyhow::Result<Store> {
    let url = match &config.storage.url {
        Some(written) => match written.resolve(environment) {
            Ok(Some(url)) => url.expose().to_owned(),
            Ok(None) => bail!("storage.url names a variable that is not set"),
            Err(message) => bail!("storage.url: {message}"),
        },
        None => {
            let dir = &config.server.data_dir;
            make_dir(dir)?;
            format!("sqlite:{}", dir.join("waybill.db").display())
        }
    };
    if let Some(path) = url
        .strip_prefix("sqlite:")
        .filter(|path| !path.starts_with(':'))
        && let Some(dir) = Path::new(path.trim_start_matches("//")).parent()
    {
        make_dir(dir)?;
    }
    Ok(Store::open(&url).await?)
}

fn make_dir(dir: &Path) -> anyhow::Result<()> {
    if dir.as_os_str().is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)
        .with_context(|| format!("cannot make the directory {}", dir.display()))
}
