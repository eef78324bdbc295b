//! Health: what the calls of the last seconds, minutes and day say of each endpoint.
//!
//! Measured by ourselves; time is a parameter. In reading order:
//!
//! 1. `sample`: what one attempt tells.
//! 2. `sketch`: values in buckets, so that percentiles cost a fixed number of bytes. `window`:
//!    rings of slices of time, of counts and of sketches.
//! 3. `vital`: what a plan wants to know of an endpoint, in one small value.
//! 4. `entry`: all that is kept of one endpoint. `board`: [`Health`], one entry per endpoint.
//! 5. `saved`: the board as text, for a restart and for other replicas.
//!
//! Windows (section 9.7 to 9.10 of the digest): 30 seconds for outages, 5 minutes for routing, 30
//! minutes for what is shown, a day for uptime and tools.

mod board;
mod entry;
mod sample;
mod saved;
mod sketch;
mod vital;
mod window;

pub use board::{ENDPOINTS_MAX, Health, Hour, Published, SHARED_MAX};
pub use sample::{Headroom, Sample, Served, ToolCalls, Wait};
pub use saved::Saved;
pub use sketch::{Percentiles, Total};
pub use vital::{Standing, Tools, Vital, Vitals};
