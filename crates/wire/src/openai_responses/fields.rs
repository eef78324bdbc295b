//! The documented fields of a Responses request, as shapes.
//!
//! Source: section 26 of our digest of OpenRouter's API (August 2026). Fields that are not in the
//! table travel on unread. `input` is read by hand, in `input.rs`.

use crate::shape::{ANY_LENGTH, FILLED, Field, OBJECT, Shape, TEXT, may, must};

const INFINITE: f64 = f64::INFINITY;
const COUNT: Shape = Shape::Whole(1.0, INFINITE);
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

const CACHE_CONTROL: Shape = Shape::Object(&[
    must("type", Shape::Word(&["ephemeral"])),
    may("ttl", Shape::Word(&["5m", "1h"])),
]);

const FUNCTION: &[Field] = &[
    must("name", Shape::Name(128)),
    may("description", TEXT),
    may("parameters", Shape::Either(&[OBJECT, Shape::Bool])),
    may("strict", Shape::Bool),
];

const TOOL: Shape = Shape::Tagged(&[
    ("function", FUNCTION),
    ("custom", &[must("name", FILLED)]),
    (
        "namespace",
        &[
            must("name", FILLED),
            must("tools", Shape::List(0, ANY_LENGTH, &OBJECT)),
        ],
    ),
]);

const TOOL_CHOICE: Shape = Shape::Either(&[
    Shape::Word(&["none", "auto", "required"]),
    Shape::Tagged(&[
        ("function", &[must("name", FILLED)]),
        (
            "allowed_tools",
            &[
                may("mode", Shape::Word(&["auto", "required"])),
                must("tools", Shape::List(0, ANY_LENGTH, &OBJECT)),
            ],
        ),
    ]),
]);

const TEXT_CONFIG: Shape = Shape::Object(&[
    may(
        "format",
        Shape::Tagged(&[(
            "json_schema",
            &[
                must("name", Shape::Text(64)),
                must("schema", Shape::Either(&[OBJECT, Shape::Bool])),
                may("description", TEXT),
                may("strict", Shape::Bool),
            ],
        )]),
    ),
    may(
        "verbosity",
        Shape::Word(&["low", "medium", "high", "xhigh", "max"]),
    ),
]);

const REASONING: Shape = Shape::Object(&[
    may("effort", Shape::Word(EFFORTS)),
    may("max_tokens", Shape::Whole(0.0, INFINITE)),
    may("enabled", Shape::Bool),
    may("summary", TEXT),
    may("context", TEXT),
    may("mode", TEXT),
]);

/// Every documented field but `input`.
pub(super) const FIELDS: &[Field] = &[
    may("model", FILLED),
    may("models", Shape::List(0, ANY_LENGTH, &FILLED)),
    may("route", Shape::Word(&["fallback", "sort"])),
    may("instructions", TEXT),
    may("include", Shape::List(0, ANY_LENGTH, &FILLED)),
    may("prompt", OBJECT),
    may("truncation", Shape::Word(&["auto", "disabled"])),
    may("max_output_tokens", COUNT),
    may("temperature", Shape::Number(0.0, 2.0)),
    may("top_p", Shape::Number(0.0, 1.0)),
    may("top_k", Shape::Whole(-1.0, INFINITE)),
    may("frequency_penalty", Shape::Number(-2.0, 2.0)),
    may("presence_penalty", Shape::Number(-2.0, 2.0)),
    may("top_logprobs", Shape::Whole(0.0, 20.0)),
    may("text", TEXT_CONFIG),
    may(
        "modalities",
        Shape::List(1, ANY_LENGTH, &Shape::Word(&["text", "image"])),
    ),
    may("image_config", OBJECT),
    may("stream", Shape::Bool),
    may("stream_options", OBJECT),
    may("reasoning", REASONING),
    may("tools", Shape::List(0, ANY_LENGTH, &TOOL)),
    may("tool_choice", TOOL_CHOICE),
    may("parallel_tool_calls", Shape::Bool),
    may("max_tool_calls", COUNT),
    may(
        "stop_server_tools_when",
        Shape::List(1, ANY_LENGTH, &Shape::Object(&[must("type", FILLED)])),
    ),
    may(
        "plugins",
        Shape::List(
            0,
            ANY_LENGTH,
            &Shape::Object(&[must("id", FILLED), may("enabled", Shape::Bool)]),
        ),
    ),
    may("provider", OBJECT),
    may("cache_control", CACHE_CONTROL),
    may("prompt_cache_key", TEXT),
    may("prompt_cache_options", OBJECT),
    may("prompt_cache_retention", TEXT),
    may("safety_identifier", TEXT),
    may("service_tier", FILLED),
    may("session_id", Shape::Text(256)),
    may("user", Shape::Text(256)),
    may("metadata", Shape::Map(16, 64, &Shape::Text(512))),
    may("trace", OBJECT),
    may("debug", OBJECT),
    may("preset", TEXT),
    may("background", Shape::Bool),
    may("store", Shape::Bool),
];

// === Items of the input ===

/// Who can speak.
pub(super) const ROLES: Shape = Shape::Word(&["system", "developer", "user", "assistant"]);

const PARTS_OR_TEXT: Shape = Shape::Either(&[TEXT, Shape::List(0, ANY_LENGTH, &OBJECT)]);

/// What items hold that every dialect can say; messages are read by hand.
pub(super) const ITEMS: &[(&str, &[Field])] = &[
    (
        "function_call",
        &[
            must("call_id", FILLED),
            must("name", FILLED),
            must("arguments", TEXT),
        ],
    ),
    (
        "function_call_output",
        &[must("call_id", FILLED), must("output", PARTS_OR_TEXT)],
    ),
    (
        "custom_tool_call",
        &[
            must("call_id", FILLED),
            must("name", FILLED),
            must("input", TEXT),
        ],
    ),
    (
        "custom_tool_call_output",
        &[must("call_id", FILLED), must("output", PARTS_OR_TEXT)],
    ),
    (
        "reasoning",
        &[
            may("id", TEXT),
            may("summary", Shape::List(0, ANY_LENGTH, &OBJECT)),
            may("content", Shape::List(0, ANY_LENGTH, &OBJECT)),
            may("encrypted_content", TEXT),
            may("signature", TEXT),
            may("format", TEXT),
        ],
    ),
];

/// What the parts of a message hold; types that are not named here are this dialect's own.
pub(super) const PARTS: &[(&str, &[Field])] = &[
    ("input_text", &[must("text", TEXT)]),
    ("output_text", &[must("text", TEXT)]),
    ("text", &[must("text", TEXT)]),
    ("summary_text", &[must("text", TEXT)]),
    ("reasoning_text", &[must("text", TEXT)]),
    ("refusal", &[must("refusal", TEXT)]),
    (
        "input_image",
        &[
            may("image_url", TEXT),
            may("file_id", TEXT),
            may("detail", TEXT),
        ],
    ),
    (
        "input_file",
        &[
            may("file_data", TEXT),
            may("file_url", TEXT),
            may("file_id", TEXT),
            may("filename", TEXT),
        ],
    ),
    (
        "input_audio",
        &[
            may("input_audio", OBJECT),
            may("data", TEXT),
            may("format", TEXT),
        ],
    ),
    ("input_video", &[must("video_url", TEXT)]),
];
