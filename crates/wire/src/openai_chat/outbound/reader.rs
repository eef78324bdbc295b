//! Reads a provider's answer for who writes it in another dialect: the walk of the other lane, told
//! in full and not edited.

use chat::Error;

use super::alike::Alike;
use crate::codec::{Listen, Reader};
use crate::frame::Frame;
use crate::members::Members;
use crate::openai_chat::events::{Form, Walk};
use crate::openai_chat::mould::Told;
use crate::openai_chat::telling::Telling;
use crate::scan;
use crate::splice::Edits;
use crate::stamp::{Sequence, Stamp};
use crate::track::{Tracker, broken};

/// One answer, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Answer {
    tracker: Tracker,
    telling: Telling,
    pub(super) alike: Alike,
    is_done: bool,
}

impl Answer {
    fn read(&mut self, text: &str, form: Form, listen: &mut Listen<'_>) -> Result<(), Error> {
        let malformed = |error: scan::Malformed| {
            broken("the provider sent malformed JSON").with_detail(error.to_string())
        };
        let top = Members::of_text(text).map_err(malformed)?;
        let mut told = Told::default();
        let mut walk = Walk {
            text,
            form,
            tracker: &mut self.tracker,
            listen: &mut |event| {
                told.note(&event);
                listen(event);
            },
            edits: Edits::default(),
            telling: Some(&mut self.telling),
            word: None,
        };
        walk.walk(&top, &nothing_stamped())?;
        let word = walk.word;
        self.alike.note(text, told.only_delta().zip(word));
        Ok(())
    }
}

/// Nothing that is read here is stamped.
fn nothing_stamped() -> Stamp {
    Stamp {
        id: String::new(),
        model: String::new(),
        native_model: String::new(),
        provider: String::new(),
        created: 0,
        sequence: Sequence::default(),
    }
}

impl Reader for Answer {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<bool, Error> {
        let data = frame.data.trim_ascii();
        if data == b"[DONE]" {
            self.is_done = true;
            return Ok(true);
        }
        if data.is_empty() {
            return Ok(false);
        }
        let text = text(data)?;
        if self.alike.tell(text, listen) {
            return Ok(false);
        }
        self.read(text, Form::Chunk, listen)?;
        Ok(false)
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<(), Error> {
        self.tracker.check_whole(self.is_done)
    }

    fn whole(&mut self, body: &[u8], listen: &mut Listen<'_>) -> Result<(), Error> {
        self.read(text(body)?, Form::Whole, listen)?;
        if self.tracker.choices.is_empty() {
            return Err(broken("the provider answered without choices"));
        }
        Ok(())
    }
}

fn text(data: &[u8]) -> Result<&str, Error> {
    scan::text(data).map_err(|error| {
        broken("the provider sent text that is not UTF-8").with_detail(error.to_string())
    })
}
