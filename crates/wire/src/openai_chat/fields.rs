//! The documented fields of a chat request, as shapes.
//!
//! Source: sections 3 and 20 to 22 of our digest of OpenRouter's API (August 2026). Fields that are
//! not in the table travel on unread. `messages` is read by hand, in `messages.rs`.

use crate::shape::{ANY_LENGTH, FILLED, Field, OBJECT, Shape, TEXT, may, must};

const INFINITE: f64 = f64::INFINITY;
const COUNT: Shape = Shape::Whole(1.0, INFINITE);
const WHOLE: Shape = Shape::Whole(f64::NEG_INFINITY, INFINITE);

/// The efforts a caller can ask for, least first.
pub(super) const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

const CACHE_CONTROL: Shape = Shape::Object(&[
    must("type", Shape::Word(&["ephemeral"])),
    may("ttl", Shape::Word(&["5m", "1h"])),
]);

const FUNCTION: &[Field] = &[
    must("name", Shape::Name(64)),
    may("description", TEXT),
    may("parameters", Shape::Either(&[OBJECT, Shape::Bool])),
    may("strict", Shape::Bool),
];

const TOOL: Shape = Shape::Tagged(&[(
    "function",
    &[
        must("function", Shape::Object(FUNCTION)),
        may("cache_control", CACHE_CONTROL),
    ],
)]);

const TOOL_CHOICE: Shape = Shape::Either(&[
    Shape::Word(&["none", "auto", "required"]),
    Shape::Tagged(&[(
        "function",
        &[must("function", Shape::Object(&[must("name", FILLED)]))],
    )]),
]);

const JSON_SCHEMA: &[Field] = &[
    must("name", Shape::Text(64)),
    may("description", TEXT),
    may("schema", Shape::Either(&[OBJECT, Shape::Bool])),
    may("strict", Shape::Bool),
];

const RESPONSE_FORMAT: Shape = Shape::Tagged(&[
    (
        "json_schema",
        &[must("json_schema", Shape::Object(JSON_SCHEMA))],
    ),
    ("grammar", &[must("grammar", TEXT)]),
]);

const REASONING: Shape = Shape::Object(&[
    may("effort", Shape::Word(EFFORTS)),
    may("max_tokens", Shape::Whole(0.0, INFINITE)),
    may("exclude", Shape::Bool),
    may("enabled", Shape::Bool),
    may("summary", Shape::Word(&["auto", "concise", "detailed"])),
    may(
        "context",
        Shape::Word(&["auto", "all_turns", "current_turn"]),
    ),
    may("mode", Shape::Word(&["standard", "pro"])),
]);

const PREDICTION: Shape = Shape::Tagged(&[(
    "content",
    &[must(
        "content",
        Shape::Either(&[TEXT, Shape::List(0, ANY_LENGTH, &OBJECT)]),
    )],
)]);

const TRACE: Shape = Shape::Object(&[
    may("trace_id", TEXT),
    may("trace_name", TEXT),
    may("span_name", TEXT),
    may("generation_name", TEXT),
    may("parent_span_id", TEXT),
]);

const PLUGIN: Shape = Shape::Object(&[must("id", FILLED), may("enabled", Shape::Bool)]);

const STOP_CONDITION: Shape = Shape::Object(&[must("type", FILLED)]);

const SEARCH_OPTIONS: Shape = Shape::Object(&[may(
    "search_context_size",
    Shape::Word(&["low", "medium", "high"]),
)]);

/// Every documented field but `messages`.
pub(crate) const FIELDS: &[Field] = &[
    may("model", FILLED),
    may("models", Shape::List(0, ANY_LENGTH, &FILLED)),
    may("route", Shape::Word(&["fallback", "sort"])),
    may("prompt", TEXT),
    may("stream", Shape::Bool),
    may(
        "stream_options",
        Shape::Object(&[may("include_usage", Shape::Bool)]),
    ),
    may("usage", Shape::Object(&[may("include", Shape::Bool)])),
    may("temperature", Shape::Number(0.0, 2.0)),
    may("top_p", Shape::Number(0.0, 1.0)),
    may("top_k", Shape::Whole(-1.0, INFINITE)),
    may("min_p", Shape::Number(0.0, 1.0)),
    may("top_a", Shape::Number(0.0, 1.0)),
    may("frequency_penalty", Shape::Number(-2.0, 2.0)),
    may("presence_penalty", Shape::Number(-2.0, 2.0)),
    may("repetition_penalty", Shape::Above(0.0, 2.0)),
    may("seed", WHOLE),
    may("stop", Shape::Either(&[TEXT, Shape::List(0, 4, &TEXT)])),
    may("max_tokens", COUNT),
    may("max_completion_tokens", COUNT),
    may(
        "logit_bias",
        Shape::Map(ANY_LENGTH, ANY_LENGTH, &Shape::Number(-100.0, 100.0)),
    ),
    may("logprobs", Shape::Bool),
    may("top_logprobs", Shape::Whole(0.0, 20.0)),
    may("n", Shape::Whole(1.0, 128.0)),
    may("response_format", RESPONSE_FORMAT),
    may("structured_outputs", Shape::Either(&[Shape::Bool, OBJECT])),
    may("tools", Shape::List(0, ANY_LENGTH, &TOOL)),
    may("tool_choice", TOOL_CHOICE),
    may("parallel_tool_calls", Shape::Bool),
    may("max_tool_calls", COUNT),
    may(
        "stop_server_tools_when",
        Shape::List(1, ANY_LENGTH, &STOP_CONDITION),
    ),
    may("plugins", Shape::List(0, ANY_LENGTH, &PLUGIN)),
    may("provider", OBJECT),
    may("reasoning", REASONING),
    may("reasoning_effort", Shape::Word(EFFORTS)),
    may("include_reasoning", Shape::Bool),
    may(
        "verbosity",
        Shape::Word(&["low", "medium", "high", "xhigh", "max"]),
    ),
    may(
        "modalities",
        Shape::List(1, ANY_LENGTH, &Shape::Word(&["text", "image", "audio"])),
    ),
    may("audio", OBJECT),
    may("image_config", OBJECT),
    may("prediction", PREDICTION),
    may("cache_control", CACHE_CONTROL),
    may("prompt_cache_key", TEXT),
    may("prompt_cache_options", OBJECT),
    // Any word: providers have tiers of their own besides the documented ones (Groq: `on_demand`).
    may("service_tier", FILLED),
    may("speed", Shape::Word(&["fast", "standard"])),
    may("session_id", Shape::Text(256)),
    may("user", TEXT),
    may("metadata", Shape::Map(16, 64, &Shape::Text(512))),
    may("trace", TRACE),
    may(
        "debug",
        Shape::Object(&[may("echo_upstream_body", Shape::Bool)]),
    ),
    may("web_search_options", SEARCH_OPTIONS),
    may("x_search_filter", OBJECT),
    may("preset", TEXT),
];

// === Messages ===

/// Who can speak. `function` is OpenAI's own older name for `tool`, still found in traffic.
pub(super) const ROLES: Shape = Shape::Word(&[
    "system",
    "developer",
    "user",
    "assistant",
    "tool",
    "function",
]);

const TOOL_CALL: Shape = Shape::Object(&[
    may("id", TEXT),
    may("type", FILLED),
    may(
        "function",
        Shape::Object(&[
            must("name", TEXT),
            may("arguments", Shape::Either(&[TEXT, OBJECT])),
        ]),
    ),
]);

/// The fields of a message but `content`, which is read by hand.
pub(super) const MESSAGE: &[Field] = &[
    may("role", ROLES),
    may("name", TEXT),
    may("tool_call_id", TEXT),
    may("tool_calls", Shape::List(0, ANY_LENGTH, &TOOL_CALL)),
    may("refusal", TEXT),
    may("reasoning", Shape::Either(&[TEXT, OBJECT])),
    may("reasoning_content", TEXT),
    may("reasoning_details", Shape::List(0, ANY_LENGTH, &OBJECT)),
    may("images", Shape::List(0, ANY_LENGTH, &OBJECT)),
    may("audio", OBJECT),
    may("annotations", Shape::List(0, ANY_LENGTH, &OBJECT)),
    may("function_call", OBJECT),
    may("model", TEXT),
];

const URL: Shape = Shape::Object(&[must("url", FILLED)]);
const IMAGE_URL: Shape = Shape::Object(&[must("url", FILLED), may("detail", TEXT)]);

/// What the parts of a message hold; types that are not named here travel on unread.
pub(super) const PARTS: &[(&str, &[Field])] = &[
    (
        "text",
        &[
            must("text", TEXT),
            may("cache_control", CACHE_CONTROL),
            may("prompt_cache_breakpoint", OBJECT),
        ],
    ),
    (
        "image_url",
        &[must("image_url", Shape::Either(&[IMAGE_URL, FILLED]))],
    ),
    (
        "input_audio",
        &[must(
            "input_audio",
            Shape::Object(&[must("data", TEXT), may("format", TEXT)]),
        )],
    ),
    ("video_url", &[must("video_url", URL)]),
    (
        "file",
        &[must(
            "file",
            Shape::Object(&[
                may("filename", TEXT),
                may("file_data", TEXT),
                may("file_id", TEXT),
            ]),
        )],
    ),
];
