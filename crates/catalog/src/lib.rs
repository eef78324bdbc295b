//! Who serves what at what price, and in which order to ask.
//!
//! Floor 2, pure: text and numbers in, values out; time and seeds are parameters. In reading order:
//!
//! 1. [`rows`]: the text form, the same for built-in files and an operator's config.
//! 2. [`provider`], [`model`], [`endpoint`]: what rows become.
//! 3. [`load`](load()): layers of rows → [`Catalog`]; every mistake at once.
//! 4. [`snapshot`]: the immutable [`Catalog`] and its look-ups.
//! 5. [`preferences`], [`filter`], [`order`], [`health`]: what a plan is made from.
//! 6. [`plan`](plan()): needs × preferences × health → ordered attempts, with reasons.
//! 7. [`import`] and [`diff`](diff()): from what others publish to rows, and what changed.

mod authors;
mod builtin;
mod error;
pub mod import;
mod price_row;
pub mod rows;

pub use builtin::{builtin, models, providers};
pub use error::LoadError;
pub use rows::Rows;
