//! Horizons: how far back minutes, hours and records are kept. They only ever move on.

use crate::StoreError;
use crate::database::{Statement, Transaction};

/// The horizon of the records themselves.
pub(crate) const RECORDS: &str = "records";

/// Before which moment nothing is promised of a kind of rows, Unix milliseconds; the beginning of
/// time while nothing was taken away.
pub(crate) async fn get(transaction: &mut Transaction, name: &str) -> Result<i64, StoreError> {
    let rows = Statement::new("SELECT at_ms FROM record_horizons WHERE name = $1")
        .text(name)
        .rows(transaction)
        .await?;
    rows.first().map_or(Ok(i64::MIN), |row| row.int("at_ms"))
}

/// Moves one on, if it is not further already.
pub(crate) async fn advance(
    transaction: &mut Transaction,
    name: &str,
    at_ms: i64,
) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO record_horizons (name, at_ms) VALUES ($1, $2) ON CONFLICT (name) \
         DO UPDATE SET at_ms = excluded.at_ms WHERE record_horizons.at_ms < excluded.at_ms",
    )
    .text(name)
    .int(at_ms)
    .run(transaction)
    .await
    .map(drop)
}
