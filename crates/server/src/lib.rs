//! Doors and desks: HTTP, configuration, command line.
//!
//! Floor 4, the only one that knows axum, our config file and our public JSON. In reading order:
//!
//! 1. [`cli`]: what can be typed. [`config`]: what can be set.
//! 2. [`setup`] and [`start`]: config → store → catalog → [`app::App`] → [`listen`].
//! 3. [`router`]: every path. [`caller`], [`keyring`] and [`session`]: who calls. [`body`] and [`reply`]: in and out.
//! 4. [`limits`]: how fast. [`budget_index`]: how much. [`followed`] and [`parted`]: how keys and budgets are kept in memory and follow the store. [`key_terms`] and [`workspace_terms`]: what keys and workspaces have beyond OpenRouter's fields.
//! 5. [`content`]: what was asked and answered, for those who want it kept.
//! 6. [`cache_health`]: of how much use providers' caches are. [`status`]: how many calls came to their end.
//! 7. [`additions`]: providers and credentials that are added at run time.
//! 8. [`cache`]: answers that are told again.
//! 9. [`api`] and [`admin`]: one file per path or noun; [`parquet`]: a form of their exports. [`jobs`]: what runs beside the calls.

pub mod additions;
pub mod admin;
pub mod api;
pub mod app;
pub mod body;
pub mod books;
pub mod broadcast;
pub mod budget_index;
pub mod byok;
pub mod cache;
pub mod cache_health;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod config;
pub mod content;
mod examples;
pub mod export;
pub mod followed;
pub mod jobs;
pub mod key_terms;
pub mod keyring;
pub mod limits;
pub mod listen;
mod live;
pub mod money;
pub mod out;
pub mod parquet;
pub mod parted;
pub mod quality;
pub mod replicas;
pub mod reply;
pub mod router;
pub mod session;
pub mod setup;
pub mod shelf;
pub mod start;
pub mod statement;
pub mod status;
pub mod time;
pub mod tracer;
pub mod vault;
pub mod workspace_terms;
