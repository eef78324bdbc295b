//! A whole answer: told as events, and stamped with our id, slug, usage and cost.
//!
//! It is walked once. What its walk finds to edit is kept until the usage and its cost are known.

use bytes::Bytes;
use chat::{Error, Usage};

use super::events::{Form, Walk};
use super::usage;
use crate::members::Members;
use crate::scan;
use crate::splice::{Edits, ObjectEdits};
use crate::stamp::{CostText, Stamp};
use crate::track::{Listen, Tracker, broken};

/// A whole answer that was read.
#[derive(Debug, Default)]
pub struct Whole {
    body: Bytes,
    /// The first one is that of the usage, and ends where its value begins.
    edits: Edits<'static>,
}

impl Whole {
    /// Reads a whole answer and tells its events.
    ///
    /// # Errors
    /// An error in a 200 body, a body that is not an answer, an empty answer, or one whose tool
    /// calls are not whole. Another endpoint may do better.
    pub fn read(body: Bytes, stamp: &Stamp, listen: &mut Listen<'_>) -> Result<Self, Error> {
        let text = scan::text(&body).map_err(malformed)?;
        let top = Members::of_text(text).map_err(malformed)?;
        let mut edits = Edits::default();
        let mut counted = ObjectEdits::new(&top);
        counted.set("usage", "");
        counted.commit(&mut edits);
        edits.append(walk(text, &top, stamp, listen)?);
        let edits = edits.into_owned();
        Ok(Self { body, edits })
    }

    /// The answer, stamped. Its usage is replaced by ours: normalised, with cost.
    ///
    /// # Errors
    /// When nothing was read.
    pub fn write(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        let text = scan::text(&self.body).map_err(malformed)?;
        let mut edits = std::mem::take(&mut self.edits);
        if edits.is_empty() {
            return Err(broken("no whole answer was read"));
        }
        edits.complete_first(&usage::write(usage, cost));
        Ok(edits.apply(text, "", ""))
    }
}

fn walk<'a>(
    text: &'a str,
    top: &Members<'a>,
    stamp: &Stamp,
    listen: &mut Listen<'_>,
) -> Result<Edits<'a>, Error> {
    let mut tracker = Tracker::default();
    let edits = Edits::default();
    let mut walk = Walk {
        text,
        form: Form::Whole,
        tracker: &mut tracker,
        listen,
        edits,
        telling: None,
        word: None,
    };
    walk.walk(top, stamp)?;
    let edits = walk.edits;
    if tracker.choices.is_empty() {
        return Err(broken("the provider answered without choices"));
    }
    Ok(edits)
}

fn malformed(error: scan::Malformed) -> Error {
    broken("the provider sent an answer that is not JSON").with_detail(error.to_string())
}
