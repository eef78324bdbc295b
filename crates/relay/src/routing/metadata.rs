//! What a caller may know of its route, when it asks. Section 29 of the digest.

use catalog::Suffix;
use chat::{Error, Kind};
use ledger::Outcome;
use wire::RouterMetadata;

use crate::relay::Underway;

impl Underway<'_> {
    /// The same for an error. Of our own trouble nothing is told (section 7.4 of the digest).
    pub(crate) fn metadata_of(&self, error: &Error) -> Option<RouterMetadata> {
        let is_told = error.kind != Kind::Server;
        is_told.then(|| self.metadata()).flatten()
    }

    /// How the call was routed so far, if its caller wants to know.
    pub(crate) fn metadata(&self) -> Option<RouterMetadata> {
        if !self.call.wants_metadata {
            return None;
        }
        let plan = &self.draft.route.planned?.plan;
        let tried = self.draft.tried();
        let last = tried.last();
        let serving = last.filter(|last| !matches!(last.outcome, Outcome::Failed { .. }));
        let serving = serving.map(|last| (&last.endpoint, &last.model));
        let requested = self.call.models.first().cloned().unwrap_or_default();
        let available = plan.attempts.iter().map(|attempt| {
            let (tag, model) = (&attempt.endpoint.tag, attempt.model.slug.as_str());
            let selected = serving.is_some_and(|(served, of)| **served == **tag && *of == model);
            let provider = attempt.endpoint.provider.name.to_string();
            (provider, model.to_owned(), selected)
        });
        let served = plan
            .attempts
            .iter()
            .find(|attempt| serving.is_some_and(|(tag, _)| **tag == *attempt.endpoint.tag));
        let attempts = tried.iter().map(|attempt| {
            let unanswered = match attempt.outcome {
                Outcome::Failed { kind, .. } => kind.status(),
                Outcome::Completed | Outcome::Cancelled => 200,
            };
            let status = attempt.status.unwrap_or(unanswered);
            (attempt.provider_name.clone(), attempt.model.clone(), status)
        });
        Some(RouterMetadata {
            is_byok: last.is_some_and(|last| last.is_byok),
            strategy: strategy(&requested, served.map(|a| a.model.slug.as_str()), self),
            region: served.and_then(|a| a.endpoint.region.as_deref().map(str::to_owned)),
            summary: summary(self),
            available: available.collect(),
            total: plan.attempts.len() + plan.excluded.len(),
            attempts: attempts.collect(),
            requested,
        })
    }
}

fn strategy(requested: &str, served: Option<&str>, way: &Underway<'_>) -> &'static str {
    let planned = way.draft.route.planned;
    let first = planned.and_then(|planned| planned.plan.attempts.first());
    let is_fallback =
        first.is_some_and(|first| served.is_some_and(|served| served != first.model.slug.as_str()));
    let base = requested.split(':').next().unwrap_or_default();
    if is_fallback {
        "fallback"
    } else if base.starts_with('~') && base.ends_with("-latest") {
        "latest"
    } else if served.is_some_and(|served| !served.starts_with(base)) {
        "alias"
    } else {
        "direct"
    }
}

/// One sentence: how it was ordered, and why the first was the first.
fn summary(way: &Underway<'_>) -> String {
    let Some(plan) = way.draft.route.planned.map(|planned| &planned.plan) else {
        return String::new();
    };
    let reasons = plan.attempts.first().map_or_else(Vec::new, |first| {
        let reasons = first.rank.reasons.iter();
        reasons.map(|reason| reason.name()).collect()
    });
    let suffixes = plan.suffixes.iter().map(|suffix| match suffix {
        Suffix::Nitro => ":nitro",
        Suffix::Floor => ":floor",
        Suffix::Exacto => ":exacto",
        Suffix::Online => ":online",
    });
    let by = std::iter::once(plan.mode.name()).chain(suffixes);
    format!(
        "ordered by {}; first: {}; {} could serve, {} were left out",
        by.collect::<Vec<_>>().join(" "),
        if reasons.is_empty() {
            "best".to_owned()
        } else {
            reasons.join(", ")
        },
        plan.attempts.len(),
        plan.excluded.len()
    )
}
