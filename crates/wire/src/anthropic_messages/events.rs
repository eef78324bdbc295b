//! Reads a provider's answer, in both of its forms: events for who listens, steps for who forwards.

use chat::{Error, Event, Reason};

use super::blocks::{Blocks, Ended};
use super::usage::Counts;
use crate::codec::{Listen, Reader};
use crate::error::{read_error, read_exception};
use crate::frame::{EXCEPTION, Frame};
use crate::members::Members;
use crate::scan::{self, Scanner, ValueKind};
use crate::track::{all_of_object, broken, object_of};

/// What one answer has said so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    blocks: Blocks,
    counts: Counts,
    is_started: bool,
    is_done: bool,
    /// The reason of the end, where a stream begins with it: an answer that goes on with calls which
    /// the provider's own code makes is whole at once.
    begun_with: Option<String>,
}

/// What a frame was, for whoever forwards it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The answer begins.
    Start,
    /// A block begins.
    BlockStart,
    /// More of a block.
    Delta,
    /// A block ends; not to be shown while it is unclosed.
    BlockEnd(Ended),
    /// The reason of the end, unified, or only counts.
    Finish(Option<Reason>),
    /// The answer is complete.
    Done,
    /// Anything else.
    Other,
}

impl Answer {
    /// Takes one event of a stream.
    pub(super) fn event(
        &mut self,
        top: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<Step, Error> {
        let kind = top.string("type").map(|kind| kind.decode());
        let index = || top.count("index").unwrap_or(0);
        match kind.as_deref().unwrap_or_default() {
            "content_block_delta" => {
                if let Some(delta) = object_of(top, "delta")? {
                    self.blocks.delta(index(), &delta, listen)?;
                }
                Ok(Step::Delta)
            }
            "message_start" => {
                if let Some(message) = object_of(top, "message")? {
                    self.start(&message, listen)?;
                    self.content(&message, listen)?;
                    let reason = message.filled("stop_reason");
                    self.begun_with = reason.map(|word| word.decode().into_owned());
                }
                Ok(Step::Start)
            }
            "content_block_start" => {
                let block = object_of(top, "content_block")?;
                let block = block.ok_or_else(|| broken("the provider began a block of nothing"))?;
                self.blocks.start(index(), &block, false, listen)?;
                Ok(Step::BlockStart)
            }
            "content_block_stop" => Ok(Step::BlockEnd(self.blocks.end(index(), listen)?)),
            "message_delta" => self.end_of_turn(top, listen).map(Step::Finish),
            "message_stop" => {
                self.is_done = true;
                if let Some(word) = self.begun_with.take()
                    && !self.blocks.has_finished()
                {
                    self.blocks.finish(&word, listen)?;
                }
                Ok(Step::Done)
            }
            "error" => Err(read_error(200, top.span.of(top.text).as_bytes())),
            _ if top.present("error").is_some() => {
                Err(read_error(200, top.span.of(top.text).as_bytes()))
            }
            _ => Ok(Step::Other),
        }
    }

    fn start(&mut self, message: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        if !self.is_started {
            self.is_started = true;
            listen(Event::Start {
                native_id: message.filled("id").map(|id| id.decode()),
                native_model: message.filled("model").map(|model| model.decode()),
            });
        }
        self.count(message, listen)
    }

    /// Reads the blocks that a message already has; gives how many there are.
    fn content(&mut self, message: &Members<'_>, listen: &mut Listen<'_>) -> Result<usize, Error> {
        let content = message
            .get("content")
            .filter(|member| member.kind == ValueKind::Array);
        let Some(content) = content else { return Ok(0) };
        let mut count = 0;
        Scanner::within(message.text, content.value).array(|scanner, position| {
            count = position + 1;
            if scanner.peek()? != ValueKind::Object {
                return Err(Walk(broken("the provider sent a block that is no object")));
            }
            let block = Members::read(message.text, scanner)?;
            let native = u64::try_from(position).unwrap_or(u64::MAX);
            self.blocks.start(native, &block, true, listen)?;
            self.blocks.end(native, listen)?;
            Ok(())
        })?;
        Ok(count)
    }

    fn count(&mut self, holder: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        if let Some(usage) = all_of_object(holder, "usage")? {
            self.counts.add(&usage);
            listen(Event::Usage(self.counts.usage()));
        }
        Ok(())
    }

    fn end_of_turn(
        &mut self,
        top: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<Option<Reason>, Error> {
        self.count(top, listen)?;
        let Some(delta) = object_of(top, "delta")? else {
            return Ok(None);
        };
        unsaid(&delta, listen);
        match delta.filled("stop_reason") {
            Some(word) => self.blocks.finish(&word.decode(), listen).map(Some),
            None => Ok(None),
        }
    }

    /// Takes a whole answer; gives the unified reason of its end.
    pub(super) fn whole(
        &mut self,
        top: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<Reason, Error> {
        let is_error = top.string("type").is_some_and(|kind| kind.is("error"));
        if is_error || top.present("error").is_some() {
            return Err(read_error(200, top.span.of(top.text).as_bytes()));
        }
        if top
            .get("content")
            .is_none_or(|member| member.kind != ValueKind::Array)
        {
            return Err(broken("the provider answered without content"));
        }
        self.start(top, listen)?;
        let count = self.content(top, listen)?;
        unsaid(top, listen);
        match top.filled("stop_reason") {
            Some(word) => self.blocks.finish(&word.decode(), listen),
            None if count == 0 => Err(broken("the provider sent an empty answer")),
            None => self.blocks.finish("end_turn", listen),
        }
    }
}

/// What goes wrong while an answer is walked.
struct Walk(Error);

impl From<scan::Malformed> for Walk {
    fn from(error: scan::Malformed) -> Self {
        Self(malformed(error))
    }
}

impl From<Error> for Walk {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Walk> for Error {
    fn from(walk: Walk) -> Self {
        walk.0
    }
}

/// Names what stands beside the reason and has no place in the vocabulary.
fn unsaid(holder: &Members<'_>, listen: &mut Listen<'_>) {
    for name in ["stop_sequence", "stop_details", "container"] {
        if holder.present(name).is_some() {
            listen(Event::Unsaid(name.into()));
        }
    }
}

fn malformed(error: scan::Malformed) -> Error {
    broken("the provider sent malformed JSON").with_detail(error.to_string())
}

/// The object in a frame; nothing where the frame is empty.
pub(super) fn members(frame: &Frame) -> Result<Option<Members<'_>>, Error> {
    if let Some(name) = frame.event.as_deref()
        && let Some(kind) = name.strip_prefix(EXCEPTION.as_bytes())
    {
        return Err(read_exception(&String::from_utf8_lossy(kind), &frame.data));
    }
    let data = frame.data.trim_ascii();
    // Proxies of OpenAI's kind end every stream so.
    if data.is_empty() || data == b"[DONE]" {
        return Ok(None);
    }
    let text = scan::text(data).map_err(malformed)?;
    Members::of_text(text).map(Some).map_err(malformed)
}

/// The object that a whole answer is.
pub(super) fn members_of_whole(body: &[u8]) -> Result<Members<'_>, Error> {
    let text = scan::text(body).map_err(malformed)?;
    Members::of_text(text).map_err(malformed)
}

impl Reader for Answer {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<bool, Error> {
        match members(frame)? {
            Some(top) => Ok(self.event(&top, listen)? == Step::Done),
            None => Ok(false),
        }
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<(), Error> {
        if self.is_done && self.blocks.has_finished() {
            return Ok(());
        }
        Err(broken("the provider's stream ended before its answer did"))
    }

    fn whole(&mut self, body: &[u8], listen: &mut Listen<'_>) -> Result<(), Error> {
        Self::whole(self, &members_of_whole(body)?, listen).map(drop)
    }
}
