//! What the generations of Google's models differ in. Models are told by their names.

/// A generation of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    /// Version, such as (2, 5); (0, 0) where the name tells none.
    pub(super) version: (u32, u32),
    /// How its thinking is bounded.
    pub(super) thinking: Thinking,
    /// Whether it takes a system instruction (Gemma 3 does not).
    pub(super) has_system: bool,
    /// Whether calls can be held to their schemas where the model need not call anything
    /// (`VALIDATED`). <https://ai.google.dev/gemini-api/docs/function-calling> (2026)
    pub(super) validates_calls: bool,
}

/// How a model's thinking is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It does not think.
    None,
    /// By a number of tokens: the least, the most, and whether 0 turns it off.
    Budget(u64, u64, bool),
    /// By a level; the first is the lowest.
    Level(&'static [&'static str]),
}

/// Budgets. <https://ai.google.dev/gemini-api/docs/thinking> (July 2026)
const BUDGETS: &[(&str, Thinking)] = &[
    ("gemini-2.5-flash-image", Thinking::None),
    ("gemini-2.5-flash-lite", Thinking::Budget(512, 24_576, true)),
    ("gemini-2.5-flash", Thinking::Budget(1, 24_576, true)),
    ("gemini-2.5-pro", Thinking::Budget(128, 32_768, false)),
    ("gemini-robotics-er", Thinking::Budget(1, 24_576, true)),
    (
        "gemini-flash-lite-latest",
        Thinking::Budget(512, 24_576, true),
    ),
    ("gemini-flash-latest", Thinking::Budget(1, 24_576, true)),
    ("gemini-pro-latest", Thinking::Budget(128, 32_768, false)),
];

const ALL_LEVELS: &[&str] = &["minimal", "low", "medium", "high"];
/// The first model of the third generation knew two. <https://ai.google.dev/gemini-api/docs/gemini-3>
const TWO_LEVELS: &[&str] = &["low", "high"];
const PRO_LEVELS: &[&str] = &["low", "medium", "high"];

impl Family {
    /// The family of a model, by the provider's own name of it.
    pub(super) fn of(native_model: &str) -> Self {
        let name = native_model.rsplit('/').next().unwrap_or(native_model);
        let version = version(name);
        let is_old_gemma = ["gemma-3", "gemma-2", "gemma2"]
            .iter()
            .any(|it| name.starts_with(it));
        let thinking = match BUDGETS.iter().find(|(begin, _)| name.starts_with(begin)) {
            Some((_, thinking)) => *thinking,
            None if version.0 < 3 => Thinking::None,
            None if name.starts_with("gemini-3-pro") => Thinking::Level(TWO_LEVELS),
            None if name.contains("pro") => Thinking::Level(PRO_LEVELS),
            None => Thinking::Level(ALL_LEVELS),
        };
        Self {
            version,
            thinking,
            has_system: !is_old_gemma,
            validates_calls: name.starts_with("gemini-")
                && (version >= (2, 5) || version == (0, 0)),
        }
    }

    /// Whether calls without a thought signature are refused in the current turn.
    /// <https://ai.google.dev/gemini-api/docs/thought-signatures> (2026)
    pub(super) const fn demands_signatures(self) -> bool {
        self.version.0 >= 3
    }

    /// Whether what a function answers may hold pictures.
    pub(super) const fn shows_results(self) -> bool {
        self.version.0 >= 3
    }

    /// Whether an answer in JSON can be asked for beside functions.
    pub(super) const fn mixes_format_and_tools(self) -> bool {
        self.version.0 >= 3
    }
}

/// The version in a name: `gemini-2.5-flash` is (2, 5).
fn version(name: &str) -> (u32, u32) {
    let rest = name.strip_prefix("gemini-").unwrap_or("");
    let word = rest.split('-').next().unwrap_or("");
    let (major, minor) = word.split_once('.').unwrap_or((word, "0"));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_by_name() {
        for (name, version, demands) in [
            ("gemini-2.5-flash", (2, 5), false),
            ("models/gemini-3-pro-preview", (3, 0), true),
            ("gemini-3.1-flash-lite", (3, 1), true),
            ("gemini-flash-latest", (0, 0), false),
            ("gemma-3-27b-it", (0, 0), false),
        ] {
            let family = Family::of(name);
            assert_eq!(family.version, version, "{name}");
            assert_eq!(family.demands_signatures(), demands, "{name}");
        }
        assert!(!Family::of("gemma-3-27b-it").has_system);
        for (name, validates) in [
            ("gemini-2.5-flash", true),
            ("gemini-pro-latest", true),
            ("gemini-2.0-flash", false),
            ("gemma-4-31b-it", false),
        ] {
            assert_eq!(Family::of(name).validates_calls, validates, "{name}");
        }
        assert_eq!(Family::of("gemini-2.0-flash").thinking, Thinking::None);
    }
}
