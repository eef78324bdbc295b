//! What the relay asks of whoever keeps the books.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::Generation;

/// A boxed future, so that the trait can be used as an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The books cannot take the record now: infrastructure trouble (503), never the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the books are unavailable: {0}")]
pub struct BooksUnavailable(pub String);

/// Whoever keeps the books. The only mention of futures on this floor; it describes what others
/// must do and does nothing itself.
pub trait Books: Send + Sync {
    /// Takes the record of a finished call. When this returns, the record is readable by its id,
    /// and will be stored exactly once, however often it is given.
    ///
    /// # Errors
    /// When the record can be neither stored nor kept safe for later.
    fn settle(&self, generation: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>>;
}
