//! The index of records by facet: a table per month, written in order and in bulk.
//!
//! An index of the records themselves would change a page somewhere in it for each call: with thousands
//! of keys in use that was half of what a call cost the database. So where records stand is said by the
//! delta of their batch, gathered with what was counted, and moves into the table of its month when there
//! is enough of a facet, or when its minute is over; until then lists take it from where it is
//! (`gather::pending_with_places`).
//!
//! 1. `tables`: the tables, made and filled. `insert`: what moves into them.
//! 2. `newest`: what lists ask. `check`: whether it is what the records say.
//!
//! A month without a table (a server of a version before has made it) is asked itself, and gets one as
//! soon as anything is to move into it, or when a store is opened.

mod check;
mod insert;
mod newest;
mod tables;

pub(super) use check::day_differs;
pub(super) use insert::{insert, look_up};
pub(super) use newest::{ARMS, Asked, Index};
pub(super) use tables::{make, tables};
