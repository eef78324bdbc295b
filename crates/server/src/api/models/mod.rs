//! `GET /models` and the paths around it: what can be asked for here, by whom, at what price.
//!
//! - [`query`]: the documented filters, sorting and pages, read and validated.
//! - [`listing`]: the models that are listed, filtered and sorted.
//! - [`json`]: one model, endpoint or provider in OpenRouter's shape (and OpenAI's beside it).
//! - [`pricing`]: a price sheet as OpenRouter's `pricing` object.
//! - [`rss`]: the same list as a feed.
//! - [`list`]: the paths `/models`, `/models/user`, `/models/count` and `/embeddings/models`.
//!
//! What is listed without a key: the models of which at least one endpoint belongs to a usable
//! provider, because a client asks this list what it may call. While no provider is usable at all
//! (a fresh installation) the whole catalog is listed, so that the list says what could be had.
//! `?all=true` lists the whole catalog always.

pub mod json;
pub mod list;
pub mod listing;
pub mod pricing;
pub mod query;
pub mod rss;
