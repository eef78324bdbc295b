//! Reads a provider's answer, streamed or whole: one dispatch on the kind of a message.

use chat::{Error, Event};

use super::blocks::Blocks;
use super::usage;
use crate::codec::{Listen, Reader};
use crate::error::{read_error, read_exception};
use crate::frame::{EXCEPTION, Frame};
use crate::members::Members;
use crate::scan::{self, Malformed};
use crate::track::{broken, object_of, too_many};

/// Reads one answer.
#[derive(Debug, Default)]
pub(super) struct ConverseReader {
    blocks: Blocks,
}

impl Reader for ConverseReader {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<bool, Error> {
        let kind = String::from_utf8_lossy(frame.event.as_deref().unwrap_or_default());
        if let Some(kind) = kind.strip_prefix(EXCEPTION) {
            return Err(read_exception(kind, &frame.data));
        }
        let text = scan::text(frame.data.trim_ascii()).map_err(malformed)?;
        let top = Members::of_text(text).map_err(malformed)?;
        let index = top.count("contentBlockIndex").unwrap_or(0);
        match &*kind {
            "contentBlockDelta" => {
                if let Some(delta) = object_of(&top, "delta")? {
                    self.blocks.begin(listen)?;
                    self.blocks.delta(index, &delta, listen)?;
                }
            }
            "contentBlockStart" => {
                if let Some(start) = object_of(&top, "start")? {
                    self.blocks.begin(listen)?;
                    self.blocks.start(index, &start, listen)?;
                }
            }
            "contentBlockStop" => self.blocks.end(listen)?,
            "messageStart" => self.blocks.begin(listen)?,
            "messageStop" => self.finish(&top, listen)?,
            "metadata" => {
                self.count(&top, listen)?;
                return Ok(true);
            }
            other => {
                let name = format!("event.{other}");
                listen(Event::Unsaid(name.into()));
            }
        }
        Ok(false)
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<(), Error> {
        self.blocks.check_whole()
    }

    fn whole(&mut self, body: &[u8], listen: &mut Listen<'_>) -> Result<(), Error> {
        let text = scan::text(body).map_err(malformed)?;
        let top = Members::of_text(text).map_err(malformed)?;
        let message = match object_of(&top, "output")? {
            Some(output) => object_of(&output, "message")?,
            None => None,
        };
        let Some(message) = message else {
            return Err(match top.present("message") {
                Some(_) => read_error(200, body),
                None => broken("the provider answered without a message"),
            });
        };
        self.blocks.begin(listen)?;
        let content = message.objects("content").map_err(too_many)?;
        for (index, block) in (0..).zip(content) {
            self.blocks.whole(index, &block, listen)?;
        }
        self.count(&top, listen)?;
        if self.blocks.is_empty() && top.filled("stopReason").is_none() {
            return Err(broken("the provider sent an empty answer"));
        }
        self.finish(&top, listen)?;
        self.blocks.check_whole()
    }
}

impl ConverseReader {
    fn count(&self, holder: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        if let Some(usage) = usage::read(holder)? {
            listen(Event::Usage(usage));
        }
        Ok(())
    }

    fn finish(&mut self, holder: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let word = holder.filled("stopReason").map(|word| word.decode());
        self.blocks.begin(listen)?;
        self.blocks
            .finish(word.as_deref().unwrap_or("end_turn"), listen)
    }
}

fn malformed(error: Malformed) -> Error {
    broken("the provider sent malformed JSON").with_detail(error.to_string())
}
