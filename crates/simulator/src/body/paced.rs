//! The body itself: a small machine that hyper polls, one socket write at a time.
//!
//! It owns the call's [`Exchange`]. Hyper drops the body as soon as it sees that the client has gone, even while
//! the body waits; dropping the exchange then writes the moment into the ledger.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::cues::Cue;
use crate::dialect::Event;
use crate::ledger::{End, Exchange, Usage};
use crate::script::{Cut, Pace, Sever};

/// What keep-alive comments look like.
const COMMENT: &str = ": keep-alive\n\n";
/// Lets the kernel hand over what has been written before the connection is cut.
const SETTLE: Duration = Duration::from_millis(3);

/// The scripted end of a connection, told to hyper as an error.
#[derive(Debug)]
pub(crate) struct Severed;

impl std::fmt::Display for Severed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the script ends the connection here")
    }
}

impl std::error::Error for Severed {}

/// How a body ends and what it needs for that.
pub(crate) struct Ending {
    /// Where it breaks off, if it does.
    pub(crate) cut: Option<Cut>,
    /// Raised to have the connection reset instead of closed.
    pub(crate) reset: Arc<AtomicBool>,
    /// The length given in `content-length`, if it is given.
    pub(crate) length: Option<u64>,
}

/// Counts that become true once a byte of the body has been written.
struct Mark {
    at: u64,
    tokens: u64,
    usage: Option<Usage>,
}

/// A body that leaves as its script says.
pub(crate) struct Paced {
    cues: Peekable<Box<dyn Iterator<Item = Cue> + Send>>,
    pace: Pace,
    writes: VecDeque<usize>,
    ending: Ending,
    exchange: Option<Exchange>,
    /// Bytes of the current event that have not been written.
    current: Bytes,
    is_inside_event: bool,
    marks: VecDeque<Mark>,
    /// Bytes handed to hyper.
    sent: u64,
    /// Bytes handed to hyper and in `current`.
    queued: u64,
    /// How long to be silent before the next event; `None` is for ever.
    silence: Option<Duration>,
    wait: Option<Pin<Box<Sleep>>>,
    /// The last frame has to reach the socket before the next is given.
    is_flush_due: bool,
    has_settled: bool,
}

enum Step {
    Write(Bytes),
    Wait(Duration),
    WaitForEver,
    End,
    Sever,
}

impl Paced {
    pub(crate) fn new(
        cues: Box<dyn Iterator<Item = Cue> + Send>,
        pace: &Pace,
        ending: Ending,
        mut exchange: Option<Exchange>,
    ) -> Self {
        if ending.length == Some(0)
            && let Some(exchange) = &mut exchange
        {
            exchange.end(End::Finished); // Hyper never asks for the bytes of an empty body.
        }
        Self {
            cues: cues.peekable(),
            writes: pace.writes.iter().copied().collect(),
            silence: Some(pace.first_token),
            pace: pace.clone(),
            ending,
            exchange,
            current: Bytes::new(),
            is_inside_event: false,
            marks: VecDeque::new(),
            sent: 0,
            queued: 0,
            wait: None,
            is_flush_due: false,
            has_settled: false,
        }
    }

    /// A body that leaves at once and is in nobody's ledger.
    pub(crate) fn page(bytes: Bytes) -> Self {
        let length = Some(bytes.len() as u64);
        let cues = std::iter::once(Cue::Event(Event::bare(bytes)));
        let ending = Ending {
            cut: None,
            reset: Arc::default(),
            length,
        };
        Self::new(Box::new(cues), &Pace::default(), ending, None)
    }

    fn step(&mut self) -> Step {
        if let Some(Cut { at: Some(at), how }) = self.ending.cut
            && self.sent >= at
        {
            return self.break_off(how);
        }
        loop {
            if !self.current.is_empty() {
                return self.write_step();
            }
            match self.silence {
                None => match self.pace.comment {
                    Some(interval) => return self.comment_after(interval),
                    None => return Step::WaitForEver,
                },
                Some(silence) if !silence.is_zero() => {
                    return match self.pace.comment {
                        Some(interval) if interval < silence => {
                            self.silence = Some(silence - interval);
                            self.comment_after(interval)
                        }
                        _ => {
                            self.silence = Some(Duration::ZERO);
                            Step::Wait(silence)
                        }
                    };
                }
                Some(_) => {}
            }
            if !self.take_cues() {
                self.finish(End::Finished);
                return Step::End;
            }
        }
    }

    /// Puts a comment in line, to be written after the wait.
    fn comment_after(&mut self, interval: Duration) -> Step {
        self.current = Bytes::from_static(COMMENT.as_bytes());
        self.queued += self.current.len() as u64;
        Step::Wait(interval)
    }

    /// Takes the next event; `false` at the end.
    fn take_cues(&mut self) -> bool {
        match self.cues.next() {
            None => return false,
            Some(Cue::Hang) => {
                self.silence = None;
                return true;
            }
            Some(Cue::Event(event)) => self.current = self.mark(event),
        }
        if self.cues.peek().is_some() {
            self.silence = Some(self.pace.gap);
        }
        true
    }

    fn mark(&mut self, event: Event) -> Bytes {
        self.queued += event.bytes.len() as u64;
        if event.tokens > 0 || event.usage.is_some() {
            self.marks.push_back(Mark {
                at: self.queued,
                tokens: event.tokens,
                usage: event.usage,
            });
        }
        event.bytes
    }

    fn write_step(&mut self) -> Step {
        if self.is_inside_event && !self.pace.write_gap.is_zero() {
            self.is_inside_event = false;
            return Step::Wait(self.pace.write_gap);
        }
        self.top_up();
        let size = self.write_size();
        let bytes = self.current.split_to(size);
        self.is_inside_event = !self.current.is_empty();
        self.note(bytes.len());
        let is_last = self.current.is_empty() && self.ending.length == Some(self.sent);
        if is_last || (self.current.is_empty() && self.is_at_end()) {
            self.finish(End::Finished);
        }
        Step::Write(bytes)
    }

    /// Whether nothing follows what has been written (a cut or a silence would).
    fn is_at_end(&mut self) -> bool {
        let is_cut_due =
            matches!(self.ending.cut, Some(Cut { at: Some(at), .. }) if self.sent >= at);
        !is_cut_due && self.silence.is_some_and(|s| s.is_zero()) && self.cues.peek().is_none()
    }

    /// Adds the events that the next write spans, where no wait lies between them.
    fn top_up(&mut self) {
        let wanted = self
            .writes
            .front()
            .copied()
            .or(self.pace.write)
            .unwrap_or(0);
        let is_waiting = self.silence.is_none_or(|silence| !silence.is_zero());
        if self.current.len() >= wanted || is_waiting {
            return;
        }
        let mut joined = BytesMut::from(&self.current[..]);
        while joined.len() < wanted
            && let Some(Cue::Event(event)) = self.cues.next_if(|cue| matches!(cue, Cue::Event(_)))
        {
            let bytes = self.mark(event);
            joined.extend_from_slice(&bytes);
        }
        self.current = joined.freeze();
    }

    fn write_size(&mut self) -> usize {
        let scripted = self
            .writes
            .pop_front()
            .or(self.pace.write)
            .unwrap_or(usize::MAX);
        let mut size = scripted.min(self.current.len());
        if let Some(Cut { at: Some(at), .. }) = self.ending.cut {
            size = size.min(usize::try_from(at - self.sent).unwrap_or(usize::MAX));
        }
        if self.pace.split_utf8
            && let Some(lead) = self.current[..size].iter().position(|byte| *byte >= 0xC0)
        {
            size = lead + 1;
        }
        size
    }

    fn note(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        let (mut tokens, mut usage) = (0, None);
        while let Some(mark) = self.marks.front().filter(|mark| mark.at <= self.sent) {
            tokens += mark.tokens;
            usage = mark.usage.or(usage);
            self.marks.pop_front();
        }
        if let Some(exchange) = &self.exchange {
            exchange.note_write(bytes, tokens, usage);
        }
    }

    fn break_off(&mut self, how: Sever) -> Step {
        if how == Sever::Clean {
            self.finish(End::Finished);
            return Step::End;
        }
        if !self.has_settled {
            self.has_settled = true;
            return Step::Wait(SETTLE);
        }
        self.ending.reset.store(how == Sever::Reset, Relaxed);
        self.finish(End::Severed);
        Step::Sever
    }

    fn finish(&mut self, end: End) {
        if let Some(exchange) = &mut self.exchange {
            exchange.end(end);
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Severed;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Severed>>> {
        let this = self.get_mut();
        loop {
            if let Some(wait) = &mut this.wait {
                ready!(wait.as_mut().poll(cx));
                this.wait = None;
                this.is_flush_due = false;
            }
            if this.is_flush_due {
                // Hyper flushes when a body has nothing to give: that makes one write of one frame.
                this.is_flush_due = false;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match this.step() {
                Step::Write(bytes) => {
                    this.is_flush_due = !this.pace.burst;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Step::Wait(wait) => this.wait = Some(Box::pin(tokio::time::sleep(wait))),
                Step::WaitForEver => return Poll::Pending,
                Step::End => return Poll::Ready(None),
                Step::Sever => return Poll::Ready(Some(Err(Severed))),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.ending.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.sent)),
            None => SizeHint::default(),
        }
    }
}
