//! Kept: a plan as a record keeps it, in one short text: what it was made from, what it said, and
//! whom it named that was then passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Input, InputError, Plan};
use crate::endpoint::EndpointId;

/// A longer text is not kept: only callers with thousands of names in their preferences make one.
pub const KEPT_BYTES_MAX: usize = 16 * 1024;

/// A planned endpoint that was not asked when its turn came, and why in one word.
pub type PassedOver<'a> = (&'a EndpointId, &'static str);

/// Writes what is kept of a plan; `None` when that is more than [`KEPT_BYTES_MAX`].
#[must_use]
pub fn keep(plan: &Plan, input: &Input, passed_over: &[PassedOver<'_>]) -> Option<Box<str>> {
    let attempts = plan.attempts.iter().map(|attempt| {
        let reasons = attempt.rank.reasons.iter();
        let reasons: Vec<&str> = reasons.map(|reason| reason.name()).collect();
        (attempt.endpoint.id.as_str(), reasons.join(","))
    });
    let mut excluded: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for out in &plan.excluded {
        let of_model = excluded.entry(out.endpoint.model.as_str()).or_default();
        let of_filter = of_model.entry(out.filter.name()).or_default();
        of_filter.push(&out.endpoint.tag);
    }
    let text = Text {
        mode: plan.mode.name(),
        attempts: attempts.collect(),
        excluded,
        passed_over: passed_over
            .iter()
            .map(|(id, why)| (id.as_str(), *why))
            .collect(),
        input,
    };
    let text = serde_json::to_string(&text).ok()?;
    (text.len() <= KEPT_BYTES_MAX).then(|| text.into_boxed_str())
}

/// On the way out.
#[derive(Serialize)]
struct Text<'a> {
    mode: &'static str,
    attempts: Vec<(&'a str, String)>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    excluded: BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a str>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<(&'a str, &'static str)>,
    input: &'a Input,
}

/// What a record says of its plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Kept {
    /// How the first model's endpoints were ordered.
    pub mode: String,
    /// Whom to ask, in order: the endpoint's id, and the reasons for its place, joined by commas.
    pub attempts: Vec<(String, String)>,
    /// Who was left out: by model, then by filter, the tags of its endpoints.
    #[serde(default)]
    pub excluded: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Who was planned and not asked when its turn came, and why.
    #[serde(default)]
    pub passed_over: Vec<(String, String)>,
    /// What it was made from; made again it gives the same plan.
    pub input: Input,
}

impl Kept {
    /// Reads what [`keep`] wrote.
    ///
    /// # Errors
    /// When the text is no kept plan, or its input is of another form.
    pub fn from_json(text: &str) -> Result<Self, InputError> {
        let kept: Self = serde_json::from_str(text)?;
        kept.input.checked_form()?;
        Ok(kept)
    }
}
