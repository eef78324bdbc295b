//! A caller left, and closing the connection would not stop the bill: the answer is read to its end
//! for the exact usage, within bounds.

use std::time::Duration;

use catalog::endpoint::Endpoint;
use chat::Error;
use ledger::settlement::{self, Action, Ending};
use tokio::sync::SemaphorePermit;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use crate::attempt::{Answer, Attempted, LiveStream, next_chunk};
use crate::draft::Draft;
use crate::meter::Meter;
use crate::money::counts::Tallies;
use crate::money::ending::abort;
use crate::relay::Relay;

/// How much may be read on for callers that have left. Beyond a bound the answer is let go, and
/// what was streamed is charged by estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainBounds {
    /// Answers at a time.
    pub answers: usize,
    /// Bytes of one answer after its caller left.
    pub bytes: usize,
    /// How long one answer is read after its caller left.
    pub time: Duration,
}

/// Answers that are read on at a time.
const DRAINS_MAX: usize = 64;

/// Bytes of one answer after its caller left: longer than any answer of text.
const DRAIN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long one answer is read after its caller left: nearly all answers take less.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(120);

impl Default for DrainBounds {
    fn default() -> Self {
        Self {
            answers: DRAINS_MAX,
            bytes: DRAIN_BYTES_MAX,
            time: DRAIN_TIME_MAX,
        }
    }
}

/// Room to read an answer on; `None` when too many are being read.
pub(crate) fn room(relay: &Relay) -> Option<SemaphorePermit<'_>> {
    let permit = relay.drains.try_acquire().ok();
    if permit.is_none() {
        Tallies::count(&relay.tallies.drains_cut);
    }
    permit
}

/// Reads on where the settlement table says so, and there is room.
pub(crate) async fn after(
    relay: &Relay,
    endpoint: &Endpoint,
    live: &mut LiveStream,
    ending: Ending,
) {
    if live.done || settlement::action(ending, abort(endpoint)) != Action::Drain {
        return;
    }
    if let Some(_room) = room(relay) {
        read_on(relay, live, Instant::now() + relay.drain_bounds.time).await;
    }
}

/// Waits, for a caller that left, for an answer that had not begun, and reads it to its end; what
/// becomes of the call is in its draft.
pub(crate) async fn before_tokens(
    relay: &Relay,
    endpoint: &Endpoint,
    (trying, ending): (
        impl Future<Output = Result<Result<Attempted, Error>, Elapsed>>,
        Ending,
    ),
    draft: &mut Draft<'_>,
) -> Option<Meter> {
    if settlement::action(ending, abort(endpoint)) != Action::Drain {
        return None;
    }
    let _room = room(relay)?;
    let by = Instant::now() + relay.drain_bounds.time;
    match timeout_at(by, trying).await {
        Ok(Ok(Ok(attempted))) => {
            draft.answered(&attempted);
            Some(match attempted.answer {
                Answer::Whole(answer) => {
                    Tallies::count(&relay.tallies.drained);
                    answer.meter
                }
                Answer::Stream(mut live) => {
                    read_on(relay, &mut live, by).await;
                    std::mem::take(&mut live.meter)
                }
            })
        }
        Ok(Ok(Err(error))) => {
            draft.fail_attempt(&error);
            None
        }
        Ok(Err(_)) | Err(_) => {
            Tallies::count(&relay.tallies.drains_cut);
            None
        }
    }
}

/// Reads a stream to its end, or to one of the bounds; its meter knows what was heard. Nothing of it
/// is kept.
async fn read_on(relay: &Relay, live: &mut LiveStream, by: Instant) {
    let by = by.min(live.deadline);
    let mut bytes_left = relay.drain_bounds.bytes;
    live.pending.clear();
    while !live.done {
        let patience = by.min(Instant::now() + relay.parts.timers.idle);
        let Ok(Ok(chunk)) = timeout_at(patience, next_chunk(&mut live.body)).await else {
            break;
        };
        let read = match &chunk {
            Some(chunk) if chunk.len() > bytes_left => break,
            Some(chunk) => {
                bytes_left -= chunk.len();
                live.read(chunk)
            }
            None => {
                live.done = true;
                live.finish_decoding()
            }
        };
        live.pending.clear();
        if read.is_err() {
            break;
        }
    }
    let tally = if live.done {
        &relay.tallies.drained
    } else {
        &relay.tallies.drains_cut
    };
    Tallies::count(tally);
}
