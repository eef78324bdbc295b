//! What people said of single answers.

use std::collections::BTreeMap;

use crate::database::{Row, Statement, placeholders};
use crate::secrets::unique_name;
use crate::{Store, StoreError};

/// The most of one call that is kept: beyond it, a caller repeats itself.
const PER_CALL_MAX: i64 = 32;

/// One remark on an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The call.
    pub generation_id: String,
    /// The workspace whose call it was.
    pub workspace_id: String,
    /// The key that had called.
    pub key_hash: String,
    /// The model that had answered.
    pub model: String,
    /// What it is about: a word of the API.
    pub category: String,
    /// In words.
    pub comment: Option<String>,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: i64,
}

impl Store {
    /// Keeps a remark; whether there was room for it beside the others on the same call.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn add_feedback(&self, feedback: &Feedback) -> Result<bool, StoreError> {
        let id = unique_name().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut transaction = self.database.begin().await?;
        let count =
            Statement::new("SELECT COUNT(*) AS count FROM feedback WHERE generation_id = $1")
                .text(&feedback.generation_id)
                .rows(&mut transaction)
                .await?;
        if count.first().map_or(Ok(0), |row| row.int("count"))? >= PER_CALL_MAX {
            return Ok(false);
        }
        Statement::assembled(format!(
            "INSERT INTO feedback (id, generation_id, workspace_id, key_hash, model, category, \
             comment, created_at_ms) VALUES ({})",
            placeholders(1, 8)
        ))
        .text(&id)
        .text(&feedback.generation_id)
        .text(&feedback.workspace_id)
        .text(&feedback.key_hash)
        .text(&feedback.model)
        .text(&feedback.category)
        .maybe_text(feedback.comment.as_deref())
        .int(feedback.created_at_ms)
        .run(&mut transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The remarks on a call, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn feedback_on(&self, generation_id: &str) -> Result<Vec<Feedback>, StoreError> {
        let rows = Statement::new(
            "SELECT generation_id, workspace_id, key_hash, model, category, comment, created_at_ms \
             FROM feedback WHERE generation_id = $1 ORDER BY created_at_ms, id",
        )
        .text(generation_id)
        .read(&self.database)
        .await?;
        rows.iter().map(from_row).collect()
    }

    /// How many remarks of each category were made within a time, by model; of one workspace or of all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn feedback_counts(
        &self,
        workspace_id: Option<&str>,
        (from_ms, to_ms): (i64, i64),
    ) -> Result<BTreeMap<(String, String), u64>, StoreError> {
        let rows = Statement::new(
            "SELECT model, category, COUNT(*) AS count FROM feedback \
             WHERE (workspace_id = $1 OR $2 = 1) AND created_at_ms >= $3 AND created_at_ms < $4 \
             GROUP BY model, category",
        )
        .text(workspace_id.unwrap_or_default())
        .flag(workspace_id.is_none())
        .int(from_ms)
        .int(to_ms)
        .read(&self.database)
        .await?;
        let one = |row: &Row| {
            let count = u64::try_from(row.int("count")?).unwrap_or(0);
            Ok(((row.text("model")?, row.text("category")?), count))
        };
        rows.iter().map(one).collect()
    }
}

fn from_row(row: &Row) -> Result<Feedback, StoreError> {
    Ok(Feedback {
        generation_id: row.text("generation_id")?,
        workspace_id: row.text("workspace_id")?,
        key_hash: row.text("key_hash")?,
        model: row.text("model")?,
        category: row.text("category")?,
        comment: row.maybe_text("comment")?,
        created_at_ms: row.int("created_at_ms")?,
    })
}
