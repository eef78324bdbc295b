//! How a stream travels down: provider's pieces in, stamped frames out, until one side ends it.

use std::pin::pin;
use std::time::Duration;

use catalog::endpoint::Endpoint;
use chat::Error;
use ledger::settlement::Ending;
use tokio::time::{Instant, sleep_until, timeout};
use wire::{Tap, Told};

use crate::attempt::{LiveStream, next_chunk};
use crate::call::ReplyHead;
use crate::door::Gone;
use crate::failures;
use crate::meter::Meter;
use crate::money::drain;
use crate::money::ending::{self, Break};
use crate::relay::{Relay, Underway};
use crate::upstream::UpstreamBody;

/// A stream that broke half-way, of which the caller has not heard. Its provider is let go already.
pub(crate) struct BrokenOff {
    tap: Box<dyn Tap>,
    told: Option<Told>,
    pub(crate) meter: Meter,
    pub(crate) broke: Break,
    pub(crate) error: Error,
}

/// How a stream ended.
enum End {
    /// The provider said all it wanted.
    Complete,
    /// It broke half-way.
    Broken(Break, Error),
    /// The caller left.
    Left,
}

/// Forwards a stream that has begun, then records it, then sends its last frames: the record is
/// readable before the caller sees the end. One that broke half-way, and that another endpoint may go on
/// with, is given back instead.
pub(crate) async fn pump(
    relay: &Relay,
    endpoint: &Endpoint,
    mut live: Box<LiveStream>,
    head: ReplyHead,
    way: &mut Underway<'_>,
) -> Option<BrokenOff> {
    let end = match way.door.open_stream(head) {
        Ok(()) => forward(relay, endpoint, &mut live, way).await,
        Err(Gone) => End::Left,
    };
    // How a stream ends is on the heap: while it runs, its task has no room for that.
    match end {
        End::Complete => Box::pin(complete(relay, endpoint, live, way)).await,
        End::Broken(broke, error) => {
            relay.report(endpoint, &error);
            let LiveStream {
                tap, told, meter, ..
            } = *live;
            let broken = BrokenOff {
                tap,
                told,
                meter,
                broke,
                error,
            };
            if broken.told().is_some() {
                return Some(broken);
            }
            Box::pin(give_up(relay, broken, way)).await;
        }
        End::Left => Box::pin(leave(relay, endpoint, live, way)).await,
    }
    None
}

/// Records a stream that came to its end, and sends its last frames.
async fn complete(
    relay: &Relay,
    endpoint: &Endpoint,
    mut live: Box<LiveStream>,
    way: &mut Underway<'_>,
) {
    let metadata = way.metadata();
    relay.report_answered(endpoint, &live.meter, way);
    let generation = way.draft.completed(&live.meter, &relay.parts);
    let cost = crate::draft::cost_text(&generation);
    let mut last = live.tap.last_frames(&generation.usage, &cost);
    if let Some(metadata) = metadata {
        last = metadata.put_into_last_frame(&last);
    }
    relay.settle(way.reserved.take(), generation).await;
    // A caller that leaves at the very last frame has been served; the record says so.
    let _ = way.door.send(last).await;
    way.door.close();
    let_go(live.body).await;
}

/// Records a stream whose caller left half-way.
async fn leave(
    relay: &Relay,
    endpoint: &Endpoint,
    mut live: Box<LiveStream>,
    way: &mut Underway<'_>,
) {
    let ending = match live.meter.first_token {
        Some(_) => Ending::LeftMidStream,
        None => Ending::LeftBeforeFirstToken,
    };
    drain::after(relay, endpoint, &mut live, ending).await;
    let meter = std::mem::take(&mut live.meter);
    // First of all the provider must hear of it.
    drop(live);
    let generation = way.draft.cancelled(ending, Some(&meter), &relay.parts);
    relay.settle(way.reserved.take(), generation).await;
}

impl BrokenOff {
    /// What was told, and its text, that another endpoint may go on with; `None` where that is not all
    /// that was told, where the provider itself ended the answer, and where we did.
    pub(crate) fn told(&self) -> Option<(Told, String)> {
        match self.broke {
            Break::Cut | Break::Reported | Break::Incomplete => {
                let told = self.told.as_ref()?;
                Some((told.clone(), told.text()?))
            }
            Break::Failed | Break::Spent => None,
        }
    }
}

/// Records a stream that broke half-way, and tells its caller.
pub(crate) async fn give_up(relay: &Relay, mut broken: BrokenOff, way: &mut Underway<'_>) {
    let error = &broken.error;
    let mut frame = broken.tap.error_frame(error);
    if let Some(metadata) = way.metadata_of(error) {
        frame = metadata.put_into_last_frame(&frame);
    }
    let how = (broken.broke, &relay.parts);
    let generation = way.draft.broken(&broken.meter, error, how);
    relay.settle(way.reserved.take(), generation).await;
    let _ = way.door.send(frame).await;
}

async fn forward(
    relay: &Relay,
    endpoint: &Endpoint,
    live: &mut LiveStream,
    way: &mut Underway<'_>,
) -> End {
    let idle = relay.parts.timers.idle;
    let Underway {
        call,
        door,
        reserved,
        ..
    } = way;
    let mut alarm = pin!(sleep_until(live.deadline));
    loop {
        if let Some(piece) = live.take_pending()
            && door.send_by(piece, live.deadline).await.is_err()
        {
            return End::Left;
        }
        if let Some(error) = live.broke.take() {
            return End::Broken(ending::of_error(live.meter.finish.as_ref()), error);
        }
        if live.done {
            return match live.end() {
                Ok(held) if held.is_empty() => End::Complete,
                Ok(held) => match door.send(held).await {
                    Ok(()) => End::Complete,
                    Err(Gone) => End::Left,
                },
                Err(error) => End::Broken(Break::Incomplete, failures::named(endpoint, error)),
            };
        }
        // What has come so far is on its way to the caller, and a stream that is complete by now has
        // ended as one.
        if let Some(reserved) = reserved
            && let Err(spent) = reserved
                .keep_ahead(relay, call, endpoint, &live.meter)
                .await
        {
            return End::Broken(Break::Spent, spent);
        }
        let by = live.deadline.min(Instant::now() + idle);
        let mut was_cut = false;
        let next = next_chunk(&mut live.body);
        let read = match door.wait_until(by, alarm.as_mut(), next).await {
            Err(Gone) => return End::Left,
            Ok(None) => {
                let silent = failures::timeout(endpoint, "sent nothing more", idle);
                return End::Broken(Break::Cut, silent);
            }
            Ok(Some(Err(broken))) => {
                return End::Broken(Break::Cut, failures::broken(endpoint, &broken));
            }
            Ok(Some(Ok(Some(chunk)))) => live.read(&chunk),
            Ok(Some(Ok(None))) => {
                // What is left over now is half a frame.
                was_cut = true;
                live.done = true;
                live.finish_decoding()
            }
        };
        if let Err(error) = read {
            // What was understood before the bad frame still goes out, ahead of the error.
            if let Some(piece) = live.take_pending()
                && door.send(piece).await.is_err()
            {
                return End::Left;
            }
            let broke = match was_cut {
                true => Break::Cut,
                false => ending::of_error(live.meter.finish.as_ref()),
            };
            return End::Broken(broke, failures::named(endpoint, error));
        }
    }
}

/// Reads a finished stream to the end of its body, which usually is already here: only then can
/// the connection be used again.
async fn let_go(mut body: UpstreamBody) {
    const PATIENCE: Duration = Duration::from_millis(100);
    let drain = async { while let Ok(Some(_)) = next_chunk(&mut body).await {} };
    // Whatever happens here, the answer is complete; at worst the connection is closed.
    let _ = timeout(PATIENCE, drain).await;
}
