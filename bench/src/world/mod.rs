//! The processes of a run: the simulated provider, a plain proxy and the gateway, each with a bill of its own.

pub(crate) mod budgets;
pub(crate) mod child;
pub(crate) mod gateway;
pub(crate) mod proxy;
pub(crate) mod room;
pub(crate) mod upstream;
