//! What is kept in memory of the store, and how it follows: whole at first, then change by change as
//! the feed tells them, so that one change costs the same however much there is.
//!
//! Whoever has changed something and the job that asks the feed do the same thing, and need no lock:
//! what is in memory always holds all changes up to a revision. Its successor is made from the feed
//! after that revision, and put in its place unless somebody else has put one there meanwhile; then it
//! is made again. So nothing older ever takes the place of something newer.

use std::sync::Arc;

use arc_swap::ArcSwap;
use store::{Change, Store, StoreError};

use crate::config::sections::BillingMode;

/// Where it is read from, and how.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What is followed.
    pub store: &'a Store,
    /// How calls are paid for.
    pub billing: BillingMode,
    /// The time, Unix milliseconds.
    pub now_ms: i64,
}

/// Something that is kept in memory as one immutable value. Copies must be cheap.
pub trait Followed: Clone + Send + Sync {
    /// The revision up to which it holds all changes; absent before it was read at all.
    fn revision(&self) -> Option<i64>;

    /// Reads everything. The revision first: what changes while it is read is told again afterwards.
    fn read(source: Source<'_>) -> impl Future<Output = Result<Self, StoreError>> + Send;

    /// Takes in what has changed, and with it everything up to a revision. What is read for it may be
    /// newer than that.
    fn take(
        &mut self,
        source: Source<'_>,
        changes: &[Change],
        revision: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Takes over what the feed has that `current` does not; what stood there before, if anything was new.
///
/// # Errors
/// When the store is away; what is in memory stays as it is then.
pub async fn follow<T: Followed>(
    current: &ArcSwap<T>,
    source: Source<'_>,
) -> Result<Option<Arc<T>>, StoreError> {
    loop {
        let before = current.load_full();
        let mut after = T::clone(&before);
        if !catch_up(&mut after, source).await? {
            return Ok(None);
        }
        if has_put(current, &before, after) {
            return Ok(Some(before));
        }
    }
}

/// Reads everything anew, whatever the feed says; what stood there before.
///
/// # Errors
/// When the store is away; what is in memory stays as it is then.
pub async fn reread<T: Followed>(
    current: &ArcSwap<T>,
    source: Source<'_>,
) -> Result<Arc<T>, StoreError> {
    let mut after = T::read(source).await?;
    loop {
        let before = current.load_full();
        // Reading takes a while. What was put in place meanwhile must not be newer.
        catch_up(&mut after, source).await?;
        if has_put(current, &before, after.clone()) {
            return Ok(before);
        }
    }
}

/// Takes in what the feed has after what was seen; whether there was anything.
async fn catch_up<T: Followed>(held: &mut T, source: Source<'_>) -> Result<bool, StoreError> {
    let Some(seen) = held.revision() else {
        *held = T::read(source).await?;
        return Ok(true);
    };
    let news = source.store.changes_since(seen).await?;
    match news.changes {
        Some(changes) if changes.is_empty() => return Ok(false),
        Some(changes) => held.take(source, &changes, news.revision).await?,
        None => *held = T::read(source).await?,
    }
    Ok(true)
}

/// Puts a successor in place, unless what it was made from is no longer there; whether it is.
fn has_put<T>(current: &ArcSwap<T>, before: &Arc<T>, after: T) -> bool {
    let there = current.compare_and_swap(before, Arc::new(after));
    Arc::ptr_eq(&there, before)
}
