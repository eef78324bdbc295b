//! The relay's side of a door: what the waiting caller is told, and whether it is still there.

use std::pin::Pin;

use bytes::Bytes;
use chat::Error;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, timeout_at};
use wire::{Sequence, Stamp};

use crate::Timers;
use crate::call::{PIECES_WAITING_MAX, Reply, ReplyHead};
use crate::money::AdmittedBy;
use crate::queue::{Feed, Refused, queue};

/// The caller has hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// Opened once: by an answer, by an error, or (for streams) because the wait became too long.
pub(crate) struct Door {
    state: State,
    /// Where the caller's dialect is spoken, and what its signs of life are stamped with.
    spoken: (&'static dyn wire::codec::Door, Stamp),
    next_sign: Instant,
    timers: Timers,
    streams: bool,
    /// Goes into the head of a stream that is opened before any provider has spoken.
    pub(crate) admission: Option<AdmittedBy>,
}

enum State {
    Held(oneshot::Sender<Result<Reply, Error>>),
    Streaming(Feed),
    Closed,
}

impl Door {
    /// A door that is held shut; the status line has not been sent.
    pub(crate) fn held(
        caller: oneshot::Sender<Result<Reply, Error>>,
        timers: Timers,
        streams: bool,
        spoken: (&'static dyn wire::codec::Door, Stamp),
    ) -> Self {
        let next_sign = Instant::now() + timers.hold;
        Self {
            state: State::Held(caller),
            spoken,
            next_sign,
            timers,
            streams,
            admission: None,
        }
    }

    /// Numbers the events of the caller's stream.
    pub(crate) const fn sequence(&self) -> &Sequence {
        &self.spoken.1.sequence
    }

    /// The frame that tells a caller, whose stream is open, that nothing could serve its call.
    pub(crate) fn error_frame(&self, error: &Error) -> Bytes {
        let (dialect, stamp) = &self.spoken;
        dialect.error_frame(stamp, error)
    }

    /// Whether the status line has gone out.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Streaming(_))
    }

    /// Sends the status line of a stream, if that has not happened yet.
    pub(crate) fn open_stream(&mut self, head: ReplyHead) -> Result<(), Gone> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Held(caller) => {
                let (feed, body) = queue(PIECES_WAITING_MAX);
                caller
                    .send(Ok(Reply::Stream { head, body }))
                    .map_err(|_| Gone)?;
                self.state = State::Streaming(feed);
                Ok(())
            }
            State::Streaming(feed) => {
                self.state = State::Streaming(feed);
                Ok(())
            }
            State::Closed => Err(Gone),
        }
    }

    /// Sends a whole answer.
    pub(crate) fn send_whole(&mut self, head: ReplyHead, body: Bytes) -> Result<(), Gone> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Held(caller) => caller
                .send(Ok(Reply::Whole { head, body }))
                .map_err(|_| Gone),
            State::Streaming(_) | State::Closed => Err(Gone),
        }
    }

    /// Refuses the call with a status of its own; only while the door is held. Some dialects answer
    /// certain errors as if they were none.
    pub(crate) fn refuse(&mut self, error: Error) {
        let (dialect, stamp) = &self.spoken;
        if let Some(body) = dialect.instead_of_error(stamp, &error) {
            // A caller that has left needs no answer.
            let _ = self.answer_instead(&error, body);
            return;
        }
        if let State::Held(caller) = std::mem::replace(&mut self.state, State::Closed) {
            // A caller that has left needs no answer; the record says so already.
            let _ = caller.send(Err(error));
        }
    }

    fn answer_instead(&mut self, error: &Error, body: Bytes) -> Result<(), Gone> {
        let head = ReplyHead {
            admission: self.admission,
            ..ReplyHead::default()
        };
        if !self.streams {
            return self.send_whole(head, body);
        }
        self.open_stream(head)?;
        let frame = self.error_frame(error);
        match &self.state {
            State::Streaming(feed) => feed.try_send(frame).map_err(|_| Gone),
            State::Held(_) | State::Closed => Err(Gone),
        }
    }

    /// Sends a piece of a stream, waiting while the caller is slow.
    pub(crate) async fn send(&mut self, piece: Bytes) -> Result<(), Gone> {
        self.next_sign = Instant::now() + self.timers.keep_alive;
        match &self.state {
            State::Streaming(feed) => feed.send(piece).await.then_some(()).ok_or(Gone),
            State::Held(_) | State::Closed => Err(Gone),
        }
    }

    /// The same, while a slow caller is waited for until `by`; one that has not read by then is as good
    /// as gone. Where there is room, which is the rule, no timer is made.
    pub(crate) async fn send_by(&mut self, piece: Bytes, by: Instant) -> Result<(), Gone> {
        self.next_sign = Instant::now() + self.timers.keep_alive;
        let State::Streaming(feed) = &self.state else {
            return Err(Gone);
        };
        match feed.try_send(piece) {
            Ok(()) => Ok(()),
            Err(Refused::Left) => Err(Gone),
            Err(Refused::Full(piece)) => match timeout_at(by, feed.send(piece)).await {
                Ok(true) => Ok(()),
                Ok(false) | Err(_) => Err(Gone),
            },
        }
    }

    /// Ends a stream whose last piece was sent.
    pub(crate) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// Waits for `work` while watching the caller: ends early when the caller leaves, opens a
    /// stream that was held for too long, and sends a sign of life while the provider is silent.
    pub(crate) async fn wait_for<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::pin!(work);
        loop {
            let (next_sign, streams) = (self.next_sign, self.streams);
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = self.left() => return Err(Gone),
                () = tokio::time::sleep_until(next_sign), if streams => self.show_life()?,
            }
        }
    }

    /// The same for the next piece of a stream, which is waited for until `by`; `None` when it has not
    /// come by then. The alarm stays set from one piece to the next, and is set anew when it goes off:
    /// a piece that comes costs no timer.
    pub(crate) async fn wait_until<T>(
        &mut self,
        by: Instant,
        mut alarm: Pin<&mut Sleep>,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, Gone> {
        tokio::pin!(work);
        loop {
            let next = self.next_sign.min(by);
            if alarm.deadline() > next {
                alarm.as_mut().reset(next);
            }
            tokio::select! {
                biased;
                done = &mut work => return Ok(Some(done)),
                () = self.left() => return Err(Gone),
                () = alarm.as_mut() => {
                    let now = Instant::now();
                    if now >= by {
                        return Ok(None);
                    }
                    if now >= self.next_sign {
                        self.show_life()?;
                    }
                    alarm.as_mut().reset(self.next_sign.min(by));
                }
            }
        }
    }

    fn show_life(&mut self) -> Result<(), Gone> {
        self.next_sign = Instant::now() + self.timers.keep_alive;
        self.open_stream(ReplyHead {
            admission: self.admission,
            ..ReplyHead::default()
        })?;
        let State::Streaming(feed) = &self.state else {
            return Err(Gone);
        };
        let (dialect, stamp) = &self.spoken;
        match feed.try_send(dialect.sign_of_life(stamp)) {
            // A full queue means that the caller is busy reading: it needs no sign of life.
            Ok(()) | Err(Refused::Full(_)) => Ok(()),
            Err(Refused::Left) => Err(Gone),
        }
    }

    async fn left(&mut self) {
        match &mut self.state {
            State::Held(caller) => caller.closed().await,
            State::Streaming(feed) => feed.left().await,
            State::Closed => {}
        }
    }
}
