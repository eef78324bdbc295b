//! `Settled`: a finished call with the budget windows it counts in, and posting it to them.
//!
//! The windows travel with the record, through memory and journal into the fold, so that a record
//! that is replayed after a crash counts where it was held. Posting happens in the transaction that
//! inserts the generation and for the ids that were new there: once for each call.

mod windows;

use std::sync::Arc;

use ledger::{Amount, BudgetId, BudgetWindow, Generation, Hold, WindowId};
use serde_json::Value;

pub(crate) use self::windows::{post, take_from_lease};
use crate::StoreError;
use crate::json::Json;
use crate::row_texts::RowTexts;

/// A finished call, and what was held for it.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Its record.
    pub generation: Arc<Generation>,
    /// Where it counts; absent for an ungoverned call.
    pub posting: Option<Arc<Posting>>,
    /// Parts of its row that were written for the journal already.
    pub(crate) texts: Option<Arc<RowTexts>>,
}

/// The same is what says the same, whether or not it was written already.
impl PartialEq for Settled {
    fn eq(&self, other: &Self) -> bool {
        (&self.generation, &self.posting) == (&other.generation, &other.posting)
    }
}

/// Where a call counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// The node whose leases it was held from.
    pub node: String,
    /// The budget windows.
    pub lines: Vec<PostingLine>,
}

/// One budget window of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingLine {
    /// Which.
    pub window: BudgetWindow,
    /// What was held there in the end.
    pub held: Amount,
    /// How much of it was held while the call ran; the rest was held before it was sent.
    pub topped_up: Amount,
    /// How much of the cost the node's lease covers; the rest of the cost is posted beyond it.
    pub drawn: Amount,
}

impl PostingLine {
    /// Whether the budget only counts there: nothing was held, and nothing came out of a lease.
    #[must_use]
    pub fn only_counts(&self) -> bool {
        self.held == Amount::ZERO && self.drawn == Amount::ZERO
    }

    fn write(&self, json: &mut Json) {
        json.text(self.window.budget.as_str());
        let window = self.window.window;
        json.numbered(window.kind.name(), window.start);
        json.int(self.held.nanos());
        json.int(self.drawn.nanos());
        if self.topped_up > Amount::ZERO {
            json.int(self.topped_up.nanos());
        }
    }

    pub(crate) fn hold(&self) -> Hold {
        Hold {
            window: self.window.clone(),
            amount: self.held,
            topped_up: self.topped_up,
        }
    }
}

impl Settled {
    /// A call under no budget.
    #[must_use]
    pub fn ungoverned(generation: Arc<Generation>) -> Self {
        Self::new(generation, None)
    }

    /// A call that counts where its posting says.
    pub(crate) const fn new(generation: Arc<Generation>, posting: Option<Arc<Posting>>) -> Self {
        Self {
            generation,
            posting,
            texts: None,
        }
    }

    /// What it costs: nothing while nobody can say.
    #[must_use]
    pub fn cost(&self) -> Amount {
        cost_of(&self.generation)
    }

    /// What its workspace owes for it.
    #[must_use]
    pub fn owed(&self) -> Amount {
        owed_for(&self.generation)
    }

    fn lines(&self) -> &[PostingLine] {
        self.posting
            .as_ref()
            .map_or(&[], |posting| posting.lines.as_slice())
    }
}

impl Posting {
    /// The posting as one line of JSON, for the journal and the row of its call:
    /// `["node", [["budget", "window", held, drawn], …]]`, and what of it was held by topping up
    /// at the end of a line that was.
    #[must_use]
    pub fn to_text(&self) -> String {
        Json::text_of(96 * (self.lines.len() + 1), |json| self.write(json))
    }

    pub(crate) fn write(&self, json: &mut Json) {
        json.array(|json| {
            json.text(&self.node);
            json.array(|json| {
                for line in &self.lines {
                    json.array(|json| line.write(json));
                }
            });
        });
    }

    /// Reads what [`Posting::to_text`] wrote.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn from_text(text: &str) -> Result<Self, StoreError> {
        let wrong = || StoreError::Unreadable("the budget windows of a record".to_owned());
        let value: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let line = |value: &Value| {
            Some(PostingLine {
                window: BudgetWindow {
                    budget: BudgetId::from_text(value.get(0)?.as_str()?),
                    window: WindowId::from_text(value.get(1)?.as_str()?)?,
                },
                held: Amount::from_nanos(value.get(2)?.as_i64()?),
                drawn: Amount::from_nanos(value.get(3)?.as_i64()?),
                topped_up: Amount::from_nanos(value.get(4).map_or(Some(0), Value::as_i64)?),
            })
        };
        let read = || {
            Some(Self {
                node: value.get(0)?.as_str()?.to_owned(),
                lines: value
                    .get(1)?
                    .as_array()?
                    .iter()
                    .map(line)
                    .collect::<Option<_>>()?,
            })
        };
        read().ok_or_else(wrong)
    }
}

/// What a generation costs: nothing while nobody can say.
pub(crate) fn cost_of(generation: &Generation) -> Amount {
    generation
        .charge
        .as_ref()
        .map_or(Amount::ZERO, |bill| bill.total)
}

/// What a workspace owes for a generation: nothing for one that its own credential has paid.
pub(crate) fn owed_for(generation: &Generation) -> Amount {
    match generation.settled.is_byok {
        true => Amount::ZERO,
        false => cost_of(generation),
    }
}

/// `column + $bind`, which stops at the largest amount: PostgreSQL would refuse the row, and with it
/// the batch, and SQLite would turn the sum into a float.
pub(crate) fn saturating_sum(column: &str, bind: &str) -> String {
    format!(
        "CASE WHEN {bind} > 0 AND {column} > 9223372036854775807 - {bind} \
         THEN 9223372036854775807 ELSE {column} + {bind} END"
    )
}
