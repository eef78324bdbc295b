//! What the relay asks of whoever keeps the books.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Amount, Budget, BudgetId, BudgetWindow, Generation, GenerationId};

/// A boxed future, so that the trait can be used as an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The books cannot take the record now: infrastructure trouble (503), never the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the books are unavailable: {0}")]
pub struct BooksUnavailable(pub String);

/// Asks for money to be held for a call before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The call.
    pub generation: GenerationId,
    /// The budgets that it falls under ([`Budget::covers`]); all of them must admit it, or none is
    /// touched. Empty for an ungoverned call.
    pub budgets: Vec<Arc<Budget>>,
    /// The most that it may cost ([`ceiling`](crate::cost::ceiling)); zero for a free call.
    pub amount: Amount,
    /// When it began, Unix seconds; decides the windows.
    pub at: i64,
}

/// Money held for one call in one budget window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Where.
    pub window: BudgetWindow,
    /// How much.
    pub amount: Amount,
    /// How much of it was held by topping up, after the call was sent.
    pub topped_up: Amount,
}

impl Hold {
    /// So much, held before the call is sent.
    #[must_use]
    pub const fn new(window: BudgetWindow, amount: Amount) -> Self {
        Self {
            window,
            amount,
            topped_up: Amount::ZERO,
        }
    }
}

/// The right to make one call, and the duty to close it: by [`Books::settle_reserved`] when it cost
/// something or left a record, else by [`Books::release`]. One that is dropped leaves its money held
/// until the node starts again, so it is closed on every way out.
#[must_use = "a ticket holds money until it is settled or released"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The call.
    pub generation: GenerationId,
    /// What is held in each of the budget windows; grows by top-ups.
    pub amount: Amount,
    /// The budget windows, in the order of the ask.
    pub holds: Vec<Hold>,
    /// Budgets that only warn and whose limit this call reaches.
    pub warned: Vec<BudgetId>,
}

impl Ticket {
    /// A ticket that holds nothing anywhere: for ungoverned calls.
    pub fn ungoverned(generation: GenerationId) -> Self {
        Self {
            generation,
            amount: Amount::ZERO,
            holds: Vec::new(),
            warned: Vec::new(),
        }
    }
}

/// A budget whose money does not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// The first budget, in the order of the ask, that refused.
    pub budget: BudgetId,
    /// The most that every budget of the ask could still hold for this call, as far as this node
    /// knows; never negative. [`affordable_output`](crate::cost::affordable_output) turns it into
    /// tokens, and a smaller ask may succeed.
    pub available: Amount,
    /// When that budget's window ends, Unix seconds; absent for a lifetime.
    pub ends_at: Option<i64>,
}

/// Whether a call may be made. A refusal is an answer, not an error.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may; the money is held.
    Admitted(Ticket),
    /// It may not; nothing is held anywhere.
    Exhausted(Exhausted),
}

/// Whoever keeps the books. The only mention of futures on this floor; it describes what others
/// must do and does nothing itself.
///
/// Order for one call: `reserve`, any number of `top_up`, then exactly one of `settle_reserved` and
/// `release`. The methods with a body are those of books without budgets: they admit everything.
pub trait Books: Send + Sync {
    /// Puts into the record of a call that has just ended what the house has noticed of it, before it
    /// is settled. It waits for nothing.
    fn notice(&self, _generation: &mut Generation) {}

    /// Takes the record of a finished call. When this returns, the record is readable by its id,
    /// and will be stored exactly once, however often it is given.
    ///
    /// # Errors
    /// When the record can be neither stored nor kept safe for later.
    fn settle(&self, generation: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>>;

    /// Holds money for a call in all of its budgets, or in none. In the steady state this is
    /// arithmetic in memory; it waits for the database only when this node's slice of a budget
    /// does not reach. Asking twice for one generation holds twice: the relay asks once.
    ///
    /// # Errors
    /// When a slice is used up and no further one can be had: 503, never a refusal.
    fn reserve(&self, ask: Ask) -> BoxFuture<'_, Result<Admission, BooksUnavailable>> {
        let ticket = Ticket::ungoverned(ask.generation);
        Box::pin(std::future::ready(Ok(Admission::Admitted(ticket))))
    }

    /// Raises what is held to a new total in all of the ticket's budgets, or in none; `None` when
    /// that was done. It names the total and not the difference, so repeating it changes nothing, and
    /// a total below what is held is no change. After a refusal the ticket holds what it held.
    ///
    /// # Errors
    /// As [`Books::reserve`]; the ticket holds what it held.
    fn top_up<'a>(
        &'a self,
        ticket: &'a mut Ticket,
        total: Amount,
    ) -> BoxFuture<'a, Result<Option<Exhausted>, BooksUnavailable>> {
        ticket.amount = ticket.amount.max(total);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Closes a ticket with the record of its call: the record's charge is posted to the ticket's
    /// budget windows, the rest of what was held is free again, and what exceeds it is posted as an
    /// explicit overage. Durable as [`Books::settle`] is, and exactly once by generation id.
    ///
    /// # Errors
    /// As [`Books::settle`]. The money stays held then.
    fn settle_reserved(
        &self,
        ticket: Ticket,
        generation: Arc<Generation>,
    ) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        drop(ticket);
        self.settle(generation)
    }

    /// Closes a ticket of a call that was never sent and leaves no record: all that was held is free
    /// again. Needs neither disk nor database.
    fn release(&self, ticket: Ticket) {
        drop(ticket);
    }
}
