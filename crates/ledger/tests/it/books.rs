//! Books that know no budgets: they admit everything.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ledger::books::BoxFuture;
use ledger::{
    Admission, Amount, Ask, Books, BooksUnavailable, CallFacts, Enforcement, Generation,
    GenerationId,
};

use crate::reservation::budget;

/// Books that are away, so that an admission cannot have come from a record.
struct Away;

impl Books for Away {
    fn settle(&self, _: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        Box::pin(std::future::ready(Err(BooksUnavailable("away".to_owned()))))
    }
}

/// The result of a future that does not wait for anything.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("books without budgets wait for nothing"),
    }
}

#[test]
fn books_without_budgets_admit_everything_and_hold_nothing() {
    let nothing = budget("B", 0, "lifetime", Enforcement::Hard);
    assert!(nothing.covers(&CallFacts::default()));
    let ask = Ask {
        generation: GenerationId::from_text("gen-1"),
        budgets: vec![Arc::new(nothing)],
        amount: Amount::from_nanos(5),
        at: 0,
    };
    let Ok(Admission::Admitted(mut ticket)) = now(Away.reserve(ask)) else {
        unreachable!("books without budgets refuse nothing");
    };
    assert!(ticket.holds.is_empty() && ticket.warned.is_empty());
    let more = Amount::from_nanos(50);
    for total in [more, Amount::ZERO] {
        assert_eq!(now(Away.top_up(&mut ticket, total)), Ok(None));
        assert_eq!(ticket.amount, more);
    }
    Away.release(ticket);
}
