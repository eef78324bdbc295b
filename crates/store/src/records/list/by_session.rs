//! The records of one session, by the index on sessions.

use super::{Found, Sought, bind_user, of_user, peak_sql};
use crate::StoreError;
use crate::database::{Statement, Transaction};

/// Finds them, month by month.
pub(super) async fn find(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    session_id: &str,
) -> Result<Found, StoreError> {
    let mut found = Found {
        low: sought.range.0,
        ..Found::default()
    };
    let wanted = sought.count.saturating_add(1);
    for month in &sought.months {
        let mut sql = format!(
            "SELECT position FROM {} WHERE session_id = $1 AND position >= $2 AND position < $3{}",
            month.table(),
            peak_sql(sought.query)
        );
        let mut next = 5;
        sql.push_str(&of_user(sought.query, &mut next));
        if !sought.filter.is_empty() {
            sql.push_str(&format!(
                " AND facet IN (SELECT f.id FROM facets f WHERE {})",
                sought.filter.sql(next)
            ));
        }
        sql.push_str(" ORDER BY position DESC LIMIT $4");
        let statement = Statement::assembled(sql)
            .text(session_id)
            .int(sought.range.0)
            .int(sought.range.1)
            .int(i64::try_from(wanted).unwrap_or(i64::MAX));
        let statement = bind_user(statement, sought.query);
        for row in sought.filter.bind(statement).rows(transaction).await? {
            found.positions.insert(row.int("position")?);
        }
        if found.positions.len() >= wanted {
            break;
        }
    }
    Ok(found)
}
