//! Counted units, in disjoint buckets: no token is in two of them.
//!
//! Each dialect's `usage.rs` in `wire` turns a provider's numbers into these buckets by a written
//! rule; nothing above ever asks again whether "prompt tokens" include the cached ones.

/// What is counted, and therefore what can have a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// Input tokens (text, files) that were neither read from nor written to a cache.
    Input,
    /// Input tokens read from the provider's prompt cache.
    CacheRead,
    /// Input tokens written to the cache with the default (5 minute) lifetime.
    CacheWrite,
    /// Input tokens written to the cache with a one hour lifetime.
    CacheWrite1h,
    /// Input audio tokens.
    InputAudio,
    /// Input image tokens, where a provider counts them apart from text.
    InputImage,
    /// Visible output tokens.
    Output,
    /// Output tokens spent on reasoning.
    Reasoning,
    /// Output audio tokens.
    OutputAudio,
    /// Output image tokens.
    OutputImage,
    /// Requests made.
    Request,
    /// Searches made by the provider on the caller's behalf.
    WebSearch,
}

impl Unit {
    /// How many units there are; the length of a price table.
    pub const COUNT: usize = 12;

    /// Every unit, in declaration order, so that `ALL[unit.index()] == unit`.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::InputAudio,
        Self::InputImage,
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
        Self::OutputImage,
        Self::Request,
        Self::WebSearch,
    ];

    /// Position in [`Unit::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in catalog rows, records and explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::InputAudio => "input_audio",
            Self::InputImage => "input_image",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "output_audio",
            Self::OutputImage => "output_image",
            Self::Request => "request",
            Self::WebSearch => "web_search",
        }
    }

    /// Reads a name back; `None` when it is not one of ours.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// Whether this counts tokens that went into the model (the "prompt" side).
    #[must_use]
    pub const fn is_prompt(self) -> bool {
        matches!(
            self,
            Self::Input
                | Self::CacheRead
                | Self::CacheWrite
                | Self::CacheWrite1h
                | Self::InputAudio
                | Self::InputImage
        )
    }

    /// Whether this counts tokens that came out of the model (the "completion" side).
    #[must_use]
    pub const fn is_completion(self) -> bool {
        matches!(
            self,
            Self::Output | Self::Reasoning | Self::OutputAudio | Self::OutputImage
        )
    }
}

/// How fast a provider has served, where it sells that: a price of its own. What most calls get has
/// no name here. Source: section 16 of our digest (`fast` is another word for `priority`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceTier {
    /// Slower and cheaper.
    Flex,
    /// Faster and dearer.
    Priority,
    /// Capacity that was bought ahead.
    Scale,
}

impl ServiceTier {
    /// Every tier.
    pub const ALL: [Self; 3] = [Self::Flex, Self::Priority, Self::Scale];

    /// The word in catalog rows, records and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Scale => "scale",
        }
    }

    /// Reads the word back; `None` for what most calls get (`default`, `standard`) and for words
    /// that are not known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "fast" => Some(Self::Priority),
            _ => Self::ALL.into_iter().find(|tier| tier.name() == name),
        }
    }
}

/// Counted units of one call. A bucket the provider did not mention is absent, not zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    counts: [Option<u64>; Unit::COUNT],
    /// The tier that the provider says it served by, where that is a special one.
    pub service_tier: Option<ServiceTier>,
    /// The cost the provider itself reported, in nano-USD, when it reports one.
    pub native_cost_nanos: Option<i64>,
    /// The provider's own usage object, byte for byte.
    pub native: Option<Box<str>>,
}

impl Usage {
    /// The count in a bucket, if the provider gave one.
    #[must_use]
    pub fn get(&self, unit: Unit) -> Option<u64> {
        self.counts[unit.index()]
    }

    /// The count in a bucket, zero when the provider did not mention it.
    #[must_use]
    pub fn count(&self, unit: Unit) -> u64 {
        self.get(unit).unwrap_or(0)
    }

    /// Sets one bucket.
    pub fn set(&mut self, unit: Unit, count: u64) {
        self.counts[unit.index()] = Some(count);
    }

    /// The same usage with one bucket set; for tests and literals.
    #[must_use]
    pub fn with(mut self, unit: Unit, count: u64) -> Self {
        self.set(unit, count);
        self
    }

    /// Takes over every bucket that `later` mentions: in a stream, later reports win per field.
    pub fn merge(&mut self, later: Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(later.counts) {
            *mine = theirs.or(*mine);
        }
        self.service_tier = later.service_tier.or(self.service_tier);
        self.native_cost_nanos = later.native_cost_nanos.or(self.native_cost_nanos);
        self.native = later.native.or(self.native.take());
    }

    /// What was counted by two providers, one after the other. The tier is that of the second; a cost
    /// that only one of them has reported is none.
    #[must_use]
    pub fn plus(mut self, earlier: &Self) -> Self {
        for (mine, theirs) in self.counts.iter_mut().zip(earlier.counts) {
            *mine = match (*mine, theirs) {
                (Some(mine), Some(theirs)) => Some(mine.saturating_add(theirs)),
                (mine, theirs) => mine.or(theirs),
            };
        }
        let costs = self.native_cost_nanos.zip(earlier.native_cost_nanos);
        self.native_cost_nanos = costs.and_then(|(mine, theirs)| mine.checked_add(theirs));
        self
    }

    /// What is left of a sum without one of its parts; a bucket with nothing left in it is zero.
    /// `None` when the part is no part of it.
    #[must_use]
    pub fn less(mut self, part: &Self) -> Option<Self> {
        for (mine, theirs) in self.counts.iter_mut().zip(part.counts) {
            if let Some(theirs) = theirs {
                *mine = Some(mine.as_ref()?.checked_sub(theirs)?);
            }
        }
        Some(self)
    }

    /// All input tokens: the sum of the prompt buckets, saturating.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        self.sum(Unit::is_prompt)
    }

    /// All output tokens: the sum of the completion buckets, saturating.
    #[must_use]
    pub fn completion_tokens(&self) -> u64 {
        self.sum(Unit::is_completion)
    }

    /// Whether no bucket was mentioned at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(Option::is_none)
    }

    /// The buckets that were mentioned, in declaration order.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, u64)> + '_ {
        Unit::ALL
            .into_iter()
            .filter_map(|unit| self.get(unit).map(|count| (unit, count)))
    }

    fn sum(&self, belongs: impl Fn(Unit) -> bool) -> u64 {
        Unit::ALL
            .into_iter()
            .filter(|unit| belongs(*unit))
            .fold(0, |sum, unit| sum.saturating_add(self.count(unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_units_is_in_index_order() {
        for (index, unit) in Unit::ALL.into_iter().enumerate() {
            assert_eq!(unit.index(), index);
            assert_eq!(Unit::from_name(unit.name()), Some(unit));
        }
    }

    #[test]
    fn no_unit_is_on_both_sides() {
        assert!(
            Unit::ALL
                .into_iter()
                .all(|unit| !(unit.is_prompt() && unit.is_completion()))
        );
    }

    #[test]
    fn later_reports_win_per_field_and_absent_ones_do_not_erase() {
        let mut usage = Usage::default().with(Unit::Input, 10).with(Unit::Output, 1);
        usage.merge(Usage::default().with(Unit::Output, 7));
        assert_eq!(
            (usage.count(Unit::Input), usage.count(Unit::Output)),
            (10, 7)
        );
        assert_eq!(usage.get(Unit::Reasoning), None);
    }

    #[test]
    fn what_two_providers_have_counted_is_added_up_and_taken_apart_again() {
        let one = Usage::default().with(Unit::Input, 10).with(Unit::Output, 1);
        let other = Usage::default()
            .with(Unit::Output, 4)
            .with(Unit::CacheRead, 9);
        let both = one.clone().plus(&other);
        let counts: Vec<_> = both.iter().collect();
        let expected = [(Unit::Input, 10), (Unit::CacheRead, 9), (Unit::Output, 5)];
        assert_eq!(counts, expected);
        let rest = both.clone().less(&other).unwrap();
        assert_eq!((rest.count(Unit::Input), rest.count(Unit::Output)), (10, 1));
        assert_eq!(rest.get(Unit::CacheRead), Some(0));
        assert_eq!(rest.less(&both), None);
    }

    #[test]
    fn sides_add_up_their_buckets() {
        let usage = Usage::default()
            .with(Unit::Input, 10)
            .with(Unit::CacheRead, 90)
            .with(Unit::Output, 5)
            .with(Unit::Reasoning, 15)
            .with(Unit::Request, 1);
        assert_eq!(
            (usage.prompt_tokens(), usage.completion_tokens()),
            (100, 20)
        );
    }
}
