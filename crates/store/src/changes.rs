//! The feed of changes: how every replica learns within a moment that a key was disabled.
//!
//! Each write of a key, workspace, setting or budget takes the next revision in its own transaction.
//! A replica polls [`Store::revision`] (one row by its primary key; a few times a second costs
//! nothing) and asks for what changed, or loads everything anew when it has been away too long.

use crate::database::{Row, Statement, Transaction};
use crate::{Store, StoreError};

/// How many changes are kept; a replica that has missed more loads everything anew.
const CHANGES_KEPT: i64 = 10_000;

/// What kind of thing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Noun {
    /// A key was made, changed or deleted; the id is its hash.
    Key,
    /// A workspace was made or changed; the id is its id.
    Workspace,
    /// A setting was written or removed; the id is its name.
    Setting,
    /// A budget was made, changed or removed; the id is its id.
    Budget,
}

impl Noun {
    const ALL: [Self; 4] = [Self::Key, Self::Workspace, Self::Setting, Self::Budget];

    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Workspace => "workspace",
            Self::Setting => "setting",
            Self::Budget => "budget",
        }
    }
}

/// What the feed has after a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The last revision, at the moment at which the changes were read.
    pub revision: i64,
    /// The changes, in order; absent when they are no longer all there, or when the feed has gone
    /// back (a backup was put in place): everything must be loaded anew.
    pub changes: Option<Vec<Change>>,
}

/// One change of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number; later changes have greater ones, without a gap.
    pub revision: i64,
    /// What kind of thing changed.
    pub noun: Noun,
    /// Which one.
    pub id: String,
}

impl Store {
    /// The revision of the last change; 0 before the first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; keep serving what is in memory then.
    pub async fn revision(&self) -> Result<i64, StoreError> {
        let rows = Statement::new("SELECT revision FROM revisions WHERE id = 1")
            .read(&self.database)
            .await?;
        rows.first().map_or(Ok(0), |row| row.int("revision"))
    }

    /// What has changed after a revision. One statement, so that no change can fall between what is
    /// told and the revision up to which it is told.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn changes_since(&self, seen: i64) -> Result<News, StoreError> {
        let rows = Statement::new(
            "SELECT revisions.revision AS last, changes.revision, changes.noun, changes.id \
             FROM revisions LEFT JOIN changes ON changes.revision > $1 \
             WHERE revisions.id = 1 ORDER BY changes.revision",
        )
        .int(seen)
        .read(&self.database)
        .await?;
        let revision = rows.first().map_or(Ok(0), |row| row.int("last"))?;
        let changes = rows.iter().map(change).filter_map(Result::transpose);
        let changes: Vec<Change> = changes.collect::<Result<_, _>>()?;
        let is_whole = match changes.first() {
            Some(first) => first.revision <= seen.saturating_add(1),
            None => revision == seen,
        };
        Ok(News {
            revision,
            changes: is_whole.then_some(changes),
        })
    }
}

/// The change in a row, if there is one in it.
fn change(row: &Row) -> Result<Option<Change>, StoreError> {
    let Some(revision) = row.maybe_int("revision")? else {
        return Ok(None);
    };
    let noun = row.text("noun")?;
    let known = Noun::ALL.into_iter().find(|known| known.name() == noun);
    Ok(Some(Change {
        revision,
        noun: known.ok_or_else(|| StoreError::Unreadable(format!("change of \"{noun}\"")))?,
        id: row.text("id")?,
    }))
}

/// Takes the next revision for a change made in this transaction.
pub(crate) async fn record(
    transaction: &mut Transaction,
    noun: Noun,
    id: &str,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let rows = Statement::new(
        "UPDATE revisions SET revision = revision + 1 WHERE id = 1 RETURNING revision",
    )
    .rows(transaction)
    .await?;
    let Some(row) = rows.first() else {
        return Err(StoreError::Unreadable(
            "the table of revisions is empty".to_owned(),
        ));
    };
    let revision = row.int("revision")?;
    Statement::new(
        "INSERT INTO changes (revision, noun, id, changed_at_ms) VALUES ($1, $2, $3, $4)",
    )
    .int(revision)
    .text(noun.name())
    .text(id)
    .int(now_ms)
    .run(transaction)
    .await?;
    Statement::new("DELETE FROM changes WHERE revision <= $1")
        .int(revision - CHANGES_KEPT)
        .run(transaction)
        .await?;
    Ok(revision)
}
