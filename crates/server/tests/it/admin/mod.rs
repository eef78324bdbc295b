//! Mirrors `src/admin`, noun by noun.

mod attention;
mod destinations;
mod keys;
mod session;
