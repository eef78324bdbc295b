//! What runs beside the calls, one file each. Every job ends when the app is told to stop.

pub mod follow_changes;
pub mod freeze_keys;
pub mod keep_content;
pub mod keep_health;
pub mod keep_records;
pub mod local_engines;
pub mod probe_endpoints;
pub mod share_velocity;
pub mod tell_metrics;
