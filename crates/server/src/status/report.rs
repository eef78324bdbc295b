//! The answer: what was counted and what health has seen, as JSON.

use catalog::{Catalog, Standing};
use chat::Error;
use serde::Serialize;
use store::Sketched;

use super::attempts::{self, Attempts};
use super::counted::{self, Count, Counted, Course, sum};
use crate::app::App;
use crate::time::{date, iso};

/// Models, providers and endpoints that are told, those with the most calls first.
const ROWS_MAX: usize = 100;

/// Incidents that are told, the newest first.
const INCIDENTS_MAX: usize = 50;

/// A last hour is judged by so many failures at least.
const FAILURES_LEAST: i64 = 3;

/// Who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Anybody: shares and times, and nothing that says how much is called.
    Anybody,
    /// A management key.
    Manager,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    as_of: String,
    hours_from: String,
    days_from: String,
    verdict: &'static str,
    house: Line,
    models: Vec<Named>,
    providers: Vec<Named>,
    endpoints: Vec<OfEndpoint>,
    incidents: Vec<Incident>,
}

/// How it went with one of them.
#[derive(Debug, Serialize)]
struct Line {
    completion_1d: Option<f64>,
    completion_30d: Option<f64>,
    by_hour: Vec<Option<f64>>,
    by_day: Vec<Option<f64>>,
    first_token_ms: Option<Times>,
    total_ms: Option<Times>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
}

#[derive(Debug, Serialize)]
struct Times {
    p50: u32,
    p95: u32,
}

/// For those who may know how much is called.
#[derive(Debug, Serialize)]
struct Counts {
    calls_1d: i64,
    failed_1d: i64,
    calls_30d: i64,
    failed_30d: i64,
}

#[derive(Debug, Serialize)]
struct Named {
    id: String,
    name: String,
    #[serde(flatten)]
    line: Line,
}

#[derive(Debug, Serialize)]
struct OfEndpoint {
    model: String,
    endpoint: String,
    provider_name: String,
    standing: &'static str,
    attempts_served_1d: Option<f64>,
    attempts_by_hour: Vec<Option<f64>>,
    #[serde(flatten)]
    line: Line,
}

#[derive(Debug, Serialize)]
struct Incident {
    kind: &'static str,
    model: String,
    endpoint: String,
    provider_name: String,
    from: Option<String>,
    to: Option<String>,
    cools_until: Option<String>,
    is_over: bool,
    served: Option<f64>,
}

/// What there is to tell, gathered once for all who read it.
#[derive(Debug)]
pub(super) struct Gathered {
    now_ms: i64,
    counted: Counted,
    attempts: Vec<Attempts>,
}

/// Gathers it.
///
/// # Errors
/// When it would be too much, takes too long, or the store is away.
pub(super) async fn gather(app: &App) -> Result<Gathered, Error> {
    let now_ms = app.clock.now_ms();
    let counted = counted::read(app, now_ms).await?;
    let window = (counted.hours_from_ms, now_ms);
    let attempts = attempts::read(app.relay.health(), &app.catalog.load(), window);
    Ok(Gathered {
        now_ms,
        counted,
        attempts,
    })
}

impl Gathered {
    /// What a reader is told.
    pub(super) fn report(&self, catalog: &Catalog, reader: Reader) -> Report {
        let counted = &self.counted;
        let named = |(id, course): (&String, &Course), name: Option<&str>| Named {
            id: id.clone(),
            name: name.unwrap_or(id).to_owned(),
            line: line(course, reader),
        };
        let models = ranked(counted.models.iter().collect());
        let providers = ranked(counted.providers.iter().collect());
        let name_of_model = |id: &str| catalog.model(id).map(|model| &*model.name);
        Report {
            as_of: iso(self.now_ms),
            hours_from: iso(counted.hours_from_ms),
            days_from: date(counted.days_from_ms),
            verdict: verdict(counted.lately),
            house: line(&counted.house, reader),
            models: models
                .into_iter()
                .map(|one| named(one, name_of_model(one.0)))
                .collect(),
            providers: providers
                .into_iter()
                .map(|one| named(one, Some(provider_name(catalog, one.0))))
                .collect(),
            endpoints: self.endpoints(catalog, reader),
            incidents: self.incidents(catalog),
        }
    }

    /// Those that answered within thirty days, and those that were only attempted.
    fn endpoints(&self, catalog: &Catalog, reader: Reader) -> Vec<OfEndpoint> {
        let mut all = self.counted.endpoints.clone();
        for one in &self.attempts {
            all.entry((one.model.clone(), one.tag.clone())).or_default();
        }
        let of = |((model, tag), course): (&(String, String), &Course)| {
            let attempts = self
                .attempts
                .iter()
                .find(|one| one.model == *model && one.tag == *tag);
            let standing = attempts.map_or(Standing::Normal, |one| one.standing);
            let hours = attempts.map(|one| one.hours).unwrap_or_default();
            let slug = tag.split('/').next().unwrap_or(tag);
            OfEndpoint {
                model: model.clone(),
                endpoint: tag.clone(),
                provider_name: provider_name(catalog, slug).to_owned(),
                standing: standing.name(),
                attempts_served_1d: sum(&hours).share(),
                attempts_by_hour: hours.iter().map(|count| count.share()).collect(),
                line: line(course, reader),
            }
        };
        ranked(all.iter().collect()).into_iter().map(of).collect()
    }

    /// What troubles endpoints now, then what did.
    fn incidents(&self, catalog: &Catalog) -> Vec<Incident> {
        let of = |one: &Attempts, kind| Incident {
            kind,
            model: one.model.clone(),
            endpoint: one.tag.clone(),
            provider_name: provider_name(catalog, &one.provider).to_owned(),
            from: None,
            to: None,
            cools_until: one.cools_until_ms.map(iso),
            is_over: false,
            served: None,
        };
        let troubled = self
            .attempts
            .iter()
            .filter(|one| one.standing != Standing::Normal);
        let mut incidents: Vec<Incident> =
            troubled.map(|one| of(one, one.standing.name())).collect();
        let mut past = Vec::new();
        for one in &self.attempts {
            for time in one.bad_times(self.counted.hours_from_ms) {
                past.push((time, one));
            }
        }
        past.sort_by_key(|(time, _)| std::cmp::Reverse(time.from_ms));
        incidents.extend(past.into_iter().map(|(time, one)| Incident {
            from: Some(iso(time.from_ms)),
            to: (time.to_ms <= self.now_ms).then(|| iso(time.to_ms)),
            cools_until: None,
            is_over: time.to_ms <= self.now_ms,
            served: time.count.share(),
            ..of(one, "failing")
        }));
        incidents.truncate(INCIDENTS_MAX);
        incidents
    }
}

/// The word for the last hour.
fn verdict(lately: Count) -> &'static str {
    let share = lately.share().unwrap_or(1.0);
    match lately.judged {
        0 => "quiet",
        _ if lately.failed() < FAILURES_LEAST || share >= 0.98 => "operational",
        _ if share >= 0.5 => "degraded",
        _ => "down",
    }
}

/// The most called first, but no more than are told.
fn ranked<'a, K: Ord>(mut all: Vec<(&'a K, &'a Course)>) -> Vec<(&'a K, &'a Course)> {
    all.sort_by_key(|(id, course)| (std::cmp::Reverse(course.month().judged), *id));
    all.truncate(ROWS_MAX);
    all
}

fn provider_name<'a>(catalog: &'a Catalog, slug: &'a str) -> &'a str {
    catalog
        .provider(slug)
        .map_or(slug, |provider| &*provider.name)
}

fn line(course: &Course, reader: Reader) -> Line {
    let shares = |counts: &[Count]| counts.iter().map(|count| count.share()).collect();
    let (day, month) = (course.day(), course.month());
    let times = |sketched| {
        let sketch = course.times.sketch(sketched);
        sketch
            .percentile(0.5)
            .zip(sketch.percentile(0.95))
            .map(|(p50, p95)| Times { p50, p95 })
    };
    Line {
        completion_1d: day.share(),
        completion_30d: month.share(),
        by_hour: shares(&course.hours),
        by_day: shares(&course.days),
        first_token_ms: times(Sketched::FirstToken),
        total_ms: times(Sketched::TotalTime),
        counts: (reader == Reader::Manager).then(|| Counts {
            calls_1d: day.judged,
            failed_1d: day.failed(),
            calls_30d: month.judged,
            failed_30d: month.failed(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_failures_are_no_outage() {
        for (completed, judged, expected) in [
            (0, 0, "quiet"),
            (1, 1, "operational"),
            (0, 2, "operational"),
            (0, 3, "down"),
            (98, 101, "degraded"),
            (990, 1000, "operational"),
        ] {
            assert_eq!(verdict(Count { judged, completed }), expected);
        }
    }
}
