//! Workspaces: who owns keys and pays for calls.

use crate::changes::{self, Noun};
use crate::database::{Row, Statement, Transaction};
use crate::keys::{self, NewKey};
use crate::{Store, StoreError};

/// Id of the workspace that every store starts with. The same in every installation, so that
/// replicas that start at once agree on it without a word.
pub const DEFAULT_WORKSPACE_ID: &str = "00000000-0000-4000-8000-000000000001";

/// A stored workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// UUID.
    pub id: String,
    /// Name for URLs, unique; lowercase words with hyphens.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: i64,
    /// When it was last changed, Unix milliseconds.
    pub updated_at_ms: Option<i64>,
}

/// A workspace to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorkspace {
    /// UUID, chosen by the caller.
    pub id: String,
    /// Name for URLs, unique.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Now, Unix milliseconds.
    pub created_at_ms: i64,
}

/// The workspaces of a store.
#[derive(Debug)]
pub struct Workspaces<'a>(&'a Store);

impl Store {
    /// The workspaces.
    #[must_use]
    pub fn workspaces(&self) -> Workspaces<'_> {
        Workspaces(self)
    }

    /// The first start: makes the default workspace together with its first keys, in one step.
    /// `false`, and nothing done, when the workspace is there already: of several replicas that
    /// start at once exactly one is told `true`, and may show the keys.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::AlreadyExists`] when a key is there already.
    pub async fn first_start(&self, keys: &[NewKey], now_ms: i64) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let workspace = NewWorkspace {
            id: DEFAULT_WORKSPACE_ID.to_owned(),
            slug: "default".to_owned(),
            name: "Default Workspace".to_owned(),
            description: None,
            created_at_ms: now_ms,
        };
        if !insert(&mut transaction, &workspace).await? {
            return Ok(false);
        }
        for key in keys {
            keys::insert(&mut transaction, key).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

impl Workspaces<'_> {
    /// Makes a workspace.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the id or the slug is taken, [`StoreError::Unavailable`].
    pub async fn create(&self, workspace: &NewWorkspace) -> Result<Workspace, StoreError> {
        let mut transaction = self.0.database.begin().await?;
        if !insert(&mut transaction, workspace).await? {
            return Err(StoreError::AlreadyExists("workspace"));
        }
        transaction.commit().await?;
        Ok(Workspace {
            id: workspace.id.clone(),
            slug: workspace.slug.clone(),
            name: workspace.name.clone(),
            description: workspace.description.clone(),
            created_at_ms: workspace.created_at_ms,
            updated_at_ms: None,
        })
    }

    /// The workspace of that id, or else of that slug.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn by_id_or_slug(&self, text: &str) -> Result<Option<Workspace>, StoreError> {
        let rows =
            select("WHERE id = $1 OR slug = $1 ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END")
                .text(text)
                .read(&self.0.database)
                .await?;
        rows.first().map(from_row).transpose()
    }

    /// All of them, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn all(&self) -> Result<Vec<Workspace>, StoreError> {
        let rows = select("ORDER BY created_at_ms, id")
            .read(&self.0.database)
            .await?;
        rows.iter().map(from_row).collect()
    }
}

/// Inserts a workspace unless its id or slug is taken; whether it was inserted.
async fn insert(
    transaction: &mut Transaction,
    workspace: &NewWorkspace,
) -> Result<bool, StoreError> {
    let inserted = Statement::new(
        "INSERT INTO workspaces (id, slug, name, description, created_at_ms) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .text(&workspace.id)
    .text(&workspace.slug)
    .text(&workspace.name)
    .maybe_text(workspace.description.as_deref())
    .int(workspace.created_at_ms)
    .run(transaction)
    .await?;
    if inserted == 0 {
        return Ok(false);
    }
    changes::record(
        transaction,
        Noun::Workspace,
        &workspace.id,
        workspace.created_at_ms,
    )
    .await?;
    Ok(true)
}

/// A query of whole workspaces.
fn select(rest: &'static str) -> Statement {
    Statement::assembled(format!(
        "SELECT id, slug, name, description, created_at_ms, updated_at_ms FROM workspaces {rest}"
    ))
}

fn from_row(row: &Row) -> Result<Workspace, StoreError> {
    Ok(Workspace {
        id: row.text("id")?,
        slug: row.text("slug")?,
        name: row.text("name")?,
        description: row.maybe_text("description")?,
        created_at_ms: row.int("created_at_ms")?,
        updated_at_ms: row.maybe_int("updated_at_ms")?,
    })
}
