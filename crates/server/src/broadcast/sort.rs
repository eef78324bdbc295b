//! Which destinations are told of a call, once its content is there.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use store::KeyHash;
use telemetry::call::Told;
use telemetry::destination::Seen;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::book::Offered;
use super::deliver::serve;
use super::room::{Left, Room, RoomError};
use super::spool::Waiting;
use crate::app::App;

/// How long the content of a call that was recorded is waited for: a caller may read slowly.
const CONTENT_WAIT: Duration = Duration::from_secs(60);

/// The same when the server stops.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Sorts finished calls into the spools of their destinations, until no further one will end; then
/// what waits is put on the disk.
pub async fn run(app: Arc<App>, mut calls: mpsc::Receiver<Offered>) {
    restore(&app).await;
    let closing = app.broadcast.closing.clone();
    // As many as there may be contents on their way, which are bounded.
    let mut awaited = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = closing.cancelled() => break,
            Some(told) = awaited.next(), if !awaited.is_empty() => sort(&app, &told),
            offered = calls.recv() => match offered {
                Some(Offered { told, content: None }) => sort(&app, &told),
                Some(offered) => awaited.push(with_content(offered, closing.clone())),
                None => break,
            },
        }
    }
    calls.close();
    while let Some(offered) = calls.recv().await {
        awaited.push(with_content(offered, closing.clone()));
    }
    while let Some(told) = awaited.next().await {
        sort(&app, &told);
    }
    for live in app.broadcast.all() {
        app.broadcast.shelf(live).park_fresh().await;
    }
}

/// The call with its content, where that comes in time.
fn with_content(offered: Offered, closing: CancellationToken) -> impl Future<Output = Told> {
    let Offered { mut told, content } = offered;
    async move {
        let Some(content) = content else { return told };
        let until_late = async {
            closing.cancelled().await;
            sleep(LAST_WAIT).await;
        };
        tokio::select! {
            content = timeout(CONTENT_WAIT, content) => told.content = content.ok().and_then(Result::ok),
            () = until_late => {}
        }
        told
    }
}

fn sort(app: &Arc<App>, told: &Told) {
    let generation = &*told.generation;
    let caller = &generation.caller;
    for live in app.broadcast.of(&caller.workspace_id) {
        if !live.hears_of(&generation.id, caller) {
            continue;
        }
        let keyring = app.keyring.load();
        let facts = keyring.get(&KeyHash::from_text(&*caller.key_hash));
        let key_name = facts.map_or_else(String::new, |facts| facts.key.name.clone());
        let seen = Seen {
            generation,
            key_name: &key_name,
            content: told.content.as_deref(),
        };
        let filter = live.filter.as_ref();
        if filter.is_some_and(|filter| !filter.passes(seen)) {
            continue;
        }
        let mut told = told.clone();
        told.content = told.content.filter(|_| live.destination.with_content);
        if live.spool.put(Waiting::new(told, key_name)) {
            serve(app, live);
        }
    }
}

/// Takes over what an earlier life has left on the disk. Of destinations that are told nothing any more
/// nothing waits, and of those that are gone nothing is left.
async fn restore(app: &Arc<App>) {
    let Some(room) = app.broadcast.room.clone() else {
        return;
    };
    let known = app.broadcast.known();
    let live = app.broadcast.all();
    let told: Vec<String> = live.iter().map(|one| one.destination.id.clone()).collect();
    let ids: Vec<String> = known.keys().cloned().collect();
    let found = spawn_blocking(move || all_left(&room, (&ids, &told))).await;
    let found = match found {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::error!(%error, "what waited for destinations cannot be read");
            return;
        }
        Err(_) => return,
    };
    for (id, left) in found {
        let Some(spool) = known.get(&id) else {
            continue;
        };
        if left.unreadable > 0 {
            tracing::error!(
                destination = id,
                files = left.unreadable,
                "calls that waited for a destination cannot be read, and are lost"
            );
            spool.lost(left.unreadable);
        }
        let live = live.iter().find(|live| live.destination.id == id);
        if spool.restore(left.parked, left.dead)
            && let Some(live) = live
        {
            serve(app, Arc::clone(live));
        }
    }
}

/// What is left of the destinations that are known; of those that are not told anything, only what was
/// given up.
fn all_left(
    room: &Room,
    (known, told): (&[String], &[String]),
) -> Result<Vec<(String, Left)>, RoomError> {
    let mut found = Vec::new();
    for id in room.destinations()? {
        if !known.contains(&id) {
            room.clear(&id)?;
            continue;
        }
        let mut left = room.left(&id)?;
        if !told.contains(&id) {
            for parked in left.parked.drain(..) {
                room.remove((&id, parked.number))?;
            }
        }
        found.push((id, left));
    }
    Ok(found)
}
