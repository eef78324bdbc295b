//! One handle, two engines: the only file that knows which one it is, and the only one that knows
//! sqlx.
//!
//! Both engines are driven through sqlx's `Any` driver rather than an enum of two pools: `$1`, `$2`
//! bind in both, nulls are typed, and each statement is written and tested once. What `Any` cannot
//! carry is avoided by house rule: columns are `BIGINT` or `TEXT` only (SQLite's `BOOLEAN` and
//! PostgreSQL's `NUMERIC`, which `SUM` returns, are unknown to it, so sums are cast back), and text
//! is bound as `String` (its `Arc<str>` reaches an `unreachable!` in the SQLite driver of sqlx 0.9).
//!
//! SQLite has one writing connection, because it allows one writer anyway and queueing in the pool
//! is fairer than its busy loop, and a few reading ones, so that a long read never delays a write.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::error::ErrorKind;
use sqlx::query::Query;
use sqlx::{Any, AnyPool, AssertSqlSafe, Row as _};

use crate::StoreError;

/// How long to wait for a connection before the database counts as away.
const ACQUIRE_MAX: Duration = Duration::from_secs(3);

/// How long one statement may take before the database counts as away.
const STATEMENT_MAX: Duration = Duration::from_secs(10);

/// How long SQLite waits for a lock that another process holds.
const BUSY_MS: u32 = 4000;

/// How long a session of PostgreSQL may idle, and live.
const SESSION_IDLE_MAX: Duration = Duration::from_secs(10 * 60);
const SESSION_MAX: Duration = Duration::from_secs(30 * 60);

const SQLITE_READERS: u32 = 4;
const POSTGRES_WRITERS: u32 = 4;
const POSTGRES_READERS: u32 = 8;

/// For lists, statistics and verification: so few that they cannot take the machine, and apart from
/// those for keys and single records, which calls and `GET /generation` wait for.
const ANALYSTS: u32 = 2;

/// Pages that a connection to SQLite keeps, KiB, where it reads much: the default is two megabytes,
/// less than the inner pages of the indexes of a large month.
const ANALYST_CACHE_KIB: u32 = 16 * 1024;

/// Which engine is behind the handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// The pools, writers and readers apart.
pub(crate) struct Database {
    pub(crate) engine: Engine,
    pub(crate) is_in_memory: bool,
    writer: AnyPool,
    reader: AnyPool,
    analyst: AnyPool,
}

impl Database {
    /// Opens `sqlite:<path>`, `sqlite::memory:` or `postgres://…`. A SQLite file and the folders
    /// above it are made when they are not there.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return Self::open_sqlite(url, rest).await;
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Self::open_postgres(url).await;
        }
        // The URL may hold a password, so only its scheme is repeated.
        let scheme = url.split(':').next().unwrap_or_default();
        Err(StoreError::BadUrl(format!(
            "\"{scheme}:\" is not known; use sqlite:<file> or postgres://user:password@host/database"
        )))
    }

    async fn open_sqlite(url: &str, rest: &str) -> Result<Self, StoreError> {
        let in_memory = rest.contains(":memory:") || rest.contains("mode=memory");
        let url = if in_memory || rest.contains("mode=") {
            url.to_owned()
        } else {
            make_folders(rest).await?;
            format!(
                "{url}{}mode=rwc",
                if rest.contains('?') { '&' } else { '?' }
            )
        };
        let options = connect_options(&url)?;
        let writing = [
            format!("PRAGMA busy_timeout = {BUSY_MS}"),
            "PRAGMA journal_mode = WAL".to_owned(),
            // Money moves here, in batches: one fsync per batch is worth its price.
            "PRAGMA synchronous = FULL".to_owned(),
            "PRAGMA foreign_keys = ON".to_owned(),
        ];
        let writer = pool(files(1), options.clone(), writing.to_vec()).await?;
        if in_memory {
            // Such a database lives and dies with its one connection.
            return Ok(Self {
                engine: Engine::Sqlite,
                is_in_memory: true,
                reader: writer.clone(),
                analyst: writer.clone(),
                writer,
            });
        }
        let reading = vec![
            format!("PRAGMA busy_timeout = {BUSY_MS}"),
            "PRAGMA query_only = ON".to_owned(),
        ];
        let reader = pool(files(SQLITE_READERS), options.clone(), reading.clone()).await?;
        let mut much = reading;
        much.push(format!("PRAGMA cache_size = -{ANALYST_CACHE_KIB}"));
        let analyst = pool(files(ANALYSTS), options, much).await?;
        Ok(Self {
            engine: Engine::Sqlite,
            is_in_memory: false,
            writer,
            reader,
            analyst,
        })
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options = connect_options(url)?;
        // The server gives up when we do, so that nobody waits for an answer that nobody awaits.
        let limit = vec![format!(
            "SET statement_timeout = {}",
            STATEMENT_MAX.as_millis()
        )];
        let writer = pool(sessions(POSTGRES_WRITERS), options.clone(), limit.clone()).await?;
        let reader = pool(sessions(POSTGRES_READERS), options.clone(), limit.clone()).await?;
        let analyst = pool(sessions(ANALYSTS), options, limit).await?;
        Ok(Self {
            engine: Engine::Postgres,
            is_in_memory: false,
            writer,
            reader,
            analyst,
        })
    }

    /// Begins a transaction that may write. Dropped without a commit it is rolled back.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        let begin = match self.engine {
            // Taking SQLite's write lock at once: upgrading from reading may fail half-way.
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        let begun = tokio::time::timeout(STATEMENT_MAX, self.writer.begin_with(begin)).await;
        let begun = match begun {
            Ok(Err(sqlx::Error::InvalidSavePointStatement)) if !self.is_in_memory => {
                self.replace_writer().await?;
                within(self.writer.begin_with(begin)).await?
            }
            Ok(begun) => begun.map_err(|error| from_sqlx(&error))?,
            Err(_) => return Err(too_slow()),
        };
        Ok(Transaction(begun, self.engine))
    }

    /// Begins a transaction that only reads, for lists and statistics: all it reads is of one moment,
    /// and nobody waits for it. One at a time, and nothing else meanwhile: a database in memory has
    /// only one connection.
    pub(crate) async fn snapshot(&self) -> Result<Transaction, StoreError> {
        let begin = match self.engine {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        let begun = within(self.analyst.begin_with(begin)).await?;
        Ok(Transaction(begun, self.engine))
    }

    /// Closes a connection that is of no use any more: when the disk fails SQLite ends a transaction
    /// by itself, and the driver believes for ever that it is in one.
    async fn replace_writer(&self) -> Result<(), StoreError> {
        let connection = within(self.writer.acquire()).await?;
        within(connection.close()).await
    }

    /// Closes every connection, after what runs has ended.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
        self.analyst.close().await;
    }
}

/// An open transaction, and the engine that it is of.
pub(crate) struct Transaction(sqlx::Transaction<'static, Any>, Engine);

impl Transaction {
    pub(crate) fn engine(&self) -> Engine {
        self.1
    }

    /// Lets its statements take as long as they like.
    pub(crate) async fn unhurried(&mut self) -> Result<(), StoreError> {
        match self.1 {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => self.run_script("SET LOCAL statement_timeout = 0").await,
        }
    }

    /// Runs a statement without binds that is put together from our own constants.
    pub(crate) async fn run_assembled(&mut self, sql: String) -> Result<(), StoreError> {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut *self.0)
            .await
            .map(drop)
            .map_err(|e| from_sqlx(&e))
    }

    /// The places for the binds of several rows: `(…), (…)`. SQLite looks up the name of each bind
    /// that has one by walking a list from its start, so that the work grows with the square of
    /// their number; it gets places without names, which PostgreSQL does not know.
    pub(crate) fn values(&self, rows: usize, columns: usize) -> String {
        let mut text = String::with_capacity(rows * columns * 6);
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { "), (" });
            for column in 0..columns {
                if column > 0 {
                    text.push_str(", ");
                }
                match self.1 {
                    Engine::Sqlite => text.push('?'),
                    // Writing to a String cannot fail.
                    Engine::Postgres => {
                        let _ = write!(text, "${}", row * columns + column + 1);
                    }
                }
            }
        }
        text.push(')');
        text
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        within(self.0.commit()).await
    }

    /// Runs several statements without binds: for migrations, which may take as long as they like.
    pub(crate) async fn run_script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::raw_sql(sql)
            .execute(&mut *self.0)
            .await
            .map(drop)
            .map_err(|e| from_sqlx(&e))
    }
}

/// One statement and its binds, in order.
pub(crate) struct Statement(Query<'static, Any, AnyArguments>);

impl Statement {
    pub(crate) fn new(sql: &'static str) -> Self {
        Self(sqlx::query(sql))
    }

    /// A statement put together from our own constants (a number of placeholders, for example).
    /// What comes from outside is bound, never pasted.
    pub(crate) fn assembled(sql: String) -> Self {
        Self(sqlx::query(AssertSqlSafe(sql)))
    }

    pub(crate) fn int(self, value: i64) -> Self {
        Self(self.0.bind(value))
    }

    pub(crate) fn maybe_int(self, value: Option<i64>) -> Self {
        Self(self.0.bind(value))
    }

    pub(crate) fn flag(self, value: bool) -> Self {
        self.int(i64::from(value))
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.owned_text(value.to_owned())
    }

    pub(crate) fn maybe_text(self, value: Option<&str>) -> Self {
        self.maybe_owned_text(value.map(str::to_owned))
    }

    /// As [`Statement::text`], of a text that was made for it.
    pub(crate) fn owned_text(self, value: String) -> Self {
        Self(self.0.bind(storable(value)))
    }

    pub(crate) fn maybe_owned_text(self, value: Option<String>) -> Self {
        Self(self.0.bind(value.map(storable)))
    }

    /// Runs it in a transaction; how many rows it touched.
    pub(crate) async fn run(self, transaction: &mut Transaction) -> Result<u64, StoreError> {
        let done = within(self.0.execute(&mut *transaction.0)).await?;
        Ok(done.rows_affected())
    }

    /// Runs it in a transaction however long it takes: for waiting on another's migration.
    pub(crate) async fn run_unhurried(
        self,
        transaction: &mut Transaction,
    ) -> Result<(), StoreError> {
        self.0
            .execute(&mut *transaction.0)
            .await
            .map(drop)
            .map_err(|error| from_sqlx(&error))
    }

    /// Runs it in a transaction; the rows it returns.
    pub(crate) async fn rows(self, transaction: &mut Transaction) -> Result<Vec<Row>, StoreError> {
        let rows = within(self.0.fetch_all(&mut *transaction.0)).await?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// As [`Statement::rows`], however long it takes: for what reads the whole database.
    pub(crate) async fn rows_unhurried(
        self,
        transaction: &mut Transaction,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.0.fetch_all(&mut *transaction.0).await;
        let rows = rows.map_err(|error| from_sqlx(&error))?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// Reads outside of any transaction.
    pub(crate) async fn read(self, database: &Database) -> Result<Vec<Row>, StoreError> {
        let rows = within(self.0.fetch_all(&database.reader)).await?;
        Ok(rows.into_iter().map(Row).collect())
    }
}

/// One row of an answer.
pub(crate) struct Row(AnyRow);

impl Row {
    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.0.try_get(column).map_err(|e| from_sqlx(&e))
    }

    pub(crate) fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.0.try_get(column).map_err(|e| from_sqlx(&e))
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.0.try_get(column).map_err(|e| from_sqlx(&e))
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.0.try_get(column).map_err(|e| from_sqlx(&e))
    }
}

/// `$from, $from+1, …`: placeholders for so many binds.
pub(crate) fn placeholders(from: usize, count: usize) -> String {
    let names: Vec<String> = (from..from + count)
        .map(|number| format!("${number}"))
        .collect();
    names.join(", ")
}

/// PostgreSQL's text cannot hold the character NUL, which JSON from outside can spell. It becomes
/// the visible sign for it (U+2400), in both engines alike.
fn storable(text: String) -> String {
    if text.contains('\0') {
        return text.replace('\0', "\u{2400}");
    }
    text
}

fn connect_options(url: &str) -> Result<AnyConnectOptions, StoreError> {
    AnyConnectOptions::from_str(url).map_err(|error| StoreError::BadUrl(error.to_string()))
}

/// So many connections to a SQLite file. They are kept for ever: nothing wears them out, and a
/// database in memory would go with its last one.
fn files(count: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(count)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// So many sessions of PostgreSQL, renewed now and then, so that they follow a failover and let go
/// of memory on the server.
fn sessions(count: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(count)
        .idle_timeout(SESSION_IDLE_MAX)
        .max_lifetime(SESSION_MAX)
}

/// A pool whose every new connection runs `first`; one connection is made now, to fail early.
async fn pool(
    size: AnyPoolOptions,
    options: AnyConnectOptions,
    first: Vec<String>,
) -> Result<AnyPool, StoreError> {
    let first = std::sync::Arc::new(first);
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
async fn make_folders(rest: &str) -> Result<(), StoreError> {
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

/// Awaits one step of work with the database, but not forever.
async fn within<T>(step: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT_MAX, step).await {
        Ok(result) => result.map_err(|error| from_sqlx(&error)),
        Err(_) => Err(too_slow()),
    }
}

fn too_slow() -> StoreError {
    StoreError::Unavailable(format!(
        "no answer within {} seconds",
        STATEMENT_MAX.as_secs()
    ))
}

/// Sorts what went wrong by who must act. What is not known to be the row's own fault counts as
/// the database being away: better to ask again than to lose a record.
fn from_sqlx(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(reply) => match reply.kind() {
            ErrorKind::UniqueViolation => StoreError::AlreadyExists("row"),
            ErrorKind::ForeignKeyViolation => StoreError::Missing("row"),
            ErrorKind::NotNullViolation | ErrorKind::CheckViolation => {
                StoreError::Refused(reply.to_string())
            }
            _ if blames_the_row(reply.code().as_deref().unwrap_or_default()) => {
                StoreError::Refused(reply.to_string())
            }
            _ => StoreError::Unavailable(reply.to_string()),
        },
        sqlx::Error::Encode(_) => StoreError::Refused(error.to_string()),
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::AnyDriverError(_) => StoreError::Unreadable(error.to_string()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// PostgreSQL's classes 22 (bad value), 23 (constraint) and 54 (over a limit of its); SQLite's TOOBIG (18), CONSTRAINT (19)
/// and MISMATCH (20), of which extended codes keep the low byte.
/// Sources: postgresql.org/docs/current/errcodes-appendix.html, sqlite.org/rescode.html.
fn blames_the_row(code: &str) -> bool {
    if code.len() == 5 {
        return ["22", "23", "54"].contains(&code.get(..2).unwrap_or_default());
    }
    code.parse::<i64>()
        .is_ok_and(|code| matches!(code & 0xff, 18..=20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_the_row_itself_are_final() {
        for (code, is_final) in [
            ("22021", true),  // a character the encoding cannot hold
            ("23514", true),  // check constraint
            ("54000", true),  // too large for an index
            ("40P01", false), // deadlock
            ("57P01", false), // shut down by an administrator
            ("53100", false), // disk full
            ("25006", false), // read-only after a failover
            ("5", false),     // SQLITE_BUSY
            ("8", false),     // SQLITE_READONLY
            ("13", false),    // SQLITE_FULL
            ("18", true),     // SQLITE_TOOBIG
            ("3091", true),   // SQLITE_CONSTRAINT_DATATYPE
            ("", false),
        ] {
            assert_eq!(blames_the_row(code), is_final, "{code}");
        }
    }
}
