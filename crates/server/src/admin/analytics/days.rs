//! Whole days, without sketches.

use chat::Error;
use store::{Dimension, FacetFilter, Grain, Measure, RollupQuery, RollupRow};

use super::metrics::TOKENS;
use super::{GROUPS_MAX, TIME_MAX, too_many, within};
use crate::api::generations::settled_first;
use crate::app::App;
use crate::reply::storage_trouble;

/// Which days, and what has rows of its own.
#[derive(Debug, Clone)]
pub(crate) struct Days {
    /// From this day on, its first Unix millisecond.
    pub(crate) from_ms: i64,
    /// Before this one.
    pub(crate) to_ms: i64,
    /// Whether each day has rows of its own.
    pub(crate) by_day: bool,
    /// What else has rows of its own.
    pub(crate) by: Vec<Dimension>,
    /// Of which calls.
    pub(crate) filter: FacetFilter,
    /// What is wanted beside tokens.
    pub(crate) measures: &'static [Measure],
}

impl Days {
    /// What was counted in them.
    ///
    /// # Errors
    /// When it would be too much, takes too long, or the store is away.
    pub(crate) async fn count(&self, app: &App) -> Result<Vec<RollupRow>, Error> {
        settled_first(app).await;
        let query = RollupQuery {
            grain: Grain::Day,
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            by_time: self.by_day,
            by: self.by.clone(),
            filter: self.filter.clone(),
            measures: TOKENS.iter().chain(self.measures).copied().collect(),
            sketches: Vec::new(),
        };
        let queries = [query];
        let found = app.store.rollups_of(&queries, GROUPS_MAX);
        let answers = within(TIME_MAX, found).await?;
        let answers = answers.map_err(storage_trouble)?.ok_or_else(too_many)?;
        Ok(answers.into_iter().flatten().collect())
    }
}
