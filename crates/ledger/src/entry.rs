//! `Entry`: one immutable line of the books, a debit and a credit of the same amount.
//!
//! An entry moves its amount *from* the account it credits *to* the account it debits, so the sum of
//! all balances ([`balance`]) is always zero. A mistake is corrected by a further entry. Ids are made
//! of what happened, never drawn: posting the same event twice makes the same ids, and the second
//! time they are refused by the primary key.
//!
//! | Event | from (credit) | to (debit) |
//! |---|---|---|
//! | credits bought, granted | `Credits`, `Grants` | `Workspace` |
//! | reserve, top up | `Open` | `Reserved` |
//! | settle, up to what was reserved | `Reserved` | `Posted` |
//! | settle, the rest of it; release; expire | `Reserved` | `Open` |
//! | settle, above what was reserved | `Overage` | `Posted` |
//! | settle, where nothing is ever reserved (a budget that only warns) | `Open` | `Posted` |
//! | the call is paid | `Workspace` | `Usage`, `Fees` |
//! | refund | `Refunds` | `Workspace` |
//!
//! `Open`, `Reserved` and `Posted` are of one budget window. The balance of `Open` is minus what is
//! bound or spent, so `limit + balance(Open)` is what remains.

use std::fmt;

use crate::books::Hold;
use crate::{Amount, BudgetId, BudgetWindow, GenerationId};

/// Where money is or comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// Credits that were paid for; outside the house.
    Credits,
    /// Credits that were given.
    Grants,
    /// Money given back for calls.
    Refunds,
    /// What a workspace may spend, when billing is prepaid.
    Workspace(String),
    /// What calls cost by the price sheets.
    Usage,
    /// What is charged beside it.
    Fees,
    /// Not yet used of a budget window.
    Open(BudgetWindow),
    /// Held for calls under way.
    Reserved(BudgetWindow),
    /// Spent.
    Posted(BudgetWindow),
    /// Spent above what was reserved, by budget.
    Overage(BudgetId),
}

impl Account {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        let window = || BudgetWindow::from_text(rest);
        match (word, rest) {
            ("credits", "") => Some(Self::Credits),
            ("grants", "") => Some(Self::Grants),
            ("refunds", "") => Some(Self::Refunds),
            ("usage", "") => Some(Self::Usage),
            ("fees", "") => Some(Self::Fees),
            ("workspace", id) => Some(Self::Workspace(id.to_owned())),
            ("open", _) => window().map(Self::Open),
            ("reserved", _) => window().map(Self::Reserved),
            ("posted", _) => window().map(Self::Posted),
            ("overage", id) => Some(Self::Overage(BudgetId::from_text(id))),
            _ => None,
        }
    }
}

impl fmt::Display for Account {
    /// The text in SQL: `workspace:<id>`, `posted:<budget>@<window>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credits => f.write_str("credits"),
            Self::Grants => f.write_str("grants"),
            Self::Refunds => f.write_str("refunds"),
            Self::Workspace(id) => write!(f, "workspace:{id}"),
            Self::Usage => f.write_str("usage"),
            Self::Fees => f.write_str("fees"),
            Self::Open(window) => write!(f, "open:{window}"),
            Self::Reserved(window) => write!(f, "reserved:{window}"),
            Self::Posted(window) => write!(f, "posted:{window}"),
            Self::Overage(budget) => write!(f, "overage:{budget}"),
        }
    }
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// Money held for a call.
    Reserve,
    /// More money held for a call under way.
    TopUp,
    /// The real cost of a call.
    Settle,
    /// Cost above what was held.
    Overage,
    /// Money held and not needed.
    Release,
    /// Money held for a call that never ended.
    Expire,
    /// A call paid from a balance.
    Charge,
    /// A fee beside it.
    Fee,
    /// Credits that were paid for.
    Purchase,
    /// Credits that were given.
    Grant,
    /// Money given back.
    Refund,
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Reserve,
        Self::TopUp,
        Self::Settle,
        Self::Overage,
        Self::Release,
        Self::Expire,
        Self::Charge,
        Self::Fee,
        Self::Purchase,
        Self::Grant,
        Self::Refund,
    ];

    /// The word in SQL and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::TopUp => "top_up",
            Self::Settle => "settle",
            Self::Overage => "overage",
            Self::Release => "release",
            Self::Expire => "expire",
            Self::Charge => "charge",
            Self::Fee => "fee",
            Self::Purchase => "purchase",
            Self::Grant => "grant",
            Self::Refund => "refund",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One line of the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `<event>:<kind>:<account>`; unique, and the same whenever the event is posted again.
    pub id: String,
    /// The call that it is about, if it is about one.
    pub generation: Option<GenerationId>,
    /// The account that grows.
    pub debit: Account,
    /// The account that shrinks.
    pub credit: Account,
    /// How much; nano-USD, more than zero.
    pub amount: Amount,
    /// What it is about.
    pub kind: EntryKind,
    /// When, Unix seconds.
    pub at: i64,
}

/// An event: what all of its entries share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// What makes it unique: the generation id, or the id of a grant, purchase or refund.
    pub id: &'a str,
    /// The call, if it is about one.
    pub generation: Option<&'a GenerationId>,
    /// When, Unix seconds.
    pub at: i64,
}

impl<'a> Event<'a> {
    /// An event of a call.
    #[must_use]
    pub fn of_call(generation: &'a GenerationId, at: i64) -> Self {
        Self {
            id: generation.as_str(),
            generation: Some(generation),
            at,
        }
    }

    /// The entry of this event; none for no money.
    fn entry(&self, kind: EntryKind, way: Way, amount: Amount) -> Option<Entry> {
        (amount > Amount::ZERO).then(|| Entry {
            id: format!("{}:{}:{}", self.id, kind.name(), way.to),
            generation: self.generation.cloned(),
            debit: way.to,
            credit: way.from,
            amount,
            kind,
            at: self.at,
        })
    }
}

/// From one account to another.
struct Way {
    from: Account,
    to: Account,
}

const fn way(from: Account, to: Account) -> Way {
    Way { from, to }
}

/// Money held for a call in each of its budget windows.
#[must_use]
pub fn reserve(event: &Event<'_>, holds: &[Hold]) -> Vec<Entry> {
    holds
        .iter()
        .filter_map(|hold| {
            let way = way(open(hold), reserved(hold));
            event.entry(EntryKind::Reserve, way, hold.amount)
        })
        .collect()
}

/// More money held for a call: from what `holds` say to a new total. The total is part of the id,
/// so that several top-ups of one call differ and each can be repeated.
#[must_use]
pub fn top_up(event: &Event<'_>, holds: &[Hold], total: Amount) -> Vec<Entry> {
    let id = format!("{}:{}", event.id, total.nanos());
    let event = Event { id: &id, ..*event };
    holds
        .iter()
        .filter_map(|hold| {
            let way = way(open(hold), reserved(hold));
            event.entry(EntryKind::TopUp, way, total.saturating_sub(hold.amount))
        })
        .collect()
}

/// The real cost of a call against what was held for it: posted, and the rest released or the
/// excess posted as overage, in each budget window.
#[must_use]
pub fn settle(event: &Event<'_>, holds: &[Hold], cost: Amount) -> Vec<Entry> {
    let lines = |hold: &Hold| {
        let covered = hold.amount.min(cost);
        let rest = hold.amount.saturating_sub(covered);
        [
            event.entry(
                EntryKind::Settle,
                way(reserved(hold), posted(hold)),
                covered,
            ),
            event.entry(EntryKind::Release, way(reserved(hold), open(hold)), rest),
            overage(event, hold, cost),
        ]
    };
    holds.iter().flat_map(lines).flatten().collect()
}

/// The real cost of a call in a budget window that only counts, and holds nothing.
#[must_use]
pub fn count(event: &Event<'_>, window: &BudgetWindow, cost: Amount) -> Option<Entry> {
    let way = way(
        Account::Open(window.clone()),
        Account::Posted(window.clone()),
    );
    event.entry(EntryKind::Settle, way, cost)
}

/// All that a settled call did in one budget window, from the first hold to the last release.
#[must_use]
pub fn history(event: &Event<'_>, hold: &Hold, cost: Amount) -> Vec<Entry> {
    let first = Hold::new(
        hold.window.clone(),
        hold.amount.saturating_sub(hold.topped_up),
    );
    let holds = std::slice::from_ref(&first);
    let mut entries = reserve(event, holds);
    entries.extend(top_up(event, holds, hold.amount));
    entries.extend(settle(event, std::slice::from_ref(hold), cost));
    entries
}

/// What a call cost above what was held for it in a budget window.
#[must_use]
pub fn overage(event: &Event<'_>, hold: &Hold, cost: Amount) -> Option<Entry> {
    let above = cost.saturating_sub(hold.amount);
    let from = Account::Overage(hold.window.budget.clone());
    event.entry(EntryKind::Overage, way(from, posted(hold)), above)
}

/// What was held for a call that cost nothing.
#[must_use]
pub fn release(event: &Event<'_>, holds: &[Hold]) -> Vec<Entry> {
    free(event, EntryKind::Release, holds)
}

/// What was held for a call whose end nobody reported.
#[must_use]
pub fn expire(event: &Event<'_>, holds: &[Hold]) -> Vec<Entry> {
    free(event, EntryKind::Expire, holds)
}

/// A call paid from a workspace's balance.
#[must_use]
pub fn charge(event: &Event<'_>, workspace_id: &str, cost: Amount, fee: Amount) -> Vec<Entry> {
    let payer = || Account::Workspace(workspace_id.to_owned());
    [
        event.entry(EntryKind::Charge, way(payer(), Account::Usage), cost),
        event.entry(EntryKind::Fee, way(payer(), Account::Fees), fee),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Credits given to a workspace.
#[must_use]
pub fn grant(event: &Event<'_>, workspace_id: &str, amount: Amount) -> Option<Entry> {
    let payee = Account::Workspace(workspace_id.to_owned());
    event.entry(EntryKind::Grant, way(Account::Grants, payee), amount)
}

/// Credits that a workspace has bought.
#[must_use]
pub fn purchase(event: &Event<'_>, workspace_id: &str, amount: Amount) -> Option<Entry> {
    let payee = Account::Workspace(workspace_id.to_owned());
    event.entry(EntryKind::Purchase, way(Account::Credits, payee), amount)
}

/// A fee that a workspace pays beside its calls.
#[must_use]
pub fn fee(event: &Event<'_>, workspace_id: &str, amount: Amount) -> Option<Entry> {
    let payer = Account::Workspace(workspace_id.to_owned());
    event.entry(EntryKind::Fee, way(payer, Account::Fees), amount)
}

/// Money given back to a workspace. The event's id tells several refunds of one call apart.
#[must_use]
pub fn refund(event: &Event<'_>, workspace_id: &str, amount: Amount) -> Option<Entry> {
    let payee = Account::Workspace(workspace_id.to_owned());
    event.entry(EntryKind::Refund, way(Account::Refunds, payee), amount)
}

/// What is on an account: its debits less its credits. `None` when the sum does not fit.
#[must_use]
pub fn balance<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    account: &Account,
) -> Option<Amount> {
    entries.into_iter().try_fold(Amount::ZERO, |sum, entry| {
        let sum = if entry.debit == *account {
            sum.checked_add(entry.amount)?
        } else {
            sum
        };
        if entry.credit == *account {
            sum.checked_sub(entry.amount)
        } else {
            Some(sum)
        }
    })
}

fn free(event: &Event<'_>, kind: EntryKind, holds: &[Hold]) -> Vec<Entry> {
    holds
        .iter()
        .filter_map(|hold| event.entry(kind, way(reserved(hold), open(hold)), hold.amount))
        .collect()
}

fn open(hold: &Hold) -> Account {
    Account::Open(hold.window.clone())
}

fn reserved(hold: &Hold) -> Account {
    Account::Reserved(hold.window.clone())
}

fn posted(hold: &Hold) -> Account {
    Account::Posted(hold.window.clone())
}
