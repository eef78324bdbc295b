//! The catalog's tests: rows load, layers override, plans explain themselves, imports agree.

mod builtin;
mod config;
mod diff;
mod import;
mod plan;
mod preferences;
mod published;
