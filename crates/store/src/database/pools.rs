//! How pools of connections are made.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, AssertSqlSafe};

use super::errors::from_sqlx;
use crate::StoreError;

/// How long to wait for a connection before the database counts as away.
const ACQUIRE_MAX: Duration = Duration::from_secs(3);

/// How long a session of PostgreSQL may idle, and live.
const SESSION_IDLE_MAX: Duration = Duration::from_secs(10 * 60);
const SESSION_MAX: Duration = Duration::from_secs(30 * 60);

pub(super) fn connect_options(url: &str) -> Result<AnyConnectOptions, StoreError> {
    AnyConnectOptions::from_str(url).map_err(|error| StoreError::BadUrl(error.to_string()))
}

/// So many connections to a SQLite file. They are kept for ever: nothing wears them out, and a
/// database in memory would go with its last one.
pub(super) fn files(count: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(count)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// So many sessions of PostgreSQL, renewed now and then, so that they follow a failover and let go
/// of memory on the server.
pub(super) fn sessions(count: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(count)
        .idle_timeout(SESSION_IDLE_MAX)
        .max_lifetime(SESSION_MAX)
}

/// A pool whose every new connection runs `first`; one connection is made now, to fail early.
pub(super) async fn pool(
    size: AnyPoolOptions,
    options: AnyConnectOptions,
    first: Vec<String>,
) -> Result<AnyPool, StoreError> {
    let first = Arc::new(first);
    let pool = size
        .acquire_timeout(ACQUIRE_MAX)
        .after_connect(move |connection, _| {
            let first = first.clone();
            Box::pin(async move {
                for sql in first.iter() {
                    sqlx::raw_sql(AssertSqlSafe(sql.clone()))
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            })
        })
        .connect_with(options);
    pool.await.map_err(|error| match error {
        sqlx::Error::Configuration(reason) => StoreError::BadUrl(reason.to_string()),
        other => from_sqlx(&other),
    })
}

/// Makes the folders above the SQLite file that the rest of a `sqlite:` URL names.
pub(super) async fn make_folders(rest: &str) -> Result<(), StoreError> {
    let path = rest.split('?').next().unwrap_or_default();
    let file = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
    let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    tokio::fs::create_dir_all(folder).await.map_err(|error| {
        StoreError::Unavailable(format!(
            "cannot make the folder {}: {error}",
            folder.display()
        ))
    })
}
