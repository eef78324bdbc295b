//! An answer that stays in its dialect: listened to, stamped as ours, and otherwise as it came.
//!
//! The last `message_delta` and `message_stop` wait until the cost is known. The seals of models that
//! are not Claude are tagged (see `seal.rs`), so that a caller that goes on with Claude is not refused.

use bytes::Bytes;
use chat::{Error, Reason, Usage};

use super::blocks::Ended;
use super::envelope;
use super::events::{Answer, Step, members, members_of_whole};
use super::family::is_claude;
use super::seal;
use super::usage;
use crate::codec::{Asked, Listen, Passed, Reader as _, Tap};
use crate::frame::Frame;
use crate::members::Members;
use crate::scan::{Scanner, ValueKind};
use crate::seal::TAG;
use crate::splice::{Edits, ObjectEdits, quoted, unfold};
use crate::stamp::{CostText, Stamp};
use crate::track::broken;
use chat::opaque::{Format, Opaque, Seal};

/// An answer on its way through.
pub(super) struct Same {
    answer: Answer,
    stamp: Stamp,
    seals: bool,
    /// The whole answer, or nothing.
    whole: Bytes,
    reason: Option<Reason>,
    /// The data of the last `message_delta`, until the cost is known.
    delta: Option<Bytes>,
    /// The data of `message_stop`.
    stop: Option<Bytes>,
    /// Frames that wait behind a tool call that ended unclosed.
    held: Vec<u8>,
    /// Blocks whose seal has been tagged.
    tagged: Vec<u64>,
}

impl Same {
    /// A tap for one answer.
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            answer: Answer::default(),
            seals: !is_claude(&asked.stamp.native_model),
            stamp: asked.stamp.clone(),
            whole: Bytes::new(),
            reason: None,
            delta: None,
            stop: None,
            held: Vec::new(),
            tagged: Vec::new(),
        }
    }

    /// Sends a frame on, or keeps it while an unclosed tool call waits.
    fn pass(&mut self, top: &Members<'_>, edits: Edits<'_>) -> Passed {
        let frame = framed(top, edits);
        if self.held.is_empty() {
            return Passed::Forward(frame);
        }
        self.held.extend_from_slice(&frame);
        Passed::Swallow
    }

    /// Marks the seals in a new block or a delta as those of a model that is not Claude.
    fn tag(&mut self, top: &Members<'_>, name: &str, edits: &mut Edits<'_>) {
        let Some(inner) = top.object(name) else {
            return;
        };
        let native = top.count("index").unwrap_or(0);
        for field in ["signature", "data"] {
            let is_seal = field == "signature"
                || inner
                    .string("type")
                    .is_some_and(|kind| kind.is("redacted_thinking"));
            let Some(value) = inner.filled(field).filter(|_| is_seal) else {
                continue;
            };
            if !self.tagged.contains(&native) && !value.raw.starts_with(TAG) {
                edits.insert(value.span.start + 1, tag_of(field));
            }
            self.tagged.push(native);
        }
    }

    fn start(&self, top: &Members<'_>, edits: &mut Edits<'_>) {
        if let Some(message) = top.object("message") {
            stamp(&message, &self.stamp).commit(edits);
        }
    }
}

/// What a seal begins with that is not Claude's. Goes where the text of a JSON string begins.
fn tag_of(field: &str) -> String {
    let seal = if field == "data" {
        Seal::Encrypted
    } else {
        Seal::Signature
    };
    seal::carry(&Opaque {
        format: Format::Unknown,
        seal,
        value: String::new(),
        id: None,
    })
}

/// Edits that make an answer ours.
fn stamp<'m, 'a>(message: &'m Members<'a>, stamp: &Stamp) -> ObjectEdits<'m, 'a> {
    let mut edits = ObjectEdits::new(message);
    edits.set("id", quoted(&stamp.id));
    edits.set("model", quoted(&stamp.model));
    edits.set("provider", quoted(&stamp.provider));
    edits
}

/// A frame with its name, its data in one line.
fn framed(top: &Members<'_>, mut edits: Edits<'_>) -> Bytes {
    unfold(top.text, &mut edits);
    let name = top.string("type").map(|kind| kind.decode());
    let before = format!("event: {}\ndata: ", name.as_deref().unwrap_or("message"));
    edits.apply(top.text, &before, "\n\n")
}

/// Puts the usage with its cost into what holds it: the provider's own where it counted, else ours.
fn count(holder: &Members<'_>, usage: &Usage, cost: &CostText, edits: &mut Edits<'_>) {
    match holder.object("usage") {
        Some(counted) => {
            let mut inner = ObjectEdits::new(&counted);
            for (name, json) in usage::costs(cost) {
                inner.set(name, json);
            }
            inner.commit(edits);
        }
        None => {
            let mut outer = ObjectEdits::new(holder);
            outer.set("usage", usage::write(usage, Some(cost)));
            outer.commit(edits);
        }
    }
}

/// Says why the answer ended where the provider's word contradicts what it contains.
fn correct(holder: &Members<'_>, reason: Option<Reason>, edits: &mut Edits<'_>) {
    let said = holder.string("stop_reason");
    let is_contradicted =
        reason == Some(Reason::ToolCalls) && !said.is_some_and(|word| word.is("tool_use"));
    if is_contradicted && let Some(member) = holder.get("stop_reason") {
        edits.replace(member.value, "\"tool_use\"");
    }
}

impl Tap for Same {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<Passed, Error> {
        let Some(top) = members(frame)? else {
            return Ok(Passed::Swallow);
        };
        let step = self.answer.event(&top, listen)?;
        let mut edits = Edits::default();
        match step {
            Step::Start => self.start(&top, &mut edits),
            Step::BlockStart if self.seals => self.tag(&top, "content_block", &mut edits),
            Step::Delta if self.seals => self.tag(&top, "delta", &mut edits),
            Step::BlockEnd(Ended::Unclosed) => {
                self.held.extend_from_slice(&framed(&top, edits));
                return Ok(Passed::Swallow);
            }
            Step::Finish(reason) => {
                self.reason = reason.or(self.reason);
                let earlier = self.delta.replace(frame.data.clone());
                let held = std::mem::take(&mut self.held);
                let earlier = earlier.map_or_else(Bytes::new, |data| named("message_delta", &data));
                let out = [held, earlier.into()].concat();
                return Ok(match out.is_empty() {
                    true => Passed::Swallow,
                    false => Passed::Forward(out.into()),
                });
            }
            Step::Done => {
                self.stop = Some(frame.data.clone());
                return Ok(Passed::Done);
            }
            // Whatever a provider says after its counts has nowhere to stand.
            _ if self.delta.is_some() => return Ok(Passed::Swallow),
            Step::BlockStart | Step::Delta | Step::BlockEnd(Ended::Whole) | Step::Other => {}
        }
        Ok(self.pass(&top, edits))
    }

    fn end(&mut self, listen: &mut Listen<'_>) -> Result<Bytes, Error> {
        self.answer.end(listen)?;
        Ok(Bytes::new())
    }

    fn last_frames(&mut self, usage: &Usage, cost: &CostText) -> Bytes {
        let mut out = Vec::new();
        if let Some(data) = self.delta.take()
            && let Ok(top) = members_of_whole(&data)
        {
            let mut edits = Edits::default();
            if let Some(delta) = top.object("delta") {
                correct(&delta, self.reason, &mut edits);
            }
            count(&top, usage, cost, &mut edits);
            out.extend_from_slice(&framed(&top, edits));
        }
        let stop = self.stop.take();
        let stop = stop.unwrap_or_else(|| Bytes::from_static(b"{\"type\":\"message_stop\"}"));
        out.extend_from_slice(&named("message_stop", &stop));
        out.into()
    }

    fn error_frame(&mut self, error: &Error) -> Bytes {
        envelope::error_frame(error, &self.stamp.id).into()
    }

    fn read_whole(&mut self, body: &Bytes, listen: &mut Listen<'_>) -> Result<(), Error> {
        self.reason = Some(self.answer.whole(&members_of_whole(body)?, listen)?);
        self.whole = body.clone();
        Ok(())
    }

    fn write_whole(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        if self.whole.is_empty() {
            return Err(broken("no answer was read"));
        }
        let top = members_of_whole(&self.whole)?;
        let mut edits = Edits::default();
        let mut stamped = stamp(&top, &self.stamp);
        if top.object("usage").is_none() {
            stamped.set("usage", usage::write(usage, Some(cost)));
        } else {
            count(&top, usage, cost, &mut edits);
        }
        stamped.commit(&mut edits);
        correct(&top, self.reason, &mut edits);
        if self.seals {
            tag_whole(&top, &mut edits);
        }
        Ok(edits.apply(top.text, "", ""))
    }
}

/// A frame around data that goes out as it came.
fn named(name: &str, data: &Bytes) -> Bytes {
    let mut edits = Edits::default();
    match std::str::from_utf8(data.trim_ascii()) {
        Ok(text) => {
            unfold(text, &mut edits);
            edits.apply(text, &format!("event: {name}\ndata: "), "\n\n")
        }
        Err(_) => Bytes::new(),
    }
}

fn tag_whole(top: &Members<'_>, edits: &mut Edits<'_>) {
    let content = top
        .get("content")
        .filter(|member| member.kind == ValueKind::Array);
    let Some(content) = content else { return };
    // The text was checked before, so the walk cannot fail.
    let _ = Scanner::within(top.text, content.value).array(|scanner, _| {
        let block = Members::read(top.text, scanner)?;
        for (kind, field) in [("thinking", "signature"), ("redacted_thinking", "data")] {
            if block.string("type").is_some_and(|said| said.is(kind))
                && let Some(value) = block.filled(field)
                && !value.raw.starts_with(TAG)
            {
                edits.insert(value.span.start + 1, tag_of(field));
            }
        }
        Ok::<(), crate::scan::Malformed>(())
    });
}
