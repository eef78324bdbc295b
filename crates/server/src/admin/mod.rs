//! Desks for management keys, one file per noun.

pub mod activity;
pub mod analytics;
pub mod attention;
pub mod budgets;
pub mod byok;
pub mod credentials;
pub mod credits;
pub mod deliveries;
pub(crate) mod desk;
pub mod destinations;
pub mod endpoint_health;
pub mod entries;
pub mod key_rotation;
pub mod keys;
pub mod own_providers;
pub mod session;
pub mod statement;
pub mod workspace_budgets;
mod workspace_content;
pub mod workspaces;
