//! Who serves what at what price, and in which order to ask.
//!
//! Floor 2, pure: text and numbers in, values out; time and seeds are parameters. In reading order:
//!
//! 1. [`rows`]: the text form, the same for built-in files and an operator's config.
//! 2. [`provider`], [`model`], [`endpoint`]: what rows become.
//! 3. [`load`](load()): layers of rows → [`Catalog`]; every mistake at once.
//! 4. [`snapshot`]: the immutable [`Catalog`] and its look-ups.
//! 5. [`preferences`], [`filter`], [`order`], [`health`], [`sticky`]: what a plan is made from.
//! 6. [`plan`](plan()): needs × preferences × vitals → ordered attempts, with reasons.
//! 7. [`import`] and [`diff`](diff()): from what others publish to rows, and what changed.

mod abilities;
mod authors;
mod builtin;
mod check;
pub mod diff;
pub mod endpoint;
mod error;
pub mod filter;
pub mod health;
pub mod import;
pub mod load;
mod merge;
pub mod model;
pub mod order;
pub mod plan;
pub mod preferences;
mod price_row;
pub mod provider;
mod read;
pub mod rows;
pub mod snapshot;
pub mod sticky;
mod suggest;

pub use builtin::{builtin, models, providers};
pub use diff::{Difference, diff};
pub use endpoint::{Billing, Endpoint, EndpointId, Status, Steering};
pub use error::LoadError;
pub use filter::Filter;
pub use health::{Health, Standing, Vital, Vitals};
pub use load::{Access, load};
pub use model::{Model, ModelKind, ModelSlug, Reasoning, Retirement};
pub use order::{Mode, Rank, Reason};
pub use plan::{
    Attempt, Exclusion, Input, InputError, Kept, MissingCredential, Moment, NoPlan, PassedOver,
    Plan, Question, plan,
};
pub use preferences::{PreferenceError, Preferences, ServiceTier};
pub use provider::{Auth, Connection, DataPolicy, Provider, ProviderKind, ProviderSlug};
pub use rows::Rows;
pub use snapshot::{Catalog, Resolved, Suffix};
pub use sticky::{Conversation, Conversations, Sticky};
