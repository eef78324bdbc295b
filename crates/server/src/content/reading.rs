//! Reading and deleting what is kept, or still on its way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ledger::GenerationId;
use ledger::generation::Content;
use store::{ArchiveError, Erase, NewPayload, StoreError};
use tokio::time::timeout;

use super::document::Document;
use super::keeper::{Keeper, State};

/// How long a reader waits for content that is being written.
const READ_WAIT: Duration = Duration::from_secs(3);

/// What is known of content that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is here.
    Here(Box<Document>),
    /// The call still runs, or its content is about to be written.
    NotYet,
    /// There is none, or none any more.
    Nothing,
}

impl Keeper {
    /// The content of a call.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn read(&self, id: &GenerationId) -> Result<Found, ArchiveError> {
        let waiting = timeout(READ_WAIT, self.wait_for(id)).await;
        let Ok(sealed) = waiting else {
            return Ok(Found::NotYet);
        };
        let bytes = match sealed {
            Some(payload) => Some(payload.sealed.open(id)?),
            None => self.archive.read(id).await?,
        };
        let Some(bytes) = bytes else {
            return Ok(Found::Nothing);
        };
        match Document::from_bytes(&bytes) {
            Some(document) => Ok(Found::Here(Box::new(document))),
            None => Err(ArchiveError::Damaged("it is in no form of ours".to_owned())),
        }
    }

    /// The sealed payload of a call once there is one; `None` when none is on its way.
    async fn wait_for(&self, id: &GenerationId) -> Option<NewPayload> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.entries().get(id).map(|entry| &entry.state) {
                None | Some(State::Dropped) => return None,
                Some(State::Sealed(payload)) => return Some(payload.clone()),
                Some(State::Open) => {}
            }
            changed.await;
        }
    }

    /// Whether the content of a call can be read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn holds(&self, id: &GenerationId) -> Result<bool, StoreError> {
        if self.note_of(id) == Content::Kept {
            return Ok(true);
        }
        self.archive.holds(id).await
    }

    /// Deletes the content of a call, wherever it is; whether there was any.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn erase(&self, id: &GenerationId) -> Result<bool, StoreError> {
        let _turn = self.turn.acquire().await;
        let was_waiting = self.note_of(id) == Content::Kept;
        self.forget(id);
        Ok(self.archive.erase(id).await? || was_waiting)
    }

    /// Deletes content of a workspace; of how many calls.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; asked again, it goes on.
    pub async fn erase_many(&self, workspace_id: &str, which: &Erase) -> Result<u64, StoreError> {
        let _turn = self.turn.acquire().await;
        let mut count = 0;
        self.entries().retain(|_, entry| {
            let is_meant = entry.workspace_id == workspace_id
                && which
                    .key_hash
                    .as_ref()
                    .is_none_or(|key| *key == entry.key_hash)
                && which.from_ms.is_none_or(|from| from <= entry.created_at_ms)
                && which.to_ms.is_none_or(|to| to > entry.created_at_ms);
            count += u64::from(is_meant);
            !is_meant
        });
        let gone = usize::try_from(count).unwrap_or(usize::MAX);
        self.count.fetch_sub(gone, Ordering::Relaxed);
        self.changed.notify_waiters();
        Ok(count + self.archive.erase_many(workspace_id, which).await?)
    }
}
