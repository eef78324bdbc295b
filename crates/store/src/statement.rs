//! Statements: what a key, a workspace or the whole house has spent, by day and model.
//!
//! Of whole days they are read from what was counted of these days, which outlives the records; of any
//! other time from the records.

use std::collections::BTreeMap;

use chat::Unit;
use ledger::Amount;

use crate::database::{Row, Statement};
use crate::records::{Dimension, FacetFilter, Grain, Measure, Measures, RollupQuery};
use crate::{KeyHash, Store, StoreError};

const MS_PER_DAY: i64 = 86_400_000;

/// Whose statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    House,
    /// A workspace's, by id.
    Workspace(String),
    /// A key's.
    Key(KeyHash),
}

/// One line of a statement: a model on one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRow {
    /// Days since 1970-01-01; a call belongs to the day on which its request arrived.
    pub day: i64,
    /// The model that served; empty for calls that none did.
    pub model: String,
    /// Calls.
    pub requests: u64,
    /// Calls that nobody could price.
    pub unpriced: u64,
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// What they cost.
    pub cost: Amount,
}

impl StatementRow {
    /// The head of the table as CSV (RFC 4180), without a line break.
    pub const CSV_HEAD: &'static str =
        "date,model,requests,unpriced,prompt_tokens,completion_tokens,cost_usd";

    /// The day as `2026-03-04`.
    #[must_use]
    pub fn date(&self) -> String {
        let (year, month, day) = civil(self.day);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// The row as CSV, without a line break.
    #[must_use]
    pub fn to_csv(&self) -> String {
        format!(
            "{},{},{},{},{},{},{}",
            self.date(),
            csv_field(&self.model),
            self.requests,
            self.unpriced,
            self.prompt_tokens,
            self.completion_tokens,
            self.cost
        )
    }
}

/// What is owed for a call. One that its workspace's own credential has paid says so among its notes,
/// whose other texts cannot hold these quotes unescaped.
const OWED: &str = "CASE WHEN dropped LIKE '%\"is_byok\":true%' THEN 0 ELSE cost_nanos END";

impl Store {
    /// What was spent from `from_ms` until before `to_ms` (Unix milliseconds), by day, then model.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn statement(
        &self,
        scope: &Scope,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<StatementRow>, StoreError> {
        let is_midnight = |at_ms: i64| at_ms.rem_euclid(MS_PER_DAY) == 0 || at_ms == i64::MAX;
        if is_midnight(from_ms) && is_midnight(to_ms) {
            return self.statement_of_days(scope, (from_ms, to_ms)).await;
        }
        self.statement_of_records(scope, (from_ms, to_ms)).await
    }

    async fn statement_of_days(
        &self,
        scope: &Scope,
        (from_ms, to_ms): (i64, i64),
    ) -> Result<Vec<StatementRow>, StoreError> {
        let all = FacetFilter::default();
        let filter = match scope {
            Scope::House => all,
            Scope::Workspace(id) => all.one_of(Dimension::Workspace, vec![id.clone()]),
            Scope::Key(hash) => all.one_of(Dimension::Key, vec![hash.as_str().to_owned()]),
        };
        let query = RollupQuery {
            grain: Grain::Day,
            from_ms,
            to_ms,
            by_time: true,
            by: vec![Dimension::Model, Dimension::Endpoint, Dimension::Outcome],
            filter,
            measures: counted(),
            sketches: Vec::new(),
        };
        let mut days: BTreeMap<(i64, String), Measures> = BTreeMap::new();
        for row in self.rollups(&query).await? {
            let day = row.start_ms.unwrap_or_default().div_euclid(MS_PER_DAY);
            let mut values = row.values.into_iter();
            let [model, endpoint, outcome] = [(); 3].map(|()| values.next().unwrap_or_default());
            // What was served has an endpoint, or is an earlier answer told again. The model of
            // anything else is the one that was asked for.
            let is_served = !endpoint.is_empty() || outcome == "completed";
            let model = if is_served { model } else { String::new() };
            days.entry((day, model)).or_default().merge(&row.measures);
        }
        Ok(days.into_iter().map(of_day).collect())
    }

    async fn statement_of_records(
        &self,
        scope: &Scope,
        (from_ms, to_ms): (i64, i64),
    ) -> Result<Vec<StatementRow>, StoreError> {
        let (column, value) = match scope {
            Scope::House => ("''", ""),
            Scope::Workspace(id) => ("workspace_id", id.as_str()),
            Scope::Key(hash) => ("key_hash", hash.as_str()),
        };
        let sum = |column: &str, name: &str| {
            format!(
                "CAST(SUM(COALESCE({column}, 0) / 1000000000) AS BIGINT) AS {name}_whole, \
                 CAST(SUM(COALESCE({column}, 0) % 1000000000) AS BIGINT) AS {name}_rest"
            )
        };
        let rows = Statement::assembled(format!(
            "SELECT created_at_ms / {MS_PER_DAY} AS day, model, COUNT(*) AS requests, \
             CAST(SUM(CASE WHEN unpriced IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS unpriced, \
             {}, {}, {} FROM generations \
             WHERE {column} = $1 AND created_at_ms >= $2 AND created_at_ms < $3 \
             GROUP BY created_at_ms / {MS_PER_DAY}, model ORDER BY 1, 2",
            sum("prompt_tokens", "prompt"),
            sum("completion_tokens", "completion"),
            sum(OWED, "cost")
        ))
        .text(value)
        .int(from_ms)
        .int(to_ms)
        .read(&self.database)
        .await?;
        rows.iter().map(from_row).collect()
    }
}

/// What statements are made of.
fn counted() -> Vec<Measure> {
    let tokens = Unit::ALL.into_iter().map(Measure::of_unit);
    let sums = [Measure::Calls, Measure::Unpriced, Measure::Cost];
    sums.into_iter().chain(tokens).collect()
}

fn of_day(((day, model), sums): ((i64, String), Measures)) -> StatementRow {
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    StatementRow {
        day,
        model,
        requests: count(sums.get(Measure::Calls)),
        unpriced: count(sums.get(Measure::Unpriced)),
        prompt_tokens: count(sums.prompt_tokens()),
        completion_tokens: count(sums.completion_tokens()),
        cost: Amount::from_nanos(sums.get(Measure::Cost)),
    }
}

fn from_row(row: &Row) -> Result<StatementRow, StoreError> {
    let sum = |name: &str| -> Result<i64, StoreError> {
        let whole = row.int(&format!("{name}_whole"))?;
        let rest = row.int(&format!("{name}_rest"))?;
        Ok(whole.saturating_mul(1_000_000_000).saturating_add(rest))
    };
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    Ok(StatementRow {
        day: row.int("day")?,
        model: row.text("model")?,
        requests: count(row.int("requests")?),
        unpriced: count(row.int("unpriced")?),
        prompt_tokens: count(sum("prompt")?),
        completion_tokens: count(sum("completion")?),
        cost: Amount::from_nanos(sum("cost")?),
    })
}

/// A field of CSV, in quotes where it needs them.
#[must_use]
pub fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Year, month and day of a day since 1970. Years are counted from 1 March, so that the leap day is
/// the last of its year; months then begin on day (153 m + 2) / 5.
pub(crate) fn civil(day: i64) -> (i64, i64, i64) {
    const DAYS_TO_MARCH_OF_YEAR_0: i64 = 719_468;
    const DAYS_PER_400_YEARS: i64 = 146_097;
    let from_march = day + DAYS_TO_MARCH_OF_YEAR_0;
    let era = from_march.div_euclid(DAYS_PER_400_YEARS);
    let of_era = from_march.rem_euclid(DAYS_PER_400_YEARS);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (year + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (day, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (20_516, (2026, 3, 4)),
            (-1, (1969, 12, 31)),
        ] {
            assert_eq!(civil(day), expected, "{day}");
        }
    }

    #[test]
    fn fields_of_csv_are_quoted_where_they_must_be() {
        for (text, expected) in [
            ("openai/gpt-4o", "openai/gpt-4o"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
        ] {
            assert_eq!(csv_field(text), expected);
        }
    }
}
