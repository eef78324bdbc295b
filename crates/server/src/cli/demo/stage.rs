//! The simulated fleet, the server before it, and what the person who started it reads.
//!
//! The providers are the simulator's personas, in this process, over real sockets. Their names say
//! that they are simulated. Credentials in the environment are not used.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use relay::{Clock as _, Secret};
use serde_json::json;
use simulator::Simulator;
use store::{DEFAULT_WORKSPACE_ID, KeyHash, NewKey};
use tokio::runtime::Builder;

use super::{agent, past};
use crate::cli::arguments::{DemoArguments, LogArgument};
use crate::cli::run::init_log;
use crate::cli::serve;
use crate::clock::{self, SystemClock};
use crate::config::{self, Environment};
use crate::setup::Setup;
use crate::start::{FirstKeys, Running};
use crate::{keyring, out};

/// Days of calls that are made up where nobody says how many.
const PAST_DAYS: i64 = 14;

/// What a simulated provider charges: USD per million tokens, decimal.
struct Prices {
    input: &'static str,
    output: &'static str,
    cache_read: &'static str,
}

/// Prices of the fleet in the order of the simulator's personas, cheapest where it works best.
fn prices(slug: &str) -> Prices {
    let (input, output, cache_read) = match slug {
        "cheap" => ("0.10", "0.40", "0.01"),
        "slow" => ("0.30", "0.90", "0.03"),
        "fast" => ("0.50", "1.50", "0.05"),
        "thinker" => ("1.00", "3.00", "0.10"),
        _ => ("2.00", "6.00", "0.20"),
    };
    Prices {
        input,
        output,
        cache_read,
    }
}

/// Runs until a signal stops it.
///
/// # Errors
/// When an address is taken or the store cannot be opened.
pub fn run(
    arguments: &DemoArguments,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    // Its own thread: what is simulated must not take workers from what is measured.
    let stage = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let simulator = stage.block_on(Simulator::start("127.0.0.1:0"))?;
    let environment: Environment = environment
        .beginning_with(config::document::VARIABLE_PREFIX)
        .into_iter()
        .collect();
    let text = configuration(&simulator);
    let mut loaded = config::read("the demo's own configuration", &text, &environment);
    loaded.config.server.listen = arguments.listen;
    loaded.config.discovery.local_engines = false;
    let fresh = arguments.data_dir.is_none();
    let dir = match &arguments.data_dir {
        Some(dir) => dir.clone(),
        None => fresh_dir()?,
    };
    loaded.config.server.data_dir.clone_from(&dir);
    if log.is_none() && arguments.print_json {
        "warn".clone_into(&mut loaded.config.log.filter);
    }
    init_log(&loaded.config.log, log);
    let setup = Setup::from_loaded(loaded, environment)?;
    let served = serve::serve(setup, async |running| {
        let keys = keys(running).await?;
        let link = serve::first_link(running).await?;
        let days = match running.first_keys {
            Some(_) => past_days(arguments),
            None => 0, // its past is there already
        };
        if days > 0 {
            past::write(&running.app, &KeyHash::of(keys.inference.expose()), days).await?;
            let talk = agent::talk(Arc::clone(&running.app), keys.inference.clone());
            running.app.tasks.spawn(talk);
        }
        let told = (simulator.root_url(), link, days);
        tell(arguments.print_json, running, &keys, &told)
    });
    stage.block_on(simulator.shutdown());
    if fresh {
        // Best effort: it lies in the temporary directory.
        let _ = std::fs::remove_dir_all(&dir);
    }
    served
}

/// Days of calls that are made up. Programs that ask for JSON count calls, and want none but theirs.
fn past_days(arguments: &DemoArguments) -> i64 {
    let usual = if arguments.print_json { 0 } else { PAST_DAYS };
    arguments.past_days.map_or(usual, i64::from)
}

fn fresh_dir() -> anyhow::Result<PathBuf> {
    let name = format!("waybill-demo-{}", hex::encode(clock::random::<8>()?));
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// A model that gives vectors.
const VECTORS: &str = "[[providers.simulated-fast.endpoints]]\n\
    model = \"simulated/vectors\"\nupstream_model = \"vectors\"\noutput = [\"embeddings\"]\n\
    price = { input = \"0.02\", output = \"0\" }\n";

/// The fleet as provider tables, in the words that an operator would use.
fn configuration(simulator: &Simulator) -> String {
    let mut text = String::new();
    for persona in simulator.personas() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "[providers.simulated-{}]\nname = {:?}\nkind = \"simulated\"\nbase_url = {:?}\n\
             dialects = [{:?}]\n{}\n\
             data_policy = {{ training = false, retention_days = 0 }}",
            persona.slug,
            persona.name,
            persona.base_url,
            persona.dialect,
            admission(persona.auth, simulator)
        );
        for model in models(&persona.slug) {
            endpoint(&mut text, &persona.slug, &model);
        }
        if persona.slug == "fast" {
            text.push_str(VECTORS);
        }
    }
    text
}

/// How a simulated provider is called, and with what. The credentials are the simulator's own: they
/// are public, and open nothing but simulators.
fn admission(auth: &str, simulator: &Simulator) -> String {
    match simulator.credential(auth) {
        Some(credential) => format!("auth = {auth:?}\ncredential = {credential:?}"),
        None => format!("auth = {auth:?}"),
    }
}

/// A model of a simulated provider.
struct Model {
    name: String,
    upstream: String,
    is_priced: bool,
}

impl Model {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            upstream: name.to_owned(),
            is_priced: true,
        }
    }
}

/// What a simulated provider serves. Those that stand for a wire format serve models of their own,
/// so that each of them can be asked by name.
fn models(persona: &str) -> Vec<Model> {
    let mut models = vec![Model::new("echo")];
    match persona {
        "slow" | "cheap" => {}
        "thinker" => models.push(Model::new("reasoner")),
        "fast" => models.extend([
            Model {
                is_priced: false,
                ..Model::new("unpriced")
            },
            Model::new("flaky"),
        ]),
        "flaky" => models.push(Model::new("flaky")),
        dialect => {
            let upstream = upstream(dialect);
            let thinks = Model {
                upstream: format!("{upstream}!gap=4ms,reasoning=40"),
                ..Model::new(&format!("{dialect}-reasoner"))
            };
            let plain = Model {
                upstream: upstream.to_owned(),
                ..Model::new(dialect)
            };
            models = vec![plain, thinks];
        }
    }
    models
}

/// What a model is called where it is served. What a request may hold depends on a model's generation
/// in some dialects, and that is told by the name.
fn upstream(dialect: &str) -> &str {
    match dialect {
        "gemini" | "vertex" => "gemini-3-simulated",
        "messages" => "claude-sonnet-4-5-simulated",
        _ => dialect,
    }
}

/// What a simulated provider takes: the one that stands for Gemini takes files and sound as well.
fn takes(persona: &str) -> &'static str {
    match persona {
        "gemini" => r#"["text", "image", "file", "audio"]"#,
        _ => r#"["text", "image"]"#,
    }
}

fn endpoint(text: &mut String, persona: &str, model: &Model) {
    let _ = writeln!(
        text,
        "[[providers.simulated-{persona}.endpoints]]\nmodel = \"simulated/{}\"\n\
         upstream_model = {:?}\ncontext_length = 200000\nmax_completion_tokens = 65536\n\
         tools = true\nstructured_outputs = true\ntemperature = true\nreasoning = true\n\
         input = {}",
        model.name,
        model.upstream,
        takes(persona)
    );
    if !model.is_priced {
        return;
    }
    // Of two simulated endpoints of one model the one that fails is the cheaper one.
    let prices = match (persona, model.name.as_str()) {
        ("flaky", "flaky") => prices("cheap"),
        _ => prices(persona),
    };
    let _ = writeln!(
        text,
        "price = {{ input = \"{}\", output = \"{}\", cache_read = \"{}\" }}",
        prices.input, prices.output, prices.cache_read
    );
}

/// The keys of this start: the first ones, or two new ones where there were some before.
async fn keys(running: &Running) -> anyhow::Result<FirstKeys> {
    if let Some(FirstKeys {
        management: Some(management),
        inference,
    }) = &running.first_keys
    {
        return Ok(FirstKeys {
            management: Some(management.clone()),
            inference: inference.clone(),
        });
    }
    let app = &running.app;
    let make = async |name: &str, is_management: bool| {
        let secret = keyring::secret_from(clock::random()?);
        let key = NewKey::new(&secret, name, DEFAULT_WORKSPACE_ID, SystemClock.now_ms());
        let key = if is_management {
            key.with_management()
        } else {
            key
        };
        app.store.keys().create(&key).await?;
        anyhow::Ok(Secret::new(secret))
    };
    let management = make("demo management key", true).await?;
    let inference = make("demo key", false).await?;
    app.refresh_keys().await;
    Ok(FirstKeys {
        management: Some(management),
        inference,
    })
}

fn tell(
    as_json: bool,
    running: &Running,
    keys: &FirstKeys,
    (simulator, link, days): &(String, Option<String>, i64),
) -> anyhow::Result<()> {
    let url = &running.app.public_url;
    let management = keys.management.as_ref().map_or("", Secret::expose);
    let inference = keys.inference.expose();
    if as_json {
        let line = json!({
            "url": url,
            "management_key": management,
            "inference_key": inference,
            "simulator": simulator,
            "console_link": link,
        });
        return Ok(out::line(&line.to_string())?);
    }
    out::line(&format!(
        "Waybill's demo is ready at {url}. Every provider in it is simulated."
    ))?;
    if *days > 0 {
        out::line(&format!(
            "  the calls of the last {days} days in it are made up, and say so"
        ))?;
    }
    for line in [
        match link {
            Some(link) => format!("  the console, once:  {link}"),
            None => format!("  the console:    {url}/"),
        },
        format!("  management key: {management}"),
        format!("  inference key:  {inference}"),
        format!("  the simulated providers, and what they were asked: {simulator}"),
        String::new(),
        "A first request to try:".to_owned(),
    ] {
        out::line(&line)?;
    }
    for line in serve::first_request(url, inference, "simulated/echo") {
        out::line(&line)?;
    }
    Ok(())
}
