//! `/analytics`: what was counted of calls, by any two dimensions, over any time. For management
//! keys.
//!
//! `metrics` and `dimensions` are the two tables of what there is to ask for; `meta` tells them,
//! `asked` reads a question by them, `span` says from which roll-ups a time is answered, `answer`
//! makes rows of what was counted. `days` asks for whole days, for `GET /activity` and the datasets.

mod answer;
mod asked;
mod days;
mod dimensions;
mod meta;
mod metrics;
mod span;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use store::{Grain, Measures, RollupQuery, RollupRow};
use tokio::time::{Instant, timeout};

use super::desk::read_body;
use crate::api::generations::settled_first;
use crate::app::App;
use crate::caller::Management;
use crate::reply::{self, Answer, storage_trouble};

use answer::{Envelope, Names};
use asked::{Asked, Question};
pub(crate) use days::Days;
use dimensions::Told;
pub use meta::get as meta;
use metrics::{Metric, REQUEST_COUNT};
use span::{Horizons, Span};
pub(crate) use span::{month_of, week_of};

/// The longest that a question may take.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(10);

/// So many groups are looked at for one answer, about 2 kB each.
const GROUPS_MAX: usize = 50_000;

/// What was counted, by the beginning of a piece of time and the values of the dimensions.
type Counted = BTreeMap<(Option<i64>, Vec<String>), Measures>;

/// Answers `POST /analytics/query`.
pub async fn query(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Asked = read_body(&app, &headers, body).await?;
    let begun = Instant::now();
    let question = asked.question(&app.keyring.load(), app.clock.now_ms())?;
    settled_first(&app).await;
    let question = Arc::new(question);
    let found = within(TIME_MAX, find(&app, &question)).await?;
    let (mut answer, span) = found?;
    answer.warn(question.warnings.iter().chain(&span.warnings));
    answer.took(begun.elapsed());
    reply::json(StatusCode::OK, &answer)
}

async fn find(app: &App, question: &Arc<Question>) -> Result<(Envelope, Span), Error> {
    let horizon = async |grain| {
        let horizon = app.store.rollup_horizon(grain).await;
        horizon.map_err(storage_trouble)
    };
    let horizons = Horizons {
        minutes_ms: horizon(Grain::Minute).await?,
        hours_ms: horizon(Grain::Hour).await?,
    };
    let span = Span::of(question.range, question.granularity, &horizons);
    let names = Arc::new(names(app, question).await?);
    let question = question.clone();
    let queries = queries(&question, &span);
    // Many rows are put together and written: where they are read, so that no call waits for that.
    let made = move |answers| {
        let counted = counted(&question, answers)?;
        Some(answer::of(&question, counted, &names))
    };
    let answer = app.store.rollups_as(&queries, GROUPS_MAX, made).await;
    let answer = answer.map_err(storage_trouble)?.flatten();
    let answer = answer.ok_or_else(too_many)?;
    Ok((answer.map_err(|error| reply::unwritten(&error))?, span))
}

/// What the roll-ups are asked, for each piece of the time.
fn queries(question: &Question, span: &Span) -> Vec<RollupQuery> {
    // Rows may be ordered by the number of calls in any case.
    let metrics = question.metrics.iter().copied().chain([REQUEST_COUNT]);
    let measures: BTreeSet<_> = metrics.flat_map(Metric::measures).collect();
    let sketches: BTreeSet<_> = question
        .metrics
        .iter()
        .filter_map(|one| one.sketch())
        .collect();
    let query = |(grain, from_ms, to_ms): &(Grain, i64, i64)| RollupQuery {
        grain: *grain,
        from_ms: *from_ms,
        to_ms: *to_ms,
        by_time: question.granularity.is_some(),
        by: question.dimensions.iter().map(|one| one.of).collect(),
        filter: question.filter.clone(),
        measures: measures.iter().copied().collect(),
        sketches: sketches.iter().copied().collect(),
    };
    span.pieces.iter().map(query).collect()
}

/// What was counted in all pieces of the time; `None` when that is too much.
fn counted(question: &Question, answers: Vec<Vec<RollupRow>>) -> Option<Counted> {
    let mut counted = Counted::new();
    for row in answers.into_iter().flatten() {
        store::rest_now_and_then();
        let granularity = question.granularity;
        let start = row
            .start_ms
            .and_then(|at| granularity.map(|one| one.start_of(at)));
        let values = question.dimensions.iter().zip(row.values);
        let values = values.map(|(one, value)| one.told(value)).collect();
        let group = counted.entry((start, values)).or_default();
        group.merge(&row.measures);
    }
    (counted.len() <= GROUPS_MAX).then_some(counted)
}

/// What comes within a time; 408 when nothing does.
pub(crate) async fn within<T>(time: Duration, found: impl Future<Output = T>) -> Result<T, Error> {
    let message = "Operation timed out. Please try again later.";
    let late = |_| Error::caller(Kind::RequestTimeout, message);
    timeout(time, found).await.map_err(late)
}

fn too_many() -> Error {
    let message = format!(
        "More than {GROUPS_MAX} rows would have to be looked at; ask for a shorter time, a coarser \
         granularity, fewer dimensions, or with filters"
    );
    Error::caller(Kind::InvalidRequest, message)
}

/// What ids in the answer are called.
async fn names(app: &App, question: &Question) -> Result<Names, Error> {
    let is_told = |told| question.dimensions.iter().any(|one| one.told == told);
    let mut workspaces = HashMap::new();
    if is_told(Told::Workspace) {
        let all = app
            .store
            .workspaces()
            .all()
            .await
            .map_err(storage_trouble)?;
        workspaces.extend(all.into_iter().map(|one| (one.id, one.name)));
    }
    Ok(Names {
        keyring: app.keyring.load_full(),
        workspaces,
    })
}
