//! Reads a provider's answer for who writes it in another dialect.

use chat::Error;

use super::super::events::{self, Heard};
use crate::codec::{Listen, Reader};
use crate::frame::Frame;
use crate::track::broken;

/// One answer, as far as it has been read.
pub(in super::super) struct Answer(Heard);

impl Default for Answer {
    fn default() -> Self {
        Self(Heard::told())
    }
}

impl Reader for Answer {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<bool, Error> {
        let data = frame.data.trim_ascii();
        if !data.is_empty() {
            self.0.hear(&events::top(events::text(data)?)?, listen)?;
        }
        Ok(false)
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<(), Error> {
        self.0.tracker.check_whole(false)
    }

    fn whole(&mut self, body: &[u8], listen: &mut Listen<'_>) -> Result<(), Error> {
        self.0.hear(&events::top(events::text(body)?)?, listen)?;
        if self.0.tracker.choices.is_empty() {
            return Err(broken("the provider answered without candidates"));
        }
        self.0.tracker.check_whole(false)
    }
}
