//! Generations: the records of finished calls, inserted in batches, each exactly once.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::{Generation, GenerationId};

use crate::database::Statement;
use crate::posting::{self, Settled};
use crate::records::{self, COLUMNS, Month, PROBES, Place, from_row, position_of};
use crate::{Store, StoreError, entries, spending};

/// Whether some of what is inserted may be there already.
///
/// Nearly always nothing is. So it is asked first only how many rows there were, and row by row, which
/// costs as much as inserting them, when that was too few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// All of it is new; if not, the transaction is to be undone.
    Never,
    /// Each row is asked after.
    Maybe,
}

/// The generations of a store.
#[derive(Debug)]
pub struct Generations<'a>(&'a Store);

impl Store {
    /// The generations.
    #[must_use]
    pub fn generations(&self) -> Generations<'_> {
        Generations(self)
    }
}

impl Generations<'_> {
    /// Inserts the records that are not there yet and moves the counters of their keys, in one
    /// transaction; how many were new. An id that is there already is left as it is: giving a
    /// record twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing of the batch was done (or, if the connection broke
    /// during the commit, all of it), so give it again. [`StoreError::Refused`]: never will be.
    pub async fn insert(&self, batch: &[&Generation]) -> Result<u64, StoreError> {
        let calls: Vec<Settled> = batch
            .iter()
            .map(|generation| Settled::ungoverned(Arc::new((*generation).clone())))
            .collect();
        self.fold(&calls.iter().collect::<Vec<_>>()).await
    }

    /// As [`Generations::insert`], and posts each call that was new to its budget windows and to the
    /// books, in the same transaction.
    ///
    /// # Errors
    /// As [`Generations::insert`].
    pub async fn fold(&self, batch: &[&Settled]) -> Result<u64, StoreError> {
        let places = records::places(batch);
        let folded = match self.fold_at(&places, Repeats::Never).await {
            // Nothing was done: some of it had been, as after a crash.
            Ok(None) => self.fold_at(&places, Repeats::Maybe).await,
            folded => folded,
        };
        if folded.is_err() {
            // Another process may have dropped a month.
            self.0.months.forget();
        }
        Ok(folded?.unwrap_or(0))
    }

    /// How many were new; `None`, and nothing done, where some were not and all should be.
    async fn fold_at(
        &self,
        places: &[Place<'_>],
        repeats: Repeats,
    ) -> Result<Option<u64>, StoreError> {
        let months: BTreeSet<Month> = places.iter().map(|place| place.month()).collect();
        self.0.months.ensure(&self.0.database, months).await?;
        let mut transaction = self.0.database.begin().await?;
        let known = &self.0.facets;
        let records = match repeats {
            Repeats::Never => records::insert_new(&mut transaction, known, places).await?,
            Repeats::Maybe => Some(records::insert(&mut transaction, known, places).await?),
        };
        let Some((inserted, facets)) = records else {
            return transaction.undo().await.map(|()| None);
        };
        let calls: Vec<&Settled> = inserted.iter().map(|place| place.settled).collect();
        // Before the counters of keys: a window that is opened now takes over what those say.
        posting::post(&mut transaction, &calls).await?;
        let generations = calls.iter().map(|settled| settled.generation.as_ref());
        spending::add(&mut transaction, generations).await?;
        records::note(&mut transaction, &inserted).await?;
        let generations = calls.iter().map(|settled| settled.generation.as_ref());
        records::note_breaks(&mut transaction, generations).await?;
        // Last, for all nodes write to the same few balances.
        if !entries::insert_charges(&mut transaction, &calls, repeats).await? {
            return transaction.undo().await.map(|()| None);
        }
        transaction.commit().await?;
        self.0.facets.committed(facets);
        Ok(Some(u64::try_from(inserted.len()).unwrap_or(u64::MAX)))
    }

    /// The record of that id, as it was given.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn by_id(&self, id: &GenerationId) -> Result<Option<Generation>, StoreError> {
        let position = position_of(id.as_str());
        let rows = Statement::assembled(format!(
            "SELECT {} FROM generations WHERE position >= $1 AND position < $2 AND id = $3",
            COLUMNS.join(", ")
        ))
        .int(position)
        .int(position.saturating_add(PROBES))
        .text(id.as_str())
        .read(&self.0.database)
        .await?;
        rows.first().map(from_row).transpose()
    }

    /// How many there are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count(&self) -> Result<u64, StoreError> {
        let rows = Statement::new("SELECT COUNT(*) AS found FROM generations")
            .read(&self.0.database)
            .await?;
        let found = rows.first().map_or(Ok(0), |row| row.int("found"))?;
        Ok(u64::try_from(found).unwrap_or(0))
    }
}
