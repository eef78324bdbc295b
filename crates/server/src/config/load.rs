//! From a file to a [`Config`].

use std::path::{Path, PathBuf};

use relay::Timers;

use super::document::{self, VARIABLE_PREFIX};
use super::problem::{Problem, Problems};
use super::reader::{Reader, Setting};
use super::{
    Config, Environment, cache, content, native, probes, providers, records, routing, sections,
    status, telemetry,
};

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "waybill.toml";

/// A configuration and everything wrong with it. Where a value was wrong, its default stands.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The file it came from, for messages.
    pub file: String,
    /// The configuration.
    pub config: Config,
    /// Every mistake so far; the catalog may find more.
    pub problems: Vec<Problem>,
    /// Every plain setting that exists.
    pub settings: Vec<Setting>,
}

impl Loaded {
    /// The configuration, if nothing is wrong with it.
    ///
    /// # Errors
    /// With every mistake.
    pub fn into_config(self) -> Result<Config, Problems> {
        if self.problems.is_empty() {
            return Ok(self.config);
        }
        Err(Problems {
            file: self.file,
            all: self.problems,
        })
    }

    /// Adds mistakes that were found later, in the order of the file.
    pub fn add(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
        self.problems.sort();
        self.problems.dedup();
    }
}

/// Reads a configuration from its text and the environment.
#[must_use]
pub fn read(file: &str, text: &str, environment: &Environment) -> Loaded {
    let mut problems = Vec::new();
    let variables = environment.beginning_with(VARIABLE_PREFIX);
    let document = document::parse(text, &variables, &mut problems);
    let mut reader = Reader::new(document, problems);
    let mut timers = Timers::default();
    let config = Config {
        server: sections::server(&mut reader),
        storage: sections::storage(&mut reader),
        cluster: sections::cluster(&mut reader),
        billing: sections::billing(&mut reader),
        limits: sections::limits(&mut reader, &mut timers),
        door: sections::timeouts(&mut reader, &mut timers),
        log: sections::log(&mut reader),
        telemetry: telemetry::telemetry(&mut reader),
        egress: telemetry::egress(&mut reader),
        native: native::native(&mut reader),
        routing: routing::routing(&mut reader),
        probes: probes::probes(&mut reader),
        records: records::records(&mut reader),
        content: content::content(&mut reader),
        cache: cache::cache(&mut reader),
        discovery: sections::discovery(&mut reader),
        status: status::status(&mut reader),
        providers: providers::providers(&mut reader),
        timers,
    };
    let (settings, problems) = reader.finish();
    Loaded {
        file: file.to_owned(),
        config,
        problems,
        settings,
    }
}

/// Finds and reads the configuration: `named`, else `WAYBILL_CONFIG`, else `waybill.toml` if it is
/// there, else the defaults.
///
/// # Errors
/// When a file that was named cannot be read.
pub fn load(named: Option<&Path>, environment: &Environment) -> Result<Loaded, std::io::Error> {
    let named = named
        .map(Path::to_path_buf)
        .or_else(|| environment.get("WAYBILL_CONFIG").map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let file = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            String::new()
        }
        Err(error) => {
            let message = format!("cannot read the configuration {file}: {error}");
            return Err(std::io::Error::new(error.kind(), message));
        }
    };
    Ok(read(&file, &text, environment))
}
