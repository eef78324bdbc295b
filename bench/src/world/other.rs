//! Other gateways, by rows of a file: how each is installed, started and called.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::{Method, StatusCode};
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::address::free_address;
use super::child::Child;
use super::gateway;
use super::room::Room;
use crate::load::order::{Naming, Subject, Workload};

/// Longest start that is waited for: some import a great deal first.
const START: Duration = Duration::from_secs(120);
/// Longest wait for one answer while it starts.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Holds the commands that a folder was made by, so that changed ones are run.
const MARK: &str = "installed";

/// One gateway, as its row says. `bench/others.toml` tells what each field is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) name: String,
    install: Vec<String>,
    version: String,
    start: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    ready: String,
    root: String,
    models: Models,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    pub(crate) settings: String,
}

/// By whose names models are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Models {
    Script,
    Catalog,
}

/// A gateway that runs.
pub(crate) struct Other {
    pub(crate) child: Child,
    pub(crate) subject: Subject,
    pub(crate) version: String,
    pub(crate) start: Duration,
}

/// Where it is installed, and what the placeholders of its row stand for.
pub(crate) struct Site {
    folder: PathBuf,
    values: Vec<(&'static str, String)>,
}

/// The rows of a file, by the names of their folders.
pub(crate) fn rows(file: &Path) -> Result<BTreeMap<String, Row>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{} has rows that are none", file.display()))
}

impl Site {
    /// A place below `target/` that stays when the run is over.
    pub(crate) fn new(
        root: &Path,
        slug: &str,
        upstream: SocketAddr,
        models: [&Workload; 2],
    ) -> Self {
        let [whole, streamed] = models.map(Workload::upstream_model);
        let values = vec![
            ("UPSTREAM", format!("http://{upstream}/v1")),
            ("WHOLE", whole),
            ("STREAMED", streamed),
        ];
        Self {
            folder: root.join("target").join("bench-others").join(slug),
            values,
        }
    }

    fn filled(&self, text: &str) -> String {
        let values = self.values.iter();
        values.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        })
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &self.filled(script)])
            .current_dir(&self.folder);
        command
    }
}

impl Row {
    /// Installs it if it is not, starts it, and waits until it serves.
    ///
    /// # Errors
    /// Whatever is in the way, in the program's own words.
    pub(crate) async fn open(&self, mut site: Site, room: &Room) -> Result<Other> {
        self.install(&site)?;
        let addr = free_address()?;
        site.values.push(("PORT", addr.port().to_string()));
        for (name, text) in &self.files {
            fs::write(site.folder.join(name), site.filled(text))?;
        }
        let mut command = site.shell(&self.start);
        // Neither proxies nor credentials of whoever runs this: installing needs them, measuring must not.
        command.env_clear();
        let kept = ["PATH", "HOME"].into_iter();
        command.envs(kept.filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(
            self.variables
                .iter()
                .map(|(name, value)| (name, site.filled(value))),
        );
        // The report keeps these names for as long as the program runs.
        let name: &'static str = self.name.clone().leak();
        let mut child = Child::start(name, command, &room.file(&format!("{name}.log")))?;
        let until = child.began + START;
        while !matches!(timeout(PATIENCE, self.is_ready(addr)).await, Ok(true)) {
            child.still_runs(until).await?;
            sleep(LOOK).await;
        }
        let naming = match self.models {
            Models::Script => Naming::Script,
            Models::Catalog => Naming::Catalog,
        };
        let mut subject = Subject::new(name, addr, &self.root, naming);
        subject.pid = Some(child.pid());
        let headers = self.headers.iter();
        subject.headers = headers
            .map(|(name, value)| (name.clone(), site.filled(value)))
            .collect();
        Ok(Other {
            start: child.began.elapsed(),
            version: self.version(&site),
            child,
            subject,
        })
    }

    /// Runs its commands unless these very ones were run before.
    fn install(&self, site: &Site) -> Result<()> {
        let (mark, commands) = (site.folder.join(MARK), self.install.join("\n"));
        if fs::read_to_string(&mark).is_ok_and(|done| done == commands) {
            return Ok(());
        }
        fs::create_dir_all(&site.folder)
            .with_context(|| format!("cannot make {}", site.folder.display()))?;
        for script in &self.install {
            let mut command = site.shell(script);
            let done = command.stdin(Stdio::null()).output();
            let done = done.with_context(|| format!("cannot run `{script}`"))?;
            if !done.status.success() {
                let said = String::from_utf8_lossy(&done.stderr);
                let last = said.trim().lines().last().unwrap_or_default().to_owned();
                bail!("`{script}` ended with {}: {last}", done.status);
            }
        }
        fs::write(&mark, commands).context("cannot write down that it is installed")
    }

    fn version(&self, site: &Site) -> String {
        let said = site.shell(&self.version).stdin(Stdio::null()).output();
        let said = said.ok().filter(|said| said.status.success());
        said.map_or_else(
            || "of unknown version".to_owned(),
            |said| String::from_utf8_lossy(&said.stdout).trim().to_owned(),
        )
    }

    async fn is_ready(&self, addr: SocketAddr) -> bool {
        let asked = gateway::look(addr, (Method::GET, &self.ready)).await;
        matches!(asked, Ok((StatusCode::OK, _)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("others.toml")
    }

    #[test]
    fn every_row_of_our_file_can_be_read() {
        let rows = rows(&file()).unwrap();
        assert_eq!(rows.keys().collect::<Vec<_>>(), ["litellm", "portkey"]);
        assert!(rows["litellm"].files["config.yaml"].contains("${UPSTREAM}"));
        assert_eq!(rows["portkey"].models, Models::Script);
    }

    #[test]
    fn placeholders_are_filled_and_others_stay_the_shells() {
        let site = Site {
            folder: PathBuf::from("/tmp"),
            values: vec![("PORT", "4010".to_owned())],
        };
        assert_eq!(
            site.filled("run --port=${PORT} ${HOME}"),
            "run --port=4010 ${HOME}"
        );
    }

    #[test]
    fn a_row_that_cannot_be_installed_says_why_and_is_tried_again() {
        let mut row = rows(&file()).unwrap().remove("portkey").unwrap();
        let folder = std::env::temp_dir().join(format!("bench-other-{}", std::process::id()));
        let site = Site {
            folder: folder.clone(),
            values: Vec::new(),
        };
        row.install = vec!["echo no such package >&2; exit 4".to_owned()];
        let error = row.install(&site).unwrap_err().to_string();
        assert!(
            error.contains("no such package") && error.contains('4'),
            "{error}"
        );
        row.install = vec!["touch here".to_owned()];
        row.install(&site).unwrap();
        fs::remove_file(folder.join("here")).unwrap();
        row.install(&site).unwrap();
        assert!(!folder.join("here").exists(), "it was installed twice");
        fs::remove_dir_all(&folder).unwrap();
    }
}
