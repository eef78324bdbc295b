//! Limits, without a clock and without sockets.

mod count;
mod gate;
