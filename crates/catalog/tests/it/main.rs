//! The catalog's tests: rows load, layers override, plans explain themselves, imports agree.

mod builtin;
mod config;
mod diff;
mod fleet;
mod health;
mod import;
mod latest;
mod order;
mod plan;
mod preferences;
mod published;
mod replay;
mod sticky;
mod tiers;
