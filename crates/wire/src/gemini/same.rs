//! An answer that stays in this dialect: forwarded as it is, stamped as ours.
//!
//! `responseId` is our generation id, `modelVersion` the slug of the concrete model, and `cost` stands
//! beside the usage. The usage comes with the chunk that ends the answer, so the last chunk since
//! the end is held back until the cost is known.

use bytes::Bytes;
use chat::{Error, Usage};

use super::envelope;
use super::events::{self, Heard};
use super::frames::Frames;
use super::usage;
use crate::codec::{Asked, Listen, Passed, Tap};
use crate::frame::Frame;
use crate::members::Members;
use crate::scan::{Scanner, Span};
use crate::splice::{Edits, ObjectEdits, quoted};
use crate::stamp::{CostText, Stamp};
use crate::track::broken;

/// One answer on its way through.
pub(super) struct Same {
    heard: Heard,
    stamp: Stamp,
    frames: Frames,
    /// The chunk that waits for the cost, or the whole answer.
    held: Option<Bytes>,
}

impl Same {
    /// An answer that has not begun.
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            heard: Heard::default(),
            stamp: asked.stamp.clone(),
            frames: Frames::new(asked.request.beside.as_array),
            held: None,
        }
    }

    /// The held chunk, forwarded after all since another one has come.
    fn release(&mut self) -> Result<Option<Bytes>, Error> {
        match self.held.take() {
            Some(held) => self.stamped(&held).map(Some),
            None => Ok(None),
        }
    }

    fn stamped(&mut self, data: &[u8]) -> Result<Bytes, Error> {
        let text = events::text(data)?;
        let top = events::top(text)?;
        let edits = stamp(&top, &self.stamp, None);
        let (before, after) = self.frames.around();
        Ok(edits.apply(text, before, after))
    }
}

/// Puts our id and the model's slug into an answer; at its end the cost, and the usage where the
/// provider told none.
fn stamp<'a>(top: &Members<'a>, stamp: &Stamp, end: Option<(&Usage, &CostText)>) -> Edits<'a> {
    let mut edits = Edits::default();
    let mut object = ObjectEdits::new(top);
    if let Some((counted, cost)) = end {
        if top.object("usageMetadata").is_none() {
            object.set("usageMetadata", usage::write(counted));
        }
        object.set("cost", money(cost));
    }
    object.set("modelVersion", quoted(&stamp.model));
    object.set("responseId", quoted(&stamp.id));
    object.commit(&mut edits);
    // A frame that came in several lines goes out in one: a line end in JSON text is a blank.
    for at in memchr::memchr2_iter(b'\n', b'\r', top.text.as_bytes()) {
        let end = at + 1;
        edits.replace(Span { start: at, end }, " ");
    }
    edits
}

/// What a call cost, as a JSON number; null when nobody knows.
pub(super) fn money(cost: &CostText) -> String {
    let is_number = |text: &&String| {
        let mut scanner = Scanner::new(text);
        scanner.number().is_ok() && scanner.position() == text.len()
    };
    let total = cost.total.as_ref().filter(is_number);
    total.map_or("null", String::as_str).to_owned()
}

impl Tap for Same {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<Passed, Error> {
        let data = frame.data.trim_ascii();
        if data.is_empty() {
            return Ok(Passed::Swallow);
        }
        let text = events::text(data)?;
        self.heard.hear(&events::top(text)?, listen)?;
        let data = frame.data.slice_ref(data);
        if !self.heard.has_finish {
            return self.stamped(&data).map(Passed::Forward);
        }
        let before = self.release()?;
        self.held = Some(data);
        Ok(before.map_or(Passed::Swallow, Passed::Forward))
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<Bytes, Error> {
        self.heard.tracker.check_whole(false)?;
        Ok(Bytes::new())
    }

    fn last_frames(&mut self, usage: &Usage, cost: &CostText) -> Bytes {
        let mut out = String::new();
        let held = self
            .held
            .take()
            .unwrap_or_else(|| Bytes::from_static(b"{}"));
        if let Ok(text) = events::text(&held)
            && let Ok(top) = events::top(text)
        {
            let bytes = stamp(&top, &self.stamp, Some((usage, cost))).apply(text, "", "");
            self.frames.push(&String::from_utf8_lossy(&bytes), &mut out);
        }
        self.frames.close(&mut out);
        out.into()
    }

    fn error_frame(&mut self, error: &Error) -> Bytes {
        let mut out = String::new();
        self.frames.push(&envelope::stream_error(error), &mut out);
        self.frames.close(&mut out);
        out.into()
    }

    fn read_whole(&mut self, body: &Bytes, listen: &mut Listen<'_>) -> Result<(), Error> {
        self.heard
            .hear(&events::top(events::text(body)?)?, listen)?;
        self.heard.tracker.check_whole(false)?;
        self.held = Some(body.clone());
        Ok(())
    }

    fn write_whole(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        let body = self
            .held
            .take()
            .ok_or_else(|| broken("no answer was read"))?;
        let text = events::text(&body)?;
        let top = events::top(text)?;
        Ok(stamp(&top, &self.stamp, Some((usage, cost))).apply(text, "", ""))
    }
}
