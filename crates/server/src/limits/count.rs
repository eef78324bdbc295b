//! One counter: what this replica has counted in a window, and how much it may count.
//!
//! Alone, it may count up to the limit. With other replicas it holds a part of the limit, leased from
//! Valkey, and counts within that part; so the parts of all replicas together are never more than the
//! limit, and neither is what they count. Time and what is known of Valkey are parameters.
//!
//! | when | it may count up to |
//! |---|---|
//! | Valkey is there | what it holds; it asks for more before that is used up |
//! | Valkey was lost before the window began | its share: the limit over the replicas |
//! | Valkey was lost in this window | its share, if as much was left when it last looked, and at least what it holds; where it has not looked lately, its share of the time that is left |
//! | calls at once, without Valkey | its share |

use super::rule::WithoutValkey;

/// A window of time: where it begins and ends, Unix milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Its first millisecond.
    pub start: i64,
    /// The first one after it.
    pub end: i64,
}

impl Bounds {
    /// The one window of everything that is not counted in windows.
    pub const ALWAYS: Self = Self {
        start: 0,
        end: i64::MAX,
    };

    fn ms(self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.start)).unwrap_or(1)
    }
}

/// What is known of the other replicas at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// There are none.
    Alone,
    /// Valkey answers. How many replicas there are.
    There(u64),
    /// Valkey does not answer, since that Unix millisecond. How many replicas there were.
    Away(u64, i64),
}

impl Reach {
    fn replicas(self) -> u64 {
        match self {
            Self::Alone => 1,
            Self::There(replicas) | Self::Away(replicas, _) => replicas.max(1),
        }
    }

    /// Whether replicas share at all.
    #[must_use]
    pub fn is_shared(self) -> bool {
        self != Self::Alone
    }

    /// Whether Valkey answers.
    #[must_use]
    pub fn is_there(&self) -> bool {
        matches!(self, Self::There(_))
    }

    /// The same when there is no time to ask Valkey.
    #[must_use]
    pub fn without_asking(self, now_ms: i64) -> Self {
        match self {
            Self::There(replicas) => Self::Away(replicas, now_ms),
            Self::Alone | Self::Away(..) => self,
        }
    }
}

/// What a counter counts, and up to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The most there may be.
    pub limit: u64,
    /// Whether it goes down again when a call ends: calls at once.
    pub is_live: bool,
    /// What holds while Valkey is away.
    pub without: WithoutValkey,
}

/// What became of an attempt to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Counted.
    Taken {
        /// What all replicas have counted then, as far as it is known here.
        used: u64,
        /// Whether it is time to lease more.
        runs_low: bool,
    },
    /// Not counted: the limit is met.
    Full {
        /// What all replicas have counted, as far as it is known here.
        used: u64,
    },
    /// Not counted: this replica holds too little, and more may be free.
    Short,
}

/// What to tell and ask Valkey about a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The window it is about.
    pub window: Bounds,
    /// What this replica holds.
    pub held: u64,
    /// How much more it would like to hold.
    pub want: u64,
}

/// Part of a limit that this replica holds in one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    held: u64,
    /// What others held when Valkey was last asked; absent when it never was.
    others: Option<u64>,
    /// Until when nothing is free, as Valkey said.
    dry_until_ms: i64,
}

/// One counter.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    window: Bounds,
    /// Counted in this window; for calls at once, those that have not ended.
    used: u64,
    part: Part,
    /// What is held already of the window that comes next.
    next: Option<(Bounds, Part)>,
    touched_ms: i64,
    /// When Valkey last answered, Unix milliseconds.
    told_ms: i64,
    /// When more was last ordered before it was needed.
    ordered_ms: i64,
    /// After which return of Valkey it was last told.
    told_return: u64,
}

/// No clock of ours shows this instant.
const NEVER: i64 = i64::MIN;

/// How long nothing is asked after Valkey has said that nothing is free.
pub(super) const DRY_MS: i64 = 50;

/// A part that has not been used for so long goes back when others may need it.
const IDLE_MS: i64 = 1_000;

/// How long before its beginning a window's first part is leased, at the most.
const AHEAD_MS: i64 = 1_000;

/// How often Valkey is told about calls at once, so that it knows that this replica is alive.
const TELL_LIVE_MS: i64 = 3_000;

/// How often it is looked what others hold of a limit that is in use here.
const LOOK_MS: i64 = 1_000;

/// What was seen longer than that before Valkey was lost says nothing any more.
const FRESH_MS: i64 = 2_500;

impl Default for Count {
    fn default() -> Self {
        Self {
            window: Bounds::default(),
            used: 0,
            part: Part::default(),
            next: None,
            touched_ms: NEVER,
            told_ms: NEVER,
            ordered_ms: NEVER,
            told_return: 0,
        }
    }
}

impl Count {
    /// Counts `amount` in a window if this replica may.
    pub fn take(
        &mut self,
        at: Bounds,
        amount: u64,
        terms: &Terms,
        (now_ms, reach): (i64, Reach),
    ) -> Verdict {
        self.renew(at);
        self.touched_ms = self.touched_ms.max(now_ms);
        let total = self.used.saturating_add(amount);
        if total <= self.most(terms, reach) {
            self.used = total;
            let runs_low = reach.is_there() && self.runs_low(terms, reach, now_ms);
            if runs_low {
                self.ordered_ms = now_ms;
            }
            return Verdict::Taken {
                used: self.used_by_all(terms),
                runs_low,
            };
        }
        let may_ask = reach.is_there() && now_ms >= self.part.dry_until_ms;
        if may_ask && total <= terms.limit {
            return Verdict::Short;
        }
        Verdict::Full {
            used: self.used_by_all(terms),
        }
    }

    /// Corrects what was counted, from what it was to what it turned out to be. Of a window that is
    /// over nothing is taken back, and what is more goes into the present one.
    pub fn correct(&mut self, taken_in: Bounds, now: Bounds, (was, is): (u64, u64)) {
        self.renew(now);
        if is >= was {
            self.used = self.used.saturating_add(is - was);
        } else if taken_in == self.window {
            self.used = self.used.saturating_sub(was - is);
        }
    }

    /// What all replicas have counted in a window, as far as it is known here.
    #[must_use]
    pub fn used_in(&self, at: Bounds) -> u64 {
        if self.window.start != at.start {
            return 0;
        }
        self.used.saturating_add(self.part.others.unwrap_or(0))
    }

    /// What this replica has counted.
    #[must_use]
    pub fn used_here(&self) -> u64 {
        self.used
    }

    /// Whether it may be forgotten: its window is over, or nothing is live in it.
    #[must_use]
    pub fn is_over(&self, now_ms: i64) -> bool {
        if self.window.end == i64::MAX {
            return self.used == 0 && self.part.held == 0;
        }
        self.window.end <= now_ms
    }

    /// What to ask so that `amount` more can be counted.
    pub fn ask(&mut self, amount: u64, terms: &Terms, reach: Reach) -> Need {
        let needed = self.used.saturating_add(amount);
        let needed = needed.saturating_sub(self.part.held).min(terms.limit);
        // Twice as much, because others may be about to take what this call waits for; but a place
        // that is held in vain is another's.
        let wanted = if terms.is_live { needed } else { 2 * needed };
        Need {
            window: self.window,
            held: self.claimed(),
            want: wanted.max(slice(self.part, terms, reach)),
        }
    }

    /// Gives back what was not used: this replica stops.
    pub fn give_back(&mut self, now_ms: i64) -> Option<Need> {
        let is_left = self.part.held > self.used && !self.is_over(now_ms);
        self.part.held = self.part.held.min(self.used);
        is_left.then(|| self.tell())
    }

    /// What to tell or ask without being asked for it: nothing, most of the time. `returns` says how
    /// often Valkey has come back.
    pub fn tend(
        &mut self,
        terms: &Terms,
        now_ms: i64,
        (reach, returns): (Reach, u64),
    ) -> Option<Need> {
        if self.told_return < returns {
            // What may be counted until everybody has told is told with it.
            self.part.held = self.claimed().max(self.most(terms, reach));
            return (self.used > 0 && !self.is_over(now_ms)).then(|| self.tell());
        }
        if !reach.is_there() {
            return None;
        }
        if self.used > self.part.held && !self.is_over(now_ms) {
            return Some(self.tell()); // answers were longer than estimated, or Valkey was away
        }
        let idle_ms = now_ms.saturating_sub(self.touched_ms);
        let is_idle = idle_ms >= IDLE_MS;
        if terms.is_live {
            let is_due = now_ms.saturating_sub(self.told_ms) >= TELL_LIVE_MS;
            if is_idle && self.part.held > self.used {
                self.part.held = self.used;
                return Some(self.tell());
            }
            return (is_due && self.claimed() > 0).then(|| self.tell());
        }
        if is_idle && self.part.held > self.used && self.window.end > now_ms {
            let free = self.free(terms);
            if free <= terms.limit / 2 {
                self.part.held = self.used;
                return Some(self.tell());
            }
        }
        let is_stale = now_ms.saturating_sub(self.told_ms) >= LOOK_MS;
        if is_stale && idle_ms < LOOK_MS && self.window.end > now_ms {
            return Some(self.tell());
        }
        self.ahead(terms, reach, now_ms)
    }

    /// Takes over an answer of Valkey's. `is_short` says that it gave less than was wanted.
    pub fn leased(&mut self, need: &Need, leased: cluster::Leased, (now_ms, returns): (i64, u64)) {
        let part = Part {
            held: leased.held,
            others: Some(leased.others),
            dry_until_ms: if need.want > 0 && leased.held <= need.held {
                now_ms.saturating_add(DRY_MS)
            } else {
                0
            },
        };
        if self.window == need.window {
            self.part = part;
            self.told_ms = now_ms;
            self.told_return = returns;
        } else if need.window.start > self.window.start {
            self.next = Some((need.window, part));
            self.told_ms = now_ms;
        }
    }

    /// The first part of the next window, while this one is in use and nearly over.
    fn ahead(&self, terms: &Terms, reach: Reach, now_ms: i64) -> Option<Need> {
        let window = self.window;
        let length = i64::try_from(window.ms()).unwrap_or(i64::MAX);
        let is_near = window.end.saturating_sub(now_ms) <= AHEAD_MS.min(length / 10);
        let want = slice(Part::default(), terms, reach);
        let is_used = self.used > 0 && self.next.is_none() && want > 0;
        if !is_near || now_ms >= window.end || !is_used {
            return None;
        }
        let next = Bounds {
            start: window.end,
            end: window.end.saturating_add(length),
        };
        Some(Need {
            window: next,
            held: 0,
            want,
        })
    }

    fn tell(&self) -> Need {
        Need {
            window: self.window,
            held: self.claimed(),
            want: 0,
        }
    }

    /// What others must reckon with.
    fn claimed(&self) -> u64 {
        self.part.held.max(self.used)
    }

    /// The most that this replica may have counted.
    fn most(&self, terms: &Terms, reach: Reach) -> u64 {
        let (replicas, lost_ms) = match reach {
            Reach::Alone => return terms.limit,
            Reach::There(_) => return self.part.held.min(terms.limit),
            Reach::Away(replicas, lost_ms) => (replicas.max(1), lost_ms),
        };
        let share = terms.limit / replicas;
        let held = self.part.held;
        if self.told_ms > lost_ms {
            return held; // Valkey is back, and knows what is held here
        }
        match terms.without {
            WithoutValkey::Allow => terms.limit,
            WithoutValkey::Refuse => held,
            WithoutValkey::Share if terms.is_live => share,
            WithoutValkey::Share if self.window.start >= lost_ms => share.max(held),
            WithoutValkey::Share if self.told_ms >= lost_ms.saturating_sub(FRESH_MS) => {
                let others = self.part.others.unwrap_or(0);
                share.min(terms.limit.saturating_sub(others)).max(held)
            }
            WithoutValkey::Share => {
                let left = self.window.end.saturating_sub(lost_ms).max(0);
                let left = u128::from(left.unsigned_abs()) * u128::from(share);
                let part = left / u128::from(self.window.ms().max(1));
                u64::try_from(part).unwrap_or(share).min(share).max(held)
            }
        }
    }

    fn free(&self, terms: &Terms) -> u64 {
        free(self.part, terms)
    }

    fn used_by_all(&self, terms: &Terms) -> u64 {
        let others = self.part.others.unwrap_or(0);
        others.saturating_add(self.used).min(terms.limit)
    }

    fn runs_low(&self, terms: &Terms, reach: Reach, now_ms: i64) -> bool {
        let left = self.part.held.saturating_sub(self.used);
        let is_free = self.free(terms) > 0 && now_ms >= self.part.dry_until_ms;
        let is_ordered = now_ms.saturating_sub(self.ordered_ms) < DRY_MS;
        is_free && !is_ordered && left < slice(self.part, terms, reach).div_ceil(2)
    }

    fn renew(&mut self, at: Bounds) {
        // A clock that steps back must not open a window anew: the later one stays until it is over.
        if self.window.start < at.start || self.window.end == 0 {
            let ahead = self.next.take().filter(|(next, _)| *next == at);
            *self = Self {
                window: at,
                part: ahead.map(|(_, part)| part).unwrap_or_default(),
                touched_ms: self.touched_ms,
                told_ms: if ahead.is_some() { self.told_ms } else { NEVER },
                told_return: self.told_return,
                ..Self::default()
            };
        }
    }
}

fn free(part: Part, terms: &Terms) -> u64 {
    let others = part.others.unwrap_or(0);
    terms.limit.saturating_sub(others).saturating_sub(part.held)
}

/// How much is leased before it is needed: half of what this replica's share of the free part would
/// be, so that slices shrink as the limit comes near. Beyond its share of the whole it leases little
/// ahead, and of calls at once nothing: what lies idle here would be another's.
fn slice(part: Part, terms: &Terms, reach: Reach) -> u64 {
    let share = terms.limit / reach.replicas();
    let of_free = free(part, terms) / 2 / reach.replicas();
    match share.saturating_sub(part.held) {
        0 if terms.is_live => 0,
        0 => of_free / 4,
        room => of_free.min(room),
    }
}
