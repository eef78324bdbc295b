//! What each family of models on Bedrock can be told, read from the provider's name of the model.
//!
//! Sources, all of 2026: AWS's user guide on tool use, prompt caching, structured output and
//! inference parameters (<https://docs.aws.amazon.com/bedrock/latest/userguide/>), its reference of
//! `ToolChoice` and `ToolResultBlock`, the guide of Nova 2, and recorded traffic.

use chat::Parameter;

use crate::anthropic_messages::family as claude;

/// What a model can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    /// The generation of Claude, if it is one.
    pub(super) claude: Option<claude::Family>,
    /// Which tools it can be made to call.
    pub(super) forced: Forced,
    /// What it can be told to cache.
    pub(super) caches: Caches,
    /// Whether `outputConfig.textFormat` and strict tools are known.
    pub(super) takes_schemas: bool,
    /// Whether results of tools are objects instead of texts.
    pub(super) wants_objects: bool,
    /// Whether it can be told that a tool has failed.
    pub(super) takes_status: bool,
    /// Whether it cites documents that it is asked to cite.
    pub(super) cites: bool,
    /// Whether it takes search results, which it cites likewise.
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_SearchResultBlock.html>
    /// (2026)
    pub(super) takes_search_results: bool,
    /// What it can be told that its earlier answers cite.
    pub(super) recalls: Recalls,
    /// How it is told to think.
    pub(super) thinking: Thinking,
    /// Where it takes `top_k`.
    pub(super) top_k: TopK,
    /// Which other ways of choosing tokens it takes.
    pub(super) chances: &'static [Parameter],
    /// Whether it can be told to call one tool at a time: as Claude is, in a field that Converse passes
    /// on. <https://github.com/BerriAI/litellm/pull/34347> (2026) tried it on live models.
    pub(super) calls_singly: bool,
}

/// Which tools a model can be made to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forced {
    /// None.
    Never,
    /// At least one.
    Any,
    /// At least one, or a certain one.
    Each,
}

/// What a model can be told to cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caches {
    /// Nothing.
    Nothing,
    /// What is said, but not tools; for the default lifetime.
    Messages,
    /// Everything, for the default lifetime.
    Everything,
    /// Everything, and for an hour as well.
    OneHour,
}

/// What a model can be told that its earlier answers cite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recalls {
    /// Nothing.
    Nothing,
    /// Places in documents and search results. Claude takes pages of the web only with a seal, for
    /// which Converse has no place.
    Places,
    /// Pages of the web: who searches it itself cites nothing else.
    /// <https://docs.aws.amazon.com/nova/latest/nova2-userguide/web-grounding.html> (2026)
    Pages,
}

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It cannot be told.
    Never,
    /// As Claude is.
    Claude,
    /// Nova 2: `reasoningConfig` with an effort.
    Nova,
    /// A field of its own that holds the effort: its name, and whether `medium` is known.
    Word(&'static str, bool),
}

/// Where `top_k` goes in `additionalModelRequestFields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopK {
    /// Nowhere.
    Nowhere,
    /// A member of this name.
    Flat(&'static str),
    /// `inferenceConfig.topK`.
    Nested,
}

/// What is assumed of a model of which nothing is known: that the provider will say so itself.
const OTHERS: Family = Family {
    claude: None,
    forced: Forced::Each,
    caches: Caches::Nothing,
    takes_schemas: true,
    wants_objects: false,
    takes_status: false,
    cites: false,
    takes_search_results: false,
    recalls: Recalls::Nothing,
    thinking: Thinking::Never,
    top_k: TopK::Nowhere,
    chances: &[],
    calls_singly: false,
};

/// Penalties, which go by the same names in `additionalModelRequestFields`.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-jamba.html> (2026)
const PENALTIES: &[Parameter] = &[Parameter::FrequencyPenalty, Parameter::PresencePenalty];
/// The same and a seed.
const PENALTIES_AND_SEED: &[Parameter] = &[
    Parameter::FrequencyPenalty,
    Parameter::PresencePenalty,
    Parameter::Seed,
];

/// Whatever stands behind a name of the account's own: who asks for citations knows that it cites.
const PROFILE: Family = Family {
    cites: true,
    takes_search_results: true,
    recalls: Recalls::Places,
    ..OTHERS
};

/// Models that are told little.
const PLAIN: Family = Family {
    forced: Forced::Never,
    takes_schemas: false,
    ..OTHERS
};

const COMMAND: Family = Family {
    top_k: TopK::Flat("k"),
    ..PLAIN
};

const NOVA: Family = Family {
    caches: Caches::Messages,
    takes_schemas: false,
    takes_status: true,
    top_k: TopK::Nested,
    ..OTHERS
};

/// Models that are asked as conversations: of these AWS documents nothing beside what Converse says.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html>
/// (2026)
const MISTRAL: Family = Family {
    forced: Forced::Any,
    wants_objects: true,
    ..OTHERS
};

/// Models that were asked for texts first, and take `top_k`, but no seed and no penalties.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html>
/// (2026)
const OLD_MISTRAL: Family = Family {
    takes_schemas: false,
    top_k: TopK::Flat("top_k"),
    ..MISTRAL
};

/// The table: a part of the name, and the family. The first one that fits counts.
const TABLE: &[(&str, Family)] = &[
    ("application-inference-profile/", PROFILE),
    ("provisioned-model/", PROFILE),
    (
        "amazon.nova-2",
        Family {
            recalls: Recalls::Pages,
            thinking: Thinking::Nova,
            ..NOVA
        },
    ),
    (
        "amazon.nova-premier",
        Family {
            recalls: Recalls::Pages,
            ..NOVA
        },
    ),
    ("amazon.nova", NOVA),
    ("amazon.titan", PLAIN),
    ("meta.llama", PLAIN),
    (
        "cohere.command-r",
        Family {
            chances: PENALTIES_AND_SEED,
            ..COMMAND
        },
    ),
    ("cohere.command", COMMAND),
    (
        "ai21.jamba",
        Family {
            chances: PENALTIES,
            ..PLAIN
        },
    ),
    ("ai21.", PLAIN),
    (
        "writer.palmyra-x",
        Family {
            chances: PENALTIES_AND_SEED,
            ..PLAIN
        },
    ),
    ("writer.", PLAIN),
    ("mistral.mistral-7b", OLD_MISTRAL),
    ("mistral.mixtral", OLD_MISTRAL),
    ("mistral.mistral-small-24", OLD_MISTRAL),
    ("mistral.mistral-large-2402", OLD_MISTRAL),
    (
        "mistral.mistral-large-24",
        Family {
            takes_schemas: false,
            ..MISTRAL
        },
    ),
    (
        "mistral.pixtral",
        Family {
            takes_schemas: false,
            ..MISTRAL
        },
    ),
    ("mistral.", MISTRAL),
    (
        "openai.gpt-oss",
        Family {
            thinking: Thinking::Word("reasoning_effort", true),
            ..OTHERS
        },
    ),
    (
        "qwen.qwen3",
        Family {
            thinking: Thinking::Word("reasoning_config", false),
            ..OTHERS
        },
    ),
];

impl Family {
    /// The family of a model.
    pub(super) fn of(native_model: &str) -> Self {
        if claude::is_claude(native_model) {
            return Self::of_claude(native_model);
        }
        let row = TABLE.iter().find(|(part, _)| native_model.contains(part));
        row.map_or(OTHERS, |(_, family)| *family)
    }

    fn of_claude(native_model: &str) -> Self {
        let version = claude::version(native_model).unwrap_or_default();
        let caches = match version {
            (0..=2, _) | (3, 0..=4) => Caches::Nothing,
            (3, _) | (4, 0..=4) => Caches::Everything,
            _ => Caches::OneHour,
        };
        Self {
            claude: Some(claude::Family::of(native_model)),
            forced: if version >= (3, 0) {
                Forced::Each
            } else {
                Forced::Never
            },
            caches,
            takes_schemas: version >= (4, 5),
            takes_status: true,
            cites: true,
            takes_search_results: version >= (3, 7) || native_model.contains("claude-3-5-haiku"),
            recalls: if version >= (3, 5) {
                Recalls::Places
            } else {
                Recalls::Nothing
            },
            thinking: Thinking::Claude,
            top_k: TopK::Flat("top_k"),
            calls_singly: version >= (4, 5),
            ..OTHERS
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_regions_and_revisions_do_not_matter() {
        for (name, thinking, caches, takes_schemas) in [
            (
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                Thinking::Claude,
                Caches::OneHour,
                true,
            ),
            (
                "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
                Thinking::Claude,
                Caches::Everything,
                false,
            ),
            (
                "anthropic.claude-v2",
                Thinking::Claude,
                Caches::Nothing,
                false,
            ),
            (
                "us.amazon.nova-2-lite-v1:0",
                Thinking::Nova,
                Caches::Messages,
                false,
            ),
            (
                "amazon.nova-pro-v1:0",
                Thinking::Never,
                Caches::Messages,
                false,
            ),
            (
                "openai.gpt-oss-120b-1:0",
                Thinking::Word("reasoning_effort", true),
                Caches::Nothing,
                true,
            ),
            ("zai.glm-4.7-flash", Thinking::Never, Caches::Nothing, true),
        ] {
            let family = Family::of(name);
            assert_eq!(
                (family.thinking, family.caches, family.takes_schemas),
                (thinking, caches, takes_schemas),
                "{name}"
            );
        }
    }
}
