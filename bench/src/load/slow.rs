//! Thousands of streams at once, each with a chunk now and then: does every one of them live, and what does it weigh.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::line::Line;
use super::order::{Form, Order};
use super::outcome::Outcome;
use crate::measure::histogram::Histogram;
use crate::measure::schedule::Schedule;

/// How often the state of things is looked at while the streams are open.
const LOOK: Duration = Duration::from_millis(250);
/// Time a stream may take beyond what its chunks need.
const GRACE: Duration = Duration::from_secs(30);

/// How many streams, how fast they come, how slowly they speak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) streams: usize,
    /// New streams per second.
    pub(crate) rate: u32,
    /// Between two chunks of a stream, as the simulator is told.
    pub(crate) gap: Duration,
    /// How long all of them are to be open at once.
    pub(crate) hold: Duration,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) outcome: Outcome,
    /// How late each chunk was: the time since the chunk before it, less the gap that was asked for.
    pub(crate) lateness: Histogram,
    /// How long all streams were open together; zero when they never were.
    pub(crate) held: Duration,
    /// Most streams open at once.
    pub(crate) open_max: u64,
    /// Chunks that came while all were open.
    pub(crate) held_chunks: u64,
}

impl Crowd {
    /// Chunks each stream needs so that the first still speaks when the last has been open for the whole hold.
    pub(crate) fn chunks(&self) -> u64 {
        let opening =
            Duration::from_secs(1).mul_f64(self.streams as f64 / f64::from(self.rate.max(1)));
        let needed = (opening + self.hold)
            .as_nanos()
            .div_ceil(self.gap.as_nanos().max(1));
        u64::try_from(needed).unwrap_or(u64::MAX) + SPARE_CHUNKS
    }

    /// Length of one stream.
    fn life(&self) -> Duration {
        self.gap * u32::try_from(self.chunks()).unwrap_or(u32::MAX)
    }
}

/// Opening takes longer than its rate says when the machine is busy; the first streams must still speak then.
const SPARE_CHUNKS: u64 = 5;

/// What the streams tell while they live.
#[derive(Default)]
struct Pulse {
    opened: AtomicU64,
    ended: AtomicU64,
    chunks: AtomicU64,
}

impl Pulse {
    fn open_now(&self) -> u64 {
        let ended = self.ended.load(Relaxed);
        self.opened.load(Relaxed).saturating_sub(ended)
    }
}

/// When the crowd is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Every stream has just been found open.
    AllOpen,
    /// They still are.
    StillOpen,
    /// The hold is over, or a stream has ended.
    Over,
}

/// Opens the crowd, keeps it, and waits for its end; `look` is called while all are open.
pub(crate) async fn crowd(order: &Arc<Order>, crowd: Crowd, mut look: impl FnMut(Look)) -> Held {
    let start = Instant::now();
    let schedule = Schedule::new(start, crowd.rate);
    let pulse = Arc::new(Pulse::default());
    let mut streams = JoinSet::new();
    for index in 0..crowd.streams {
        let opens_at = schedule.intended(index as u64);
        streams.spawn(one_stream(order.clone(), crowd, opens_at, pulse.clone()));
    }
    let mut held = Held::default();
    watch(crowd, &pulse, &mut held, &mut look).await;
    while let Some(ended) = streams.join_next().await {
        match ended {
            Ok((outcome, late)) => {
                held.outcome.absorb(outcome);
                late.into_iter().for_each(|late| held.lateness.record(late));
            }
            Err(error) => held
                .outcome
                .note_error(format!("a stream's task died: {error}")),
        }
    }
    held.outcome.wall = start.elapsed();
    held
}

/// Looks at the crowd from the moment all are open until the hold is over or the first one ends.
async fn watch(crowd: Crowd, pulse: &Pulse, held: &mut Held, look: &mut impl FnMut(Look)) {
    let all = crowd.streams as u64;
    while pulse.open_now() < all {
        held.open_max = held.open_max.max(pulse.open_now());
        if pulse.ended.load(Relaxed) > 0 {
            return; // One has ended before the last was open: they will never be open together.
        }
        sleep(Duration::from_millis(5)).await;
    }
    held.open_max = all;
    let (since, chunks) = (Instant::now(), pulse.chunks.load(Relaxed));
    look(Look::AllOpen);
    while since.elapsed() < crowd.hold && pulse.ended.load(Relaxed) == 0 {
        sleep(LOOK.min(crowd.hold)).await;
        look(Look::StillOpen);
    }
    held.held = since.elapsed();
    held.held_chunks = pulse.chunks.load(Relaxed) - chunks;
    look(Look::Over);
}

async fn one_stream(
    order: Arc<Order>,
    crowd: Crowd,
    opens_at: Instant,
    pulse: Arc<Pulse>,
) -> (Outcome, Vec<Duration>) {
    let mut outcome = Outcome::default();
    let mut lateness = Lateness::new(&order, crowd.gap);
    sleep_until(opens_at).await;
    let call = async {
        let mut line = Line::open(order.addr).await?;
        let on_chunks = |count| {
            if lateness.note(Instant::now()) {
                pulse.opened.fetch_add(1, Relaxed);
            }
            pulse.chunks.fetch_add(count, Relaxed);
        };
        line.call(&order, on_chunks).await
    };
    let seen = timeout(crowd.life() + GRACE, call).await;
    let seen = seen.unwrap_or_else(|_| Err(anyhow::anyhow!("the stream did not end in time")));
    pulse.ended.fetch_add(1, Relaxed);
    outcome.note(opens_at, &seen);
    (outcome, lateness.late)
}

/// How late the chunks of one stream were.
struct Lateness {
    gap: Duration,
    last: Option<Instant>,
    late: Vec<Duration>,
    /// Chunks that are looked at: those with content; what ends a stream may come in another rhythm.
    chunks_max: usize,
}

impl Lateness {
    fn new(order: &Order, gap: Duration) -> Self {
        let chunks_max = match order.form {
            Form::Whole => 0,
            Form::Stream { chunks } => usize::try_from(chunks).unwrap_or(usize::MAX),
        };
        Self {
            gap,
            last: None,
            late: Vec::with_capacity(chunks_max.min(1024)),
            chunks_max,
        }
    }

    /// Notes an arrival; true for the first one.
    fn note(&mut self, at: Instant) -> bool {
        let Some(last) = self.last.replace(at) else {
            return true;
        };
        if self.late.len() + 1 < self.chunks_max {
            self.late.push((at - last).saturating_sub(self.gap));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::canned::{self, Canned};

    const CROWD: Crowd = Crowd {
        streams: 20,
        rate: 1000,
        gap: Duration::from_millis(20),
        hold: Duration::from_millis(50),
    };

    #[test]
    fn a_stream_is_long_enough_for_the_opening_and_the_hold() {
        let crowd = Crowd {
            streams: 2000,
            rate: 500,
            gap: Duration::from_secs(1),
            hold: Duration::from_secs(15),
        };
        assert_eq!(crowd.chunks(), 4 + 15 + SPARE_CHUNKS);
    }

    #[tokio::test]
    async fn all_streams_are_open_at_once_for_as_long_as_asked() {
        let chunks = CROWD.chunks();
        let answer = Canned::stream(usize::try_from(chunks).unwrap() + 60).with_gap(CROWD.gap);
        let server = canned::serve(answer).await;
        let order = Arc::new(server.order(Form::Stream { chunks }));
        let mut looks = Vec::new();
        let held = crowd(&order, CROWD, |look| looks.push(look)).await;
        assert_eq!((held.outcome.calls, held.outcome.errors), (20, 0));
        assert_eq!(held.open_max, 20);
        assert!(held.held >= CROWD.hold && held.held_chunks > 0);
        assert_eq!(
            (looks.first(), looks.last()),
            (Some(&Look::AllOpen), Some(&Look::Over))
        );
    }

    #[tokio::test]
    async fn streams_that_are_refused_are_errors_and_nobody_waits_for_them() {
        let server = canned::serve(Canned::whole("{}").with_status(500)).await;
        let order = Arc::new(server.order(Form::Stream { chunks: 3 }));
        let held = crowd(&order, CROWD, |_| ()).await;
        assert_eq!((held.outcome.calls, held.outcome.errors), (0, 20));
        assert_eq!(held.held, Duration::ZERO);
    }

    #[test]
    fn lateness_is_what_a_gap_exceeds_the_asked_one_by() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let gap = Duration::from_millis(100);
        let mut lateness = Lateness {
            gap,
            last: None,
            late: Vec::new(),
            chunks_max: 4,
        };
        assert!(lateness.note(at(0)));
        assert!(!lateness.note(at(100)));
        lateness.note(at(350));
        lateness.note(at(400));
        lateness.note(at(9000)); // beyond the content
        let millis: Vec<_> = lateness.late.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [0, 150, 0]);
    }
}
