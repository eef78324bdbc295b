//! Every budget, in memory: which of them a call falls under, found without looking at the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::{Budget, BudgetId, CalendarUnit, CallFacts, Subject, Window};
use store::{Change, Noun, Store, StoreError, StoredBudget, balance_budget_id};

use crate::config::sections::BillingMode;
use crate::followed::{Followed, Source};
use crate::parted::PartedMap;

/// All budgets that hold. Immutable once it is in place; its copies share what does not change.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct BudgetIndex {
    /// For everybody.
    of_house: Vec<Arc<Budget>>,
    /// By whom they are for, in the order in which a call is asked about it.
    of_workspace: Named,
    of_member: Named,
    of_app: Named,
    of_end_user: Named,
    of_key: Named,
    /// For calls with such metadata, by one pair of it.
    by_metadata: PartedMap<(String, String), Vec<Arc<Budget>>>,
    /// By id.
    by_id: PartedMap<BudgetId, Arc<Budget>>,
    /// It holds all changes up to this one; absent before the budgets have been read at all.
    revision: Option<i64>,
}

/// Budgets of one kind of subject, by its name.
type Named = PartedMap<String, Vec<Arc<Budget>>>;

impl BudgetIndex {
    /// An index of these budgets.
    #[must_use]
    pub fn of(budgets: impl IntoIterator<Item = Budget>) -> Self {
        let mut index = Self {
            revision: Some(0),
            ..Self::default()
        };
        for budget in budgets {
            index.put(budget);
        }
        index
    }

    /// Puts a budget into the index, in the place of what was known of it.
    fn put(&mut self, budget: Budget) {
        self.take_out(&budget.id);
        let budget = Arc::new(budget);
        self.by_id.insert(budget.id.clone(), Arc::clone(&budget));
        self.edit(&budget.subject, |list| {
            let place = list.partition_point(|other| order(other) < order(&budget));
            list.insert(place, Arc::clone(&budget));
        });
    }

    /// Takes a budget out of the index.
    fn take_out(&mut self, id: &BudgetId) {
        if let Some(budget) = self.by_id.remove(id) {
            self.edit(&budget.subject, |list| list.retain(|other| other.id != *id));
        }
    }

    /// Changes the list of the budgets that a subject may be found under.
    fn edit(&mut self, subject: &Subject, change: impl FnOnce(&mut Vec<Arc<Budget>>)) {
        let (named, name) = match subject {
            Subject::Organization => return change(&mut self.of_house),
            Subject::Metadata(selector) => {
                // One without pairs selects nothing.
                if let Some(pair) = selector.first() {
                    self.by_metadata.edit(pair, change);
                }
                return;
            }
            Subject::Workspace(id) => (&mut self.of_workspace, id),
            Subject::Member(id) => (&mut self.of_member, id),
            Subject::App(url) => (&mut self.of_app, url),
            Subject::EndUser(name) => (&mut self.of_end_user, name),
            Subject::Key(hash) => (&mut self.of_key, hash),
        };
        named.edit(name, change);
    }

    /// The budgets that a call falls under, the broadest of each kind of subject first.
    #[must_use]
    pub fn covering(&self, call: &CallFacts<'_>) -> Vec<Arc<Budget>> {
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
        let mut found: Vec<_> = self
            .of_house
            .iter()
            .chain(named.flatten())
            .filter(|budget| budget.covers(call))
            .map(Arc::clone)
            .collect();
        found.extend(self.of_metadata(call));
        found
    }

    /// The budgets that a call falls under by its metadata.
    fn of_metadata(&self, call: &CallFacts<'_>) -> Vec<Arc<Budget>> {
        let pairs = call.metadata.iter().enumerate();
        // A pair that comes twice finds its budgets once.
        let once =
            pairs.filter(|(place, pair)| !call.metadata.iter().take(*place).any(|p| p == *pair));
        let lists = once.filter_map(|(_, pair)| self.by_metadata.get(pair));
        let covering = lists.flatten().filter(|budget| budget.covers(call));
        let mut found: Vec<_> = covering.map(Arc::clone).collect();
        found.sort_by(|one, other| order(one).cmp(&order(other)));
        found
    }

    /// The budget of that id.
    #[must_use]
    pub fn by_id(&self, id: &BudgetId) -> Option<&Arc<Budget>> {
        self.by_id.get(id)
    }
}

/// The broadest window first, and those of one breadth always in one order: a refusal names the first
/// budget that has none left.
fn order(budget: &Budget) -> (u8, &BudgetId) {
    (breadth(&budget.window), &budget.id)
}

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

/// Whether a budget holds. Balances do only where calls are paid beforehand.
fn holds(stored: &StoredBudget, billing: BillingMode) -> bool {
    let is_prepaid = billing == BillingMode::Prepaid;
    stored.enabled && (is_prepaid || !is_balance(stored.budget.id.as_str()))
}

/// Makes the balance of a workspace if it has none.
async fn open_balance(
    (store, now_ms): (&Store, i64),
    workspace_id: &str,
) -> Result<BudgetId, StoreError> {
    let id = balance_budget_id(workspace_id);
    if store.budgets().by_id(&id).await?.is_none() {
        store.open_balance(workspace_id, now_ms).await?;
    }
    Ok(id)
}

impl Followed for BudgetIndex {
    fn revision(&self) -> Option<i64> {
        self.revision
    }

    /// Reads every budget that holds. Where calls are paid beforehand every workspace has a balance,
    /// made here if need be.
    async fn read(source: Source<'_>) -> Result<Self, StoreError> {
        let Source {
            store,
            billing,
            now_ms,
        } = source;
        let revision = store.revision().await?;
        if billing == BillingMode::Prepaid {
            for workspace in store.workspaces().all().await? {
                open_balance((store, now_ms), &workspace.id).await?;
            }
        }
        let stored = store.budgets().all().await?.into_iter();
        let holding = stored.filter(|stored| holds(stored, billing));
        let mut index = Self::of(holding.map(|stored| stored.budget));
        index.revision = Some(revision);
        Ok(index)
    }

    async fn take(
        &mut self,
        source: Source<'_>,
        changes: &[Change],
        revision: i64,
    ) -> Result<(), StoreError> {
        let Source {
            store,
            billing,
            now_ms,
        } = source;
        let mut ids = BTreeSet::new();
        for change in changes {
            match change.noun {
                Noun::Budget => {
                    ids.insert(BudgetId::from_text(&*change.id));
                }
                Noun::Workspace if billing == BillingMode::Prepaid => {
                    ids.insert(open_balance((store, now_ms), &change.id).await?);
                }
                Noun::Workspace | Noun::Key | Noun::Setting => {}
            }
        }
        if !ids.is_empty() {
            let ids: Vec<_> = ids.into_iter().collect();
            let stored = store.budgets().several(&ids).await?;
            ids.iter().for_each(|id| self.take_out(id));
            let holding = stored.into_iter().filter(|stored| holds(stored, billing));
            holding.for_each(|stored| self.put(stored.budget));
        }
        self.revision = Some(revision);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Amount, Enforcement, Selector};

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

    #[test]
    fn budgets_of_metadata_are_found_by_any_order_of_it_and_once() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let both = Selector::new([pair("team", "b"), pair("stage", "trial")]);
        let index = BudgetIndex::of([
            budget("both", Subject::Metadata(both), None),
            budget(
                "b",
                Subject::Metadata(Selector::new([pair("team", "b")])),
                None,
            ),
            budget(
                "a",
                Subject::Metadata(Selector::new([pair("team", "a")])),
                None,
            ),
            budget("none", Subject::Metadata(Selector::default()), None),
        ]);
        let found = |metadata: &[(String, String)]| -> Vec<String> {
            let covering = index.covering(&CallFacts {
                metadata,
                ..CallFacts::default()
            });
            covering.iter().map(|held| held.id.to_string()).collect()
        };
        let (team, stage) = (pair("team", "b"), pair("stage", "trial"));
        assert_eq!(
            found(&[team.clone(), stage.clone(), team.clone()]),
            ["b", "both"]
        );
        assert_eq!(found(&[stage.clone(), team]), ["b", "both"]);
        assert!(found(&[stage]).is_empty());
        assert!(found(&[]).is_empty());
    }

    #[test]
    fn a_budget_that_changes_its_subject_leaves_the_old_one() {
        let mut index = BudgetIndex::of([budget("x", Subject::Key("k".into()), None)]);
        index.put(budget("x", Subject::Key("l".into()), None));
        let count = |index: &BudgetIndex, key_hash: &str| {
            let call = CallFacts {
                key_hash,
                ..CallFacts::default()
            };
            index.covering(&call).len()
        };
        assert_eq!((count(&index, "k"), count(&index, "l")), (0, 1));
        index.take_out(&BudgetId::from_text("x"));
        assert_eq!((count(&index, "k"), count(&index, "l")), (0, 0));
        assert!(index.by_id(&BudgetId::from_text("x")).is_none());
    }
}
