//! `StoreError`: what can go wrong between us and the database, by who must act.

/// Why the store could not do what it was asked. A row that is not there is no error but `None`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full, locked or too slow. The same call may succeed later: 503.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Something by that name, slug or hash is already there: 409.
    #[error("this {0} already exists")]
    AlreadyExists(&'static str),
    /// A row names another one that is not there (a key its workspace, for example): 400.
    #[error("the {0} it belongs to does not exist")]
    Missing(&'static str),
    /// The database will never take this row, however often it is asked.
    #[error("the database refuses the row: {0}")]
    Refused(String),
    /// A stored row cannot be read back: it was written by something else than Waybill, or is damaged.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(String),
    /// The storage URL is not one we can open.
    #[error("cannot open the storage URL: {0}")]
    BadUrl(String),
    /// A newer Waybill has been at work here; this one must not touch its tables.
    #[error(
        "the database has schema version {found}, this Waybill knows versions up to {known}; \
         run the newer Waybill that wrote it"
    )]
    NewerSchema {
        /// The version in the database.
        found: i64,
        /// The newest version of this binary.
        known: i64,
    },
    /// A migration that has been applied is not the one this binary carries.
    #[error("schema version {version} was applied from a different text than this Waybill carries")]
    ChangedMigration {
        /// The version whose checksum differs.
        version: i64,
    },
}

impl StoreError {
    /// Whether trying the same again later may succeed.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
