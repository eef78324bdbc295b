//! Configuration: a TOML file, variables over it, every mistake reported at once.
//!
//! | file | holds |
//! |---|---|
//! | `document.rs` | the text as a tree that knows where each value was written |
//! | `reader.rs` | typed settings out of that tree, and every mistake on the way |
//! | `sections.rs` | the plain sections and their defaults |
//! | `providers.rs` | `[providers.*]`: rows of the catalog's own form |
//! | `telemetry.rs` | `[telemetry]`: a collector |
//! | `secret.rs` | `env:NAME`, `file:PATH`, literals; the one place that reads the environment |
//! | `cache.rs` | `[cache]`: how much the response cache may hold |
//! | `records.rs` | `[records]`: how long what is known of calls is kept |
//! | `content.rs` | `[content]`: where the content of calls is kept |
//! | `credentials.rs` | which provider has a credential, and which one would help |
//! | `written_credentials.rs` | `credential` and `credentials` of a provider, as they stand there |
//! | `accounts.rs` | credentials in several variables or in files, as clouds have them |
//! | `status.rs` | `[status]`: who may look at the status page |
//! | `problem.rs` | one mistake, and where it is |
//! | `load.rs` | file → [`Config`] |

mod accounts;
pub mod cache;
pub mod content;
pub mod credentials;
pub mod document;
pub mod load;
pub mod native;
pub mod probes;
pub mod problem;
pub mod providers;
pub mod reader;
pub mod records;
pub mod routing;
pub mod secret;
pub mod sections;
pub mod status;
pub mod telemetry;
mod written_credentials;

use relay::Timers;

pub use load::{Loaded, load, read};
pub use problem::{Place, Problem, Problems};
pub use secret::Environment;

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`
    pub server: sections::Server,
    /// `[storage]`
    pub storage: sections::Storage,
    /// `[cluster]`
    pub cluster: sections::Cluster,
    /// `[billing]`
    pub billing: sections::Billing,
    /// `[limits]`
    pub limits: sections::Limits,
    /// `[timeouts]` and `limits.attempts_max`, for the relay.
    pub timers: Timers,
    /// `[timeouts]`, for the door.
    pub door: sections::DoorTimeouts,
    /// `[log]`
    pub log: sections::Log,
    /// `[telemetry]`
    pub telemetry: telemetry::Telemetry,
    /// `[egress]`
    pub egress: telemetry::Egress,
    /// `[native]`
    pub native: native::NativeAccess,
    /// `[routing]`
    pub routing: routing::Routing,
    /// `[probes]`
    pub probes: Vec<probes::Probe>,
    /// `[records]`
    pub records: records::Records,
    /// `[content]`
    pub content: content::Content,
    /// `[cache]`
    pub cache: cache::CacheBounds,
    /// `[discovery]`
    pub discovery: sections::Discovery,
    /// `[status]`
    pub status: status::StatusPage,
    /// `[providers.*]`
    pub providers: providers::Providers,
}
