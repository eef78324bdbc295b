//! `waybill plan`: explains a routing decision without making the call.

use anyhow::Context as _;
use catalog::{Attempt, Health, Moment, Plan, Preferences, Question, ServiceTier};
use chat::Dialect;
use relay::Clock as _;
use serde_json::{Value, json};
use wire::{Beside, Incoming, SENDABLE};

use super::arguments::{LogArgument, PlanArguments};
use super::catalog::open;
use super::run::small_runtime;
use crate::api::plan::{Reckoned, guess, shown};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::out;

/// Prints the plan, for people or as JSON.
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
    let request = request(arguments)?;
    let mut preferences = match &request.provider {
        Some(value) => Preferences::read(value)?,
        None => Preferences::default(),
    };
    if let Some(route) = &request.route {
        preferences.take_route(route);
    }
    let account = setup.config.routing.provider.clone();
    let tier = request.service_tier.as_deref();
    let question = Question {
        fallbacks: &request.models,
        account: account.as_deref(),
        service_tier: tier.and_then(ServiceTier::read),
        ..Question::new(&arguments.model, &request.needs, &preferences, SENDABLE)
    };
    let now_ms = SystemClock.now_ms();
    let moment = Moment {
        seed: arguments.seed,
        now_ms,
    };
    let plan = catalog::plan(&built.catalog, &question, &Health::default(), moment)
        .map_err(|none| anyhow::anyhow!("{none}"))?;
    let reckoned = Reckoned {
        needs: &request.needs,
        output: None,
        now_ms,
    };
    if arguments.json {
        let shown = shown(&plan, &reckoned);
        out::line(&serde_json::to_string_pretty(&shown)?)?;
    } else {
        out::line(&told(&plan, &reckoned))?;
    }
    Ok(())
}

/// A plan for people: a line per endpoint.
fn told(plan: &Plan, reckoned: &Reckoned<'_>) -> String {
    let mut lines = vec![format!(
        "Ordered by {}. Asked in this order, for about {} tokens of prompt:",
        plan.mode.name(),
        reckoned.needs.prompt_tokens
    )];
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let tags = width(&mut plan.attempts.iter().map(|a| a.endpoint.tag.len()));
    let models = width(&mut plan.attempts.iter().map(|a| a.model.slug.as_str().len()));
    for (place, attempt) in plan.attempts.iter().enumerate() {
        lines.push(format!(
            "{:>3}  {:tags$}  {:models$}  {}",
            place + 1,
            attempt.endpoint.tag,
            attempt.model.slug.as_str(),
            why(attempt, reckoned)
        ));
    }
    if !plan.excluded.is_empty() {
        lines.push(format!("Left out: {}", plan.excluded.len()));
        let tags = width(&mut plan.excluded.iter().map(|out| out.endpoint.tag.len()));
        for out in &plan.excluded {
            lines.push(format!("     {:tags$}  {}", out.endpoint.tag, out.filter));
        }
    }
    lines.join("\n")
}

/// Cost, chance and reasons, as one piece of a line.
fn why(attempt: &Attempt, reckoned: &Reckoned<'_>) -> String {
    let rank = &attempt.rank;
    let mut parts = vec![match rank.expected_cost {
        Some(cost) => format!("about ${}", cost.to_usd()),
        None => "price unknown".to_owned(),
    }];
    if let Some(most) = reckoned.cost(attempt).most {
        parts.push(format!("at most ${}", most.to_usd()));
    }
    if let Some(permille) = rank.chance_permille {
        parts.push(format!("first in {}.{} %", permille / 10, permille % 10));
    }
    let reasons: Vec<&str> = rank.reasons.iter().map(|reason| reason.name()).collect();
    if !reasons.is_empty() {
        parts.push(reasons.join(", "));
    }
    parts.join("; ")
}

/// The request to plan for: the file's, or the smallest there is, with the model put in.
fn request(arguments: &PlanArguments) -> anyhow::Result<Incoming> {
    let mut body: Value = match &arguments.body {
        None => json!({ "messages": [{ "role": "user", "content": "Hello" }] }),
        Some(path) => {
            let text =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_slice(&text)
                .with_context(|| format!("{} is not JSON", path.display()))?
        }
    };
    let dialect = arguments.dialect.unwrap_or_else(|| guess(&body));
    let door = wire::door(dialect)
        .with_context(|| format!("nobody calls in the dialect {}", dialect.name()))?;
    let beside = Beside {
        model: Some(arguments.model.clone()),
        ..Beside::default()
    };
    if dialect != Dialect::Gemini {
        let fields = body
            .as_object_mut()
            .context("the body is not a JSON object")?;
        fields.insert("model".to_owned(), arguments.model.as_str().into());
    }
    Ok(door.read_request(&serde_json::to_vec(&body)?, beside)?)
}
