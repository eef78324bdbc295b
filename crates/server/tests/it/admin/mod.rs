//! Mirrors `src/admin`, noun by noun.

mod attention;
mod credentials;
mod destinations;
mod keys;
mod session;
