//! What a request asks for, independent of the dialect it came in.

use serde_json::{Map, Value};

use super::{Cited, Problem};

/// A request, reduced to what the simulator acts on.
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Whether a stream should report usage (dialects that always do say `true`).
    pub(crate) wants_usage: bool,
    pub(crate) messages: usize,
    pub(crate) last_role: String,
    /// Bytes of text in the last message.
    pub(crate) last_bytes: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_rule: ToolRule,
    /// Whether more than one tool may be called at once.
    pub(crate) allows_parallel_tools: bool,
    pub(crate) format: Format,
    /// How many answers side by side, at least 1.
    pub(crate) choices: usize,
    pub(crate) tokens_max: Option<u64>,
    pub(crate) stops: Vec<String>,
    pub(crate) wants_logprobs: bool,
    /// How many of the likeliest tokens are told at each step.
    pub(crate) top_logprobs: usize,
    /// Tokens of reasoning that the request makes the model spend, unless a script says otherwise.
    pub(crate) reasoning: Option<u64>,
    /// Whether reasoning is shown, in dialects where the request decides.
    pub(crate) shows_reasoning: bool,
    /// Whether opaque state is asked for, in dialects where the request decides.
    pub(crate) wants_opaque: bool,
    /// What the answer cites, in dialects where the request decides.
    pub(crate) cited: Option<Cited>,
    /// Fields of the request that the answer repeats.
    pub(crate) echo: Map<String, Value>,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            model: String::new(),
            stream: false,
            wants_usage: true,
            messages: 0,
            last_role: String::new(),
            last_bytes: 0,
            prompt_tokens: 0,
            tools: Vec::new(),
            tool_rule: ToolRule::Free,
            allows_parallel_tools: true,
            format: Format::Text,
            choices: 1,
            tokens_max: None,
            stops: Vec::new(),
            wants_logprobs: false,
            top_logprobs: 0,
            reasoning: None,
            shows_reasoning: true,
            wants_opaque: false,
            cited: None,
            echo: Map::new(),
        }
    }
}

impl Ask {
    /// Whether a tool of this name is called with free text.
    pub(crate) fn calls_with_text(&self, name: &str) -> bool {
        let mut tools = self.tools.iter();
        tools.any(|tool| tool.is_free && tool.name == name)
    }
}

/// Tokens of reasoning a model spends when a request asks for it without a script.
pub(crate) const REASONING_TOKENS: u64 = 12;

/// A tool that may be called.
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
    /// Whether it is called with free text instead of arguments (OpenAI's custom tools).
    pub(crate) is_free: bool,
}

/// Whether a tool has to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ToolRule {
    Never,
    Free,
    Must,
    Named(String),
}

/// The form the text must have.
pub(crate) enum Format {
    Text,
    JsonObject,
    JsonSchema(Value),
}

/// A whole number above zero, or the problem with it; absent and null are `None`.
pub(crate) fn positive(body: &Value, field: &'static str) -> Result<Option<u64>, Problem> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number @ 1..) => Ok(Some(number)),
            _ => Err(Problem::bad_field(
                field,
                format!("Invalid value for '{field}': expected an integer of at least 1."),
            )),
        },
    }
}

/// A yes or no, or the problem with it; absent and null are no.
pub(crate) fn truth(body: &Value, field: &'static str) -> Result<bool, Problem> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(_) => Err(Problem::bad_field(
            field,
            format!("Invalid type for '{field}': expected a boolean."),
        )),
    }
}

/// The text of a required field.
pub(crate) fn required_text(body: &Value, field: &'static str) -> Result<String, Problem> {
    match body.get(field).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Problem::bad_field(
            field,
            format!("Missing required parameter: '{field}'."),
        )),
    }
}

/// The items of a required, non-empty array.
pub(crate) fn required_items<'a>(
    body: &'a Value,
    field: &'static str,
) -> Result<&'a [Value], Problem> {
    match body.get(field) {
        None | Some(Value::Null) => Err(Problem::bad_field(
            field,
            format!("Missing required parameter: '{field}'."),
        )),
        Some(Value::Array(items)) if items.is_empty() => Err(Problem::bad_field(
            field,
            format!("Invalid '{field}': empty array. Expected an array with minimum length 1."),
        )),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Problem::bad_field(
            field,
            format!("Invalid type for '{field}': expected an array."),
        )),
    }
}

/// The texts of an array; anything else in it is left out.
pub(crate) fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A schema that a tool may leave out or leave empty.
pub(crate) fn schema_or_object(schema: Option<&Value>) -> Value {
    match schema {
        Some(Value::Object(fields)) if !fields.is_empty() => Value::Object(fields.clone()),
        _ => serde_json::json!({"type": "object"}),
    }
}

/// The first key of an object that is not among the known ones.
pub(crate) fn unknown_key<'a>(value: &'a Value, known: &[&str]) -> Option<&'a str> {
    let fields = value.as_object()?;
    fields
        .keys()
        .map(String::as_str)
        .find(|key| !known.contains(key))
}
