//! `waybill plan`: explains a routing decision without making the call.

use anyhow::Context as _;
use catalog::{Health, Moment, Preferences, Question};
use relay::Clock as _;
use serde_json::{Value, json};
use wire::{SENDABLE, openai_chat};

use super::arguments::{LogArgument, PlanArguments};
use super::catalog::open;
use super::run::small_runtime;
use crate::api::plan::shown;
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::out;

/// Prints the plan as JSON.
///
/// # Errors
/// When the configuration or the body is wrong, or no endpoint can serve the call.
pub fn run(
    arguments: &PlanArguments,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let opened = small_runtime()?.block_on(open(&arguments.place, log, environment));
    let (setup, _, kept) = opened?;
    let built = match setup.shelf().build(kept.as_deref()) {
        Ok(built) => built,
        Err(errors) => anyhow::bail!("the catalog does not build: {}", errors.len()),
    };
    let body = body(arguments)?;
    let request = openai_chat::read_request(&body)?;
    let preferences = match &request.provider {
        Some(value) => Preferences::read(value)?,
        None => Preferences::default(),
    };
    let question = Question {
        fallbacks: &request.models,
        ..Question::new(&arguments.model, &request.needs, &preferences, SENDABLE)
    };
    let moment = Moment {
        seed: 0,
        now_ms: SystemClock.now_ms(),
    };
    let plan = catalog::plan(&built.catalog, &question, &Health::default(), moment)
        .map_err(|none| anyhow::anyhow!("{none}"))?;
    out::line(&serde_json::to_string_pretty(&shown(&plan))?)?;
    Ok(())
}

/// The request to plan for: the file's, or the smallest there is, with the model put in.
fn body(arguments: &PlanArguments) -> anyhow::Result<Vec<u8>> {
    let mut body: Value = match &arguments.body {
        None => json!({ "messages": [{ "role": "user", "content": "Hello" }] }),
        Some(path) => {
            let text =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_slice(&text)
                .with_context(|| format!("{} is not JSON", path.display()))?
        }
    };
    let fields = body
        .as_object_mut()
        .context("the body is not a JSON object")?;
    fields.insert("model".to_owned(), arguments.model.as_str().into());
    Ok(serde_json::to_vec(&body)?)
}
