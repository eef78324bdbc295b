//! How pools of connections are made.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, Postgres, Sqlite};

use super::backend::{self, Way};
use super::errors::{from_sqlx, within};
use super::readers::Lane;
use super::rest;
use super::transaction::Begun;
use crate::StoreError;

/// How long to wait for a connection before the database counts as away.
const ACQUIRE_MAX: Duration = Duration::from_secs(3);

/// How long a session of PostgreSQL may idle, and live.
const SESSION_IDLE_MAX: Duration = Duration::from_secs(10 * 60);
const SESSION_MAX: Duration = Duration::from_secs(30 * 60);

/// Steps of SQLite's machine after which a reader looks whether it is time to rest: some
/// twenty microseconds.
const STEPS_AWAKE: i32 = 200;

/// Connections to one of the engines.
#[derive(Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// Takes a connection and begins a transaction on it.
    pub(super) async fn begin_with(&self, sql: &'static str) -> Result<Begun, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => Box::pin(pool.begin_with(sql)).await.map(Begun::Sqlite),
            Self::Postgres(pool) => Box::pin(pool.begin_with(sql)).await.map(Begun::Postgres),
        }
    }

    /// Takes a connection and closes it; another takes its place.
    pub(super) async fn close_one(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(pool) => within(within(pool.acquire()).await?.close()).await,
            Self::Postgres(pool) => within(within(pool.acquire()).await?.close()).await,
        }
    }

    /// Closes every connection, after what runs has ended.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl From<SqlitePool> for Pool {
    fn from(pool: SqlitePool) -> Self {
        Self::Sqlite(pool)
    }
}

impl From<PgPool> for Pool {
    fn from(pool: PgPool) -> Self {
        Self::Postgres(pool)
    }
}

/// What a URL says of a file of SQLite.
pub(super) fn file_options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    options(url)
}

/// What a URL says of a server of PostgreSQL.
pub(super) fn server_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    options(url)
}

fn options<O: FromStr<Err = sqlx::Error>>(url: &str) -> Result<O, StoreError> {
    url.parse().map_err(|error| bad_url(&error))
}

fn bad_url(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Configuration(reason) => StoreError::BadUrl(reason.to_string()),
        other => from_sqlx(other),
    }
}

/// So many connections to a SQLite file. They are kept for ever: nothing wears them out, and a
/// database in memory would go with its last one.
pub(super) fn files(count: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(count)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// So many sessions of PostgreSQL, renewed now and then, so that they follow a failover and let go
/// of memory on the server.
pub(super) fn sessions(count: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(count)
        .idle_timeout(SESSION_IDLE_MAX)
        .max_lifetime(SESSION_MAX)
}

/// A pool whose every new connection runs `first`; one connection is made now, to fail early.
pub(super) async fn pool<D: sqlx::Database>(
    size: PoolOptions<D>,
    options: <D::Connection as Connection>::Options,
    first: Vec<String>,
) -> Result<sqlx::Pool<D>, StoreError>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    let first = Arc::new(first);
    let size = size
        .acquire_timeout(ACQUIRE_MAX)
        .after_connect(move |connection, _| {
            let first = first.clone();
            Box::pin(async move { run_all::<D>(connection, &first).await })
        });
    connected(size, options).await
}

async fn connected<D: sqlx::Database>(
    size: PoolOptions<D>,
    options: <D::Connection as Connection>::Options,
) -> Result<sqlx::Pool<D>, StoreError> {
    let pool = size.connect_with(options).await;
    pool.map_err(|error| bad_url(&error))
}

/// As [`pool`], of connections to a SQLite file for those who read much: each [rests](rest) now and then.
pub(super) async fn resting(
    size: SqlitePoolOptions,
    options: SqliteConnectOptions,
    first: Vec<String>,
) -> Result<SqlitePool, StoreError> {
    connected(resting_with(size, first), options).await
}

/// The same, but all of its connections are made when somebody asks for one.
pub(super) fn resting_for_later(
    size: SqlitePoolOptions,
    options: SqliteConnectOptions,
    first: Vec<String>,
) -> SqlitePool {
    resting_with(size, first).connect_lazy_with(options)
}

fn resting_with(size: SqlitePoolOptions, first: Vec<String>) -> SqlitePoolOptions {
    let first = Arc::new(first);
    let pool = size.acquire_timeout(ACQUIRE_MAX);
    pool.after_connect(move |connection, _| {
        let first = first.clone();
        Box::pin(async move {
            run_all::<Sqlite>(connection, &first).await?;
            let mut handle = connection.lock_handle().await?;
            // SQLite asks whether to go on: always, but perhaps after a moment.
            handle.set_progress_handler(STEPS_AWAKE, || {
                rest::one_who_reads();
                true
            });
            Ok(())
        })
    })
}

/// As [`pool`], of sessions for those who read much: each [stands back](backend) as its lane does, where it may.
pub(super) async fn standing_back(
    size: PgPoolOptions,
    options: PgConnectOptions,
    (first, lane): (Vec<String>, Lane),
) -> Result<PgPool, StoreError> {
    connected(standing_back_with(size, &options, (first, lane)), options).await
}

/// The same, but all of its sessions are begun when somebody asks for one.
pub(super) fn standing_back_for_later(
    size: PgPoolOptions,
    options: PgConnectOptions,
    (first, lane): (Vec<String>, Lane),
) -> PgPool {
    standing_back_with(size, &options, (first, lane)).connect_lazy_with(options)
}

fn standing_back_with(
    size: PgPoolOptions,
    options: &PgConnectOptions,
    (first, lane): (Vec<String>, Lane),
) -> PgPoolOptions {
    let (first, way) = (Arc::new(first), Way::of(options));
    let pool = size.acquire_timeout(ACQUIRE_MAX);
    pool.after_connect(move |connection, _| {
        let first = first.clone();
        Box::pin(async move {
            run_all::<Postgres>(connection, &first).await?;
            backend::stand_back(connection, (way, lane)).await
        })
    })
}

async fn run_all<D: sqlx::Database>(
    connection: &mut D::Connection,
    all: &[String],
) -> Result<(), sqlx::Error>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    for sql in all {
        sqlx::raw_sql(AssertSqlSafe(sql.clone()))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
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
