//! What management keys may do, one file per noun.

pub mod keys;
