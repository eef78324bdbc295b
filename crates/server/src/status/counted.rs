//! What the roll-ups say of calls that came to their end, and of those that did not.

use std::collections::BTreeMap;

use catalog::Catalog;
use chat::{Error, Kind};
use store::{Dimension, FacetFilter, Grain, Measure, Measures, RollupQuery, RollupRow, Sketched};

use crate::admin::analytics::{TIME_MAX, within};
use crate::app::App;
use crate::reply::storage_trouble;
use crate::time::DAY_MS;

/// Hours that are told, the present one included.
pub(super) const HOURS: usize = 24;

/// Days of UTC that are told, today included.
pub(super) const DAYS: usize = 30;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// So many groups are looked at: a thousand endpoints that were called on every day.
const GROUPS_MAX: usize = 50_000;

/// Calls of which it is known whether they worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// All of them.
    pub(super) judged: i64,
    /// Those that came to their end.
    pub(super) completed: i64,
}

impl Count {
    fn of(measures: &Measures) -> Self {
        let left = measures.get(Measure::Cancelled);
        let judged = measures.get(Measure::Calls).saturating_sub(left).max(0);
        let failed = measures.get(Measure::Failed);
        Self {
            judged,
            completed: judged.saturating_sub(failed).max(0),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.judged = self.judged.saturating_add(other.judged);
        self.completed = self.completed.saturating_add(other.completed);
    }

    /// Those that failed.
    pub(super) const fn failed(self) -> i64 {
        self.judged.saturating_sub(self.completed)
    }

    /// Completed of judged, 0 to 1 in ten thousandths; a single failure is never rounded away.
    pub(super) fn share(self) -> Option<f64> {
        let parts = i128::from(self.completed) * 10_000;
        let parts = parts.checked_div(i128::from(self.judged))?;
        // At most 10,000 by construction.
        i32::try_from(parts)
            .ok()
            .map(|parts| f64::from(parts) / 10_000.0)
    }
}

/// How it went with one of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// The oldest first.
    pub(super) hours: [Count; HOURS],
    /// Likewise.
    pub(super) days: [Count; DAYS],
    /// Sketches of the times of the last hours.
    pub(super) times: Measures,
}

impl Course {
    /// All hours together.
    pub(super) fn day(&self) -> Count {
        sum(&self.hours)
    }

    /// All days together.
    pub(super) fn month(&self) -> Count {
        sum(&self.days)
    }
}

/// Some together.
pub(super) fn sum(counts: &[Count]) -> Count {
    let mut sum = Count::default();
    counts.iter().for_each(|count| sum.add(*count));
    sum
}

/// How it went with all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    /// The first hour, Unix milliseconds.
    pub(super) hours_from_ms: i64,
    /// The first day, Unix milliseconds.
    pub(super) days_from_ms: i64,
    /// The last sixty minutes.
    pub(super) lately: Count,
    /// Everything.
    pub(super) house: Course,
    /// By slug.
    pub(super) models: BTreeMap<String, Course>,
    /// By slug, of calls that one of its endpoints answered.
    pub(super) providers: BTreeMap<String, Course>,
    /// By model and tag, likewise.
    pub(super) endpoints: BTreeMap<(String, String), Course>,
}

/// Whether a failure of that kind says that the house did not work. What the caller did wrong, may not
/// or cannot pay does not, nor does a provider's verdict on what it was asked.
const fn is_ours(kind: Kind) -> bool {
    match kind {
        Kind::RateLimitExceeded
        | Kind::Server
        | Kind::ProviderUnavailable
        | Kind::ProviderOverloaded
        | Kind::GatewayUnavailable
        | Kind::Timeout
        | Kind::Unmapped => true,
        Kind::ContextLengthExceeded
        | Kind::MaxTokensExceeded
        | Kind::StringTooLong
        | Kind::InvalidRequest
        | Kind::InvalidPrompt
        | Kind::ModelNotFound
        | Kind::WrongEndpoint
        | Kind::ContentPolicyViolation
        | Kind::Refusal
        | Kind::InvalidImage
        | Kind::Authentication
        | Kind::PaymentRequired
        | Kind::PermissionDenied
        | Kind::NotFound
        | Kind::NoEndpoints
        | Kind::MethodNotAllowed
        | Kind::RequestTimeout
        | Kind::Conflict
        | Kind::PreconditionFailed
        | Kind::PayloadTooLarge
        | Kind::Unprocessable => false,
    }
}

fn too_many() -> Error {
    Error::gateway(
        Kind::Server,
        "The status of so many endpoints cannot be told",
    )
}

fn query(grain: Grain, from_ms: i64, to_ms: i64) -> RollupQuery {
    let not_ours = Kind::ALL.iter().filter(|kind| !is_ours(**kind));
    let names = not_ours.map(|kind| kind.name().to_owned()).collect();
    RollupQuery {
        grain,
        from_ms,
        to_ms,
        by_time: true,
        by: vec![Dimension::Model, Dimension::Provider, Dimension::Endpoint],
        filter: FacetFilter::default().none_of(Dimension::ErrorKind, names),
        measures: vec![Measure::Calls, Measure::Failed, Measure::Cancelled],
        sketches: Vec::new(),
    }
}

/// What was counted until now.
///
/// # Errors
/// When it would be too much, takes too long, or the store is away.
pub(super) async fn read(app: &App, now_ms: i64) -> Result<Counted, Error> {
    let begin = |length_ms: i64, count: usize| {
        let before = i64::try_from(count).unwrap_or(0).saturating_sub(1);
        let present = now_ms.div_euclid(length_ms).saturating_sub(before);
        present.saturating_mul(length_ms)
    };
    let (hours_from_ms, days_from_ms) = (begin(HOUR_MS, HOURS), begin(DAY_MS, DAYS));
    let to_ms = now_ms.saturating_add(1);
    let hours = query(Grain::Hour, hours_from_ms, to_ms);
    let times = RollupQuery {
        by_time: false,
        sketches: vec![Sketched::FirstToken, Sketched::TotalTime],
        ..hours.clone()
    };
    let lately = RollupQuery {
        by_time: false,
        by: Vec::new(),
        ..query(Grain::Minute, now_ms.saturating_sub(HOUR_MS), to_ms)
    };
    let queries = [hours, query(Grain::Day, days_from_ms, to_ms), times, lately];
    let found = within(TIME_MAX, app.store.rollups_of(&queries, GROUPS_MAX)).await?;
    let found = found.map_err(storage_trouble)?.ok_or_else(too_many)?;
    let mut counted = Counted {
        hours_from_ms,
        days_from_ms,
        ..Counted::default()
    };
    let catalog = app.catalog.load();
    let mut answers = found.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    for row in next() {
        let hour = place(&row, hours_from_ms, HOUR_MS);
        counted.put(&catalog, &row, |course, row| {
            if let Some(slot) = hour.and_then(|hour| course.hours.get_mut(hour)) {
                slot.add(Count::of(&row.measures));
            }
        });
    }
    for row in next() {
        let day = place(&row, days_from_ms, DAY_MS);
        counted.put(&catalog, &row, |course, row| {
            if let Some(slot) = day.and_then(|day| course.days.get_mut(day)) {
                slot.add(Count::of(&row.measures));
            }
        });
    }
    for row in next() {
        let merge = |course: &mut Course, row: &RollupRow| course.times.merge(&row.measures);
        counted.put(&catalog, &row, merge);
    }
    for row in next() {
        counted.lately.add(Count::of(&row.measures));
    }
    Ok(counted)
}

/// The number of the piece of time that a row is of.
fn place(row: &RollupRow, from_ms: i64, length_ms: i64) -> Option<usize> {
    let since = row.start_ms?.checked_sub(from_ms)?;
    usize::try_from(since.div_euclid(length_ms)).ok()
}

impl Counted {
    /// Counts a row for the house, and for those of its model, provider and endpoint that the catalog
    /// knows: a model that nobody serves has the name that a caller gave it, which is nobody's business.
    fn put(&mut self, catalog: &Catalog, row: &RollupRow, count: impl Fn(&mut Course, &RollupRow)) {
        count(&mut self.house, row);
        let value = |index: usize| row.values.get(index).map_or("", String::as_str);
        let model = catalog.resolve(value(0)).map(|found| found.model);
        let provider = catalog.provider(value(1));
        if let Some(model) = model {
            let course = self.models.entry(model.slug.to_string()).or_default();
            count(course, row);
        }
        if let Some(provider) = provider {
            let slug = provider.slug.to_string();
            count(self.providers.entry(slug).or_default(), row);
        }
        if let (Some(model), Some(_)) = (model, provider) {
            let id = (model.slug.to_string(), value(2).to_owned());
            count(self.endpoints.entry(id).or_default(), row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_failure_is_never_rounded_away() {
        let share = |completed, judged| Count { judged, completed }.share();
        assert_eq!(share(0, 0), None);
        assert_eq!(share(3, 3), Some(1.0));
        assert_eq!(share(0, 3), Some(0.0));
        assert_eq!(share(2, 3), Some(0.6666));
        assert_eq!(share(999_999, 1_000_000), Some(0.9999));
    }

    #[test]
    fn what_the_caller_did_says_nothing_of_the_house() {
        for kind in Kind::ALL {
            let is_of_a_provider_or_us = kind.status() >= 500 || *kind == Kind::RateLimitExceeded;
            assert_eq!(is_ours(*kind), is_of_a_provider_or_us, "{}", kind.name());
        }
    }
}
