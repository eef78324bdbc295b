//! A PostgreSQL of its own for a run: the one that `scripts/with-services` starts for the tests, with its
//! syncing left on.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use super::child::Child;
use super::room::Room;

/// Where an installed PostgreSQL is named; then that one is used.
const VARIABLE: &str = "TEST_POSTGRES_URL";
/// Longest start that is waited for; it may have to be installed first.
const START: Duration = Duration::from_secs(180);
/// Time that it has to end once its input has.
const STOP: Duration = Duration::from_secs(15);
/// Says where it is, and lives until its input ends: with this program, in whatever way that ends.
const SCRIPT: &str = "echo \"database: $TEST_POSTGRES_URL\"; exec cat";

/// A running server.
pub(crate) struct Database {
    child: Child,
    /// Where it is, its password included; not printable on purpose.
    pub(crate) url: String,
    /// Whether it was there before, so that its processor time is not ours to count.
    pub(crate) is_foreign: bool,
}

impl Database {
    /// Starts it and waits until it takes connections.
    ///
    /// # Errors
    /// When there is none and none can be installed: with the script's own words.
    pub(crate) async fn start(root: &Path, room: &Room) -> Result<Self> {
        let mut command = Command::new(root.join("scripts").join("with-services"));
        command
            .args(["sh", "-c", SCRIPT])
            .env("DURABLE", "1")
            .env("TEST_VALKEY_URL", "unused");
        let child = Child::start("scripts/with-services", command, &room.file("database.log"))?;
        let mut database = Self {
            child,
            url: String::new(),
            is_foreign: std::env::var_os(VARIABLE).is_some_and(|url| !url.is_empty()),
        };
        let until = Instant::now() + START;
        while database.url.is_empty() {
            if let Some(url) = read_url(&database.child.said()) {
                database.url = url;
                break;
            }
            let waiting = database.child.still_runs(until).await;
            waiting.context("no PostgreSQL to measure with")?;
        }
        Ok(database)
    }

    /// The process whose children are the server.
    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Killed, the script could not stop the server that it has started.
        self.child.end_input(STOP);
    }
}

fn read_url(said: &str) -> Option<String> {
    let lines = said
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    let mut urls = lines.filter_map(|line| line.strip_prefix("database: "));
    urls.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_once_its_line_is_whole() {
        let said = "with-services: installing postgresql\ndatabase: postgres://u:p@127.0.0.1:5/w";
        assert_eq!(read_url(said), None);
        let whole = [said, "\n"].concat();
        assert_eq!(
            read_url(&whole).as_deref(),
            Some("postgres://u:p@127.0.0.1:5/w")
        );
    }
}
