//! The processes of a run: the simulated provider and the gateway, each on its own so that each has its own bill.

pub(crate) mod budgets;
pub(crate) mod child;
pub(crate) mod gateway;
pub(crate) mod room;
pub(crate) mod upstream;
