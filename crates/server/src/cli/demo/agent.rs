//! One conversation that a demo holds when it starts, over its own door: an agent that writes the time
//! into its instructions, by which it loses the provider's cache. The calls are real, their provider is
//! not.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use http::header::AUTHORIZATION;
use http_body_util::BodyExt as _;
use relay::Secret;
use serde_json::{Value, json};

use crate::api::chat_completions;
use crate::app::App;
use crate::reply::Rescue;

/// What the instructions say that it is, turn by turn: a date is the same all day, a time is not.
const CLOCKS: [&str; 5] = [
    "Friday",
    "Friday",
    "Friday",
    "Friday 09:41:07",
    "Friday 09:42:30",
];

/// Sentences of the instructions on either side of the clock: about 2,000 tokens.
const SENTENCES: usize = 120;

/// Holds it, turn by turn. What fails is logged: a demo without this is a demo all the same.
pub(super) async fn talk(app: Arc<App>, key: Secret) {
    for turn in 0..CLOCKS.len() {
        let said = tokio::select! {
            () = app.stop.cancelled() => return,
            said = say(&app, &key, turn) => said,
        };
        if let Err(error) = said {
            tracing::warn!(%error, turn, "the demo's conversation broke off");
            return;
        }
    }
}

async fn say(app: &Arc<App>, key: &Secret, turn: usize) -> Result<(), String> {
    let request = Request::post("/api/v1/chat/completions")
        .header(AUTHORIZATION, format!("Bearer {}", key.expose()))
        .header("x-title", "Release agent (simulated)")
        // Long enough for the prompt to be looked at meanwhile.
        .header("x-simulate", "delay=300ms")
        .body(Body::from(prompt(turn).to_string()))
        .map_err(|error| error.to_string())?;
    let answer = chat_completions::create(State(Arc::clone(app)), request).await;
    let answer = answer.map_err(|rescue: Rescue| format!("{rescue:?}"))?;
    let status = answer.status();
    let read = answer.into_body().collect().await;
    read.map_err(|error| error.to_string())?;
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("status {status}")),
    }
}

fn prompt(turn: usize) -> Value {
    let rules =
        "Release only what is green, and say in one sentence what is new. ".repeat(SENTENCES);
    let clock = CLOCKS.get(turn).copied().unwrap_or_default();
    let system = format!("{rules} It is {clock}. {rules}");
    let mut messages = vec![json!({"role": "system", "content": system})];
    for before in 0..turn {
        messages.push(json!({"role": "user", "content": format!("Is step {before} done?")}));
        messages.push(json!({"role": "assistant", "content": format!("Step {before} is done.")}));
    }
    messages.push(json!({"role": "user", "content": format!("Is step {turn} done?")}));
    json!({
        "model": "simulated/echo", "messages": messages, "session_id": "simulated-release",
        "provider": {"only": ["simulated-fast"]},
    })
}
