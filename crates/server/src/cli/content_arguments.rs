//! The arguments of `waybill content`.

use clap::{Args, Subcommand};

use super::arguments::Place;

/// `waybill content`
#[derive(Debug, Args)]
pub struct ContentArguments {
    /// What to do with it.
    #[command(subcommand)]
    pub command: ContentCommand,
}

/// What to do with the content of calls.
#[derive(Debug, Subcommand)]
pub enum ContentCommand {
    /// Print what a call asked and what it was answered, as one JSON object
    Show(OneArguments),
    /// Delete the content of a call; its record stays
    Delete(OneArguments),
    /// Wrap the keys of all content with the first master key, so that older ones can go
    Rotate(Place),
}

/// One call.
#[derive(Debug, Args)]
pub struct OneArguments {
    /// Id of the generation
    pub id: String,
    /// Where everything is.
    #[command(flatten)]
    pub place: Place,
}
