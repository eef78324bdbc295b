//! The documented fields of a request in this dialect, as shapes.
//!
//! Source: section 27 of our digest of OpenRouter's API (August 2026) and Anthropic's reference.
//! Fields that are not in the table travel on unread. `messages` is read by hand, in `messages.rs`.

use crate::shape::{ANY_LENGTH, FILLED, Field, OBJECT, Shape, TEXT, may, must};

const INFINITE: f64 = f64::INFINITY;

const CACHE_CONTROL: Shape = Shape::Object(&[
    must("type", Shape::Word(&["ephemeral"])),
    may("ttl", Shape::Word(&["5m", "1h"])),
]);

const SYSTEM_BLOCK: Shape = Shape::Tagged(&[(
    "text",
    &[must("text", TEXT), may("cache_control", CACHE_CONTROL)],
)]);

/// Tools of Anthropic's own have a `type` and no schema; what is not one of those is the caller's.
const TOOL: Shape = Shape::Object(&[
    may("type", FILLED),
    may("name", Shape::Name(128)),
    may("description", TEXT),
    may("input_schema", OBJECT),
    may("strict", Shape::Bool),
    may("cache_control", CACHE_CONTROL),
]);

const TOOL_CHOICE: Shape = Shape::Tagged(&[
    ("auto", &[may("disable_parallel_tool_use", Shape::Bool)]),
    ("any", &[may("disable_parallel_tool_use", Shape::Bool)]),
    (
        "tool",
        &[
            must("name", FILLED),
            may("disable_parallel_tool_use", Shape::Bool),
        ],
    ),
]);

const THINKING: Shape = Shape::Tagged(&[(
    "enabled",
    &[must("budget_tokens", Shape::Whole(0.0, INFINITE))],
)]);

const OUTPUT_CONFIG: Shape = Shape::Object(&[may("effort", FILLED), may("format", OBJECT)]);

const FALLBACK: Shape = Shape::Object(&[must("model", FILLED)]);

/// Every documented field but `messages`.
pub(super) const FIELDS: &[Field] = &[
    may("model", FILLED),
    may("models", Shape::List(0, ANY_LENGTH, &FILLED)),
    may("fallbacks", Shape::List(0, 3, &FALLBACK)),
    may("route", Shape::Word(&["fallback", "sort"])),
    may("provider", OBJECT),
    may("preset", TEXT),
    may("plugins", Shape::List(0, ANY_LENGTH, &OBJECT)),
    may("session_id", Shape::Text(256)),
    may("user", Shape::Text(256)),
    may("trace", OBJECT),
    may(
        "system",
        Shape::Either(&[TEXT, Shape::List(0, ANY_LENGTH, &SYSTEM_BLOCK)]),
    ),
    may("max_tokens", Shape::Whole(0.0, INFINITE)),
    may("temperature", Shape::Number(0.0, 1.0)),
    may("top_p", Shape::Number(0.0, 1.0)),
    may("top_k", Shape::Whole(0.0, INFINITE)),
    may("stop_sequences", Shape::List(0, ANY_LENGTH, &TEXT)),
    may("stream", Shape::Bool),
    may("tools", Shape::List(0, ANY_LENGTH, &TOOL)),
    may("tool_choice", TOOL_CHOICE),
    may("thinking", THINKING),
    may("output_config", OUTPUT_CONFIG),
    may("output_format", OBJECT),
    may("metadata", Shape::Object(&[may("user_id", TEXT)])),
    may("service_tier", FILLED),
    may("cache_control", CACHE_CONTROL),
    may("context_management", OBJECT),
    may("container", Shape::Either(&[TEXT, OBJECT])),
    may("mcp_servers", Shape::List(0, ANY_LENGTH, &OBJECT)),
];

// === Messages ===

/// Who can speak; `system` in the middle of a conversation as well.
pub(super) const ROLES: Shape = Shape::Word(&["user", "assistant", "system"]);

const SOURCE: Shape = Shape::Object(&[must("type", FILLED)]);

/// What the blocks of a message hold; types that are not named here travel on unread.
pub(super) const BLOCKS: &[(&str, &[Field])] = &[
    (
        "text",
        &[must("text", TEXT), may("cache_control", CACHE_CONTROL)],
    ),
    (
        "image",
        &[must("source", SOURCE), may("cache_control", CACHE_CONTROL)],
    ),
    (
        "document",
        &[
            must("source", SOURCE),
            may("title", TEXT),
            may("context", TEXT),
            may("cache_control", CACHE_CONTROL),
        ],
    ),
    (
        "tool_use",
        &[
            must("id", TEXT),
            must("name", TEXT),
            must("input", OBJECT),
            may("cache_control", CACHE_CONTROL),
        ],
    ),
    (
        "tool_result",
        &[
            must("tool_use_id", TEXT),
            may("is_error", Shape::Bool),
            may("cache_control", CACHE_CONTROL),
        ],
    ),
    (
        "thinking",
        &[must("thinking", TEXT), may("signature", TEXT)],
    ),
    ("redacted_thinking", &[must("data", TEXT)]),
];
