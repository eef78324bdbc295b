//! Who opens a stream: the first sign of life, or the attempt that answers.
//!
//! A stream must begin with `response.created`, and its events are numbered. A sign of life may have
//! gone out before any provider spoke, and an attempt may break off before anything of it was sent:
//! so an attempt keeps its first events until it has content, and takes its opening back if it is
//! given up.

use crate::stamp::Sequence;

/// One attempt's part in the opening of a stream.
#[derive(Debug)]
pub(super) struct Opening {
    sequence: Sequence,
    is_open: bool,
    is_sent: bool,
}

impl Opening {
    /// An attempt begins.
    pub(super) fn new(sequence: &Sequence) -> Self {
        sequence.start_over();
        Self {
            sequence: sequence.clone(),
            is_open: false,
            is_sent: false,
        }
    }

    /// Whether the attempt has begun to write events.
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// The attempt has its first content; says whether it has to open the stream itself.
    pub(super) fn open(&mut self) -> bool {
        self.is_open = true;
        self.sequence.open_by_attempt()
    }

    /// The end of the stream is about to be sent, and so everything before it was.
    pub(super) const fn end(&mut self) {
        self.is_sent = true;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if self.is_open && !self.is_sent {
            self.sequence.start_over();
        }
    }
}
