//! Rows of an answer.

use std::fmt;

use sqlx::decode::Decode;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgTypeInfo, PgValueRef};
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Postgres, Row as _, Type};

use super::errors::from_sqlx;
use crate::StoreError;

/// One row of an answer, as its engine's driver gave it: a value is read out of it when somebody asks.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Where a column stands in the rows of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(usize);

impl Row {
    /// Looks for a column once for all rows of an answer: for those who read many.
    pub(crate) fn place(&self, column: &str) -> Result<Place, StoreError> {
        let place = match self {
            Self::Sqlite(row) => column.index(row),
            Self::Postgres(row) => column.index(row),
        };
        place.map(Place).map_err(|error| from_sqlx(&error))
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        some(column, self.read_int(column))
    }

    pub(crate) fn int_at(&self, place: Place) -> Result<i64, StoreError> {
        some(place.0, self.read_int(place.0))
    }

    pub(crate) fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.read_int(column)
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.borrowed_text(column).map(str::to_owned)
    }

    pub(crate) fn text_at(&self, place: Place) -> Result<String, StoreError> {
        self.borrowed_text_at(place).map(str::to_owned)
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.read_text(column)?.map(str::to_owned))
    }

    /// A text that nobody keeps.
    pub(crate) fn borrowed_text(&self, column: &str) -> Result<&str, StoreError> {
        some(column, self.read_text(column))
    }

    pub(crate) fn borrowed_text_at(&self, place: Place) -> Result<&str, StoreError> {
        some(place.0, self.read_text(place.0))
    }

    pub(crate) fn maybe_borrowed_text_at(&self, place: Place) -> Result<Option<&str>, StoreError> {
        self.read_text(place.0)
    }

    fn read_int<C: Column>(&self, column: C) -> Result<Option<i64>, StoreError> {
        let read = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row
                .try_get(column)
                .map(|whole: Option<Whole>| Some(whole?.0)),
        };
        read.map_err(|error| from_sqlx(&error))
    }

    fn read_text<C: Column>(&self, column: C) -> Result<Option<&str>, StoreError> {
        let read = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        read.map_err(|error| from_sqlx(&error))
    }
}

/// What tells a column: its name or its place.
trait Column: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> {}

impl Column for &str {}
impl Column for usize {}

/// A value that has to be there: of its own the driver of SQLite reads NULL as 0 and as an empty text.
fn some<T>(
    column: impl fmt::Display,
    read: Result<Option<T>, StoreError>,
) -> Result<T, StoreError> {
    let is_null = || StoreError::Unreadable(format!("the column {column} is NULL"));
    read?.ok_or_else(is_null)
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
