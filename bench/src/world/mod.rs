//! The processes of a run: the simulated provider, a plain proxy, the floor of our libraries, the gateways, other gateways, and
//! a database, each with a bill of its own.

mod address;
pub(crate) mod budgets;
pub(crate) mod child;
pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod floor;
pub(crate) mod gateway;
pub(crate) mod house;
pub(crate) mod other;
pub(crate) mod proxy;
pub(crate) mod room;
pub(crate) mod upstream;
