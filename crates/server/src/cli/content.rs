//! `waybill content`: show or delete what a call asked and was answered, wrap its keys anew.
//!
//! It works on the database and on the segments themselves, beside a server that runs or without one.
//! What a running server has taken in the last seconds is not there yet.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use ledger::GenerationId;
use relay::Clock;
use serde_json::{Value, json};
use store::Archive;

use super::arguments::{LogArgument, Place};
use super::content_arguments::ContentCommand;
use super::run::{load_valid, small_runtime};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::content::{self, Document};
use crate::{out, start, vault};

/// Runs one of its commands.
///
/// # Errors
/// When database, disk or bucket are away, the master key is another, or there is no such content.
pub fn run(
    command: ContentCommand,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    small_runtime()?.block_on(async {
        match command {
            ContentCommand::Show(one) => {
                show(&open(&one.place, log, environment).await?, &one.id).await
            }
            ContentCommand::Delete(one) => {
                delete(&open(&one.place, log, environment).await?, &one.id).await
            }
            ContentCommand::Rotate(place) => {
                let renewed = open(&place, log, environment).await?.renew_keys().await?;
                out::line(&format!("{renewed} keys of segments were wrapped anew"))?;
                Ok(())
            }
        }
    })
}

async fn open(
    place: &Place,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<Archive> {
    let config = load_valid(place, log, environment)?;
    let store = start::open_store(&config, environment).await?;
    let vault = Arc::new(vault::open(&config, environment, &store)?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let objects = content::objects(&config, environment, &store, &clock)?;
    // It writes no segments, so that it needs no name of a node.
    Ok(Archive::new(store, vault, objects, ""))
}

async fn show(archive: &Archive, id: &str) -> anyhow::Result<()> {
    let generation = GenerationId::from_text(id);
    let Some(bytes) = archive.read(&generation).await? else {
        bail!("no content of {id} is kept");
    };
    let document = Document::from_bytes(&bytes)
        .with_context(|| format!("the content of {id} is in no form of ours"))?;
    let text = json!({
        "dialect": document.dialect.name(),
        "request": body(&document.request),
        "answer": body(&document.answer),
        "is_folded": document.is_folded,
        "is_whole": document.is_whole,
        "error": document.failure,
    });
    out::line(&text.to_string())?;
    Ok(())
}

/// A body as JSON where it is JSON, else as text; null where there is none.
fn body(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes)))
}

async fn delete(archive: &Archive, id: &str) -> anyhow::Result<()> {
    if !archive.erase(&GenerationId::from_text(id)).await? {
        bail!("no content of {id} is kept");
    }
    out::line(&format!("the content of {id} is deleted"))?;
    Ok(())
}
