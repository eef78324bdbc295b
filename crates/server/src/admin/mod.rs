//! Desks for management keys, one file per noun.

pub mod budgets;
pub mod credits;
mod desk;
pub mod entries;
pub mod key_rotation;
pub mod keys;
pub mod session;
pub mod statement;
pub mod workspace_budgets;
pub mod workspaces;
