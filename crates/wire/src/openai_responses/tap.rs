//! An answer that stays in its dialect: listened to, and stamped as ours.
//!
//! Of each event only the number changes, and of the response object inside it the id and the model.
//! The last event waits for the cost. Items keep the ids that the provider gave them.

use bytes::Bytes;
use chat::{Error, Event, Usage};

use super::opening::Opening;
use super::reader::ResponsesReader;
use super::shell::{self, Echo};
use super::usage;
use crate::codec::{Asked, Listen, Passed, Reader as _, Tap};
use crate::frame::Frame;
use crate::members::Members;
use crate::scan;
use crate::splice::{Edits, ObjectEdits, quoted};
use crate::stamp::{CostText, Stamp};
use crate::track::broken;

/// So much may come before the first content; more is sent on as it is.
const HELD_BYTES_MAX: usize = 512 * 1024;

/// The terminator of a stream.
pub(super) const DONE: &str = "data: [DONE]\n\n";

/// What strict schemas of OpenRouter's require and some providers leave out.
const REQUIRED: [(&str, &str); 13] = [
    ("completed_at", "null"),
    ("error", "null"),
    ("incomplete_details", "null"),
    ("instructions", "null"),
    ("metadata", "{}"),
    ("tools", "[]"),
    ("tool_choice", "\"auto\""),
    ("parallel_tool_calls", "true"),
    ("temperature", "null"),
    ("top_p", "null"),
    ("presence_penalty", "null"),
    ("frequency_penalty", "null"),
    ("output", "[]"),
];

/// One answer.
pub(super) struct Same {
    stamp: Stamp,
    reader: ResponsesReader,
    opening: Opening,
    echo: Echo,
    held: Vec<Frame>,
    last: Option<Frame>,
    whole: Bytes,
}

impl Same {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            stamp: asked.stamp.clone(),
            reader: ResponsesReader::default(),
            opening: Opening::new(&asked.stamp.sequence),
            echo: Echo::of(asked),
            held: Vec::new(),
            last: None,
            whole: Bytes::new(),
        }
    }

    /// Writes the events that waited for the first content.
    fn open(&mut self, out: &mut Vec<u8>) {
        if self.opening.is_open() {
            return;
        }
        let opens = self.opening.open();
        let held = std::mem::take(&mut self.held);
        let is_opening = |frame: &Frame| matches!(kind(frame).as_str(), "response.created");
        if opens && !held.first().is_some_and(is_opening) {
            let mut opened = String::new();
            shell::write_opening(&self.stamp, &self.echo, &mut opened);
            out.extend_from_slice(opened.as_bytes());
        }
        for frame in &held {
            if opens || !is_opening(frame) {
                self.stamped(frame, None, out);
            }
        }
    }

    /// Writes one event with our number, and its response with our id, model and usage.
    fn stamped(&self, frame: &Frame, usage: Option<&str>, out: &mut Vec<u8>) {
        let text = std::str::from_utf8(&frame.data).unwrap_or_default();
        let Ok(top) = Members::of_text(text) else {
            return;
        };
        let mut edits = Edits::default();
        let mut event = ObjectEdits::new(&top);
        event.set("sequence_number", self.stamp.sequence.next().to_string());
        event.commit(&mut edits);
        if let Some(response) = top.object("response") {
            self.stamp_response(&response, usage, &mut edits);
        }
        if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some() {
            unfold(text, &mut edits);
        }
        let name = top.string("type").map_or("", |kind| kind.raw);
        let head = format!("event: {name}\ndata: ");
        out.extend_from_slice(&edits.apply(text, &head, "\n\n"));
    }

    fn stamp_response(&self, response: &Members<'_>, usage: Option<&str>, edits: &mut Edits<'_>) {
        let mut edited = ObjectEdits::new(response);
        edited.set("id", quoted(&self.stamp.id));
        edited.set("model", quoted(&self.stamp.model));
        if let Some(usage) = usage {
            edited.set("usage", usage);
        }
        for (name, otherwise) in REQUIRED {
            if response.get(name).is_none() {
                edited.add(name, otherwise);
            }
        }
        edited.commit(edits);
    }
}

impl Tap for Same {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<Passed, Error> {
        let mut has_content = false;
        let is_done = self.reader.frame(frame, &mut |event| {
            has_content |= matches!(event, Event::BlockStart(..) | Event::Finish(..));
            // What the vocabulary cannot say is said to this caller all the same.
            if !matches!(event, Event::Unsaid(_)) {
                listen(event);
            }
        })?;
        let mut out = Vec::new();
        if has_content {
            self.open(&mut out);
        }
        let data = frame.data.trim_ascii();
        let is_event = !data.is_empty() && data != b"[DONE]";
        if is_done {
            self.last = Some(frame.clone()).filter(|_| is_event);
            return Ok(match out.is_empty() {
                true => Passed::Done,
                false => Passed::Last(out.into()),
            });
        }
        if is_event && self.opening.is_open() {
            self.stamped(frame, None, &mut out);
        } else if is_event {
            self.held.push(frame.clone());
            let bytes: usize = self.held.iter().map(|frame| frame.data.len()).sum();
            if bytes > HELD_BYTES_MAX {
                self.open(&mut out);
            }
        }
        Ok(match out.is_empty() {
            true => Passed::Swallow,
            false => Passed::Forward(out.into()),
        })
    }

    fn end(&mut self, listen: &mut Listen<'_>) -> Result<Bytes, Error> {
        self.reader.end(listen).map(|()| Bytes::new())
    }

    fn last_frames(&mut self, usage: &Usage, cost: &CostText) -> Bytes {
        self.opening.end();
        let mut out = Vec::new();
        if let Some(last) = self.last.take() {
            let usage = usage::write(usage, cost);
            self.stamped(&last, Some(&usage), &mut out);
        }
        out.extend_from_slice(DONE.as_bytes());
        out.into()
    }

    fn error_frame(&mut self, error: &Error) -> Bytes {
        let mut out = Vec::new();
        self.open(&mut out);
        self.opening.end();
        let mut failed = String::new();
        shell::write_failure(&self.stamp, &self.echo, error, &mut failed);
        out.extend_from_slice(failed.as_bytes());
        out.into()
    }

    fn read_whole(&mut self, body: &Bytes, listen: &mut Listen<'_>) -> Result<(), Error> {
        self.reader.whole(body, &mut |event| {
            if !matches!(event, Event::Unsaid(_)) {
                listen(event);
            }
        })?;
        self.whole = body.clone();
        Ok(())
    }

    fn write_whole(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        let malformed = |error: scan::Malformed| broken(&error.to_string());
        let text = scan::text(&self.whole).map_err(malformed)?;
        let top = Members::of_text(text).map_err(malformed)?;
        let mut edits = Edits::default();
        self.stamp_response(&top, Some(&usage::write(usage, cost)), &mut edits);
        Ok(edits.apply(text, "", ""))
    }
}

fn kind(frame: &Frame) -> String {
    let text = std::str::from_utf8(&frame.data).unwrap_or_default();
    let top = Members::of_text(text).ok();
    let kind = top.and_then(|top| top.string("type").map(|kind| kind.decode().into_owned()));
    kind.unwrap_or_default()
}

/// A frame that came in several `data:` lines goes out in one: a line end in JSON text is a blank.
fn unfold(text: &str, edits: &mut Edits<'_>) {
    for at in memchr::memchr2_iter(b'\n', b'\r', text.as_bytes()) {
        let end = at + 1;
        edits.replace(scan::Span { start: at, end }, " ");
    }
}
