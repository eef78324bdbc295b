//! `waybill demo`: the server with simulated providers, so that everything can be tried.
//!
//! `stage` starts it and says where it is. `past` makes up calls of the days before, so that pages over
//! time have something to show; `agent` is one conversation that is held when it starts. Everything in
//! it says that it is simulated.

mod agent;
mod past;
mod stage;

pub use stage::run;
