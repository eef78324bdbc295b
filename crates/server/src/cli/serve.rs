//! `waybill serve`: start, say where, serve, stop in order.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::arguments::{LogArgument, ServeArguments};
use super::run::{init_log, load};
use crate::config::Environment;
use crate::out;
use crate::session::{self, password};
use crate::setup::Setup;
use crate::start::{self, FirstKeys, Running};

/// How long the runtimes may take to end after everything in them has.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs the server until a signal stops it.
///
/// # Errors
/// When the configuration is wrong, the address is taken, or the store cannot be opened.
pub fn run(
    arguments: &ServeArguments,
    log: Option<LogArgument>,
    environment: Environment,
) -> anyhow::Result<()> {
    let mut loaded = load(&arguments.place, &environment)?;
    if let Some(listen) = arguments.listen {
        loaded.config.server.listen = listen;
    }
    init_log(&loaded.config.log, log);
    let setup = Setup::from_loaded(loaded, environment)?;
    serve(setup, async |running| {
        let link = first_link(running).await?;
        for line in greeting(running, link.as_deref()) {
            out::line(&line)?;
        }
        Ok(())
    })
}

/// Serves on two runtimes: calls on one, desks and jobs on the other.
///
/// # Errors
/// As [`run`]; whatever `greet` fails with.
pub(super) fn serve(
    setup: Setup,
    greet: impl AsyncFnOnce(&Running) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let desk = runtime("desk", Some(2))?;
    let calls = runtime("calls", None)?;
    let served = calls.block_on(async {
        let signals = Signals::listen()?;
        let running = start::start(setup, desk.handle().clone()).await?;
        greet(&running).await?;
        let stop = running.app.stop.clone();
        tokio::select! {
            () = signals.wait() => stop.cancel(),
            () = stop.cancelled() => {}
        }
        running.wait().await;
        anyhow::Ok(())
    });
    calls.shutdown_timeout(LAST_WAIT);
    desk.shutdown_timeout(LAST_WAIT);
    served
}

fn runtime(name: &str, workers: Option<usize>) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(workers) = workers {
        builder.worker_threads(workers);
    }
    builder.thread_name(name).enable_all().build()
}

/// The signals that mean: stop. Listened for before anybody is told that the server is ready.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping: letting calls in flight end");
    }
}

/// A link into the console, as long as nobody has ever been in.
pub(super) async fn first_link(running: &Running) -> anyhow::Result<Option<String>> {
    let app = &running.app;
    let been_in = password::kept(&app.store).await?.is_some()
        || !session::open::all(&app.store).await?.is_empty();
    if been_in {
        return Ok(None);
    }
    let link = session::link::make(&app.store, &app.public_url, app.clock.now_ms()).await?;
    Ok(Some(link))
}

/// What the person who started it reads.
fn greeting(running: &Running, link: Option<&str>) -> Vec<String> {
    let url = &running.app.public_url;
    let mut lines = vec![format!("Waybill is ready at {url} (console: {url}/)")];
    if let Some(link) = link {
        lines.push("Open the console with this link; it works once, within an hour:".to_owned());
        lines.push(format!("  {link}"));
    }
    if let Some(keys) = &running.first_keys {
        lines.extend(first_keys(url, keys, running.example_model().as_deref()));
    }
    if !running.has_usable_provider() {
        lines.extend(how_to_add_a_provider(&running.credential_variables()));
    }
    lines
}

fn first_keys(url: &str, keys: &FirstKeys, model: Option<&str>) -> Vec<String> {
    let model = model.unwrap_or("AUTHOR/MODEL");
    let management = match &keys.management {
        Some(key) => key.expose().to_owned(),
        None => "as set in WAYBILL_ROOT_KEY".to_owned(),
    };
    let key = keys.inference.expose();
    let mut lines = vec![
        String::new(),
        "This is the first start. These keys are shown once; keep them:".to_owned(),
        format!("  management key: {management}"),
        format!("  inference key:  {key}"),
        String::new(),
        "A first request to try:".to_owned(),
    ];
    lines.extend(first_request(url, key, model));
    lines
}

/// A request that can be pasted into a terminal.
pub(super) fn first_request(url: &str, key: &str, model: &str) -> [String; 4] {
    let body = format!(
        "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Say hello.\"}}]}}"
    );
    [
        format!("  curl {url}/api/v1/chat/completions \\"),
        format!("    -H 'Authorization: Bearer {key}' \\"),
        "    -H 'Content-Type: application/json' \\".to_owned(),
        format!("    -d '{body}'"),
    ]
}

fn how_to_add_a_provider(variables: &[String]) -> Vec<String> {
    let examples = variables.join(" or ");
    vec![
        String::new(),
        "No provider has a credential yet, so no model can be called. To add one:".to_owned(),
        "  enter it in the console, under Providers: it serves at once,".to_owned(),
        format!("  or set its usual variable, such as {examples}, and start again,"),
        "  or write it into waybill.toml, as config.example.toml shows.".to_owned(),
        "  `waybill check` lists every provider and its variable.".to_owned(),
    ]
}
