//! What each generation of Claude can be told, read from the provider's name of the model.
//!
//! Sources: section 20.2 of our digest of OpenRouter's API; <https://platform.claude.com/docs> on
//! extended and adaptive thinking, effort and structured outputs (August 2026).

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thinking {
    /// It cannot.
    Never,
    /// With a budget of tokens.
    Budget,
    /// With a budget or by its own judgement.
    Either,
    /// By its own judgement only.
    Adaptive,
}

/// What a model can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Family {
    /// How it is told to think.
    pub(crate) thinking: Thinking,
    /// Whether it thinks unless told not to.
    pub(crate) thinks_unasked: bool,
    /// Whether `output_config.effort` is known.
    pub(crate) takes_effort: bool,
    /// Whether the effort `xhigh` is known.
    pub(crate) takes_xhigh: bool,
    /// Whether `output_config.format` and strict tools are known.
    pub(crate) takes_schemas: bool,
    /// Whether `temperature` and `top_p` may be set together.
    pub(crate) takes_both_samplings: bool,
    /// Whether `temperature`, `top_p` and `top_k` may be set at all.
    pub(crate) takes_sampling: bool,
    /// Whether the operator may speak in the middle of a conversation.
    pub(crate) takes_system_turns: bool,
}

/// One row of the table: from this version on.
type Row = ((u32, u32), Family);

const OLDEST: Family = Family {
    thinking: Thinking::Never,
    thinks_unasked: false,
    takes_effort: false,
    takes_xhigh: false,
    takes_schemas: false,
    takes_both_samplings: true,
    takes_sampling: true,
    takes_system_turns: false,
};

const ADAPTIVE: Family = Family {
    thinking: Thinking::Adaptive,
    thinks_unasked: false,
    takes_effort: true,
    takes_xhigh: true,
    takes_schemas: true,
    takes_both_samplings: false,
    takes_sampling: false,
    takes_system_turns: false,
};

/// The table, newest first.
const TABLE: &[Row] = &[
    (
        (5, 0),
        Family {
            thinks_unasked: true,
            takes_system_turns: true,
            ..ADAPTIVE
        },
    ),
    (
        (4, 8),
        Family {
            takes_system_turns: true,
            ..ADAPTIVE
        },
    ),
    ((4, 7), ADAPTIVE),
    (
        (4, 6),
        Family {
            thinking: Thinking::Either,
            takes_xhigh: false,
            takes_sampling: true,
            ..ADAPTIVE
        },
    ),
    (
        (4, 1),
        Family {
            thinking: Thinking::Budget,
            takes_schemas: true,
            takes_both_samplings: false,
            ..OLDEST
        },
    ),
    (
        (3, 7),
        Family {
            thinking: Thinking::Budget,
            ..OLDEST
        },
    ),
    ((0, 0), OLDEST),
];

/// Models that are not Claude but are asked in this dialect (DeepSeek, Kimi, MiniMax, GLM): they
/// take what Claude took when their makers copied it, and pass over what they do not know.
const OTHERS: Family = Family {
    thinking: Thinking::Budget,
    ..OLDEST
};

impl Family {
    /// The family of a model, by any host's name of it.
    pub(crate) fn of(native_model: &str) -> Self {
        match version(native_model) {
            Some(version) => {
                let row = TABLE.iter().find(|(since, _)| version >= *since);
                row.map_or(OLDEST, |(_, family)| *family)
            }
            None => OTHERS,
        }
    }
}

/// Whether a model is one of Anthropic's.
pub(crate) fn is_claude(model: &str) -> bool {
    model.contains("claude")
}

/// The version of a Claude model: the first small numbers of its name. Dates and revisions are not.
pub(crate) fn version(native_model: &str) -> Option<(u32, u32)> {
    let (_, name) = native_model.split_once("claude")?;
    let mut numbers = name
        .split(['-', '.', '@', ':', '_'])
        .filter(|word| !word.is_empty())
        .map(|word| word.parse::<u32>().ok().filter(|_| word.len() <= 2))
        .skip_while(Option::is_none);
    let major = numbers.next().flatten()?;
    Some((major, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_hosts_names() {
        for (name, expected) in [
            ("claude-3-haiku-20240307", Some((3, 0))),
            ("claude-3-7-sonnet-20250219", Some((3, 7))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-1", Some((4, 1))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", Some((4, 5))),
            ("anthropic.claude-opus-4-20250514-v1:0", Some((4, 0))),
            ("anthropic/claude-opus-4.6", Some((4, 6))),
            ("claude-opus-4-8", Some((4, 8))),
            ("claude-sonnet-5", Some((5, 0))),
            ("claude-fable-5", Some((5, 0))),
            ("kimi-k2", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }

    #[test]
    fn each_generation_is_told_to_think_in_its_own_way() {
        for (name, thinking) in [
            ("claude-3-5-haiku-20241022", Thinking::Never),
            ("claude-3-7-sonnet-20250219", Thinking::Budget),
            ("claude-haiku-4-5", Thinking::Budget),
            ("claude-sonnet-4-6", Thinking::Either),
            ("claude-opus-4-7", Thinking::Adaptive),
            ("claude-opus-5", Thinking::Adaptive),
            ("deepseek-chat", Thinking::Budget),
        ] {
            assert_eq!(Family::of(name).thinking, thinking, "{name}");
        }
    }
}
