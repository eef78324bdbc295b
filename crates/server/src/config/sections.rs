//! The plain sections: one struct each, defaults beside their meaning.

use std::net::SocketAddr;
use std::path::PathBuf;

use ledger::Amount;
use relay::{Timers, UnpricedPolicy};

use super::reader::Reader;
use super::secret::Written;
use crate::limits::{RateRow, Rule, Span};
use crate::money::read_usd_text;
use crate::workspace_terms::{FallbackPrices, policy_of_prices, policy_of_word};

/// `[server]`: where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Address and port; port 0 takes a free one and prints it.
    pub listen: SocketAddr,
    /// How callers reach it, without a slash at the end; absent means `http://` and `listen`.
    pub public_url: Option<String>,
    /// Where the embedded database and kept settings live.
    pub data_dir: PathBuf,
    /// Connections served at once, 1–1,000,000; more wait in the kernel's queue.
    pub connections_max: usize,
}

/// `[storage]`: the system of record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// `sqlite:PATH` or `postgres://…`, or a reference to it; absent means SQLite in the data
    /// directory.
    pub url: Option<Written>,
    /// The most that settled calls may take on this machine's disk until the database has them, in
    /// bytes: 1 MiB to 1 TiB.
    pub journal_bytes_max: u64,
    /// What secrets in the database are sealed with, or a reference to it; absent means the file
    /// `master.key` in the data directory.
    pub master_key: Option<Written>,
}

/// `[cluster]`: only when several replicas share one PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// `redis://…`; absent means one replica.
    pub valkey: Option<Written>,
    /// A file with the certificates (PEM) of the authorities that vouch for a `rediss://…`; absent means
    /// public ones.
    pub valkey_ca: Option<PathBuf>,
    /// How many replicas to reckon with until Valkey has said how many there are, 1–1,000.
    pub replicas: u32,
}

/// How calls are paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillingMode {
    /// Count everything; no balance needed.
    Metered,
    /// A workspace spends what it was granted, and no more.
    Prepaid,
}

/// `[billing]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Billing {
    /// How calls are paid for.
    pub mode: BillingMode,
    /// What happens when nobody states a price.
    pub unpriced: UnpricedPolicy,
    /// Whether a call that costs nothing is refused, too, when a budget has nothing left.
    pub free_needs_money: bool,
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest request body, bytes.
    pub body_bytes_max: usize,
    /// Rate limits of the house, those of free variants included.
    pub rules: Vec<Rule>,
    /// What a key may spend within an hour before it is frozen; absent means that nobody looks.
    pub velocity_per_hour: Option<Amount>,
}

/// `[timeouts]` that are not the relay's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorTimeouts {
    /// For the head of a request to arrive; as long as that, an idle connection is kept. Longer
    /// than the 60 s of common load balancers, which must be the first to let go.
    pub request_head: std::time::Duration,
    /// For the whole body of a request to arrive.
    pub request_body: std::time::Duration,
    /// For calls in flight to end after a signal to stop.
    pub drain: std::time::Duration,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// Lines for people.
    Human,
    /// One JSON object per line.
    Json,
}

/// `[log]`: always to stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// For whom.
    pub format: LogForm,
    /// A level, or a filter such as `info,relay=debug`.
    pub filter: String,
}

/// `[discovery]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovery {
    /// Whether to look for local inference engines on their standard ports at start.
    pub local_engines: bool,
}

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const MEBIBYTE: u64 = 1 << 20;
const GIBIBYTE: u64 = 1 << 30;

/// Reads `[server]`.
pub(super) fn server(reader: &mut Reader<'_>) -> Server {
    let mut section = reader.section("server");
    let default = SocketAddr::from(([127, 0, 0, 1], 8080));
    let server = Server {
        listen: section
            .parsed("listen", "127.0.0.1:8080", |text| {
                text.parse::<SocketAddr>().map_err(|_| {
                    format!("\"{text}\" is not an address and port such as \"127.0.0.1:8080\"")
                })
            })
            .unwrap_or(default),
        public_url: section.optional_parsed("public_url", http_url),
        data_dir: PathBuf::from(section.text("data_dir", "data")),
        connections_max: size(section.integer("connections_max", 10_000, 1..=1_000_000)),
    };
    section.finish();
    server
}

/// Reads `[storage]`.
pub(super) fn storage(reader: &mut Reader<'_>) -> Storage {
    let mut section = reader.section("storage");
    let url = section.optional_parsed("url", |text| {
        let known = ["sqlite:", "postgres://", "postgresql://", "env:", "file:"];
        if known.iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Written::new(text));
        }
        // Never show the value: it may hold a password.
        Err("expected \"sqlite:PATH\" or \"postgres://user:password@host/database\"")
    });
    let journal_bytes_max =
        section.integer("journal_bytes_max", GIBIBYTE, MEBIBYTE..=1024 * GIBIBYTE);
    let master_key = section.optional_text("master_key");
    section.finish();
    Storage {
        url,
        journal_bytes_max,
        master_key: master_key.as_deref().map(Written::new),
    }
}

/// Reads `[cluster]`.
pub(super) fn cluster(reader: &mut Reader<'_>) -> Cluster {
    let mut section = reader.section("cluster");
    let valkey = section.optional_parsed("valkey", |text| {
        let known = ["redis://", "rediss://", "env:", "file:"];
        if known.iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Written::new(text));
        }
        Err("expected \"redis://host:6379\"")
    });
    let valkey_ca = section.optional_text("valkey_ca").map(PathBuf::from);
    let replicas = section.integer("replicas", 2, 1..=1000);
    section.finish();
    Cluster {
        valkey,
        valkey_ca,
        replicas: u32::try_from(replicas).unwrap_or(1),
    }
}

/// Reads `[billing]`.
pub(super) fn billing(reader: &mut Reader<'_>) -> Billing {
    let mut section = reader.section("billing");
    let modes = [
        ("metered", BillingMode::Metered),
        ("prepaid", BillingMode::Prepaid),
    ];
    let mode = section.choice("mode", &modes);
    let unpriced = section.word_or_table(
        "unpriced",
        "allow",
        policy_of_word,
        |prices: FallbackPrices| policy_of_prices(&prices),
    );
    let free_needs_money = section.boolean("free_needs_money", false);
    section.finish();
    Billing {
        free_needs_money,
        mode: mode.unwrap_or(BillingMode::Metered),
        unpriced: unpriced.unwrap_or_default(),
    }
}

/// Reads `[limits]`; the cap on attempts belongs to the relay's timers.
pub(super) fn limits(reader: &mut Reader<'_>, timers: &mut Timers) -> Limits {
    let mut section = reader.section("limits");
    let body_bytes_max = size(section.integer("body_bytes_max", 32 << 20, 1024..=GIBIBYTE));
    let rows = section.rows("rate", |row: RateRow| row.rules());
    let mut rules: Vec<Rule> = rows.into_iter().flatten().collect();
    for (key, span) in [
        ("free_requests_per_minute", Span::Minute),
        ("free_requests_per_day", Span::Day),
    ] {
        let limit = section.integer(key, 0, 0..=u64::MAX);
        if limit > 0 {
            rules.push(Rule::of_free_models(span, limit));
        }
    }
    let limits = Limits {
        body_bytes_max,
        rules,
        velocity_per_hour: section.optional_parsed("velocity_usd_per_hour", read_usd_text),
    };
    timers.attempts_max = size(section.integer("attempts_max", 4, 1..=20));
    section.finish();
    limits
}

/// Reads `[timeouts]`: the relay's and the door's.
pub(super) fn timeouts(reader: &mut Reader<'_>, timers: &mut Timers) -> DoorTimeouts {
    let mut section = reader.section("timeouts");
    let any = 1..=24 * HOUR_MS;
    timers.connect = section.milliseconds("connect_ms", 10_000, any.clone());
    timers.first_token = section.milliseconds("first_token_ms", 120_000, any.clone());
    timers.idle = section.milliseconds("idle_ms", 120_000, any.clone());
    timers.total = section.milliseconds("total_ms", 600_000, any.clone());
    timers.deadline = section.milliseconds("deadline_ms", 900_000, any.clone());
    timers.hold = section.milliseconds("hold_ms", 10_000, any.clone());
    timers.keep_alive = section.milliseconds("keep_alive_ms", 10_000, any.clone());
    let door = DoorTimeouts {
        request_head: section.milliseconds("request_head_ms", 75_000, any.clone()),
        request_body: section.milliseconds("request_body_ms", 60_000, any),
        drain: section.milliseconds("drain_ms", 30_000, 0..=HOUR_MS),
    };
    section.finish();
    door
}

/// Reads `[log]`.
pub(super) fn log(reader: &mut Reader<'_>) -> Log {
    let mut section = reader.section("log");
    let forms = [("human", LogForm::Human), ("json", LogForm::Json)];
    let log = Log {
        format: section.choice("format", &forms).unwrap_or(LogForm::Human),
        filter: section
            .parsed("filter", "info", |text| {
                text.parse::<tracing_subscriber::EnvFilter>()
                    .map(|_| text.to_owned())
                    .map_err(|error| format!("\"{text}\" is not a log filter: {error}"))
            })
            .unwrap_or_else(|| "info".to_owned()),
    };
    section.finish();
    log
}

/// Reads `[discovery]`.
pub(super) fn discovery(reader: &mut Reader<'_>) -> Discovery {
    let mut section = reader.section("discovery");
    let local_engines = section.boolean("local_engines", true);
    section.finish();
    Discovery { local_engines }
}

/// A URL without a slash at its end.
pub(super) fn http_url(text: &str) -> Result<String, String> {
    let is_url = text
        .parse::<http::Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    if is_url {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(format!(
        "\"{text}\" is not a URL such as \"https://llm.example.com\""
    ))
}

pub(super) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
