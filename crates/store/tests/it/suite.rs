//! Where tests run: `on_both` gives each test an empty database of its own, once per engine.
//!
//! PostgreSQL is the one that `TEST_POSTGRES_URL` names (`make test` always sets it); each test gets
//! a schema of its own there. Without it those halves do not run, and say so.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection as _};
use store::{DEFAULT_WORKSPACE_ID, KeyHash, NewKey, Store};

/// 2026-03-04 05:06:07.089 UTC, a Wednesday.
pub(crate) const NOW_MS: i64 = 1_772_600_767_089;

/// An empty database.
pub(crate) struct Place {
    pub(crate) url: String,
    folder: Option<PathBuf>,
}

impl Place {
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.folder.is_none()
    }

    /// Another connection, for what a store would never do.
    pub(crate) async fn connect(&self) -> Connected {
        if self.is_postgres() {
            let connected = sqlx::PgConnection::connect(&self.url).await;
            return Connected::Postgres(connected.unwrap());
        }
        let connected = sqlx::SqliteConnection::connect(&self.url).await;
        Connected::Sqlite(connected.unwrap())
    }

    /// Runs SQL; what it does to `generations` happens to those of the month of [`NOW_MS`], for on
    /// SQLite the name is a view of all months.
    pub(crate) async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        let sql = &sql.replace("UPDATE generations ", "UPDATE generations_2026_03 ");
        run(&mut connection, sql).await;
        connection.close().await;
    }

    /// The `number` that a question is answered with.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = format!("SELECT number, '' AS text FROM ({sql}) AS one");
        self.texts(&sql).await[0].0
    }

    /// The `number` and the `text` of each row of an answer.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<(i64, String)> {
        let mut connection = self.connect().await;
        let sql = AssertSqlSafe(sql.to_owned());
        let found = match &mut connection {
            Connected::Sqlite(connection) => sqlx::query_as(sql).fetch_all(connection).await,
            Connected::Postgres(connection) => sqlx::query_as(sql).fetch_all(connection).await,
        };
        connection.close().await;
        found.unwrap()
    }

    /// The same database by another way: `address` instead of the server's own.
    pub(crate) fn url_by(&self, address: std::net::SocketAddr) -> String {
        let (start, end) = self.address_span();
        format!("{}{address}{}", &self.url[..start], &self.url[end..])
    }

    /// Host and port of the server.
    pub(crate) fn address(&self) -> &str {
        let (start, end) = self.address_span();
        &self.url[start..end]
    }

    fn address_span(&self) -> (usize, usize) {
        let start = self.url.find('@').unwrap() + 1;
        let end = start + self.url[start..].find('/').unwrap();
        (start, end)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// A connection that no store knows of.
pub(crate) enum Connected {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Connected {
    async fn close(self) {
        let closed = match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
        closed.unwrap();
    }
}

pub(crate) async fn run(connection: &mut Connected, sql: &str) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let done = match connection {
        Connected::Sqlite(connection) => sql.execute(connection).await.map(drop),
        Connected::Postgres(connection) => sql.execute(connection).await.map(drop),
    };
    done.unwrap();
}

/// Runs a test on an empty SQLite file, then in an empty schema of PostgreSQL.
pub(crate) async fn on_both(test: impl AsyncFn(&Place)) {
    on_sqlite(&test).await;
    on_postgres(&test).await;
}

pub(crate) async fn on_sqlite(test: impl AsyncFn(&Place)) {
    let folder = std::env::temp_dir().join(unique_name());
    let place = Place {
        url: format!("sqlite:{}/folder/that/is/new/waybill.db", folder.display()),
        folder: Some(folder),
    };
    test(&place).await;
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests find their server here"
)]
pub(crate) async fn on_postgres(test: impl AsyncFn(&Place)) {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        eprintln!("TEST_POSTGRES_URL is not set: not tested on PostgreSQL");
        return;
    };
    let schema = unique_name();
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    let drop_it = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
    let make_it = format!("{drop_it}; CREATE SCHEMA {schema}");
    sqlx::raw_sql(AssertSqlSafe(make_it))
        .execute(&mut connection)
        .await
        .unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options[search_path]={schema}&application_name={schema}");
    test(&Place { url, folder: None }).await;
    sqlx::raw_sql(AssertSqlSafe(drop_it))
        .execute(&mut connection)
        .await
        .unwrap();
}

/// A folder of a test's own, removed with it.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(unique_name());
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "tests are told so what to do")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn unique_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!(
        "store_{}_{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    )
}

/// A store after its first start, with one inference key; the key's hash.
pub(crate) async fn started(place: &Place) -> (Store, KeyHash) {
    let store = place.open().await;
    let key = new_key("sk-first");
    assert!(
        store
            .first_start(std::slice::from_ref(&key), NOW_MS)
            .await
            .unwrap()
    );
    (store, key.hash().clone())
}

pub(crate) fn new_key(secret: &str) -> NewKey {
    NewKey::new(secret, "a key", DEFAULT_WORKSPACE_ID, NOW_MS)
}
