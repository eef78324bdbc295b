//! The connection to Valkey: one, shared by all, with a deadline on every question.
//!
//! It is either there or away. After [`FAILURES_MAX`] questions without an answer in a row, or one
//! broken connection, it is away: questions fail at once, without a word in the log each, until
//! [`Link::tend`] has been answered again. A connection that was given up is never used again, so a
//! host that swallows packets costs a few deadlines and no more.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Pipeline, RedisError, RedisResult, TlsCertificates, Value,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::scripts::BEAT;

/// For one question, the way there and back included.
pub const DEADLINE: Duration = Duration::from_millis(20);

/// For a connection, TLS and greetings included.
const CONNECT: Duration = Duration::from_millis(500);

/// For the first answer after a connection was made.
const FIRST_ANSWER: Duration = Duration::from_millis(250);

/// Questions without an answer, one after the other, that make it away.
const FAILURES_MAX: u32 = 3;

/// Between two signs of life.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Between two tries while it is away.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// A process that has been silent for so long is gone.
const SILENT_MAX: Duration = Duration::from_secs(10);

/// For so long a number of replicas that was seen is still reckoned with when fewer are: those that
/// have not come back yet after Valkey has.
const COUNT_KEPT: Duration = Duration::from_secs(60);

/// Between two lines in the log that say that it is still away.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Where processes say that they are there.
const MEMBERS: &str = "waybill:members";

/// How a certificate begins in PEM.
const BEGINS: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Valkey does not answer, or not in time.
#[derive(Debug, Clone, thiserror::Error)]
#[error("valkey is away: {0}")]
pub struct Away(String);

impl Away {
    /// It answered something that nobody asked for.
    pub(crate) fn unread() -> Self {
        Self("an answer of another kind".to_owned())
    }
}

/// What is counted about the link, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Whether it is there.
    pub is_there: bool,
    /// How often it was lost.
    pub losses: u64,
    /// Questions asked since the start.
    pub questions: u64,
    /// Those of them that had no answer.
    pub failures: u64,
    /// Replicas that are reckoned with.
    pub replicas: u32,
}

/// The link to Valkey. Its `Debug` shows no address: that may hold a password.
pub struct Link {
    client: Client,
    /// This process, for as long as it runs.
    name: String,
    connection: ArcSwapOption<MultiplexedConnection>,
    is_lost: Notify,
    is_there: AtomicBool,
    in_a_row: AtomicU32,
    replicas: AtomicU32,
    losses: AtomicU64,
    questions: AtomicU64,
    failures: AtomicU64,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("name", &self.name)
            .field("is_there", &self.is_there())
            .finish_non_exhaustive()
    }
}

impl Link {
    /// A link to that server (`redis://…` or `rediss://…`), which is away until [`Link::tend`] runs.
    /// `name` is this process's own, new at each start. `replicas` are reckoned with until it is
    /// known how many there are.
    ///
    /// # Errors
    /// When the URL is none. The message does not repeat it.
    pub fn new(url: &str, name: String, replicas: u32) -> Result<Self, Away> {
        let client = Client::open(url).map_err(|error| Away(error.category().to_owned()))?;
        Ok(Self::over(client, name, replicas))
    }

    /// The same under TLS (`rediss://…`) with a server for which one of these authorities vouches
    /// (certificates as PEM), instead of a public one.
    ///
    /// # Errors
    /// When the URL is none or has no TLS, or when there is no certificate.
    pub fn trusting(
        authorities: &[u8],
        url: &str,
        name: String,
        replicas: u32,
    ) -> Result<Self, Away> {
        let is_empty = !authorities.windows(BEGINS.len()).any(|here| here == BEGINS);
        if is_empty {
            return Err(Away("no certificate of an authority".to_owned()));
        }
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: Some(authorities.to_vec()),
        };
        let client = Client::build_with_tls(url, certificates);
        let client = client.map_err(|error| Away(error.category().to_owned()))?;
        Ok(Self::over(client, name, replicas))
    }

    fn over(client: Client, name: String, replicas: u32) -> Self {
        Self {
            client,
            name,
            connection: ArcSwapOption::empty(),
            is_lost: Notify::new(),
            is_there: AtomicBool::new(false),
            in_a_row: AtomicU32::new(0),
            replicas: AtomicU32::new(replicas.max(1)),
            losses: AtomicU64::new(0),
            questions: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// This process's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether Valkey has answered lately.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Acquire)
    }

    /// How many replicas there are, this one included: the most that were seen within the last minute.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.replicas.load(Ordering::Relaxed)
    }

    /// How often it was lost.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// The figures of this moment.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            is_there: self.is_there(),
            losses: of(&self.losses),
            questions: of(&self.questions),
            failures: of(&self.failures),
            replicas: self.replicas(),
        }
    }

    /// Asks all of it in one round trip, within [`DEADLINE`].
    ///
    /// # Errors
    /// [`Away`], at once while it is known to be.
    pub async fn ask(&self, questions: &Pipeline) -> Result<Vec<Value>, Away> {
        let Some(connection) = self.connection.load_full() else {
            return Err(Away("no connection".to_owned()));
        };
        let asked = self.answer(&connection, questions, DEADLINE).await;
        match &asked {
            Ok(_) => self.in_a_row.store(0, Ordering::Relaxed),
            Err(_) => {
                let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                if in_a_row >= FAILURES_MAX {
                    self.lose();
                }
            }
        }
        asked
    }

    async fn answer(
        &self,
        connection: &MultiplexedConnection,
        questions: &Pipeline,
        within: Duration,
    ) -> Result<Vec<Value>, Away> {
        let count = u64::try_from(questions.len()).unwrap_or(u64::MAX);
        self.questions.fetch_add(count, Ordering::Relaxed);
        let mut connection = connection.clone();
        let answer = timeout(within, questions.query_async::<Vec<Value>>(&mut connection));
        let result: Result<RedisResult<Vec<Value>>, _> = answer.await;
        let away = match result {
            Ok(Ok(values)) => return Ok(values),
            Ok(Err(error)) => {
                if error.is_unrecoverable_error() || error.is_connection_dropped() {
                    self.lose();
                }
                // Never the server's own words: they may repeat what was asked.
                Away(error.category().to_owned())
            }
            Err(_) => Away(format!("no answer within {} ms", within.as_millis())),
        };
        self.failures.fetch_add(count, Ordering::Relaxed);
        Err(away)
    }

    fn lose(&self) {
        // In this order: whoever sees it there again sees that it was lost.
        if self.connection.swap(None).is_some() {
            self.losses.fetch_add(1, Ordering::Release);
        }
        self.is_there.store(false, Ordering::Release);
        self.is_lost.notify_one();
    }

    /// Keeps the link: connects, says that this process is there, and connects again. Runs until it
    /// is told to stop.
    pub async fn tend(&self, stop: CancellationToken) {
        let mut sayings = Sayings::default();
        let mut seen = Seen::default();
        loop {
            let beat = self.beat().await;
            let wait = match &beat {
                Ok(count) => {
                    let now = Instant::now();
                    let count = seen.reckon(*count, now);
                    self.replicas.store(count, Ordering::Relaxed);
                    self.in_a_row.store(0, Ordering::Relaxed);
                    self.is_there.store(true, Ordering::Release);
                    sayings.is_there();
                    BEAT_EVERY
                }
                Err(error) => {
                    self.lose();
                    sayings.is_away(error, Instant::now());
                    RETRY_EVERY
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(wait) => {}
                () = self.is_lost.notified(), if beat.is_ok() => {}
            }
        }
    }

    async fn beat(&self) -> Result<u32, Away> {
        let connection = match self.connection.load_full() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut pipeline = Pipeline::new();
        pipeline
            .cmd("EVAL")
            .arg(BEAT)
            .arg(1)
            .arg(MEMBERS)
            .arg(&self.name)
            .arg(SILENT_MAX.as_millis().to_string());
        let values = self.answer(&connection, &pipeline, FIRST_ANSWER).await?;
        let count = match values.first() {
            Some(Value::Int(count)) => u32::try_from(*count).unwrap_or(u32::MAX),
            _ => return Err(Away::unread()),
        };
        self.connection.store(Some(connection));
        Ok(count)
    }

    async fn connect(&self) -> Result<Arc<MultiplexedConnection>, Away> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(CONNECT));
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        match timeout(CONNECT, connecting).await {
            Ok(Ok(connection)) => Ok(Arc::new(connection)),
            Ok(Err(error)) => Err(Away(why_not_connected(&error))),
            Err(_) => Err(Away("no connection in time".to_owned())),
        }
    }
}

/// What the network or TLS says of a connection that could not be made; of anything else only its kind,
/// for a server may repeat a password.
fn why_not_connected(error: &RedisError) -> String {
    let kind = error.category().to_owned();
    match error.source().filter(|_| error.is_io_error()) {
        Some(cause) => format!("{kind}: {cause}"),
        None => kind,
    }
}

/// How many replicas to reckon with.
#[derive(Debug, Default)]
struct Seen {
    most: u32,
    at: Option<Instant>,
}

impl Seen {
    fn reckon(&mut self, count: u32, now: Instant) -> u32 {
        let is_old = self.at.is_none_or(|at| now - at > COUNT_KEPT);
        if count >= self.most || is_old {
            self.most = count;
            self.at = Some(now);
        }
        self.most
    }
}

/// What is written in the log, and how seldom.
#[derive(Debug, Default)]
struct Sayings {
    away_since: Option<Instant>,
    said: Option<Instant>,
    has_been_there: bool,
}

impl Sayings {
    fn is_there(&mut self) {
        self.said = None;
        if let Some(since) = self.away_since.take() {
            let seconds = since.elapsed().as_secs();
            tracing::info!(away_seconds = seconds, "valkey is back");
        } else if !self.has_been_there {
            tracing::info!("replicas share limits through valkey");
        }
        self.has_been_there = true;
    }

    fn is_away(&mut self, error: &Away, now: Instant) {
        self.away_since.get_or_insert(now);
        if self.said.is_none_or(|said| now - said >= SAY_EVERY) {
            self.said = Some(now);
            tracing::warn!(%error, "valkey is away; limits hold by this replica's own share of them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_that_are_missed_are_reckoned_with_for_a_minute() {
        let mut seen = Seen::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(seen.reckon(3, at(0)), 3);
        assert_eq!(seen.reckon(1, at(59)), 3);
        assert_eq!(seen.reckon(2, at(61)), 2);
        assert_eq!(seen.reckon(4, at(62)), 4);
    }

    #[test]
    fn a_url_that_is_none_is_not_repeated() {
        let error = Link::new("redis//:secret@host", String::new(), 1).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn who_is_trusted_is_said_with_certificates_and_of_tls_alone() {
        let certificate = include_bytes!("../../relay/tests/it/throwaway-certificate.pem");
        let trusting = |authorities, url| Link::trusting(authorities, url, String::new(), 1);
        trusting(certificate, "rediss://localhost:6380").unwrap();
        trusting(certificate, "redis://localhost:6379").unwrap_err();
        trusting(b"", "rediss://localhost:6380").unwrap_err();
        trusting(b"not a certificate", "rediss://localhost:6380").unwrap_err();
    }
}
