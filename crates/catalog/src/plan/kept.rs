//! Kept: a plan as a record keeps it, in one short text: what it was made from, what it said, and
//! whom it named that was then passed over.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::text::Text;
use super::{Input, InputError, Plan};
use crate::endpoint::EndpointId;

/// A longer text is not kept: only callers with thousands of names in their preferences make one.
pub const KEPT_BYTES_MAX: usize = 16 * 1024;

/// What stands in it beside the input, about, where one endpoint is planned and none was left out.
const ABOUT_BYTES: usize = 160;

/// A planned endpoint that was not asked when its turn came, and why in one word.
pub type PassedOver<'a> = (&'a EndpointId, &'static str);

/// Writes what is kept of a plan, with the text of what it was made from; `None` when that is more than
/// [`KEPT_BYTES_MAX`].
#[must_use]
pub fn keep(plan: &Plan, input: &str, passed_over: &[PassedOver<'_>]) -> Option<Box<str>> {
    let text = Text::object(input.len() + ABOUT_BYTES, |text| {
        text.name("mode").word(plan.mode.name());
        text.name("attempts").list(|text| {
            for attempt in &plan.attempts {
                text.list(|text| {
                    text.text(attempt.endpoint.id.as_str());
                    let reasons = attempt.rank.reasons.iter();
                    text.joined(reasons.map(|reason| reason.name()));
                });
            }
        });
        if !plan.excluded.is_empty() {
            text.name("excluded").members(|text| excluded(text, plan));
        }
        if !passed_over.is_empty() {
            text.name("passed_over").list(|text| {
                for (id, why) in passed_over {
                    text.list(|text| {
                        text.text(id.as_str());
                        text.word(why);
                    });
                }
            });
        }
        text.name("input").written(input);
    });
    (text.len() <= KEPT_BYTES_MAX).then(|| text.into_boxed_str())
}

/// Who was left out: by model, then by filter, both in the order of their names.
fn excluded(text: &mut Text, plan: &Plan) {
    let mut by_model: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for out in &plan.excluded {
        let of_model = by_model.entry(out.endpoint.model.as_str()).or_default();
        let of_filter = of_model.entry(out.filter.name()).or_default();
        of_filter.push(&out.endpoint.tag);
    }
    for (model, by_filter) in by_model {
        text.named(model).members(|text| {
            for (filter, tags) in by_filter {
                let list = text.named(filter);
                list.list(|text| tags.iter().for_each(|tag| text.text(tag)));
            }
        });
    }
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
