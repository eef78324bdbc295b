//! What an answer has said so far: its choices, their blocks, and whether its tool calls are whole.
//!
//! | file | has |
//! |---|---|
//! | `tracker.rs` | an answer: its choices, and whether it is whole |
//! | `choice.rs` | a choice: who speaks in it, its calls, how it ends |
//! | `arguments.rs` | whether arguments that come in fragments are closed |
//! | `apart.rs` | objects of answers taken apart, none of them left out in silence |

mod apart;
mod arguments;
mod choice;
mod tracker;

use chat::Event;

pub(crate) use apart::{all_of_object, broken, check_all, failed_answer, object_of, too_many};
pub(crate) use arguments::Arguments;
pub(crate) use choice::{Choice, Voice};
pub(crate) use tracker::Tracker;

/// Who hears the events.
pub(crate) type Listen<'l> = dyn FnMut(Event<'_>) + 'l;
