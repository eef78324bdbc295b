//! The gate: a call against every limit that concerns it. In by all of them, or by none.

use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cluster::Link;
use foldhash::HashMap;
use foldhash::fast::RandomState;
use ledger::GenerationId;
use relay::Clock;
use tokio::time::Instant;

use super::count::{Bounds, Reach, Verdict};
use super::counters::{CounterId, Counters};
use super::rule::{Measure, Per, Rule, Span};
use super::sharing::{Keeper, Sharing, WAIT};
use super::standing::{Reading, Refused, Standing, bounds, counted, reading, refused};

/// Parts of the list of live calls, with a lock each.
const SHARDS: usize = 16;

/// Rules of a key's own are counted apart from those of the house that have the same name.
const OWN: usize = 1 << 32;

/// Rules of attempts are counted apart from those of calls.
const ATTEMPTS: usize = 1 << 31;

/// How often Valkey is asked for one call. More than once because others may take what was just
/// leased.
const ASKS_MAX: usize = 8;

/// What the gate needs to know of a call.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The workspace that pays.
    pub workspace_id: &'a str,
    /// Hash of the key.
    pub key_hash: &'a str,
    /// Slug of the model that was asked for first.
    pub model: &'a str,
    /// Whether it is a free variant.
    pub is_free: bool,
    /// The prompt, estimated.
    pub prompt_tokens: u64,
    /// Limits of the key's own.
    pub own: &'a [Rule],
}

/// What the gate needs to know of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Slug of the provider.
    pub provider: &'a str,
    /// Id of the endpoint: model slug, `@`, tag.
    pub endpoint: &'a str,
    /// The prompt, estimated.
    pub prompt_tokens: u64,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Goes down again when the call or the attempt ends.
    Live,
    /// Corrected when the call ends.
    Tokens(Span),
    /// Stays when the call ends; goes back only when another rule refuses the call.
    Request,
}

/// What is to be undone when a call ends.
#[derive(Debug, Clone, Copy)]
struct Taken {
    what: What,
    id: CounterId,
    at: Bounds,
    amount: u64,
    /// The attempt that it is of, by its endpoint; absent for the call itself.
    attempt: Option<CounterId>,
}

impl Taken {
    fn new(rule: &Rule, id: CounterId, at: Bounds, amount: u64) -> Self {
        let what = match rule.measure {
            Measure::Requests => What::Request,
            Measure::Tokens => What::Tokens(rule.span),
            Measure::Concurrent => What::Live,
        };
        Self {
            what,
            id,
            at,
            amount,
            attempt: None,
        }
    }
}

type Passes = HashMap<GenerationId, Vec<Taken>>;

/// A limit that concerns a call or an attempt: the rule, its place, and for whom it counts.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    place: usize,
    rule: &'a Rule,
    subject: &'a str,
}

/// What became of one try to pass every limit.
enum Tried {
    In(Vec<Taken>, Standing),
    Refused(Box<Refused>),
    /// This replica holds too little of these, by how much is wanted.
    Short(Vec<(CounterId, u64)>),
}

/// Every limit and what was counted against it.
#[derive(Debug)]
pub struct Gate {
    /// Those that are counted for a call.
    rules: Vec<Rule>,
    /// Those that are counted for an attempt.
    attempt_rules: Vec<Rule>,
    counters: Arc<Counters>,
    passes: Box<[Mutex<Passes>]>,
    /// Deals passes out to their parts.
    deal: RandomState,
    /// Absent where there is one replica.
    sharing: Option<Arc<Sharing>>,
}

impl Gate {
    /// A gate with the rules of the house.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let (attempt_rules, rules) = rules
            .into_iter()
            .partition(|rule: &Rule| rule.per.is_of_attempts());
        Self {
            rules,
            attempt_rules,
            counters: Arc::default(),
            passes: (0..SHARDS).map(|_| Mutex::default()).collect(),
            deal: RandomState::default(),
            sharing: None,
        }
    }

    /// The same, with limits that hold over all replicas. The keeper has to run.
    #[must_use]
    pub fn shared(rules: Vec<Rule>, link: Arc<Link>, clock: Arc<dyn Clock>) -> (Self, Keeper) {
        let gate = Self::new(rules);
        let (sharing, keeper) = Sharing::new(link, Arc::clone(&gate.counters), clock);
        let sharing = Some(sharing);
        (Self { sharing, ..gate }, keeper)
    }

    /// What holds the limits of all replicas together; absent where there is one.
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        self.sharing.as_deref().map(Sharing::link)
    }

    /// Whether replicas share the limits and Valkey is away, so that each one holds its share.
    #[must_use]
    pub fn is_on_its_own(&self, now_ms: i64) -> bool {
        matches!(self.reach(now_ms), Reach::Away(..))
    }

    /// Counts a call in, unless one of its limits is met. [`Gate::settle`] counts it out.
    ///
    /// # Errors
    /// With the limit that is met. Nothing has been counted then.
    pub async fn admit(
        &self,
        id: &GenerationId,
        asker: &Asker<'_>,
        now_ms: i64,
    ) -> Result<Standing, Box<Refused>> {
        let own = asker.own.iter().enumerate();
        let own = own.map(|(n, rule)| (OWN + n, rule));
        let all = self.rules.iter().enumerate().chain(own);
        let rows: Vec<Row<'_>> = all
            .filter_map(|(place, rule)| {
                let subject = subject(rule, asker)?;
                Some(Row {
                    place,
                    rule,
                    subject,
                })
            })
            .collect();
        let (taken, standing) = self.pass(&rows, asker.prompt_tokens, now_ms).await?;
        self.keep(id, taken);
        Ok(standing)
    }

    /// Counts an attempt of a call in, unless a limit of its provider or its endpoint is met.
    /// [`Gate::leave_endpoint`] or [`Gate::settle`] counts it out.
    ///
    /// # Errors
    /// With the limit that is met. Nothing has been counted then.
    pub async fn enter_endpoint(
        &self,
        id: &GenerationId,
        visit: &Visit<'_>,
        now_ms: i64,
    ) -> Result<(), Box<Refused>> {
        let rows = self.rows_of(visit);
        if rows.is_empty() {
            return Ok(());
        }
        let (mut taken, _) = self.pass(&rows, visit.prompt_tokens, now_ms).await?;
        for what in &mut taken {
            what.attempt = Some(self.attempt_at(visit.endpoint));
        }
        self.keep(id, taken);
        Ok(())
    }

    /// The attempt at an endpoint is over: it is not live any more. What it asked of the provider stays
    /// counted, and so does another attempt of the call, which may be under way beside it.
    pub fn leave_endpoint(&self, id: &GenerationId, endpoint: &str) {
        if self.attempt_rules.is_empty() {
            return;
        }
        let attempt = Some(self.attempt_at(endpoint));
        let mut shard = self.shard(id);
        let Some(taken) = shard.get_mut(id) else {
            return;
        };
        taken.retain(|what| {
            let is_over = what.attempt == attempt;
            if let (true, What::Live) = (is_over, what.what) {
                self.counters.leave(what.id);
            }
            !is_over
        });
    }

    /// The limit that an attempt would meet now, without counting anything.
    #[must_use]
    pub fn full_for(&self, visit: &Visit<'_>, now_ms: i64) -> Option<Box<Refused>> {
        self.rows_of(visit).into_iter().find_map(|row| {
            let (at, amount) = counted(row.rule, visit.prompt_tokens, now_ms);
            let id = self.counters.id(row.place, &row.rule.name, row.subject);
            let used = self.counters.used(id, at);
            let is_full = used.saturating_add(amount) > row.rule.limit;
            is_full.then(|| refused(row.rule, used, at, now_ms))
        })
    }

    fn attempt_at(&self, endpoint: &str) -> CounterId {
        self.counters.id(0, "attempt", endpoint)
    }

    fn rows_of<'a>(&'a self, visit: &Visit<'a>) -> Vec<Row<'a>> {
        let rules = self.attempt_rules.iter().enumerate();
        let rows = rules.filter_map(|(place, rule)| {
            let subject = if rule.per == Per::Endpoint {
                visit.endpoint
            } else {
                visit.provider
            };
            let is_it = rule.only.as_deref().is_none_or(|only| only == subject);
            is_it.then_some(Row {
                place: ATTEMPTS + place,
                rule,
                subject,
            })
        });
        rows.collect()
    }

    /// In by all of them, or by none; asks Valkey where this replica holds too little.
    async fn pass(
        &self,
        rows: &[Row<'_>],
        tokens: u64,
        now_ms: i64,
    ) -> Result<(Vec<Taken>, Standing), Box<Refused>> {
        let deadline = Instant::now() + WAIT;
        for _ in 0..ASKS_MAX {
            match self.attempt(rows, tokens, (now_ms, self.reach(now_ms))) {
                Tried::In(taken, standing) => return Ok((taken, standing)),
                Tried::Refused(refused) => return Err(refused),
                Tried::Short(shorts) => {
                    let Some(sharing) = &self.sharing else { break };
                    if !sharing.fetch(&shorts, deadline).await {
                        break;
                    }
                }
            }
        }
        let reach = self.reach(now_ms).without_asking(now_ms);
        match self.attempt(rows, tokens, (now_ms, reach)) {
            Tried::In(taken, standing) => Ok((taken, standing)),
            Tried::Refused(refused) => Err(refused),
            Tried::Short(_) => Ok((Vec::new(), Standing::default())), // only where one may ask
        }
    }

    fn attempt(&self, rows: &[Row<'_>], tokens: u64, moment: (i64, Reach)) -> Tried {
        let mut taken = Vec::new();
        let mut shorts = Vec::new();
        let mut standing = Standing::default();
        for row in rows {
            let Row {
                place,
                rule,
                subject,
            } = *row;
            let (at, amount) = counted(rule, tokens, moment.0);
            let id = self.counters.id(place, &rule.name, subject);
            let name = || rule.shared_name(place >= OWN, subject);
            match self
                .counters
                .take((id, name), (at, amount), &rule.terms(), moment)
            {
                Verdict::Taken { used, runs_low } => {
                    taken.push(Taken::new(rule, id, at, amount));
                    standing.note(rule.measure, reading(rule, used, at, moment.0));
                    if let (true, Some(sharing)) = (runs_low, &self.sharing) {
                        sharing.order(id);
                    }
                }
                Verdict::Short => shorts.push((id, amount)),
                Verdict::Full { used } => {
                    self.undo(&taken);
                    return Tried::Refused(refused(rule, used, at, moment.0));
                }
            }
        }
        if shorts.is_empty() {
            return Tried::In(taken, standing);
        }
        self.undo(&taken);
        Tried::Short(shorts)
    }

    fn reach(&self, now_ms: i64) -> Reach {
        let sharing = self.sharing.as_ref();
        sharing.map_or(Reach::Alone, |sharing| sharing.reach(now_ms))
    }

    /// Remembers what is to be undone when the call ends.
    fn keep(&self, id: &GenerationId, mut taken: Vec<Taken>) {
        taken.retain(|taken| taken.what != What::Request);
        if !taken.is_empty() {
            let mut shard = self.shard(id);
            shard.entry(id.clone()).or_default().append(&mut taken);
        }
    }

    /// Counts a call out that used this many tokens, prompt and answer. However often it is told,
    /// it does so once; a call that is unknown is none of its business.
    pub fn settle(&self, id: &GenerationId, tokens: u64, now_ms: i64) {
        let Some(taken) = self.shard(id).remove(id) else {
            return;
        };
        for taken in taken {
            match taken.what {
                What::Live => self.counters.leave(taken.id),
                What::Tokens(span) => {
                    let now = bounds(span, now_ms);
                    let change = (taken.amount, tokens);
                    self.counters.correct(taken.id, taken.at, now, change);
                }
                What::Request => {}
            }
        }
    }

    /// How a limit of the house stands for a subject, by the name of the limit: limit and what is
    /// used of it.
    #[must_use]
    pub fn look(&self, name: &str, subject: &str, now_ms: i64) -> Option<Reading> {
        let mut rules = self.rules.iter().enumerate();
        let (place, rule) = rules.find(|(_, rule)| rule.name == name)?;
        let at = bounds(rule.span, now_ms);
        let used = self
            .counters
            .used(self.counters.id(place, name, subject), at);
        Some(Reading {
            limit: rule.limit,
            remaining: rule.limit.saturating_sub(used),
            reset_ms: at.end,
        })
    }

    fn undo(&self, taken: &[Taken]) {
        for what in taken {
            self.counters
                .correct(what.id, what.at, what.at, (what.amount, 0));
        }
    }

    fn shard(&self, id: &GenerationId) -> MutexGuard<'_, Passes> {
        let hash = self.deal.hash_one(id);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        self.passes[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose counter a rule moves for a call; `None` when it does not concern the call.
fn subject<'a>(rule: &Rule, asker: &Asker<'a>) -> Option<&'a str> {
    if rule.free_only && !asker.is_free {
        return None;
    }
    let subject = match rule.per {
        Per::House => "",
        Per::Workspace => asker.workspace_id,
        Per::Key => asker.key_hash,
        Per::Model => asker.model,
        Per::Provider | Per::Endpoint => return None,
    };
    let is_it = rule.only.as_deref().is_none_or(|only| only == subject);
    is_it.then_some(subject)
}
