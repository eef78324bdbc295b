//! Money that comes to a workspace or goes from it beside its calls: grants, purchases, refunds, fees.

use ledger::entry::{self, Entry, Event};
use ledger::{Amount, GenerationId};

use crate::database::{Statement, Transaction};
use crate::records::{PROBES, position_of};
use crate::{Store, StoreError, balances, entries};

/// Why money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditKind {
    /// Given; less than zero takes back what was given by mistake.
    Grant,
    /// Paid for.
    Purchase,
    /// Given back, for a call or in general.
    Refund,
    /// Charged beside calls.
    Fee,
}

impl CreditKind {
    /// The word in ids and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Purchase => "purchase",
            Self::Refund => "refund",
            Self::Fee => "fee",
        }
    }
}

/// Money for a workspace, or from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredit {
    /// Chosen by the caller; posting the same id again changes nothing.
    pub id: String,
    /// Whose balance moves.
    pub workspace_id: String,
    /// How much; more than zero, but for a grant.
    pub amount: Amount,
    /// Why.
    pub kind: CreditKind,
    /// The call that it is about, for refunds and fees.
    pub generation: Option<GenerationId>,
    /// Now, Unix milliseconds.
    pub at_ms: i64,
}

impl NewCredit {
    /// By how much the balance moves.
    pub(crate) fn change(&self) -> Amount {
        match self.kind {
            CreditKind::Grant | CreditKind::Purchase | CreditKind::Refund => self.amount,
            CreditKind::Fee => Amount::ZERO.saturating_sub(self.amount),
        }
    }

    fn entry(&self) -> Option<Entry> {
        let event = Event {
            id: &self.id,
            generation: self.generation.as_ref(),
            at: self.at_ms.div_euclid(1000),
        };
        let workspace = &self.workspace_id;
        match self.kind {
            CreditKind::Grant if self.amount < Amount::ZERO => {
                let size = Amount::ZERO.saturating_sub(self.amount);
                let mut line = entry::grant(&event, workspace, size)?;
                std::mem::swap(&mut line.debit, &mut line.credit);
                Some(line)
            }
            CreditKind::Grant => entry::grant(&event, workspace, self.amount),
            CreditKind::Purchase => entry::purchase(&event, workspace, self.amount),
            CreditKind::Refund => entry::refund(&event, workspace, self.amount),
            CreditKind::Fee => entry::fee(&event, workspace, self.amount),
        }
    }
}

impl Store {
    /// Moves money; `false`, and nothing done, when that id is there already. The workspace's prepaid
    /// budget moves with it. What a call is refunded is at most what it cost; limits of keys and
    /// other budgets are not given back.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for nothing, or less than nothing where that has no meaning, and for a
    /// refund above what its call cost; [`StoreError::Missing`] for a call that is unknown in that
    /// workspace; [`StoreError::Unavailable`].
    pub async fn post_credit(&self, credit: &NewCredit) -> Result<bool, StoreError> {
        let Some(line) = credit.entry() else {
            let text = format!("a {} of nothing, or less", credit.kind.name());
            return Err(StoreError::Refused(text));
        };
        let mut transaction = self.database.begin().await?;
        // The budget before the balance: in the order in which everyone locks them.
        balances::add_credit(&mut transaction, credit).await?;
        if entries::insert(&mut transaction, &[(line, credit.at_ms)]).await? == 0 {
            return Ok(false);
        }
        if let Some(generation) = &credit.generation {
            check_call(&mut transaction, credit, generation).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Whether the call is there, and was not refunded more than it cost, this refund included.
async fn check_call(
    transaction: &mut Transaction,
    credit: &NewCredit,
    generation: &GenerationId,
) -> Result<(), StoreError> {
    let position = position_of(generation.as_str());
    let rows = Statement::new(
        "SELECT COALESCE(cost_nanos, 0) AS cost FROM generations WHERE position >= $1 \
         AND position < $2 AND id = $3 AND workspace_id = $4",
    )
    .int(position)
    .int(position.saturating_add(PROBES))
    .text(generation.as_str())
    .text(&credit.workspace_id)
    .rows(transaction)
    .await?;
    let Some(row) = rows.first() else {
        return Err(StoreError::Missing("generation"));
    };
    let cost = row.int("cost")?;
    if credit.kind != CreditKind::Refund {
        return Ok(());
    }
    let refunds = Statement::new(
        "SELECT amount_nanos FROM entries WHERE kind = 'refund' AND generation_id = $1",
    )
    .text(generation.as_str())
    .rows(transaction)
    .await?;
    let mut refunded = 0_i64;
    for row in &refunds {
        refunded = refunded.saturating_add(row.int("amount_nanos")?);
    }
    if refunded > cost {
        let cost = Amount::from_nanos(cost);
        let text = format!("a call that cost {cost} USD cannot be refunded more than that");
        return Err(StoreError::Refused(text));
    }
    Ok(())
}
