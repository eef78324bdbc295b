//! Mirrors `src/admin`, noun by noun.

mod activity;
mod analytics;
mod attention;
mod broadcast;
mod budgets;
mod byok;
mod credentials;
mod destinations;
mod endpoint_health;
mod keys;
mod receiver;
mod session;
