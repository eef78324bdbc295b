//! `GET /models` and the lists beside it: what can be asked for here, by whom, at what price.
//!
//! - [`query`]: the documented filters, sorting and pages, read and validated.
//! - [`listing`]: which models are listed, filtered and sorted.
//! - [`json`]: one model, endpoint or provider in OpenRouter's shape (and OpenAI's beside it).
//! - [`pricing`]: a price sheet as OpenRouter's `pricing` object.
//! - [`rss`]: the same list as a feed.
//! - [`rendered`]: the unfiltered list, written once per catalog.
//! - [`paths`]: `/models`, `/models/user`, `/models/count` and `/embeddings/models`.
//!
//! What is listed: the models of which at least one endpoint can be asked, because a client takes
//! from this list what it may call. While no endpoint at all can be asked (a fresh installation)
//! the whole catalog is listed, so that the list says what could be had. `?all=true` lists the
//! whole catalog always; `/models/user` never lists what cannot be asked.

pub mod json;
pub mod listing;
pub mod paths;
pub mod pricing;
pub mod query;
pub mod rendered;
pub mod rss;

pub use paths::{count, embeddings, list, of_user};
pub use rendered::Rendered;

#[cfg(test)]
mod tests;
