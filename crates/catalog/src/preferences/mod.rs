//! Preferences: the `provider` object of a request, or of an account for all its requests.
//!
//! Source: section "provider object" of OpenRouter's routing guide and `ProviderPreferences` of
//! its OpenAPI document, which allows no other properties. Ours are `regions`, `sticky` and
//! the sort `balanced`.

mod read;
mod wishes;
mod write;

pub use read::PreferenceError;
pub use wishes::{Cutoffs, MaxPrice, Preferences, ServiceTier, Sort};
