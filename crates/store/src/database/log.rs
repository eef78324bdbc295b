//! The log of a SQLite file (its WAL): what was committed moves from there into the file itself, beside
//! those who write.
//!
//! Left alone, SQLite does so within whichever commit finds the log long, and its `fsync`s with it. Here
//! it is done on a connection, and so on a thread, of its own.
//! A reader keeps in the log what was committed after its snapshot, and while one reader follows the
//! other, the log is never empty and never begins anew. So one that has become long in spite of all lets
//! new readers wait until those that read have ended; nobody who writes waits for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{Row as _, SqlitePool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::errors::{from_sqlx, within};
use super::readers::Lane;
use crate::StoreError;

/// How often it is looked how long the log is, when something was committed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Pages (of 4 KiB) that are worth moving: as many as SQLite waits for.
const PAGES_WORTH: i64 = 1_000;

/// Pages from which on the log is too long.
const PAGES_LONG: i64 = 8_000;

/// Pages from which on a commit moves them after all, should nobody else do so.
const PAGES_LAST: u32 = 32_000;

/// What the log's file keeps of its length when it begins anew, bytes.
const BYTES_KEPT: u32 = 64 << 20;

/// How long new readers wait for those that read, and the log for another try.
const GATE_MAX: Duration = Duration::from_secs(2);
const GATE_PAUSE: Duration = Duration::from_secs(10);

/// Tries with the readers gone: somebody may commit meanwhile.
const TRIES: usize = 5;
const TRY_PAUSE: Duration = Duration::from_millis(10);

/// How long a reader waits for its turn before the database counts as away.
const TURN_MAX: Duration = Duration::from_secs(5);

/// The leave to read; the log is not emptied of what its holder may want to read.
pub(super) type Turn = OwnedSemaphorePermit;

/// The log, as those know it who read and write.
#[derive(Clone)]
pub(super) struct Log {
    /// In each lane, who waits first has the first turn, the log itself included, which waits for all of
    /// them.
    spare: Arc<Semaphore>,
    share: Arc<Semaphore>,
    readers: u32,
    has_more: Arc<AtomicBool>,
}

/// How long the log is, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    /// All of them.
    pub(super) pages: i64,
    /// Those that are not in the file yet.
    pub(super) waiting: i64,
}

/// What a connection that writes is told about the log.
pub(super) fn writers_pragmas() -> [String; 2] {
    [
        format!("PRAGMA wal_autocheckpoint = {PAGES_LAST}"),
        format!("PRAGMA journal_size_limit = {BYTES_KEPT}"),
    ]
}

impl Log {
    /// The log of a file that so many read much of at a time in each lane.
    pub(super) fn new(readers: u32) -> Self {
        let turns = || Arc::new(Semaphore::new(readers as usize));
        Self {
            spare: turns(),
            share: turns(),
            readers,
            has_more: Arc::default(),
        }
    }

    /// Something was committed.
    pub(super) fn has_grown(&self) {
        self.has_more.store(true, Ordering::Relaxed);
    }

    /// Waits for leave to read.
    pub(super) async fn turn(&self, lane: Lane) -> Result<Turn, StoreError> {
        let turns = match lane {
            Lane::Spare => &self.spare,
            Lane::Share => &self.share,
        };
        let turn = timeout(TURN_MAX, turns.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            StoreError::Unavailable(format!(
                "{} others read, for longer than {} seconds",
                self.readers,
                TURN_MAX.as_secs()
            ))
        })
    }

    /// Keeps it short until the pool, which has a connection of its own, is closed.
    pub(super) async fn keep_short(self, pool: SqlitePool) {
        loop {
            sleep(LOOK_EVERY).await;
            if pool.is_closed() {
                return;
            }
            if !self.has_more.swap(false, Ordering::Relaxed) {
                continue;
            }
            let pause = match self.shorten(&pool).await {
                Ok(Some(_)) => continue,
                // Somebody reads on and on; that is allowed.
                Ok(None) => GATE_PAUSE,
                Err(error) => {
                    tracing::warn!(%error, "the log of the database could not be moved into it");
                    GATE_PAUSE
                }
            };
            self.has_grown();
            sleep(pause).await;
        }
    }

    /// Moves into the file what is worth it; how long the log is then, or `None` if it has become too
    /// long and readers keep it so. Where all of it was moved, the next commit begins it anew.
    pub(super) async fn shorten(&self, pool: &SqlitePool) -> Result<Option<Length>, StoreError> {
        let length = look(pool).await?;
        if length.waiting < PAGES_WORTH {
            return Ok(Some(length));
        }
        let length = shift(pool).await?;
        // Readers hold some of it back, or have not let it begin anew when all of it was moved.
        if length.pages < PAGES_LONG {
            return Ok(Some(length));
        }
        let (spare, share) = (&self.spare, &self.share);
        let all = async {
            tokio::try_join!(
                spare.acquire_many(self.readers),
                share.acquire_many(self.readers)
            )
        };
        let Ok(Ok(_all)) = timeout(GATE_MAX, all).await else {
            return Ok(None);
        };
        for _ in 0..TRIES {
            let length = shift(pool).await?;
            if length.waiting == 0 {
                return Ok(Some(length));
            }
            sleep(TRY_PAUSE).await;
        }
        Ok(None)
    }
}

/// How long the log is.
pub(super) async fn look(pool: &SqlitePool) -> Result<Length, StoreError> {
    checkpoint(pool, "PRAGMA wal_checkpoint(NOOP)").await
}

/// Moves what no reader holds back, and makes it durable.
async fn shift(pool: &SqlitePool) -> Result<Length, StoreError> {
    checkpoint(pool, "PRAGMA wal_checkpoint(PASSIVE)").await
}

async fn checkpoint(pool: &SqlitePool, sql: &'static str) -> Result<Length, StoreError> {
    let row = within(sqlx::query(sql).fetch_one(pool)).await?;
    let number = |column: usize| {
        row.try_get::<i64, _>(column)
            .map_err(|error| from_sqlx(&error))
    };
    let (pages, moved) = (number(1)?, number(2)?);
    Ok(Length {
        pages: pages.max(0),
        waiting: (pages - moved).max(0),
    })
}
