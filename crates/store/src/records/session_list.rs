//! Lists of sessions: the dearest first, or those called last, a page at a time.
//!
//! Rows of sessions are a few seconds behind the calls ([`Store::gather_rollups`]). Those that go on
//! just now are read from both, so that a page is true at the moment at which it is asked for.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::sessions::{NUMBERS, SessionKey, SessionSums, from_row};
use crate::database::{Engine, Lane, Row, Statement, Transaction, placeholders};
use crate::{Store, StoreError};

/// The most sessions of a page.
pub const SESSIONS_MAX: usize = 500;

/// Sessions asked about by one statement.
const SESSIONS_PER_STATEMENT: usize = 64;

/// What stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionOrder {
    /// That which was called last.
    #[default]
    LastCall,
    /// That which cost most.
    Cost,
}

/// Which sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionQuery {
    /// Those whose last call was not before, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Those whose last call was before, Unix milliseconds.
    pub to_ms: Option<i64>,
    /// Of one workspace; of all when absent.
    pub workspace_id: Option<String>,
    /// What stands first.
    pub order: SessionOrder,
    /// Those behind this place.
    pub after: Option<SessionPlace>,
    /// How many, from 1 to [`SESSIONS_MAX`].
    pub count: usize,
}

/// A place in a list of sessions: the figure that the list is ordered by, and of equals the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPlace {
    /// Unix milliseconds of the last call, or what the session cost, nano-USD.
    pub figure: i64,
    /// The session.
    pub key: SessionKey,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions in order.
    pub sessions: Vec<(SessionKey, SessionSums)>,
    /// Where the next page goes on; `None` when there are no more.
    pub next: Option<SessionPlace>,
}

impl Store {
    /// A page of sessions. One that goes on between two pages may move from one to the other.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn sessions(&self, query: &SessionQuery) -> Result<SessionPage, StoreError> {
        let page = |lane| {
            let (store, query) = (self.clone(), query.clone());
            async move { store.session_page(lane, &query).await }
        };
        self.database.aside(page).await
    }

    async fn session_page(
        &self,
        lane: Lane,
        query: &SessionQuery,
    ) -> Result<SessionPage, StoreError> {
        let mut transaction = self.database.snapshot_in(lane).await?;
        let pending = super::gather::deltas(&mut transaction).await?.sessions;
        let going_on = with_rows(&mut transaction, pending).await?;
        let wanted = query.count.clamp(1, SESSIONS_MAX);
        let mut sessions = rows(&mut transaction, query, wanted + 1 + going_on.len()).await?;
        sessions.retain(|(key, _)| !going_on.contains_key(key));
        sessions.extend(
            going_on
                .into_iter()
                .filter(|(key, sums)| query.admits(key, sums)),
        );
        sessions.sort_by(|a, b| query.order.compare(&query.place(a), &query.place(b)));
        let is_whole = sessions.len() <= wanted;
        sessions.truncate(wanted);
        let next = sessions.last().filter(|_| !is_whole);
        Ok(SessionPage {
            next: next.map(|last| query.place(last)),
            sessions,
        })
    }
}

impl SessionQuery {
    fn place(&self, (key, sums): &(SessionKey, SessionSums)) -> SessionPlace {
        SessionPlace {
            figure: match self.order {
                SessionOrder::LastCall => sums.last_ms,
                SessionOrder::Cost => sums.cost_nanos,
            },
            key: key.clone(),
        }
    }

    /// The same conditions that [`rows`] states in SQL.
    fn admits(&self, key: &SessionKey, sums: &SessionSums) -> bool {
        let place = self.place(&(key.clone(), sums.clone()));
        let is_behind = |after: &SessionPlace| self.order.compare(after, &place).is_lt();
        self.from_ms.is_none_or(|from| sums.last_ms >= from)
            && self.to_ms.is_none_or(|to| sums.last_ms < to)
            && self
                .workspace_id
                .as_ref()
                .is_none_or(|id| *id == key.workspace_id)
            && self.after.as_ref().is_none_or(is_behind)
    }
}

impl SessionOrder {
    const fn column(self) -> &'static str {
        match self {
            Self::LastCall => "last_ms",
            Self::Cost => "cost_nanos",
        }
    }

    /// The greatest figure first; of equals the name that is first byte by byte.
    fn compare(self, a: &SessionPlace, b: &SessionPlace) -> Ordering {
        b.figure.cmp(&a.figure).then_with(|| a.key.cmp(&b.key))
    }
}

/// What has not been merged yet, with the rows that it belongs to.
async fn with_rows(
    transaction: &mut Transaction,
    mut pending: BTreeMap<SessionKey, SessionSums>,
) -> Result<BTreeMap<SessionKey, SessionSums>, StoreError> {
    let keys: Vec<SessionKey> = pending.keys().cloned().collect();
    let of_workspaces = keys.chunk_by(|a, b| a.workspace_id == b.workspace_id);
    for some in of_workspaces.flat_map(|keys| keys.chunks(SESSIONS_PER_STATEMENT)) {
        let mut statement = Statement::assembled(format!(
            "SELECT workspace_id, session_id, key_hash, {} FROM sessions \
             WHERE workspace_id = $1 AND session_id IN ({})",
            NUMBERS.join(", "),
            placeholders(2, some.len())
        ))
        .text(&some[0].workspace_id);
        for key in some {
            statement = statement.text(&key.session_id);
        }
        for row in statement.rows(transaction).await? {
            let (key, sums) = named(&row)?;
            if let Some(more) = pending.get_mut(&key) {
                more.merge(&sums);
            }
        }
    }
    Ok(pending)
}

/// The first rows that a query asks for, as they stand. An index finds them in order; what else is
/// asked must not tempt the database away from it (`+`, `||`), for it would sort all of them.
async fn rows(
    transaction: &mut Transaction,
    query: &SessionQuery,
    count: usize,
) -> Result<Vec<(SessionKey, SessionSums)>, StoreError> {
    let column = query.order.column();
    // Names are compared byte by byte, as they are here.
    let bytes = match transaction.engine() {
        Engine::Sqlite => "",
        Engine::Postgres => " COLLATE \"C\"",
    };
    let (workspace, session) = (format!("workspace_id{bytes}"), format!("session_id{bytes}"));
    let time = match query.order {
        SessionOrder::LastCall => "last_ms",
        SessionOrder::Cost => "+last_ms",
    };
    let mut sql = format!(
        "SELECT workspace_id, session_id, key_hash, {} FROM sessions \
         WHERE {time} >= $1 AND {time} < $2",
        NUMBERS.join(", ")
    );
    let mut bound = 3;
    if query.workspace_id.is_some() {
        sql.push_str(&format!(" AND workspace_id || '' = ${bound}"));
        bound += 1;
    }
    if query.after.is_some() {
        let (figure, of, name) = (bound, bound + 1, bound + 2);
        sql.push_str(&format!(
            " AND {column} <= ${figure} AND ({column} < ${figure} OR {workspace} > ${of} \
             OR ({workspace} = ${of} AND {session} > ${name}))"
        ));
        bound += 3;
    }
    sql.push_str(&format!(
        " ORDER BY {column} DESC, {workspace}, {session} LIMIT ${bound}"
    ));
    let mut statement = Statement::assembled(sql)
        .int(query.from_ms.unwrap_or(i64::MIN))
        .int(query.to_ms.unwrap_or(i64::MAX));
    if let Some(workspace_id) = &query.workspace_id {
        statement = statement.text(workspace_id);
    }
    if let Some(after) = &query.after {
        statement = statement
            .int(after.figure)
            .text(&after.key.workspace_id)
            .text(&after.key.session_id);
    }
    let statement = statement.int(i64::try_from(count).unwrap_or(i64::MAX));
    let rows = statement.rows(transaction).await?;
    rows.iter().map(named).collect()
}

fn named(row: &Row) -> Result<(SessionKey, SessionSums), StoreError> {
    let key = SessionKey {
        workspace_id: row.text("workspace_id")?,
        session_id: row.text("session_id")?,
    };
    Ok((key, from_row(row)?))
}
