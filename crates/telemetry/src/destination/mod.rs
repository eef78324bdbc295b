//! Destinations: to whom a workspace has its calls told, each in its own form.
//!
//! | file | holds |
//! |---|---|
//! | `kind.rs` | the kinds there are: rows of `data/destinations.toml` |
//! | `settings.rs` | the settings of one destination: read, merged, masked |
//! | `filter.rs` | which calls it is told of: keys, sampling, rules |
//! | `parcel.rs` | calls as the requests of a kind |
//! | `bucket.rs` | a bucket: an object for each trace |
//! | `form/` | the forms that are not OTLP |
//!
//! Almost all of them take OTLP: such a one is a row. Nothing is sent here; the house of the
//! destinations (server) does, through the guarded way out.

mod bucket;
mod filter;
mod form;
mod kind;
mod parcel;
mod settings;

pub use bucket::Bucket;
pub use filter::{Filter, FilterMistake, Seen, is_chosen};
pub use kind::{Body, Kind, Kinds, Row};
pub use parcel::{Parcel, parcels};
pub use settings::{Mistake, Settings};
