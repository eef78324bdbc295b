//! What readers may take of the machine, and what becomes of the log of SQLite; `values`: what is bound and
//! read.

mod values;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::time::timeout;

use super::log::{Log, look, writers_pragmas};
use super::pools::{file_options, files, pool};
use super::{Database, Lane, Statement};
use crate::StoreError;

/// A megabyte of pages.
const MEGABYTE: &str = "INSERT INTO heap (bytes) VALUES (zeroblob(1000000))";

/// A file that goes with its folder.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "waybill-database-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn url(&self) -> String {
        format!("sqlite:{}?mode=rwc", self.0.join("waybill.db").display())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A connection that writes as ours do, without anybody who moves its log.
async fn writer(place: &Place) -> SqlitePool {
    let mut first = vec!["PRAGMA journal_mode = WAL".to_owned()];
    first.extend(writers_pragmas());
    let writer = files(1);
    let writer = pool(writer, file_options(&place.url()).unwrap(), first).await;
    let writer = writer.unwrap();
    run(&writer, "CREATE TABLE heap (bytes BLOB)").await;
    writer
}

async fn other(place: &Place) -> SqlitePool {
    let options = file_options(&place.url()).unwrap();
    pool(files(1), options, Vec::new()).await.unwrap()
}

async fn run(pool: &SqlitePool, sql: &'static str) {
    sqlx::query(sql).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_commit_leaves_the_log_to_whoever_keeps_it_short() {
    let place = Place::new();
    let (writer, mover) = (writer(&place).await, other(&place).await);
    for _ in 0..8 {
        run(&writer, MEGABYTE).await;
    }
    let before = look(&mover).await.unwrap();
    assert!(
        before.waiting > 1_900 && before.waiting == before.pages,
        "{before:?}"
    );
    let after = Log::new(2).shorten(&mover).await.unwrap().unwrap();
    assert_eq!((after.pages, after.waiting), (before.pages, 0));
    run(&writer, "INSERT INTO heap (bytes) VALUES (NULL)").await;
    let anew = look(&mover).await.unwrap();
    assert!(anew.pages < 10, "{anew:?}");
}

#[tokio::test]
async fn a_log_that_readers_keep_long_lets_new_ones_wait() {
    let place = Place::new();
    let (writer, mover, reader) = (
        writer(&place).await,
        other(&place).await,
        other(&place).await,
    );
    let log = Log::new(2);
    let turn = log.turn(Lane::Spare).await.unwrap();
    let mut reading = reader.begin_with("BEGIN").await.unwrap();
    let count = sqlx::query("SELECT COUNT(*) FROM heap");
    count.fetch_one(&mut *reading).await.unwrap();
    for _ in 0..40 {
        run(&writer, MEGABYTE).await;
    }
    let ended = async {
        // It has asked for all turns: whoever comes now comes after it.
        tokio::task::yield_now().await;
        let short = Duration::from_millis(50);
        while timeout(short, log.turn(Lane::Spare)).await.is_ok() {}
        reading.commit().await.unwrap();
        drop(turn);
    };
    let (shortened, ()) = tokio::join!(log.shorten(&mover), ended);
    let shortened = shortened.unwrap().unwrap();
    assert!(
        shortened.pages > 8_000 && shortened.waiting == 0,
        "{shortened:?}"
    );
    let turns = timeout(Duration::from_secs(5), log.turn(Lane::Spare)).await;
    assert!(turns.is_ok_and(|turn| turn.is_ok()));
}

#[tokio::test]
async fn a_log_is_kept_short_while_it_is_written() {
    let place = Place::new();
    let database = Database::open(&place.url()).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    Statement::new("CREATE TABLE heap (bytes BLOB)")
        .run(&mut transaction)
        .await
        .unwrap();
    for _ in 0..8 {
        Statement::new(MEGABYTE)
            .run(&mut transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    let watcher = other(&place).await;
    while look(&watcher).await.unwrap().waiting > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    database.close().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn those_who_read_much_stand_back_and_those_who_write_do_not() {
    let place = Place::new();
    let database = Database::open(&place.url()).await.unwrap();
    let own = Standing::of("self").unwrap();
    let low = (own.nice + 10).min(19);
    let there = || async { Ok(Standing::of("thread-self")) };
    let share = Standing { nice: low, ..own };
    assert_eq!(database.apart(there()).await.unwrap(), Some(share));
    // All are used at once, so that all are there.
    let all = (
        database.snapshot_in(Lane::Spare).await.unwrap(),
        database.snapshot_in(Lane::Spare).await.unwrap(),
        database.snapshot().await.unwrap(),
        database.snapshot().await.unwrap(),
    );
    drop(all);
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let of_sqlite = threads.filter_map(|thread| {
        let id = thread.ok()?.file_name().into_string().ok()?;
        let name = std::fs::read_to_string(format!("/proc/self/task/{id}/comm")).ok()?;
        name.starts_with("sqlx-sqlite")
            .then(|| Standing::of(&format!("self/task/{id}")))?
    });
    let of_sqlite: Vec<Standing> = of_sqlite.collect();
    let count = |of: &dyn Fn(&Standing) -> bool| of_sqlite.iter().filter(|one| of(one)).count();
    assert!(count(&|one| one.is_idle) >= 2, "{of_sqlite:?}");
    // Two analysts and the connection that moves the log; the writer and a reader of single records.
    assert!(count(&|one| *one == share) >= 3, "{of_sqlite:?}");
    assert!(count(&|one| *one == own) >= 2, "{of_sqlite:?}");
    database.close().await;
}

/// How a thread stands to others, by the 19th and the 41st field of its `stat` (proc(5)).
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    nice: i64,
    /// `SCHED_IDLE` (sched(7)).
    is_idle: bool,
}

#[cfg(target_os = "linux")]
impl Standing {
    fn of(thread: &str) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{thread}/stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut fields = after_name.split_whitespace();
        Some(Self {
            nice: fields.nth(16)?.parse().ok()?,
            is_idle: fields.nth(21)? == "5",
        })
    }
}

/// Readers in spare time: whatever the machine is doing, whoever waits has an answer.
#[tokio::test]
async fn who_finds_no_spare_time_reads_in_the_share() {
    let place = Place::new();
    let database = Arc::new(Database::open(&place.url()).await.unwrap());
    // The spare lane takes too long and then has no turn, as on a machine without a moment to spare.
    let answer = database.aside(|lane| {
        let database = database.clone();
        async move {
            if lane == Lane::Spare {
                // It fails while the share is still reading, which must not be the answer.
                tokio::time::sleep(Duration::from_millis(1200)).await;
                return Err(StoreError::Unavailable("no turn".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(400)).await;
            let mut snapshot = database.snapshot_in(lane).await?;
            let rows = Statement::new("SELECT 7 AS value")
                .rows(&mut snapshot)
                .await?;
            Ok((lane, rows[0].int("value")?))
        }
    });
    assert_eq!(answer.await.unwrap(), (Lane::Share, 7));
    database.close().await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tests find their server here")]
async fn on_postgres_a_question_takes_one_processor_and_a_bounded_time() {
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        eprintln!("TEST_POSTGRES_URL is not set: not tested on PostgreSQL");
        return;
    };
    let database = Database::open(&url).await.unwrap();
    let mut snapshot = database.snapshot().await.unwrap();
    for (sql, expected) in [
        (
            "SELECT current_setting('max_parallel_workers_per_gather') AS value",
            "0",
        ),
        ("SELECT current_setting('random_page_cost') AS value", "1.1"),
        (
            "SELECT current_setting('statement_timeout') AS value",
            "10s",
        ),
        (
            "SELECT current_setting('idle_in_transaction_session_timeout') AS value",
            "30s",
        ),
        (
            "SELECT current_setting('application_name') AS value",
            "waybill readers",
        ),
    ] {
        let rows = Statement::new(sql).rows(&mut snapshot).await.unwrap();
        assert_eq!(rows[0].text("value").unwrap(), expected, "{sql}");
    }
    drop(snapshot);
    database.close().await;
}

/// Niceness and policy of a process on this machine, as the kernel tells them; nothing where it is no server
/// of PostgreSQL, or not ours to change.
#[cfg(target_os = "linux")]
fn standing(pid: i64) -> Option<(i32, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let (nice, policy) = (fields[16].parse().unwrap(), fields[38].parse().unwrap());
    let process = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?);
    let may = rustix::process::setpriority_process(process, nice).is_ok();
    (name.ends_with("(postgres") && may).then_some((nice, policy))
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tests find their server here")]
async fn on_postgres_sessions_of_readers_stand_back_as_their_lanes_do() {
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        eprintln!("TEST_POSTGRES_URL is not set: not tested on PostgreSQL");
        return;
    };
    let database = Database::open(&url).await.unwrap();
    let who = || Statement::new("SELECT pg_backend_pid()::bigint AS value");
    let mut of_calls = database.begin().await.unwrap();
    let rows = who().rows(&mut of_calls).await.unwrap();
    let Some((nice, policy)) = standing(rows[0].int("value").unwrap()) else {
        eprintln!("the server is elsewhere, or its processes are not ours to tell");
        return database.close().await;
    };
    drop(of_calls);
    assert_eq!(policy, 0, "of calls");
    // As `nice` counts, and as the kernel numbers what it gives them: 5 is what nobody else wants.
    for (lane, expected) in [
        (Lane::Share, ((nice + 10).min(19), 0)),
        (Lane::Spare, (nice, 5)),
    ] {
        let mut snapshot = database.snapshot_in(lane).await.unwrap();
        let rows = who().rows(&mut snapshot).await.unwrap();
        let found = standing(rows[0].int("value").unwrap());
        assert_eq!(found, Some(expected), "{lane:?}");
    }
    database.close().await;
}
