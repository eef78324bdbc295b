//! Mirrors `src/admin`, noun by noun.

mod activity;
mod analytics;
mod attention;
mod credentials;
mod destinations;
mod keys;
mod session;
