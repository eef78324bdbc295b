//! The handle that owns a running simulator.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::ToSocketAddrs;
use tokio::task::JoinSet;

use crate::cache::Cache;
use crate::gate::{self, AwsCredentials};
use crate::ledger::{Ledger, Limits};
use crate::persona::{Persona, PersonaSpec, demo_fleet, dialect_fleet};
use crate::script::{Script, Shelf};
use crate::socket;
use crate::stage::Stage;

/// How a simulator is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The only key it accepts; `None` accepts everyone.
    pub key: Option<String>,
    /// How much its ledger keeps.
    pub limits: Limits,
    /// The personas beside the plain simulator.
    pub personas: Vec<PersonaSpec>,
    /// What AWS signatures are checked against.
    pub aws: AwsCredentials,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            key: None,
            limits: Limits::default(),
            personas: demo_fleet().into_iter().chain(dialect_fleet()).collect(),
            aws: AwsCredentials::default(),
        }
    }
}

/// A running simulator. Dropping it stops it at once; [`Simulator::shutdown`] waits for that as well.
pub struct Simulator {
    addr: SocketAddr,
    stage: Arc<Stage>,
    tasks: JoinSet<()>,
}

impl Simulator {
    /// Starts a simulator on this address (`127.0.0.1:0` picks a free port), on the current tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::start_with(addr, Options::default()).await
    }

    /// Starts a simulator that is set up as told.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start_with(addr: impl ToSocketAddrs, options: Options) -> io::Result<Self> {
        let listener = socket::listen(addr).await?;
        let addr = listener.local_addr()?;
        let root = root_url(addr);
        let personas = options.personas.into_iter().map(|spec| spec.placed(&root));
        let stage = Arc::new(Stage {
            ledger: Arc::new(Ledger::new(options.limits)),
            shelf: Shelf::default(),
            personas: personas.collect(),
            key: RwLock::new(options.key),
            cache: Cache::default(),
            aws: options.aws,
            root_url: root.clone(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(socket::accept(listener, stage.clone()));
        Ok(Self { addr, stage, tasks })
    }

    /// From now on every call must carry this key, as a bearer token, `x-api-key` or `api-key`.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        *self
            .stage
            .key
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(key.to_owned());
        self
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its own pages are: `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn root_url(&self) -> String {
        root_url(self.addr)
    }

    /// The base URL of the plain simulator: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.root_url())
    }

    /// The personas beside the plain simulator.
    #[must_use]
    pub fn personas(&self) -> &[Persona] {
        &self.stage.personas
    }

    /// The simulated service account that the token endpoint knows, as the JSON file Google hands out. Its key is in
    /// the source and opens nothing but simulators.
    #[must_use]
    pub fn service_account(&self) -> String {
        gate::service_account(&self.root_url()).to_string()
    }

    /// What a way of calling needs (`sigv4`, `google`), as text: AWS keys or a service account as JSON. `None` for
    /// ways that need nothing as long as no key is set.
    #[must_use]
    pub fn credential(&self, auth: &str) -> Option<String> {
        match auth {
            "sigv4" => Some(gate::aws_keys(&self.stage.aws).to_string()),
            "google" => Some(self.service_account()),
            _ => None,
        }
    }

    /// What was asked and what was served; it outlives the simulator.
    #[must_use]
    pub fn ledger(&self) -> Arc<Ledger> {
        self.stage.ledger.clone()
    }

    /// From now on this model (`*`: any) is answered so, unless a header, a queued script or the model's name
    /// says otherwise.
    pub fn script(&self, model: &str, script: Script) {
        self.stage.shelf.put(model, script);
    }

    /// Queues a script for one call to this model (`*`: any); scripts are used in the order they came.
    /// Returns `false` when the queue is full.
    pub fn script_once(&self, model: &str, script: Script) -> bool {
        self.stage.shelf.put_once(model, script)
    }

    /// Forgets every script that was given so.
    pub fn clear_scripts(&self) {
        self.stage.shelf.clear();
    }

    /// Stops listening, ends every connection, and waits until that is done.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

/// A URL that reaches the address, also where it stands for every address.
fn root_url(addr: SocketAddr) -> String {
    let host = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("http://{host}:{}", addr.port())
}
