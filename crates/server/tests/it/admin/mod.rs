//! Mirrors `src/admin`, noun by noun.

mod destinations;
mod keys;
mod session;
