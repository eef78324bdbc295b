//! The plan in the record of a call: where it was to go, why, and who was left out or passed over.

use std::collections::BTreeMap;

use catalog::{Input, Kept};
use serde::Serialize;

/// What a record says of its plan, as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct PlanView {
    mode: String,
    attempts: Vec<PlannedView>,
    excluded: Vec<LeftOutView>,
    passed_over: Vec<PassedOverView>,
    /// Made again on the same catalog it gives the same plan.
    input: Input,
}

/// An endpoint to ask; the first is asked first.
#[derive(Debug, Serialize)]
struct PlannedView {
    model: String,
    endpoint: String,
    reasons: Vec<String>,
}

/// An endpoint that a filter left out.
#[derive(Debug, Serialize)]
struct LeftOutView {
    model: String,
    endpoint: String,
    excluded_by: String,
}

/// An endpoint that was planned, and not asked when its turn came.
#[derive(Debug, Serialize)]
struct PassedOverView {
    model: String,
    endpoint: String,
    reason: String,
}

/// Reads what a record keeps. `None`, with a line in the log, when another version wrote it.
pub(super) fn view(kept: &str) -> Option<PlanView> {
    let kept = match Kept::from_json(kept) {
        Ok(kept) => kept,
        Err(error) => {
            tracing::warn!(%error, "the plan of a record cannot be read");
            return None;
        }
    };
    let attempts = kept.attempts.into_iter().map(|(id, reasons)| {
        let (model, endpoint) = parts(&id);
        let words = reasons.split(',').filter(|word| !word.is_empty());
        let reasons = words.map(str::to_owned).collect();
        PlannedView {
            model,
            endpoint,
            reasons,
        }
    });
    let passed_over = kept.passed_over.into_iter().map(|(id, reason)| {
        let (model, endpoint) = parts(&id);
        PassedOverView {
            model,
            endpoint,
            reason,
        }
    });
    Some(PlanView {
        mode: kept.mode,
        attempts: attempts.collect(),
        excluded: left_out(kept.excluded),
        passed_over: passed_over.collect(),
        input: kept.input,
    })
}

fn left_out(kept: BTreeMap<String, BTreeMap<String, Vec<String>>>) -> Vec<LeftOutView> {
    let mut all = Vec::new();
    for (model, by_filter) in kept {
        for (excluded_by, endpoints) in by_filter {
            all.extend(endpoints.into_iter().map(|endpoint| LeftOutView {
                model: model.clone(),
                endpoint,
                excluded_by: excluded_by.clone(),
            }));
        }
    }
    all
}

/// The model and the tag in an endpoint's id.
fn parts(id: &str) -> (String, String) {
    let (model, tag) = id.split_once('@').unwrap_or(("", id));
    (model.to_owned(), tag.to_owned())
}
