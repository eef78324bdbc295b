//! What is measured: times in a histogram, the schedule they are measured from, and what the system says of a process.

pub(crate) mod descriptors;
pub(crate) mod disk;
pub(crate) mod histogram;
pub(crate) mod machine;
pub(crate) mod proc;
pub(crate) mod schedule;
