//! What went wrong, by who must act; and how long anything may take.

use std::time::Duration;

use sqlx::error::ErrorKind;

use crate::StoreError;

/// How long one statement may take before the database counts as away.
pub(super) const STATEMENT_MAX: Duration = Duration::from_secs(10);

/// Awaits one step of work with the database, but not forever.
pub(super) async fn within<T>(
    step: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT_MAX, step).await {
        Ok(result) => result.map_err(|error| from_sqlx(&error)),
        Err(_) => Err(too_slow()),
    }
}

pub(super) fn too_slow() -> StoreError {
    StoreError::Unavailable(format!(
        "no answer within {} seconds",
        STATEMENT_MAX.as_secs()
    ))
}

/// Sorts what went wrong by who must act. What is not known to be the row's own fault counts as
/// the database being away: better to ask again than to lose a record.
pub(super) fn from_sqlx(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(reply) => match reply.kind() {
            ErrorKind::UniqueViolation => StoreError::AlreadyExists("row"),
            ErrorKind::ForeignKeyViolation => StoreError::Missing("row"),
            ErrorKind::NotNullViolation | ErrorKind::CheckViolation => {
                StoreError::Refused(reply.to_string())
            }
            _ if blames_the_row(reply.code().as_deref().unwrap_or_default()) => {
                StoreError::Refused(reply.to_string())
            }
            _ => StoreError::Unavailable(reply.to_string()),
        },
        sqlx::Error::Encode(_) => StoreError::Refused(error.to_string()),
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_) => StoreError::Unreadable(error.to_string()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// PostgreSQL's classes 22 (bad value), 23 (constraint) and 54 (over a limit of its); SQLite's TOOBIG (18), CONSTRAINT (19)
/// and MISMATCH (20), of which extended codes keep the low byte.
/// Sources: postgresql.org/docs/current/errcodes-appendix.html, sqlite.org/rescode.html.
fn blames_the_row(code: &str) -> bool {
    if code.len() == 5 {
        return ["22", "23", "54"].contains(&code.get(..2).unwrap_or_default());
    }
    code.parse::<i64>()
        .is_ok_and(|code| matches!(code & 0xff, 18..=20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_the_row_itself_are_final() {
        for (code, is_final) in [
            ("22021", true),  // a character the encoding cannot hold
            ("23514", true),  // check constraint
            ("54000", true),  // too large for an index
            ("40P01", false), // deadlock
            ("57P01", false), // shut down by an administrator
            ("53100", false), // disk full
            ("25006", false), // read-only after a failover
            ("5", false),     // SQLITE_BUSY
            ("8", false),     // SQLITE_READONLY
            ("13", false),    // SQLITE_FULL
            ("18", true),     // SQLITE_TOOBIG
            ("3091", true),   // SQLITE_CONSTRAINT_DATATYPE
            ("", false),
        ] {
            assert_eq!(blames_the_row(code), is_final, "{code}");
        }
    }
}
