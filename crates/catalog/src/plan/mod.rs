//! `plan`: which endpoints to ask for a call, in which order, and why not the others.
//!
//! A pure function: the same catalog, question, vitals and moment give the same plan. What a plan
//! was made from can be kept in a few hundred bytes and made again: [`Input`].

mod input;
mod kept;
mod make;
mod no_plan;
mod text;
mod written;

use std::sync::Arc;

use chat::{Dialect, Needs};

use crate::endpoint::Endpoint;
use crate::filter::Filter;
use crate::model::Model;
use crate::order::{Mode, Rank};
use crate::preferences::{Preferences, ServiceTier};
use crate::snapshot::Suffix;
use crate::sticky::Sticky;

pub use input::{Input, InputError};
pub use kept::{KEPT_BYTES_MAX, Kept, PassedOver, keep};
pub use make::plan;
pub use no_plan::{MissingCredential, NoPlan};

/// What is to be planned.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The model, as the caller wrote it.
    pub model: &'a str,
    /// Models to try after it, as the caller wrote them.
    pub fallbacks: &'a [String],
    /// What the request needs.
    pub needs: &'a Needs,
    /// What the caller prefers.
    pub preferences: &'a Preferences,
    /// What the account prefers: its filters hold as well, its order and sort where the request
    /// has none.
    pub account: Option<&'a Preferences>,
    /// The service tier asked for.
    pub service_tier: Option<ServiceTier>,
    /// Where the conversation was last; at most one for each model.
    pub sticky: &'a [Sticky],
    /// How long answers to such calls have been, in tokens, if that is known.
    pub expected_output_tokens: Option<u64>,
    /// How many more calls its conversation will probably make; 0 for a call that stands alone.
    pub further_calls: u64,
    /// The dialects that can be sent for this call.
    pub dialects: &'a [Dialect],
    /// Slugs of providers that have credentials, none of which is for this call.
    pub lacking: &'a [String],
}

impl<'a> Question<'a> {
    /// A question about one model without preferences, to be filled in with `..`.
    #[must_use]
    pub const fn new(
        model: &'a str,
        needs: &'a Needs,
        preferences: &'a Preferences,
        dialects: &'a [Dialect],
    ) -> Self {
        Self {
            model,
            fallbacks: &[],
            needs,
            preferences,
            account: None,
            service_tier: None,
            sticky: &[],
            expected_output_tokens: None,
            further_calls: 0,
            dialects,
            lacking: &[],
        }
    }
}

/// When and with which randomness a plan is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Decides what is left to chance.
    pub seed: u64,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// One planned try.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The model it serves.
    pub model: Arc<Model>,
    /// Whom to ask.
    pub endpoint: Arc<Endpoint>,
    /// In which dialect.
    pub dialect: Dialect,
    /// Why it stands where it stands.
    pub rank: Rank,
}

/// An endpoint that was left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// The first filter that took it out.
    pub filter: Filter,
    /// Its rank, if it passed all others and only fallbacks were not allowed.
    pub rank: Option<Rank>,
}

/// What to do for a call. Has at least one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Whom to ask, in order; no endpoint twice.
    pub attempts: Vec<Attempt>,
    /// Who was left out, and by which filter.
    pub excluded: Vec<Exclusion>,
    /// The routing suffixes that were on the first model's slug.
    pub suffixes: Vec<Suffix>,
    /// How the first model's endpoints were ordered.
    pub mode: Mode,
}
