//! The dialect `anthropic-messages`, on all its sides.

mod cited;
mod family_switch;
mod history;
mod recorded;
mod same;
pub(crate) mod scene;
mod stopped;
mod translated;
mod writing;
