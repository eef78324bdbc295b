//! A program of the run: started with its output in a file, found by the address it prints, and never left behind.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};

/// How often a program that is starting or stopping is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// Time a program has to end by itself before it is killed.
const STOP: Duration = Duration::from_secs(10);
/// Lines of output that an error message shows.
const SHOWN_LINES: usize = 20;

/// A running program. It is killed when dropped: whatever way a run ends, nothing of it stays.
pub(crate) struct Child {
    inner: process::Child,
    name: &'static str,
    log: PathBuf,
    /// When it was started.
    pub(crate) began: Instant,
}

impl Child {
    /// Starts it; standard input stays open until this value is dropped.
    pub(crate) fn start(name: &'static str, mut command: Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file);
        let began = Instant::now();
        let inner = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            inner,
            name,
            log: log.to_owned(),
            began,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.inner.id()
    }

    /// What it has printed so far.
    pub(crate) fn said(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Every address it has printed so far.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.said()).collect()
    }

    /// Ends its standard input and gives it so long to end by itself. Blocks: for the end of a run.
    pub(crate) fn end_input(&mut self, within: Duration) {
        drop(self.inner.stdin.take());
        let until = Instant::now() + within;
        while matches!(self.inner.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until it prints where it listens.
    pub(crate) async fn address(&mut self, within: Duration) -> Result<SocketAddr> {
        let until = self.began + within;
        loop {
            if let Some(address) = self.addresses().first() {
                return Ok(*address);
            }
            self.still_runs(until).await?;
        }
    }

    /// Waits a moment for a program that is starting.
    ///
    /// # Errors
    /// When it has ended, or it is late: with its last words.
    pub(crate) async fn still_runs(&mut self, until: Instant) -> Result<()> {
        self.has_not_ended()?;
        if Instant::now() >= until {
            bail!(
                "{} was not ready in time:\n{}",
                self.name,
                self.last_words()
            );
        }
        sleep(LOOK).await;
        Ok(())
    }

    /// # Errors
    /// When it has ended by itself: with its last words.
    pub(crate) fn has_not_ended(&mut self) -> Result<()> {
        match self.inner.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, self.last_words()),
        }
    }

    /// Asks it to end, waits, and kills it if it does not.
    pub(crate) async fn stop(mut self) -> Result<()> {
        // The standard library can only kill; a shell has `kill` built in on every system.
        let ask = format!("kill -TERM {}", self.pid());
        let _ = Command::new("sh")
            .args(["-c", &ask])
            .stderr(Stdio::null())
            .status();
        let until = Instant::now() + STOP;
        while self.inner.try_wait()?.is_none() {
            if Instant::now() >= until {
                bail!(
                    "{} did not end within {STOP:?} of SIGTERM and was killed",
                    self.name
                );
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// The end of what it printed.
    fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<_> = said.lines().rev().take(SHOWN_LINES).collect();
        lines
            .into_iter()
            .rev()
            .map(|line| format!("    {line}\n"))
            .collect()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.inner.try_wait(), Ok(None)) {
            let _ = self.inner.kill();
            let _ = self.inner.wait();
        }
    }
}

/// Every `http://127.0.0.1:PORT` in a text, as far as the port is complete and not 0.
fn addresses(text: &str) -> impl Iterator<Item = SocketAddr> {
    text.split("http://127.0.0.1:").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let port: u16 = rest[..end].parse().ok().filter(|port| *port > 0)?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Vec<u16> {
        addresses(text).map(|address| address.port()).collect()
    }

    #[test]
    fn an_address_is_found_wherever_it_is_printed() {
        assert_eq!(ports("listening on http://127.0.0.1:4711\n"), [4711]);
        assert_eq!(
            ports("{\"url\":\"http://127.0.0.1:4010/v1\"} http://127.0.0.1:1 "),
            [4010, 1]
        );
    }

    #[test]
    fn a_port_that_is_not_yet_written_to_its_end_is_not_taken() {
        assert_eq!(ports("listening on http://127.0.0.1:47"), [] as [u16; 0]);
        assert_eq!(
            ports("http://127.0.0.1:0\nhttp://10.0.0.1:80\n"),
            [] as [u16; 0]
        );
    }

    #[tokio::test]
    async fn a_program_that_ends_at_once_says_why() {
        let log = std::env::temp_dir().join(format!("bench-child-{}", process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such file >&2; exit 3"]);
        let mut child = Child::start("the program", command, &log).unwrap();
        let error = child
            .address(Duration::from_secs(10))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no such file") && error.contains('3'),
            "{error}"
        );
        fs::remove_file(&log).unwrap();
    }
}
