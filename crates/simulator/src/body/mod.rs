//! The body of an answer: which bytes leave, when, in which socket writes, and how it ends.

mod cues;
mod paced;

pub(crate) use cues::{Cue, Cues};
pub(crate) use paced::{Ending, Paced, Severed};
