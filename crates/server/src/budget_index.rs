//! Every budget, in memory: which of them a call falls under, found without looking at the others.

use std::sync::Arc;

use foldhash::HashMap;
use ledger::{Budget, CalendarUnit, CallFacts, Subject, Window};
use store::{Store, StoreError, balance_budget_id};

use crate::config::sections::BillingMode;

/// All budgets that hold; immutable, swapped whole.
#[derive(Debug, Default)]
pub struct BudgetIndex {
    /// For everybody.
    of_house: Vec<Arc<Budget>>,
    /// By whom they are for, in the order in which a call is asked about it.
    of_workspace: Named,
    of_member: Named,
    of_app: Named,
    of_end_user: Named,
    of_key: Named,
    /// For calls with such metadata; these are looked at one by one.
    by_metadata: Vec<Arc<Budget>>,
    /// By id.
    by_id: HashMap<String, Arc<Budget>>,
}

/// Budgets of one kind of subject, by its name.
type Named = HashMap<String, Vec<Arc<Budget>>>;

impl BudgetIndex {
    /// An index of these budgets.
    #[must_use]
    pub fn of(budgets: impl IntoIterator<Item = Budget>) -> Self {
        let mut index = Self::default();
        let mut budgets: Vec<Budget> = budgets.into_iter().collect();
        budgets.sort_by_key(|budget| breadth(&budget.window));
        for budget in budgets {
            let budget = Arc::new(budget);
            let id = budget.id.as_str().to_owned();
            index.by_id.insert(id, Arc::clone(&budget));
            index.place_of(&budget.subject).push(budget.clone());
        }
        index
    }

    fn place_of(&mut self, subject: &Subject) -> &mut Vec<Arc<Budget>> {
        let (named, name) = match subject {
            Subject::Organization => return &mut self.of_house,
            Subject::Metadata(_) => return &mut self.by_metadata,
            Subject::Workspace(id) => (&mut self.of_workspace, id),
            Subject::Member(id) => (&mut self.of_member, id),
            Subject::App(url) => (&mut self.of_app, url),
            Subject::EndUser(name) => (&mut self.of_end_user, name),
            Subject::Key(hash) => (&mut self.of_key, hash),
        };
        named.entry(name.clone()).or_default()
    }

    /// The budgets that a call falls under, the broadest first.
    #[must_use]
    pub fn covering(&self, call: &CallFacts<'_>) -> Vec<Arc<Budget>> {
        if self.by_id.is_empty() {
            return Vec::new();
        }
        let of_subjects = [
            (&self.of_workspace, Some(call.workspace_id)),
            (&self.of_member, call.member_id),
            (&self.of_app, call.app),
            (&self.of_end_user, call.end_user),
            (&self.of_key, Some(call.key_hash)),
        ];
        let named = of_subjects
            .into_iter()
            .filter_map(|(named, name)| named.get(name?));
        self.of_house
            .iter()
            .chain(named.flatten())
            .chain(&self.by_metadata)
            .filter(|budget| budget.covers(call))
            .map(Arc::clone)
            .collect()
    }

    /// The budget of that id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Arc<Budget>> {
        self.by_id.get(id)
    }
}

/// The broadest window first: a refusal names the first budget that has none left.
fn breadth(window: &Window) -> u8 {
    match window {
        Window::Lifetime => 0,
        Window::Calendar { unit, .. } => match unit {
            CalendarUnit::Month => 1,
            CalendarUnit::Week => 2,
            CalendarUnit::Day => 3,
        },
        Window::Rolling { .. } => 4,
    }
}

/// Whether an id is that of a workspace's prepaid balance.
#[must_use]
pub fn is_balance(id: &str) -> bool {
    id.starts_with(balance_budget_id("").as_str())
}

/// Reads every budget that holds. Balances hold only where calls are paid beforehand; there every
/// workspace has one, made here if need be.
///
/// # Errors
/// When the store is away.
pub async fn read(
    store: &Store,
    billing: BillingMode,
    now_ms: i64,
) -> Result<BudgetIndex, StoreError> {
    let is_prepaid = billing == BillingMode::Prepaid;
    if is_prepaid {
        for workspace in store.workspaces().all().await? {
            let id = balance_budget_id(&workspace.id);
            if store.budgets().by_id(&id).await?.is_none() {
                store.open_balance(&workspace.id, now_ms).await?;
            }
        }
    }
    let stored = store.budgets().all().await?;
    let holding = stored
        .into_iter()
        .filter(|stored| stored.enabled && (is_prepaid || !is_balance(stored.budget.id.as_str())));
    Ok(BudgetIndex::of(holding.map(|stored| stored.budget)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Amount, BudgetId, Enforcement, Selector};

    fn budget(id: &str, subject: Subject, workspace: Option<&str>) -> Budget {
        Budget {
            id: BudgetId::from_text(id),
            subject,
            workspace_id: workspace.map(str::to_owned),
            limit: Amount::ZERO,
            window: Window::Lifetime,
            enforcement: Enforcement::Hard,
            counts_byok: false,
        }
    }

    #[test]
    fn a_call_falls_under_all_its_budgets_and_no_others() {
        let of_b = Selector::new([("team".to_owned(), "b".to_owned())]);
        let index = BudgetIndex::of([
            budget("house", Subject::Organization, None),
            budget("w", Subject::Workspace("w".into()), Some("w")),
            budget("v", Subject::Workspace("v".into()), Some("v")),
            budget("k", Subject::Key("k".into()), None),
            budget("u", Subject::EndUser("u".into()), Some("w")),
            budget("u elsewhere", Subject::EndUser("u".into()), Some("v")),
            budget("meta", Subject::Metadata(of_b), Some("w")),
        ]);
        let names = |call: &CallFacts<'_>| -> Vec<String> {
            let covering = index.covering(call);
            covering
                .iter()
                .map(|budget| budget.id.to_string())
                .collect()
        };
        let call = CallFacts {
            workspace_id: "w",
            key_hash: "k",
            end_user: Some("u"),
            ..CallFacts::default()
        };
        assert_eq!(names(&call), ["house", "w", "u", "k"]);
        let metadata = [("team".to_owned(), "b".to_owned())];
        let other = CallFacts {
            workspace_id: "w",
            key_hash: "other",
            metadata: &metadata,
            ..CallFacts::default()
        };
        assert_eq!(names(&other), ["house", "w", "meta"]);
    }
}
