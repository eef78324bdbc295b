//! The open database: its pools, and how transactions begin.
//!
//! SQLite has one writing connection, because it allows one writer anyway and queueing in the pool
//! is fairer than its busy loop, and a few reading ones, so that a long read never delays a write.

use std::future::Future;

use sqlx::SqlitePool;
use tokio::task::JoinSet;

use super::Transaction;
use super::errors::{STATEMENT_MAX, from_sqlx, too_slow, within};
use super::log::{Log, writers_pragmas};
use super::pools::{
    Pool, file_options, files, make_folders, pool, resting, resting_for_later, server_options,
    sessions, standing_back, standing_back_for_later,
};
use super::readers::{Lane, Readers, Work};
use super::transaction::Kind;
use crate::StoreError;

/// How long SQLite waits for a lock that another process holds.
const BUSY_MS: u32 = 4000;

const SQLITE_READERS: u32 = 4;
const POSTGRES_WRITERS: u32 = 4;
const POSTGRES_READERS: u32 = 8;

/// For lists, statistics and verification: so few that they cannot take the machine, and apart from
/// those for keys and single records, which calls and `GET /generation` wait for.
const ANALYSTS: u32 = 2;

/// Pages that a connection to SQLite keeps, KiB, where it reads much: the default is two megabytes,
/// less than the inner pages of the indexes of a large month.
const ANALYST_CACHE_KIB: u32 = 16 * 1024;

/// Pages that the connection which writes keeps, KiB. What a batch changes has to fit beside what the indexes need:
/// with the default of two megabytes SQLite writes pages to its log before the batch is whole, reads them again
/// for the next row, and writes them once more.
const WRITER_CACHE_KIB: u32 = 16 * 1024;

/// How long PostgreSQL lets a snapshot idle: it keeps what was deleted after it began.
const SNAPSHOT_IDLE_MS: u32 = 30_000;

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
    writer: Pool,
    reader: Pool,
    analysts: Analysts,
    /// Where analysts work; a database in memory has one connection, and nobody works apart.
    readers: Option<Readers>,
    /// Of a SQLite file: its log, the connection over which it is kept short, and the task that does so.
    log: Option<Log>,
    mover: Option<SqlitePool>,
    _keeping: JoinSet<()>,
}

/// Those who read much, by lane.
struct Analysts {
    spare: Pool,
    share: Pool,
}

impl Analysts {
    /// Opens a connection of those that have a share, on their threads, whose priority it keeps. Those that
    /// read in spare time connect when one of them comes, on theirs: on a busy machine nobody has to wait
    /// for them.
    async fn open<P: Into<Pool> + Send + 'static>(
        readers: &Readers,
        share: Work<P>,
        spare: P,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            spare: spare.into(),
            share: readers.run(Lane::Share, share).await?.into(),
        })
    }

    const fn of(&self, lane: Lane) -> &Pool {
        match lane {
            Lane::Spare => &self.spare,
            Lane::Share => &self.share,
        }
    }
}

impl Database {
    /// Opens `sqlite:<path>`, `sqlite::memory:` or `postgres://…`. A SQLite file and the folders
    /// above it are made when they are not there.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
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
        let options = file_options(&url)?;
        let mut writes = writing();
        writes.push(format!("PRAGMA cache_size = -{WRITER_CACHE_KIB}"));
        let writer: Pool = pool(files(1), options.clone(), writes).await?.into();
        if in_memory {
            // Such a database lives and dies with its one connection.
            return Ok(Self {
                engine: Engine::Sqlite,
                is_in_memory: true,
                reader: writer.clone(),
                analysts: Analysts {
                    spare: writer.clone(),
                    share: writer.clone(),
                },
                writer,
                readers: None,
                log: None,
                mover: None,
                _keeping: JoinSet::new(),
            });
        }
        let reading = vec![
            format!("PRAGMA busy_timeout = {BUSY_MS}"),
            "PRAGMA query_only = ON".to_owned(),
        ];
        let reader = pool(files(SQLITE_READERS), options.clone(), reading.clone()).await?;
        let mut much = reading;
        much.push(format!("PRAGMA cache_size = -{ANALYST_CACHE_KIB}"));
        let readers = Readers::start()?;
        let spare = resting_for_later(files(ANALYSTS), options.clone(), much.clone());
        let share = Box::pin(resting(files(ANALYSTS), options.clone(), much));
        let analysts = Analysts::open(&readers, share, spare).await?;
        let (log, mut keeping) = (Log::new(ANALYSTS), JoinSet::new());
        let mover = Box::pin(pool(files(1), options, writing()));
        let mover = readers.run(Lane::Share, mover).await?;
        let kept_short = log.clone().keep_short(mover.clone());
        readers.spawn_beside(Lane::Share, &mut keeping, kept_short);
        Ok(Self {
            engine: Engine::Sqlite,
            is_in_memory: false,
            writer,
            reader: reader.into(),
            analysts,
            readers: Some(readers),
            log: Some(log),
            mover: Some(mover),
            _keeping: keeping,
        })
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options = server_options(url)?;
        // The server gives up when we do, so that nobody waits for an answer that nobody awaits. By
        // their names an operator tells sessions of calls from those of lists and statistics.
        let limit = format!("SET statement_timeout = {}", STATEMENT_MAX.as_millis());
        let named = |name| format!("SET application_name = '{name}'");
        let mut much = vec![limit.clone(), named("waybill readers")];
        let limit = vec![limit, named("waybill")];
        let writer = pool(sessions(POSTGRES_WRITERS), options.clone(), limit.clone()).await?;
        let reader = pool(sessions(POSTGRES_READERS), options.clone(), limit.clone()).await?;
        // One processor for each of them, not as many as there are.
        much.push("SET max_parallel_workers_per_gather = 0".to_owned());
        // What is asked for often is in memory, and disks have no arms: the default of 4 has whole tables
        // read where a fifth of their rows is wanted.
        much.push("SET random_page_cost = 1.1".to_owned());
        much.push(format!(
            "SET idle_in_transaction_session_timeout = {SNAPSHOT_IDLE_MS}"
        ));
        let readers = Readers::start()?;
        let of_spare = (much.clone(), Lane::Spare);
        let spare = standing_back_for_later(sessions(ANALYSTS), options.clone(), of_spare);
        let of_share = (much, Lane::Share);
        let share = Box::pin(standing_back(sessions(ANALYSTS), options, of_share));
        let analysts = Analysts::open(&readers, share, spare).await?;
        Ok(Self {
            engine: Engine::Postgres,
            is_in_memory: false,
            writer: writer.into(),
            reader: reader.into(),
            analysts,
            readers: Some(readers),
            log: None,
            mover: None,
            _keeping: JoinSet::new(),
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
        let kind = Kind::Writes(self.log.clone());
        Ok(Transaction::new(begun, kind))
    }

    /// Begins a transaction that only reads, for statistics and verification: all it reads is of one
    /// moment, and nobody waits for it. One at a time, and nothing else meanwhile: a database in memory
    /// has only one connection.
    pub(crate) async fn snapshot(&self) -> Result<Transaction, StoreError> {
        self.snapshot_in(Lane::Share).await
    }

    /// The same, in the lane of whoever asks.
    pub(crate) async fn snapshot_in(&self, lane: Lane) -> Result<Transaction, StoreError> {
        let begin = match self.engine {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        let turn = match &self.log {
            Some(log) => Some(log.turn(lane).await?),
            None => None,
        };
        // A connection may have to be opened: there, for its priority.
        let analyst = self.analysts.of(lane).clone();
        let begun: Work<_> = Box::pin(async move { within(analyst.begin_with(begin)).await });
        let begun = match &self.readers {
            Some(readers) => readers.run(lane, begun).await?,
            None => begun.await?,
        };
        let kind = Kind::Reads { _turn: turn };
        Ok(Transaction::new(begun, kind))
    }

    /// Does long work that reads much on the threads that have a share. It is on the heap before
    /// anything waits for it, so that whoever does need not have room for it.
    pub(crate) fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        let work: Work<T> = Box::pin(work);
        async move {
            match &self.readers {
                Some(readers) => readers.run(Lane::Share, work).await,
                None => work.await,
            }
        }
    }

    /// Answers somebody who waits, in time that calls leave. The work only reads, for it may be begun
    /// in both lanes.
    pub(crate) fn aside<T, F>(
        &self,
        work: impl Fn(Lane) -> F + Send + Sync,
    ) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let work = move |lane| -> Work<T> { Box::pin(work(lane)) };
        async move {
            match &self.readers {
                Some(readers) => readers.run_spare(work).await,
                None => work(Lane::Share).await,
            }
        }
    }

    pub(super) const fn reader(&self) -> &Pool {
        &self.reader
    }

    /// Closes a connection that is of no use any more: when the disk fails SQLite ends a transaction
    /// by itself, and the driver believes for ever that it is in one.
    async fn replace_writer(&self) -> Result<(), StoreError> {
        self.writer.close_one().await
    }

    /// Closes every connection, after what runs has ended.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
        self.analysts.spare.close().await;
        self.analysts.share.close().await;
        if let Some(mover) = &self.mover {
            mover.close().await;
        }
    }
}

/// What a connection that writes to SQLite is told first.
fn writing() -> Vec<String> {
    let mut first = vec![
        format!("PRAGMA busy_timeout = {BUSY_MS}"),
        "PRAGMA journal_mode = WAL".to_owned(),
        // Money moves here, in batches: one fsync per batch is worth its price.
        "PRAGMA synchronous = FULL".to_owned(),
        "PRAGMA foreign_keys = ON".to_owned(),
    ];
    first.extend(writers_pragmas());
    first
}
