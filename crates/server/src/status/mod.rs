//! The status page: how many calls came to their end, by model, provider and endpoint, over hours and
//! days; what troubles endpoints now and did lately.
//!
//! `counted` reads the roll-ups, `attempts` what health has seen, `report` makes an answer of both, and
//! `board` keeps the answer for a while, so that no number of visitors costs more than one of them.
//! `publicity` is whether anybody may look.
//!
//! A call counts when it is known whether it worked: callers that left, and requests that nobody could
//! have served, say nothing.

mod attempts;
mod board;
mod counted;
pub mod publicity;
mod report;

pub use board::{FRESH_MS, StatusBoard, Told, told};
