//! What each dialect knows of JSON Schema.

use serde_json::Value;

/// What a dialect knows of JSON Schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(super) words: Words,
    /// The words it knows for `format`; absent where it knows any.
    pub(super) formats: Option<&'static [&'static str]>,
    /// The largest `minItems` that it knows; absent where it knows any.
    pub(super) min_items_max: Option<u64>,
    pub(super) objects: Objects,
    pub(super) language: Language,
}

/// Which keywords a dialect knows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Words {
    /// Any but these, which it refuses.
    AllBut(&'static [&'static str]),
    /// These alone; others may go without a word, since they ask nothing of the model or are said
    /// otherwise.
    Only {
        known: &'static [&'static str],
        mute: &'static [&'static str],
    },
}

/// What a dialect demands of every object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objects {
    /// Nothing.
    AsTheyAre,
    /// To say that there are no other properties.
    Closed,
    /// The same, and that all of its properties are required.
    ClosedAndWhole,
}

/// What a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    JsonSchema,
    /// OpenAPI's schema: without references, with `nullable` for `null`, one type each.
    OpenApi,
}

/// What becomes of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    /// Taken out, and named.
    Named,
    /// Taken out in silence: it changes nothing.
    Mute,
}

impl Rules {
    /// What becomes of a keyword with this value.
    pub(super) fn fate(&self, name: &str, value: &Value) -> Fate {
        let word = value.as_str().unwrap_or_default();
        let is_beyond = match name {
            "format" => self.formats.is_some_and(|known| !known.contains(&word)),
            "minItems" => self
                .min_items_max
                .is_some_and(|most| value.as_u64().is_none_or(|least| least > most)),
            _ => false,
        };
        match self.words {
            _ if is_beyond => Fate::Named,
            Words::AllBut(refused) if refused.contains(&name) => Fate::Named,
            Words::AllBut(_) => Fate::Kept,
            Words::Only { known, .. } if known.contains(&name) => Fate::Kept,
            Words::Only { mute, .. } if mute.contains(&name) => Fate::Mute,
            // Everybody's tools say so, and the model keeps to it by itself.
            Words::Only { .. } if name == "additionalProperties" && !is_open(value) => Fate::Mute,
            Words::Only { .. } => Fate::Named,
        }
    }
}

fn is_open(value: &Value) -> bool {
    value != &Value::Bool(false)
}

/// What Anthropic knows where a schema must be followed exactly; Bedrock knows the same.
/// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>,
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html> (2026)
pub(crate) const ANTHROPIC_STRICT: Rules = Rules {
    words: Words::AllBut(&[
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "unevaluatedProperties",
        "contains",
        "prefixItems",
        "not",
        "if",
        "then",
        "else",
        "oneOf",
    ]),
    formats: Some(&[
        "date-time",
        "time",
        "date",
        "duration",
        "email",
        "hostname",
        "uri",
        "ipv4",
        "ipv6",
        "uuid",
    ]),
    min_items_max: Some(1),
    objects: Objects::Closed,
    language: Language::JsonSchema,
};

/// What Cohere knows, of a schema for an answer or for arguments that follow it exactly.
/// <https://docs.cohere.com/docs/structured-outputs#unsupported-schema-features> (2026)
pub(crate) const COHERE_STRICT: Rules = Rules {
    words: Words::AllBut(&[
        "allOf",
        "oneOf",
        "not",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minLength",
        "maxLength",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "contains",
        "prefixItems",
        "if",
        "then",
        "else",
    ]),
    formats: Some(&["date-time", "uuid", "date", "time"]),
    min_items_max: None,
    objects: Objects::AsTheyAre,
    language: Language::JsonSchema,
};

/// What OpenAI's providers can be made to follow exactly. There every object names all of its
/// members as required and allows no others.
/// <https://platform.openai.com/docs/guides/structured-outputs> (2026-08)
pub(crate) const OPENAI_STRICT: Rules = Rules {
    words: Words::AllBut(&[
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "patternProperties",
    ]),
    formats: None,
    min_items_max: None,
    objects: Objects::ClosedAndWhole,
    language: Language::JsonSchema,
};

/// What Google knows: OpenAPI's schema, in part. <https://ai.google.dev/api/caching#Schema> (2026)
pub(crate) const GOOGLE: Rules = Rules {
    words: Words::Only {
        known: &[
            "title",
            "description",
            "format",
            "items",
            "properties",
            "required",
            "nullable",
            "minItems",
            "maxItems",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "minProperties",
            "maxProperties",
            "pattern",
            "default",
            "example",
            "propertyOrdering",
        ],
        mute: &[
            // These ask nothing of the model.
            "$schema",
            "$id",
            "$comment",
            "$defs",
            "definitions",
            "$anchor",
            "examples",
            // These are said otherwise; see `openapi.rs`.
            "type",
            "enum",
            "const",
            "anyOf",
            "oneOf",
            "allOf",
            "$ref",
        ],
    },
    formats: Some(&["date-time", "enum", "float", "double", "int32", "int64"]),
    min_items_max: None,
    objects: Objects::AsTheyAre,
    language: Language::OpenApi,
};
