//! Sharing limits with other replicas: the one task that talks to Valkey about counters.
//!
//! A call that finds this replica's part of a limit used up waits for it, [`WAIT`] at the most; parts
//! are leased before they are used up and before their window begins, so that few calls ever do. One
//! round trip at a time carries everything that waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use cluster::{Claim, Link, lease};
use relay::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use super::count::{Bounds, Reach};
use super::counters::{CounterId, Counters, Question};

/// How long a call waits for a part of a limit: a round trip that is under way, and its own.
pub(super) const WAIT: Duration = Duration::from_millis(30);

/// Questions that may wait; a call that finds no place is decided by what is known here.
const WAITING_MAX: usize = 4096;

/// Counters in one round trip.
const BATCH: usize = 256;

/// How often it is looked whether Valkey is there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Every so many looks, parts that are idle, of the next window, or to be renewed are seen to.
const LOOKS_PER_ROUND: u32 = 5;

/// After Valkey's return every replica tells what it holds; nobody is given more before all have had
/// the time to.
const SETTLE_MS: i64 = 1_000;

/// A process that was silent for so long has no calls under way.
const SILENT_MS: u64 = 15_000;

/// How much longer than its window a count is kept, milliseconds.
const KEPT_MS: u64 = 60_000;

/// One counter's wish for more.
struct Want {
    id: CounterId,
    amount: u64,
    /// Who waits for it.
    waiter: Option<oneshot::Sender<()>>,
}

/// What calls know of the other replicas.
pub struct Sharing {
    link: Arc<Link>,
    wants: mpsc::Sender<Want>,
    /// When Valkey was lost, Unix milliseconds; [`THERE`] while it is there.
    lost_ms: AtomicI64,
    /// Losses of the link that have been seen to.
    seen_losses: AtomicU64,
    clock: Arc<dyn Clock>,
}

/// Not lost. No clock of ours shows this instant.
const THERE: i64 = i64::MIN;

impl std::fmt::Debug for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharing").field("link", &self.link).finish()
    }
}

/// The other end: what the task needs.
pub struct Keeper {
    sharing: Arc<Sharing>,
    counters: Arc<Counters>,
    wants: mpsc::Receiver<Want>,
    number: u64,
    /// How often Valkey has come back.
    returns: u64,
    /// Until when nothing is asked for, after a return.
    settles_ms: Option<i64>,
}

impl Sharing {
    /// Shares these counters through that link; the keeper has to run.
    #[must_use]
    pub fn new(
        link: Arc<Link>,
        counters: Arc<Counters>,
        clock: Arc<dyn Clock>,
    ) -> (Arc<Self>, Keeper) {
        let (sender, wants) = mpsc::channel(WAITING_MAX);
        let sharing = Arc::new(Self {
            seen_losses: AtomicU64::new(link.losses()),
            link,
            wants: sender,
            lost_ms: AtomicI64::new(THERE),
            clock,
        });
        let keeper = Keeper {
            sharing: Arc::clone(&sharing),
            counters,
            wants,
            number: 0,
            returns: 0,
            settles_ms: None,
        };
        (sharing, keeper)
    }

    /// The link.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// How things stand.
    #[must_use]
    pub fn reach(&self, now_ms: i64) -> Reach {
        let replicas = u64::from(self.link.replicas());
        let lost_ms = self.lost_ms.load(Ordering::Acquire);
        if lost_ms != THERE {
            return Reach::Away(replicas, lost_ms);
        }
        let is_seen = self.link.losses() == self.seen_losses.load(Ordering::Acquire);
        if self.link.is_there() && is_seen {
            return Reach::There(replicas);
        }
        // The first one to see it says when; the keeper takes it back.
        let set = self
            .lost_ms
            .compare_exchange(THERE, now_ms, Ordering::AcqRel, Ordering::Acquire);
        Reach::Away(replicas, set.err().unwrap_or(now_ms))
    }

    /// Waits until Valkey has been asked for more of each of these; whether it answered by then.
    pub async fn fetch(&self, shorts: &[(CounterId, u64)], deadline: Instant) -> bool {
        let mut answers = Vec::with_capacity(shorts.len());
        for (id, amount) in shorts {
            let (waiter, answer) = oneshot::channel();
            let want = Want {
                id: *id,
                amount: *amount,
                waiter: Some(waiter),
            };
            if self.wants.try_send(want).is_err() {
                return false;
            }
            answers.push(answer);
        }
        let all = async {
            for answer in answers {
                if answer.await.is_err() {
                    return false;
                }
            }
            true
        };
        timeout_at(deadline, all).await.unwrap_or(false)
    }

    /// Has more of a counter leased while nobody waits for it yet.
    pub fn order(&self, id: CounterId) {
        // When too many wait, a call will ask again.
        let _ = self.wants.try_send(Want {
            id,
            amount: 0,
            waiter: None,
        });
    }
}

impl Keeper {
    /// Runs until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        let mut count: u32 = 0;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.give_back().await,
                _ = looks.tick() => {
                    count = count.wrapping_add(1);
                    let has_returned = self.look();
                    if has_returned || count.is_multiple_of(LOOKS_PER_ROUND) {
                        self.round().await;
                    }
                }
                _ = self.wants.recv_many(&mut batch, BATCH) => {
                    self.serve(std::mem::take(&mut batch)).await;
                }
            }
        }
    }

    /// Sees whether Valkey went or came; whether it has just come back.
    fn look(&mut self) -> bool {
        let sharing = &self.sharing;
        let now_ms = sharing.clock.now_ms();
        let losses = sharing.link.losses();
        if sharing.reach(now_ms).is_there() {
            return false;
        }
        let is_new_loss = losses != sharing.seen_losses.swap(losses, Ordering::AcqRel);
        if !sharing.link.is_there() {
            self.settles_ms = None;
            return false;
        }
        match self.settles_ms {
            Some(settles) if now_ms >= settles && !is_new_loss => {
                self.settles_ms = None;
                sharing.lost_ms.store(THERE, Ordering::Release);
                false
            }
            Some(_) if !is_new_loss => false,
            Some(_) | None => {
                self.settles_ms = Some(now_ms.saturating_add(SETTLE_MS));
                self.returns += 1;
                true
            }
        }
    }

    async fn round(&mut self) {
        if !self.sharing.link.is_there() {
            return;
        }
        let now_ms = self.sharing.clock.now_ms();
        let state = (self.sharing.reach(now_ms), self.returns);
        let questions = self.counters.tend(now_ms, state);
        for part in questions.chunks(BATCH) {
            if !self.put(part).await {
                return;
            }
        }
    }

    /// What was leased and not used is free for the others at once.
    async fn give_back(&mut self) {
        let now_ms = self.sharing.clock.now_ms();
        let questions = self.counters.give_back(now_ms);
        for part in questions.chunks(BATCH) {
            if !self.put(part).await {
                return;
            }
        }
    }

    async fn serve(&mut self, wants: Vec<Want>) {
        let now_ms = self.sharing.clock.now_ms();
        let reach = self.sharing.reach(now_ms);
        if !reach.is_there() {
            return; // who waits is told so by the end of its channel
        }
        let mut amounts: HashMap<CounterId, u64> = HashMap::new();
        for want in &wants {
            let amount = amounts.entry(want.id).or_default();
            *amount = amount.saturating_add(want.amount);
        }
        let ask = |(id, amount)| self.counters.ask(id, amount, reach);
        let questions: Vec<Question> = amounts.into_iter().filter_map(ask).collect();
        if self.put(&questions).await {
            let waiters = wants.into_iter().filter_map(|want| want.waiter);
            for waiter in waiters {
                let _ = waiter.send(()); // one that has given up needs no answer
            }
        }
    }

    /// Puts questions to Valkey; whether it answered.
    async fn put(&mut self, questions: &[Question]) -> bool {
        let now_ms = self.sharing.clock.now_ms();
        let mut claims = Vec::with_capacity(questions.len());
        for question in questions {
            self.number += 1;
            claims.push(claim(question, self.number, now_ms));
        }
        let Ok(answers) = lease(&self.sharing.link, &claims).await else {
            return false;
        };
        let moment = (self.sharing.clock.now_ms(), self.returns);
        for (question, answer) in questions.iter().zip(answers) {
            self.counters.leased(question, answer, moment);
        }
        true
    }
}

fn claim(question: &Question, number: u64, now_ms: i64) -> Claim {
    let Question {
        name, terms, need, ..
    } = question;
    let lives_ms = if need.window == Bounds::ALWAYS {
        SILENT_MS
    } else {
        let left = need.window.end.saturating_sub(now_ms);
        u64::try_from(left).unwrap_or(0)
    };
    Claim {
        name: format!("{name}:{}", need.window.start),
        number,
        held: need.held,
        want: need.want,
        limit: terms.limit,
        lives_ms: lives_ms.saturating_add(KEPT_MS),
        silent_ms: if terms.is_live { SILENT_MS } else { 0 },
    }
}
