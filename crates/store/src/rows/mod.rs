//! Parts of a generation as JSON text and back, exactly: integers stay integers, absent stays absent.
//!
//! Written by hand, since `ledger` and `chat` know no serialisation. What these texts look like is
//! nobody's business but ours; the names in them are the vocabulary's own.
//!
//! 1. `money`: usage, prices, charges.
//! 2. `attempts`: how the call and its attempts ended.
//! 3. `notes`: what is said beside them.
//! 4. `values`: what all of them read with.

mod attempts;
mod money;
mod notes;
mod values;

pub(crate) use attempts::{read_attempts, read_outcome, write_attempts, write_outcome};
pub(crate) use money::{
    read_counts, read_lines, read_sheet, read_unpriced, write_counts, write_lines, write_sheet,
    write_unpriced,
};
pub(crate) use notes::{read_notes, write_notes};
