//! A stream's events with the script's trouble worked in: errors, broken JSON, silence, line ends.

use std::sync::Arc;

use bytes::Bytes;

use crate::dialect::{Dialect, Event, Events, Framing, Problem};
use crate::script::{Hang, Script};

/// What comes next in a body.
pub(crate) enum Cue {
    Event(Event),
    /// Silence for good.
    Hang,
}

/// The next things of a body, one at a time.
pub(crate) struct Cues {
    events: Events,
    script: Arc<Script>,
    /// What an error inside the stream says, and how.
    problem: Problem,
    dialect: &'static dyn Dialect,
    /// Events handed out, content or not.
    count: u64,
    /// Content events handed out.
    content: u64,
    is_malformed_due: bool,
    is_over: bool,
}

/// Content events before the one that is not JSON.
const MALFORMED_AFTER: u64 = 2;

impl Cues {
    pub(crate) fn new(
        events: Events,
        script: Arc<Script>,
        problem: Problem,
        dialect: &'static dyn Dialect,
    ) -> Self {
        let is_malformed_due = script.trouble.malformed;
        Self {
            events,
            script,
            problem,
            dialect,
            count: 0,
            content: 0,
            is_malformed_due,
            is_over: false,
        }
    }
}

impl Iterator for Cues {
    type Item = Cue;

    fn next(&mut self) -> Option<Cue> {
        if self.is_over {
            return None;
        }
        match self.script.trouble.hang {
            Some(Hang::Headers) => return Some(Cue::Hang),
            Some(Hang::Events(after)) if self.count >= after => return Some(Cue::Hang),
            Some(Hang::Silent | Hang::Events(_)) | None => {}
        }
        if self.is_malformed_due && self.content >= MALFORMED_AFTER {
            self.is_malformed_due = false;
            return Some(self.cue(self.dialect.malformed_event()));
        }
        let Some(event) = self.events.next() else {
            return self.late_trouble(); // The answer was too short for it: it comes at the end.
        };
        if event.is_content {
            if self
                .script
                .trouble
                .error_at
                .is_some_and(|at| self.content >= at)
            {
                return Some(self.error());
            }
            self.content += 1;
        } else if self.script.trouble.error_at == Some(0) {
            return Some(self.error());
        }
        Some(self.cue(event))
    }
}

impl Cues {
    fn late_trouble(&mut self) -> Option<Cue> {
        self.is_over = true;
        if self.is_malformed_due {
            return Some(self.cue(self.dialect.malformed_event()));
        }
        self.script.trouble.error_at.is_some().then(|| self.error())
    }

    fn error(&mut self) -> Cue {
        self.is_over = true;
        let event = self.dialect.error_event(&self.problem, self.count);
        self.cue(event)
    }

    fn cue(&mut self, event: Event) -> Cue {
        self.count += 1;
        if !self.script.trouble.crlf || self.dialect.framing() != Framing::Sse {
            return Cue::Event(event);
        }
        let mut bytes = Vec::with_capacity(event.bytes.len() + 4);
        for byte in &event.bytes {
            if *byte == b'\n' && bytes.last() != Some(&b'\r') {
                bytes.push(b'\r');
            }
            bytes.push(*byte);
        }
        Cue::Event(Event {
            bytes: Bytes::from(bytes),
            ..event
        })
    }
}
