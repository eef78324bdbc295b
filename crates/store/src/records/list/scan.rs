//! Looking through rows, the newest first.

use std::time::Duration;

use tokio::time::Instant;

use super::search::Search;
use super::{Found, Sought, bind_user, of_user, peak_sql};
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::records::Month;

/// Rows looked through before an index is asked.
const FIRST_ROWS: i64 = 2_000;

/// Rows looked through at a time, at first and at the most, and altogether, where there is no index to ask.
const STEP_ROWS: i64 = 500;
const STEP_ROWS_MAX: i64 = 4_000;
const ROWS_MAX: i64 = 200_000;

/// What a step should take. Rows that nobody has read for long come from the disk, ten times as slowly as from
/// memory, and a search that ends after its time ends a step after it.
const STEP_TIME: Duration = Duration::from_millis(10);

/// How much is looked through.
struct Bounds {
    step: i64,
    rows_max: i64,
    until: Option<Instant>,
}

/// Looks through the newest rows; of a query without any condition these are the page.
pub(super) async fn newest(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
) -> Result<Found, StoreError> {
    let bounds = Bounds {
        step: FIRST_ROWS,
        rows_max: FIRST_ROWS,
        until: None,
    };
    look(transaction, (sought, &Search::None), bounds).await
}

/// Looks through all rows in question, up to a bound of their number and of time; one step at least.
pub(super) async fn all(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    search: &Search,
) -> Result<Found, StoreError> {
    let bounds = Bounds {
        step: STEP_ROWS,
        rows_max: ROWS_MAX,
        until: Some(sought.query.ends()),
    };
    look(transaction, (sought, search), bounds).await
}

async fn look(
    transaction: &mut Transaction,
    (sought, search): (&Sought<'_>, &Search),
    bounds: Bounds,
) -> Result<Found, StoreError> {
    let mut found = Found {
        low: sought.range.1,
        ..Found::default()
    };
    let (mut step, mut left) = (bounds.step, bounds.rows_max);
    let is_late = || bounds.until.is_some_and(|until| Instant::now() >= until);
    for month in &sought.months {
        let mut range = month.positions();
        range = (range.0.max(sought.range.0), range.1.min(found.low));
        while range.0 < range.1 {
            let begun = Instant::now();
            let (count, low) = lowest(transaction, *month, range, step.min(left)).await?;
            let is_last = count < step.min(left);
            let low = if is_last { range.0 } else { low };
            add(
                transaction,
                (sought, search),
                (*month, (low, range.1)),
                &mut found,
            )
            .await?;
            found.low = low;
            range.1 = low;
            left -= count;
            step = next_step(step, begun.elapsed());
            let is_enough = left <= 0 || is_late();
            if found.positions.len() > sought.count || (is_enough && !is_last) {
                return Ok(found);
            }
        }
        let is_oldest = sought.months.last() == Some(month);
        if !is_oldest && (left <= 0 || is_late()) {
            return Ok(found);
        }
    }
    found.low = sought.range.0;
    Ok(found)
}

/// How many rows the next step has, when one of so many took that long.
fn next_step(rows: i64, took: Duration) -> i64 {
    let next = if took > STEP_TIME {
        rows / 2
    } else if took < STEP_TIME / 2 {
        rows.saturating_mul(2)
    } else {
        rows
    };
    next.clamp(STEP_ROWS / 4, STEP_ROWS_MAX)
}

/// How many of so many rows of a range there are from its end on, and the first of them.
async fn lowest(
    transaction: &mut Transaction,
    month: Month,
    (from, until): (i64, i64),
    rows: i64,
) -> Result<(i64, i64), StoreError> {
    let table = month.table();
    let rows = Statement::assembled(format!(
        "SELECT COUNT(*) AS found, MIN(position) AS low FROM (SELECT position FROM {table} \
         WHERE position >= $1 AND position < $2 ORDER BY position DESC LIMIT $3) AS newest"
    ))
    .int(from)
    .int(until)
    .int(rows)
    .rows(transaction)
    .await?;
    let Some(row) = rows.first() else {
        return Ok((0, from));
    };
    Ok((row.int("found")?, row.maybe_int("low")?.unwrap_or(from)))
}

/// Adds the rows of a range that fit, at most one more than are wanted.
async fn add(
    transaction: &mut Transaction,
    (sought, search): (&Sought<'_>, &Search),
    (month, (from, until)): (Month, (i64, i64)),
    found: &mut Found,
) -> Result<(), StoreError> {
    let mut sql = format!(
        "SELECT position FROM {} WHERE position >= $1 AND position < $2{}",
        month.table(),
        peak_sql(sought.query)
    );
    let mut text = None;
    match search {
        Search::Id { prefix, .. } => {
            sql.push_str(" AND id LIKE $4 ESCAPE '!'");
            text = Some(format!("{prefix}%"));
        }
        Search::Rows(part) => {
            let columns = [
                "upstream_id",
                "external_user",
                "user_agent",
                "error_message",
            ];
            let likes = columns.map(|name| format!("LOWER({name}) LIKE $4 ESCAPE '!'"));
            sql.push_str(&format!(" AND ({})", likes.join(" OR ")));
            text = Some(crate::records::dimensions::pattern(part));
        }
        Search::None | Search::Session(_) | Search::Names(_) => {}
    }
    let mut next = if text.is_some() { 5 } else { 4 };
    sql.push_str(&of_user(sought.query, &mut next));
    if !sought.filter.is_empty() {
        sql.push_str(&format!(
            " AND facet IN (SELECT f.id FROM facets f WHERE {})",
            sought.filter.sql(next)
        ));
    }
    sql.push_str(" ORDER BY position DESC LIMIT $3");
    let wanted = sought.count.saturating_add(1);
    let mut statement = Statement::assembled(sql)
        .int(from)
        .int(until)
        .int(i64::try_from(wanted).unwrap_or(i64::MAX));
    if let Some(text) = text {
        statement = statement.text(&text);
    }
    statement = bind_user(statement, sought.query);
    for row in sought.filter.bind(statement).rows(transaction).await? {
        found.positions.insert(row.int("position")?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_where_rows_are_at_hand_and_shrink_where_they_come_from_the_disk() {
        let after = |mut rows: i64, all_took: &[u64]| {
            for ms in all_took {
                rows = next_step(rows, Duration::from_millis(*ms));
            }
            rows
        };
        assert_eq!(after(STEP_ROWS, &[1, 2, 3, 4]), STEP_ROWS_MAX);
        assert_eq!(after(STEP_ROWS, &[7, 10]), STEP_ROWS);
        assert_eq!(after(STEP_ROWS_MAX, &[60, 30]), STEP_ROWS_MAX / 4);
        assert_eq!(after(STEP_ROWS, &[100, 100, 100]), STEP_ROWS / 4);
    }
}
