//! Rings of slices of time: the oldest is overwritten. Slices begin at whole multiples of their
//! length, so that those of two processes can be added up.

use serde::{Deserialize, Serialize};

use super::sample::{Sample, Served, ToolCalls};
use super::sketch::{Sketch, Total};

/// What is counted in a slice of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    pub(super) ok: u32,
    #[serde(rename = "f", default, skip_serializing_if = "is_zero")]
    pub(super) failed: u32,
    #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
    pub(super) limited: u32,
    #[serde(rename = "t", default, skip_serializing_if = "is_zero")]
    pub(super) tools_valid: u32,
    #[serde(rename = "i", default, skip_serializing_if = "is_zero")]
    pub(super) tools_invalid: u32,
    /// Thousands of prompt tokens, rounded up, of calls that were counted.
    #[serde(rename = "p", default, skip_serializing_if = "is_zero")]
    pub(super) prompt_kilotokens: u32,
    /// Thousands of prompt tokens that came from the cache.
    #[serde(rename = "c", default, skip_serializing_if = "is_zero")]
    pub(super) cached_kilotokens: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Tally {
    pub(super) fn note(&mut self, sample: &Sample) {
        let slot = match sample {
            Sample::Served(served) => {
                self.note_served(served);
                &mut self.ok
            }
            Sample::Failed { .. } => &mut self.failed,
            Sample::Limited { .. } => &mut self.limited,
        };
        *slot = slot.saturating_add(1);
    }

    fn note_served(&mut self, served: &Served) {
        match served.tool_calls {
            Some(ToolCalls::Valid) => self.tools_valid = self.tools_valid.saturating_add(1),
            Some(ToolCalls::Invalid) => self.tools_invalid = self.tools_invalid.saturating_add(1),
            None => {}
        }
        let kilo = |tokens: u64| u32::try_from(tokens.div_ceil(1000)).unwrap_or(u32::MAX);
        let prompt = kilo(served.prompt_tokens);
        let cached = kilo(served.cached_tokens).min(prompt);
        self.prompt_kilotokens = self.prompt_kilotokens.saturating_add(prompt);
        self.cached_kilotokens = self.cached_kilotokens.saturating_add(cached);
    }

    pub(super) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.ok, other.ok),
            (&mut self.failed, other.failed),
            (&mut self.limited, other.limited),
            (&mut self.tools_valid, other.tools_valid),
            (&mut self.tools_invalid, other.tools_invalid),
            (&mut self.prompt_kilotokens, other.prompt_kilotokens),
            (&mut self.cached_kilotokens, other.cached_kilotokens),
        ];
        for (own, other) in pairs {
            *own = own.saturating_add(other);
        }
    }

    /// Attempts that say whether it works: served and failed, not limited.
    pub(super) const fn judged(&self) -> u32 {
        self.ok.saturating_add(self.failed)
    }

    /// Served of judged attempts, 0 to 1; `None` when there are none.
    pub(super) fn uptime(&self) -> Option<f64> {
        let judged = self.judged();
        (judged > 0).then(|| f64::from(self.ok) / f64::from(judged))
    }
}

/// What a slice holds.
pub(super) trait Content: Default + Clone {
    /// Counts one sample.
    fn note(&mut self, sample: &Sample);
}

impl Content for Tally {
    fn note(&mut self, sample: &Sample) {
        Self::note(self, sample);
    }
}

/// Counts and distributions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Detail {
    pub(super) tally: Tally,
    pub(super) first_token_ms: Sketch,
    pub(super) total_ms: Sketch,
    /// Tenths of a token per second.
    pub(super) speed: Sketch,
}

impl Content for Detail {
    fn note(&mut self, sample: &Sample) {
        self.tally.note(sample);
        let Sample::Served(served) = sample else {
            return;
        };
        if let Some(first_token_ms) = served.first_token_ms {
            self.first_token_ms.add(first_token_ms);
        }
        self.total_ms.add(served.total_ms);
        if served.output_tokens > 0 {
            let tenths = served.output_tokens.saturating_mul(10_000);
            let speed = tenths / u64::from(served.total_ms.max(1));
            self.speed.add(u32::try_from(speed).unwrap_or(u32::MAX));
        }
    }
}

/// The newest slices of a length, at most `N` of them.
#[derive(Debug, Clone)]
pub(super) struct Ring<T, const N: usize> {
    slice_ms: i64,
    /// The number of each slice since 1970, and what it holds; -1 for none.
    slices: Box<[(i64, T); N]>,
}

impl<T: Content, const N: usize> Ring<T, N> {
    pub(super) fn new(slice_ms: i64) -> Self {
        Self {
            slice_ms,
            slices: Box::new(std::array::from_fn(|_| (-1, T::default()))),
        }
    }

    pub(super) fn note(&mut self, sample: &Sample, now_ms: i64) {
        if let Some(content) = self.slice(now_ms.div_euclid(self.slice_ms)) {
            content.note(sample);
        }
    }

    /// The slice of that number, emptied if an older one stood there; `None` for one that is older
    /// than what stands there.
    pub(super) fn slice(&mut self, number: i64) -> Option<&mut T> {
        let place = usize::try_from(number.rem_euclid(N as i64)).ok()?;
        let (standing, content) = self.slices.get_mut(place)?;
        if *standing > number {
            return None;
        }
        if *standing < number {
            (*standing, *content) = (number, T::default());
        }
        Some(content)
    }

    /// Changes every slice.
    pub(super) fn each(&mut self, change: impl Fn(&mut T)) {
        let slices = self.slices.iter_mut();
        slices.for_each(|(_, content)| change(content));
    }

    /// The slices that touch the time since `window_ms` ago.
    pub(super) fn since(&self, window_ms: i64, now_ms: i64) -> impl Iterator<Item = &T> {
        let newest = now_ms.div_euclid(self.slice_ms);
        let oldest = now_ms.saturating_sub(window_ms).div_euclid(self.slice_ms);
        let touching = move |number: i64| number >= oldest && number <= newest;
        let all = self.slices.iter();
        all.filter(move |(number, _)| touching(*number))
            .map(|(_, content)| content)
    }

    /// All slices that hold anything, with their numbers.
    pub(super) fn filled(&self) -> impl Iterator<Item = (i64, &T)> {
        let all = self.slices.iter().filter(|(number, _)| *number >= 0);
        all.map(|(number, content)| (*number, content))
    }
}

/// Several slices added up.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub(super) tally: Tally,
    pub(super) first_token_ms: Total,
    pub(super) total_ms: Total,
    pub(super) speed: Total,
}

impl Sum {
    pub(super) fn of<'a>(details: impl Iterator<Item = &'a Detail>) -> Self {
        let mut sum = Self::default();
        for detail in details {
            sum.tally.add(&detail.tally);
            sum.first_token_ms.add(&detail.first_token_ms);
            sum.total_ms.add(&detail.total_ms);
            sum.speed.add(&detail.speed);
        }
        sum
    }
}

/// Counts of several slices added up.
pub(super) fn tally<'a>(slices: impl Iterator<Item = &'a Tally>) -> Tally {
    let mut sum = Tally::default();
    slices.for_each(|slice| sum.add(slice));
    sum
}
