//! Desks for management keys, one file per noun.

pub mod budgets;
mod desk;
pub mod grants;
pub mod keys;
pub mod statement;
pub mod workspace_budgets;
