//! Rows of an answer.

use sqlx::decode::Decode;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgTypeInfo, PgValueRef};
use sqlx::sqlite::SqliteRow;
use sqlx::{Postgres, Row as _, Type};

use super::errors::from_sqlx;
use crate::StoreError;

/// One row of an answer, as its engine's driver gave it: a value is read out of it when somebody asks.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.maybe_int(column)?.ok_or_else(|| is_null(column))
    }

    pub(crate) fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        let read = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row
                .try_get(column)
                .map(|whole: Option<Whole>| Some(whole?.0)),
        };
        read.map_err(|error| from_sqlx(&error))
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.maybe_text(column)?.ok_or_else(|| is_null(column))
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        let read = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        read.map_err(|error| from_sqlx(&error))
    }
}

/// Of its own the driver of SQLite reads NULL as 0 and as an empty text where a value is asked for.
fn is_null(column: &str) -> StoreError {
    StoreError::Unreadable(format!("the column \"{column}\" is NULL"))
}

/// A whole number of PostgreSQL. Its driver reads an `i64` from `BIGINT` alone, and constants in SQL are
/// `INTEGER`.
struct Whole(i64);

impl Type<Postgres> for Whole {
    fn type_info() -> PgTypeInfo {
        <i64 as Type<Postgres>>::type_info()
    }

    fn compatible(found: &PgTypeInfo) -> bool {
        <i64 as Type<Postgres>>::compatible(found)
            || <i32 as Type<Postgres>>::compatible(found)
            || <i16 as Type<Postgres>>::compatible(found)
    }
}

impl Decode<'_, Postgres> for Whole {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        // It takes as many bytes as there are, and their sign.
        <i64 as Decode<'_, Postgres>>::decode(value).map(Self)
    }
}
