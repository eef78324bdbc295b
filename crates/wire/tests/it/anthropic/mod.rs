//! The dialect `anthropic-messages`, on all its sides.

mod family_switch;
mod history;
mod recorded;
mod same;
mod scene;
mod translated;
mod writing;
