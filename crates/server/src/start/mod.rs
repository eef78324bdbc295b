//! From a configuration to a server that answers.
//!
//! - [`server`]: the whole of it, in order; what is served, and the door.
//! - [`store`]: the database. [`first_keys`]: what a first start makes.
//! - [`books`]: records, leases, and everyone who hears of calls.
//! - [`workers`]: what runs beside the calls.
//! - [`running`]: the server as it runs, and how it ends.

mod books;
mod first_keys;
mod running;
mod server;
mod store;
mod workers;

pub use first_keys::{FirstKeys, ROOT_KEY};
pub use running::Running;
pub use server::{public_url, start};
pub use store::open_store;
