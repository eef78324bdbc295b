//! Books that remember every record and count every budget with the ledger's own oracle.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ledger::books::BoxFuture;
use ledger::{
    Admission, Amount, Ask, Books, BooksUnavailable, Exhausted, Generation, Hold, Ledgerbook,
    Ticket, Verdict,
};

/// What the clock of the house says, Unix seconds.
pub(crate) const NOW: i64 = 1_760_000_000;

#[derive(Default)]
pub(crate) struct Counting {
    records: Mutex<Vec<Arc<Generation>>>,
    book: Mutex<Ledgerbook>,
    asks: AtomicUsize,
    /// Whether money cannot be had from now on.
    pub(crate) is_away: AtomicBool,
}

impl Counting {
    pub(crate) fn records(&self) -> Vec<Arc<Generation>> {
        self.records.lock().unwrap().clone()
    }

    /// How often money was asked for.
    pub(crate) fn asks(&self) -> usize {
        self.asks.load(Ordering::Relaxed)
    }

    /// Posted, reserved and overage of each budget, nano-USD, by id.
    pub(crate) fn tallies(&self) -> Vec<(i64, i64, i64)> {
        let book = self.book.lock().unwrap();
        let budgets = book.budgets().map(|budget| book.counted(budget, NOW));
        budgets
            .map(|tally| (tally.posted, tally.reserved, tally.overage))
            .map(|(posted, reserved, overage)| (posted.nanos(), reserved.nanos(), overage.nanos()))
            .collect()
    }

    fn ask(&self) -> Result<(), BooksUnavailable> {
        self.asks.fetch_add(1, Ordering::Relaxed);
        if self.is_away.load(Ordering::Relaxed) {
            return Err(BooksUnavailable("a test sent them away".to_owned()));
        }
        Ok(())
    }

    fn admit(&self, ask: &Ask) -> Result<Admission, BooksUnavailable> {
        self.ask()?;
        let mut book = self.book.lock().unwrap();
        let ids: Vec<_> = ask.budgets.iter().map(|budget| budget.id.clone()).collect();
        for budget in &ask.budgets {
            book.set((**budget).clone());
        }
        match book.reserve(&ask.generation, ask.amount, &ids, ask.at) {
            Verdict::Ok => {
                let windows = ask.budgets.iter().map(|budget| budget.window_at(ask.at));
                let hold = |window| Hold::new(window, ask.amount);
                Ok(Admission::Admitted(Ticket {
                    generation: ask.generation.clone(),
                    amount: ask.amount,
                    holds: windows.map(hold).collect(),
                    warned: Vec::new(),
                }))
            }
            Verdict::Exhausted { budget, .. } => {
                let left = ask
                    .budgets
                    .iter()
                    .map(|budget| book.available(budget, ask.at));
                Ok(Admission::Exhausted(Exhausted {
                    budget,
                    available: left.min().unwrap().max(Amount::ZERO),
                    ends_at: None,
                }))
            }
            verdict => panic!("{verdict:?}"),
        }
    }

    fn raise(
        &self,
        ticket: &mut Ticket,
        total: Amount,
    ) -> Result<Option<Exhausted>, BooksUnavailable> {
        self.ask()?;
        let mut book = self.book.lock().unwrap();
        match book.top_up(&ticket.generation, total, NOW) {
            Verdict::Ok => {
                ticket.amount = ticket.amount.max(total);
                Ok(None)
            }
            Verdict::Exhausted { budget, available } => Ok(Some(Exhausted {
                budget,
                available,
                ends_at: None,
            })),
            verdict => panic!("{verdict:?}"),
        }
    }
}

impl Books for Counting {
    fn settle(&self, generation: Arc<Generation>) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        self.records.lock().unwrap().push(generation);
        Box::pin(async { Ok(()) })
    }

    fn reserve(&self, ask: Ask) -> BoxFuture<'_, Result<Admission, BooksUnavailable>> {
        Box::pin(async move { self.admit(&ask) })
    }

    fn top_up<'a>(
        &'a self,
        ticket: &'a mut Ticket,
        total: Amount,
    ) -> BoxFuture<'a, Result<Option<Exhausted>, BooksUnavailable>> {
        Box::pin(async move { self.raise(ticket, total) })
    }

    fn settle_reserved(
        &self,
        ticket: Ticket,
        generation: Arc<Generation>,
    ) -> BoxFuture<'_, Result<(), BooksUnavailable>> {
        let bill = generation.charge.as_ref().ok();
        let cost = bill.map_or(Amount::ZERO, |bill| bill.total);
        let verdict = self
            .book
            .lock()
            .unwrap()
            .settle(&ticket.generation, cost, NOW);
        assert_eq!(verdict, Verdict::Ok, "{generation:?}");
        self.settle(generation)
    }

    fn release(&self, ticket: Ticket) {
        self.book.lock().unwrap().release(&ticket.generation, NOW);
    }
}
