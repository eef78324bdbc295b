//! Calls alone, beside those who only count, beside lists and beside dashboards, in turns: what readers cost
//! calls, and how much of it whatever runs in spare time would.
//!
//! Each round has all of them, and who goes first changes, so that a drift of the machine favours nobody.
//! What lies within the rounds without readers is no change.

use std::fmt::Write as _;
use std::time::Duration;

use super::report::ms;

/// What happens beside the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// [Nobody reads](super::counting), but what there is of spare time is used.
    Counting,
    Lists,
    Dashboards,
}

/// How many turns there are of each, and how long one is; readers ask one question after the other in it, with a
/// pause between them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) pause: Duration,
}

/// What became of the calls of one turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turn {
    pub(crate) calls: u64,
    /// Calls that went wrong.
    pub(crate) errors: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// Questions that readers asked meanwhile, and the median of what they took.
    pub(crate) asked: usize,
    pub(crate) answer: Duration,
}

/// All turns of one kind of call.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    turns: [Vec<Turn>; 4],
}

impl Beside {
    pub(crate) const ALL: [Self; 4] =
        [Self::Nothing, Self::Counting, Self::Lists, Self::Dashboards];

    const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Counting => "counting in spare time",
            Self::Lists => "lists",
            Self::Dashboards => "dashboards",
        }
    }
}

impl Turn {
    /// With what readers did in it, each answer's time.
    pub(crate) fn with(mut self, mut answers: Vec<Duration>) -> Self {
        answers.sort_unstable();
        self.asked = answers.len();
        self.answer = middle(&answers);
        self
    }
}

impl Compared {
    /// Takes all turns, one by one.
    pub(crate) async fn take(
        turns: Turns,
        mut one: impl AsyncFnMut(Beside) -> anyhow::Result<Turn>,
    ) -> anyhow::Result<Self> {
        let mut compared = Self::default();
        for round in 0..turns.rounds {
            for turn in 0..Beside::ALL.len() {
                let index = (round + turn) % Beside::ALL.len();
                let taken = one(Beside::ALL[index]).await?;
                compared.turns[index].push(taken);
            }
        }
        Ok(compared)
    }

    /// Whether nothing was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.iter().all(Vec::is_empty)
    }

    /// A table, and a line that says whether readers changed anything.
    pub(crate) fn markdown(&self, what: &str) -> String {
        let mut text = format!(
            "\n| {what}, beside | calls | errors | p50 | p99 | p99 by round | longest | questions | their median |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        );
        for (beside, turns) in Beside::ALL.iter().zip(&self.turns) {
            let sum = |of: fn(&Turn) -> u64| turns.iter().map(of).sum::<u64>();
            let (fast, slow) = scatter(turns);
            let longest = turns.iter().map(|turn| turn.max).max();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} to {} | {} | {} | {} |",
                beside.name(),
                sum(|turn| turn.calls),
                sum(|turn| turn.errors),
                ms(median(turns, |turn| turn.p50)),
                ms(median(turns, |turn| turn.p99)),
                ms(fast),
                ms(slow),
                ms(longest.unwrap_or_default()),
                turns.iter().map(|turn| turn.asked).sum::<usize>(),
                ms(median(turns, |turn| turn.answer)),
            );
        }
        text.push('\n');
        for (beside, turns) in Beside::ALL.iter().zip(&self.turns).skip(1) {
            let _ = writeln!(text, "{}", self.verdict(*beside, turns));
        }
        text
    }

    /// Whether the p99 of those turns is one that there is without readers as well.
    fn verdict(&self, beside: Beside, turns: &[Turn]) -> String {
        let [alone, ..] = &self.turns;
        let (ours, (_, worst)) = (median(turns, |turn| turn.p99), scatter(alone));
        let (name, ours) = (beside.name(), (ours, ms(ours)));
        let without = format!("without them {} at the worst", ms(worst));
        match ours.0 <= worst {
            true => format!("Beside {name} p99 is unchanged: {}, {without}.", ours.1),
            false => format!("Beside {name} p99 has risen: {}, {without}.", ours.1),
        }
    }
}

/// The least and the greatest p99 of turns.
fn scatter(turns: &[Turn]) -> (Duration, Duration) {
    let all = || turns.iter().map(|turn| turn.p99);
    let (least, greatest) = (all().min(), all().max());
    (least.unwrap_or_default(), greatest.unwrap_or_default())
}

fn median(turns: &[Turn], of: impl Fn(&Turn) -> Duration) -> Duration {
    let mut all: Vec<Duration> = turns.iter().map(of).collect();
    all.sort_unstable();
    middle(&all)
}

fn middle(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURNS: Turns = Turns {
        rounds: 3,
        time: Duration::ZERO,
        pause: Duration::ZERO,
    };

    async fn compared(p99_ms: [[u64; 3]; 4]) -> Compared {
        let mut seen = [0; 4];
        let taken = Compared::take(TURNS, async |beside| {
            let index = beside as usize;
            let p99 = Duration::from_millis(p99_ms[index][seen[index]]);
            seen[index] += 1;
            Ok(Turn {
                p99,
                ..Turn::default()
            })
        });
        taken.await.unwrap()
    }

    #[tokio::test]
    async fn what_lies_within_the_rounds_without_readers_is_no_change() {
        let compared = compared([[9, 12, 10], [9, 10, 11], [11, 12, 40], [13, 14, 9]]).await;
        let text = compared.markdown("Settling");
        let lists = "Beside lists p99 is unchanged: 12.0 ms, without them 12.0 ms at the worst.";
        let dashboards =
            "Beside dashboards p99 has risen: 13.0 ms, without them 12.0 ms at the worst.";
        assert!(text.contains(lists) && text.contains(dashboards), "{text}");
        assert!(text.contains("| 10.0 ms | 9.0 ms to 12.0 ms |"), "{text}");
    }

    #[tokio::test]
    async fn everybody_goes_first_in_turn() {
        let mut order = Vec::new();
        let taken = Compared::take(TURNS, async |beside| {
            order.push(beside);
            Ok(Turn::default())
        });
        taken.await.unwrap();
        use Beside::{Counting, Dashboards, Lists, Nothing};
        let expected = [
            [Nothing, Counting, Lists, Dashboards],
            [Counting, Lists, Dashboards, Nothing],
            [Lists, Dashboards, Nothing, Counting],
        ];
        let expected = expected.concat();
        assert_eq!(order, expected);
    }
}
