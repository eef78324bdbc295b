//! Orderings: in which order the endpoints that are left are asked. Section 9.6 of the digest.
//!
//! 1. `mode`: which ordering applies to a model of a call.
//! 2. `rank`: [`Rank`], all that an endpoint is ordered by, and [`Reason`], what was decided on it.
//!    `cost`: what this very call probably costs there. `tools`: how well it calls tools. `speed`:
//!    the caller's cut-offs.
//! 3. `arrange`: the ordering itself. `chance`: what the seed decides.

mod arrange;
mod chance;
mod cost;
mod mode;
mod rank;
mod speed;
mod tools;

pub(crate) use arrange::{Candidate, arrange, cut_off_last};
pub use cost::{CostRange, cost_range};
pub use mode::Mode;
pub(crate) use mode::mode;
pub use rank::{Rank, Reason, Reasons};
pub(crate) use rank::{Sight, order, rank};
pub use tools::ToolTier;
pub(crate) use tools::tiers;
