//! The worker: all that the books of a node ask of the database.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ledger::{Amount, BudgetWindow, Window};
use tokio::time::{self, Instant};

use super::slot::{Answer, Slot};
use super::{CLOSED, CLOSING, Key, Ledgers, OPEN};
use crate::database::Engine;
use crate::leases::{self, Failed, Grant, Want};
use crate::{Noun, StoreError, budgets};

/// Budgets in one transaction, at most.
const BUDGETS_PER_TRIP: usize = 64;

/// The pause after a failure, while the database is away.
const RETRY: Duration = Duration::from_millis(200);

impl Ledgers {
    /// Runs until the books were closed.
    pub(super) async fn work(&self) {
        let mut revision = self.begin().await;
        let mut next_follow = Instant::now();
        let mut next_return = Instant::now() + self.limits.return_every;
        while self.state.load(Ordering::Acquire) < CLOSING {
            let next = next_follow.min(next_return);
            let _ = time::timeout_at(next, self.work.notified()).await;
            self.serve_queue().await;
            let now = Instant::now();
            if now >= next_follow {
                self.follow(&mut revision).await;
                next_follow = now + self.limits.follow_every;
            }
            if now >= next_return {
                self.return_surplus().await;
                next_return = now + self.limits.return_every;
            }
        }
        self.end().await;
    }

    /// Takes up where this node was when it ended; the revision of the last change.
    async fn begin(&self) -> i64 {
        self.recorder.flush().await;
        loop {
            if self.state.load(Ordering::Acquire) >= CLOSING {
                return 0;
            }
            match self.take_over().await {
                Ok(revision) => {
                    self.state.fetch_max(OPEN, Ordering::AcqRel);
                    return revision;
                }
                Err(error) => {
                    tracing::warn!(%error, "leases of this node's last run wait for the database");
                    time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn take_over(&self) -> Result<i64, StoreError> {
        let revision = self.store.revision().await?;
        let released = self.store.release_node(&self.node).await?;
        if released > Amount::ZERO {
            tracing::info!(%released, "leases of this node's last run were given back");
        }
        Ok(revision)
    }

    /// Gives back everything that is free; and all the rest too, when nothing is under way.
    async fn end(&self) {
        for slot in self.take_queue() {
            slot.take_wanted();
            slot.tell(Answer::Failed("shutting down".to_owned()));
        }
        let slots = self.slots.all();
        let parts = slots
            .iter()
            .map(|slot| (slot.clone(), slot.take_back_unused()));
        self.give_back(parts.collect()).await;
        let under_way = slots.iter().any(|slot| slot.holding.held() > Amount::ZERO);
        if !under_way
            && self.recorder.figures().pending == 0
            && let Err(error) = self.store.release_node(&self.node).await
        {
            tracing::warn!(%error, "leases stay held until this node starts again");
        }
        self.state.store(CLOSED, Ordering::Release);
        self.worked.notify_waiters();
    }

    // === Leasing ===

    fn take_queue(&self) -> Vec<Arc<Slot>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *queue)
    }

    async fn serve_queue(&self) {
        let (hard, warning): (Vec<_>, Vec<_>) = self
            .take_queue()
            .into_iter()
            .partition(|slot| !slot.is_warning());
        for slot in &warning {
            slot.take_wanted();
            self.count(slot).await;
        }
        self.free_older_hours(&hard).await;
        for slots in hard.chunks(BUDGETS_PER_TRIP) {
            self.lease(slots).await;
        }
    }

    async fn lease(&self, slots: &[Arc<Slot>]) {
        let wants: Vec<Want> = slots
            .iter()
            .map(|slot| {
                let wanted = slot.take_wanted();
                let free = slot.holding.free().max(Amount::ZERO);
                // A call that waits wants more than is free; one that is ahead of need does not.
                let short = wanted.checked_sub(free).filter(|more| *more > Amount::ZERO);
                Want {
                    window: slot.window.clone(),
                    amount: short.unwrap_or(wanted).max(Amount::from_nanos(1)),
                }
            })
            .collect();
        self.counters.round_trips.fetch_add(1, Ordering::Relaxed);
        let hint = self.nodes.load(Ordering::Relaxed);
        match leases::grant(&self.store, &self.node, &wants, hint).await {
            Ok(grants) => {
                for (slot, grant) in slots.iter().zip(grants) {
                    match grant {
                        Grant::Granted { amount, left } => {
                            slot.granted(amount, left, self.now_ms())
                        }
                        Grant::Short { left } => slot.refused(left, self.now_ms()),
                        Grant::Gone => slot.gone(),
                    }
                }
            }
            Err(failed) => {
                tracing::warn!(error = %failed.error, "money could not be leased");
                for slot in slots {
                    slot.tell(Answer::Failed(failed.error.to_string()));
                }
                time::sleep(RETRY).await;
            }
        }
    }

    /// What this node still has of older hours counts in a rolling window: it is given back first.
    async fn free_older_hours(&self, wanted: &[Arc<Slot>]) {
        let rolling = |slot: &&Arc<Slot>| matches!(slot.budget.window, Window::Rolling { .. });
        let wanted: Vec<&Arc<Slot>> = wanted.iter().filter(rolling).collect();
        if wanted.is_empty() {
            return;
        }
        let is_older = |slot: &Arc<Slot>| {
            wanted.iter().any(|wanted| {
                slot.window.budget == wanted.window.budget && slot.window != wanted.window
            })
        };
        let older = self.slots.all().into_iter().filter(is_older);
        let parts = older.map(|slot| {
            let amount = slot.take_back_unused();
            (slot, amount)
        });
        self.give_back(parts.collect()).await;
    }

    // === Giving back ===

    /// Gives back what is not needed, all of it in windows that are over, and forgets what is empty.
    async fn return_surplus(&self) {
        let latest = self.latest.load(Ordering::Acquire);
        let is_alone = self.store.database.engine == Engine::Sqlite;
        let mut parts = Vec::new();
        let mut keys: Vec<Key> = Vec::new();
        for slot in self.slots.all() {
            let surplus = slot.surplus();
            let is_over = slot.ends_at().is_some_and(|ends_at| ends_at <= latest);
            let amount = match (is_over, is_alone) {
                (true, _) => slot.take_back_unused(),
                (false, false) => slot.take_back(surplus),
                (false, true) => Amount::ZERO,
            };
            keys.push(slot.window.clone());
            parts.push((slot, amount));
        }
        self.give_back(parts).await;
        self.slots.forget(&keys);
        match self.store.count_nodes().await {
            Ok(nodes) => self.nodes.store(nodes.max(2), Ordering::Relaxed),
            Err(error) => tracing::debug!(%error, "nodes could not be counted"),
        }
    }

    /// Gives back amounts that were taken out of slots. When the database did not take them they are
    /// put back; when nobody can say whether it did, they stay held until the next start.
    async fn give_back(&self, parts: Vec<(Arc<Slot>, Amount)>) {
        let parts: Vec<(Arc<Slot>, Amount)> = parts
            .into_iter()
            .filter(|(_, amount)| *amount > Amount::ZERO)
            .collect();
        for some in parts.chunks(BUDGETS_PER_TRIP) {
            let mut windows: Vec<(BudgetWindow, Amount)> = some
                .iter()
                .map(|(slot, amount)| (slot.window.clone(), *amount))
                .collect();
            self.counters.round_trips.fetch_add(1, Ordering::Relaxed);
            let done = leases::give_back(&self.store, &self.node, &mut windows).await;
            let Err(Failed { error, is_unsure }) = done else {
                continue;
            };
            tracing::warn!(%error, is_unsure, "leases could not be given back");
            for (slot, amount) in some {
                if is_unsure {
                    let nanos = u64::try_from(amount.nanos()).unwrap_or(0);
                    self.counters
                        .adrift_nanos
                        .fetch_add(nanos, Ordering::Relaxed);
                } else {
                    slot.holding.top_up(*amount);
                }
            }
        }
    }

    // === Following ===

    /// Gives back what was leased of budgets that have changed, so that they are leased anew by their
    /// new limits, and counts what only warns.
    async fn follow(&self, revision: &mut i64) {
        match self.changed(revision).await {
            Ok(changed) if changed.is_empty() => {}
            Ok(changed) => {
                let parts = changed.into_iter().map(|slot| {
                    let amount = slot.take_back_unused();
                    (slot, amount)
                });
                let parts: Vec<_> = parts.collect();
                let slots: Vec<_> = parts.iter().map(|(slot, _)| slot.clone()).collect();
                self.give_back(parts).await;
                for slot in slots {
                    slot.forget_answers();
                }
            }
            Err(error) => tracing::debug!(%error, "changes of budgets could not be read"),
        }
        for slot in self.slots.all() {
            if slot.is_warning() && slot.take_used() {
                self.count(&slot).await;
            }
        }
    }

    async fn changed(&self, seen: &mut i64) -> Result<Vec<Arc<Slot>>, StoreError> {
        if self.store.revision().await? == *seen {
            return Ok(Vec::new());
        }
        let news = self.store.changes_since(*seen).await?;
        let changed: Option<HashSet<&str>> = news.changes.as_ref().map(|changes| {
            let budgets = changes.iter().filter(|change| change.noun == Noun::Budget);
            budgets.map(|change| change.id.as_str()).collect()
        });
        *seen = news.revision;
        if changed.as_ref().is_some_and(HashSet::is_empty) {
            return Ok(Vec::new());
        }
        let is_concerned = |slot: &Arc<Slot>| {
            let id = slot.window.budget.as_str();
            changed.as_ref().is_none_or(|changed| changed.contains(id))
        };
        Ok(self.slots.all().into_iter().filter(is_concerned).collect())
    }

    /// Reads how much is left of the limit of a window that only warns.
    async fn count(&self, slot: &Slot) {
        let stored = self.store.budgets().by_id(&slot.window.budget).await;
        let stored = match stored {
            Ok(Some(stored)) if stored.enabled => stored,
            Ok(_) => return slot.gone(),
            Err(error) => return tracing::debug!(%error, "a budget could not be read"),
        };
        let rows = budgets::counters(&stored.budget, &slot.window)
            .read(&self.store.database)
            .await;
        match rows.and_then(|rows| budgets::sum(&rows)) {
            Ok(state) => {
                let limit = stored.budget.limit.nanos();
                slot.counted(limit.saturating_sub(state.posted.nanos()));
            }
            Err(error) => tracing::debug!(%error, "a budget could not be counted"),
        }
    }
}
