//! Tells the other replicas what each key has spent, and learns what it has spent there.
//!
//! The counts are those of `cluster`: what this process has seen of a key in five minutes is what it
//! holds, and what the others hold comes back with the answer. Without Valkey each replica watches
//! for itself, and tells what it missed when Valkey is back.

use std::sync::Arc;
use std::time::Duration;

use cluster::{COUNT_MAX, Claim, lease};
use store::KeyHash;
use tokio::sync::mpsc::Sender;

use crate::app::App;
use crate::limits::{Spent, Velocity};

/// Between two rounds: so long a key that spends at several replicas may stay unnoticed.
const ROUND: Duration = Duration::from_millis(500);

/// Slices in one question, which must be answered within the link's deadline.
const BATCH: usize = 128;

/// How long Valkey keeps a slice: for as long as it counts, and some more for clocks that differ.
const LIVES_MS: u64 = 70 * 60 * 1000;

/// Runs until the app stops.
pub async fn run(app: Arc<App>, velocity: Arc<Velocity>, fast: Sender<KeyHash>) {
    let mut number = u64::try_from(app.clock.now_ms()).unwrap_or_default();
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(ROUND) => {}
        }
        number += 1;
        for key in round(&app, &velocity, number).await {
            if fast.try_send(KeyHash::from_text(&key)).is_err() {
                tracing::error!(
                    key,
                    "too many keys wait to be frozen; this one is refused here"
                );
            }
        }
    }
}

/// One round; the keys that it found too fast.
async fn round(app: &App, velocity: &Velocity, number: u64) -> Vec<String> {
    let mut found = Vec::new();
    let Some(link) = app.gate.link().filter(|link| link.is_there()) else {
        return found;
    };
    let spent = velocity.untold(BATCH);
    if spent.is_empty() {
        return found;
    }
    let claims: Vec<Claim> = spent.iter().map(|spent| claim(spent, number)).collect();
    // What is not answered stays untold, and is told in the next round.
    let Ok(answers) = lease(link, &claims).await else {
        return found;
    };
    for (spent, answer) in spent.into_iter().zip(answers) {
        let elsewhere = i64::try_from(answer.others).unwrap_or(i64::MAX);
        if velocity.learn(&spent, elsewhere) {
            found.push(spent.key_hash);
        }
    }
    found
}

fn claim(spent: &Spent, number: u64) -> Claim {
    Claim {
        name: format!("velocity:{}:{}", spent.key_hash, spent.slice),
        number,
        held: u64::try_from(spent.nanos).unwrap_or(0).min(COUNT_MAX),
        want: 0,
        limit: COUNT_MAX,
        lives_ms: LIVES_MS,
        // What a server spent that is gone stays spent.
        silent_ms: 0,
    }
}
