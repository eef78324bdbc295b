//! Mirrors `src/admin`, noun by noun.

mod keys;
mod session;
