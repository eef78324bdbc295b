//! A whole answer: told as events, and stamped with our id, slug, usage and cost.

use bytes::Bytes;
use chat::{Error, Event, Usage};

use super::events::{Form, Walk};
use super::usage;
use crate::members::Members;
use crate::scan;
use crate::splice::{Edits, ObjectEdits};
use crate::stamp::{CostText, Sequence, Stamp};
use crate::track::{Tracker, broken};

/// Reads a whole answer and tells its events.
///
/// # Errors
/// An error in a 200 body, a body that is not an answer, an empty answer, or one whose tool calls
/// are not whole. Another endpoint may do better.
pub fn read_whole(body: &[u8], listen: &mut dyn FnMut(Event<'_>)) -> Result<(), Error> {
    let text = scan::text(body).map_err(malformed)?;
    let top = Members::of_text(text).map_err(malformed)?;
    let stamp = Stamp {
        id: String::new(),
        model: String::new(),
        native_model: String::new(),
        provider: String::new(),
        created: 0,
        sequence: Sequence::default(),
    };
    walk(text, &top, &stamp, listen).map(drop)
}

/// Stamps a whole answer. Usage is replaced by ours: normalised, with cost.
///
/// # Errors
/// When the body is not an answer, as in [`read_whole`].
pub fn stamp_whole(
    body: &[u8],
    stamp: &Stamp,
    usage: &Usage,
    cost: &CostText,
) -> Result<Bytes, Error> {
    let text = scan::text(body).map_err(malformed)?;
    let top = Members::of_text(text).map_err(malformed)?;
    let usage = usage::write(usage, cost);
    let mut edits = Edits::default();
    let mut counted = ObjectEdits::new(&top);
    counted.set("usage", usage);
    counted.commit(&mut edits);
    let stamped = walk(text, &top, stamp, &mut |_| {})?;
    edits.append(stamped);
    Ok(edits.apply(text, "", ""))
}

fn walk<'a>(
    text: &'a str,
    top: &Members<'a>,
    stamp: &Stamp,
    listen: &mut dyn FnMut(Event<'_>),
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
