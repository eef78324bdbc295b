//! Writes a request in this dialect for a provider: everything but its items.

use chat::opaque::Format as Family;
use chat::request::{CacheMark, Effort, Format, FreeText, Grammar, Reasoning, Tool, ToolChoice};
use chat::{Error, Parameter, Request};
use serde_json::{Map, Value, json};

use super::request::LOGPROBS;
use super::splice::SUMMARY;
use super::{family, write_input};
use crate::outgoing::{Outgoing, Written};
use crate::{free_text, quirks, schema};

/// A request being written, in the order in which its fields go out.
pub(super) struct Draft<'w> {
    pub(super) body: Map<String, Value>,
    pub(super) dropped: Vec<String>,
    to: &'w Outgoing<'w>,
}

impl Draft<'_> {
    /// Whether the endpoint is known not to take a field.
    fn declines(&self, name: &str) -> bool {
        let parameter = Parameter::from_name(name);
        let is_left_out = parameter
            .zip(self.to.supported)
            .is_some_and(|(parameter, supported)| !supported.contains(parameter));
        is_left_out || quirks::refuses(self.to.quirks, name)
    }

    /// Sets a field, unless the endpoint does not take it.
    fn set(&mut self, name: &str, value: Value) {
        if self.declines(name) {
            self.drop(name);
        } else {
            self.body.insert(name.to_owned(), value);
        }
    }

    /// Names what the provider will not see.
    pub(super) fn drop(&mut self, name: &str) {
        if !self.dropped.iter().any(|dropped| dropped == name) {
            self.dropped.push(name.to_owned());
        }
    }
}

/// Writes a request. Of everything that it cannot say it gives the name.
pub(super) fn write(request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
    let mut draft = Draft {
        body: Map::new(),
        dropped: Vec::new(),
        to,
    };
    draft.set("model", json!(to.native_model));
    // The tools come before the conversation, as the cache of a provider has it.
    tools(request, &mut draft);
    let input = write_input::input(request, to.native_model, &mut draft.dropped)?;
    draft.set("input", input);
    text(request, &mut draft);
    let limit = to.output_limit.or(request.max_output_tokens);
    if let Some(limit) = limit {
        draft.set("max_output_tokens", json!(limit));
    }
    let usual = limit.or(to.output_most);
    let usual = usual.unwrap_or(family::OUTPUT_LIMIT_USUAL);
    let thinks = reasoning(request.reasoning.as_ref(), usual, &mut draft);
    sampling(request, &mut draft);
    include(request, thinks, &mut draft);
    if let Some(tier) = &request.service_tier {
        draft.set("service_tier", json!(tier));
    }
    if let Some(user) = &request.user {
        draft.set("user", json!(user));
    }
    if !request.metadata.is_empty() {
        let labels = request.metadata.iter();
        let labels: Map<_, _> = labels
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        draft.set("metadata", Value::Object(labels));
    }
    if let Some(key) = &request.prompt_cache_key {
        draft.set("prompt_cache_key", json!(key));
    }
    for (name, value) in &request.native {
        let is_known = match name.as_str() {
            "prompt_cache_options" => family::takes_breakpoints(to.native_model),
            _ => family::format(to.native_model) == Family::OpenaiResponses,
        };
        match is_known {
            true => draft.set(name, value.clone()),
            false => draft.drop(name),
        }
    }
    additions(request, &mut draft);
    draft.set("store", json!(false));
    if request.stream {
        draft.set("stream", json!(true));
    }
    Ok(Written {
        body: Value::Object(draft.body).to_string().into(),
        dropped: draft.dropped,
        ..Written::default()
    })
}

fn tools(request: &Request, draft: &mut Draft<'_>) {
    if request.tools.is_empty() {
        return;
    }
    for (position, tool) in request.tools.iter().enumerate() {
        if tool.cache.is_some() {
            draft.drop(&format!("tools[{position}].cache_control"));
        }
    }
    let tools = request.tools.iter().enumerate();
    let tools = tools.map(|(position, one)| tool(one, position, &mut draft.dropped));
    let tools = tools.collect();
    draft.set("tools", tools);
    if !draft.body.contains_key("tools") {
        draft.drop("tool_choice");
        return;
    }
    if let Some(choice) = &request.tool_choice {
        draft.set("tool_choice", tool_choice(choice, &request.tools));
    }
    if let Some(is_parallel) = request.parallel_tool_calls {
        draft.set("parallel_tool_calls", json!(is_parallel));
    }
}

/// A tool of which nothing is said is strict in this dialect and lax in all others: so it is said.
fn tool(tool: &Tool, position: usize, dropped: &mut Vec<String>) -> Value {
    if let Some(free) = &tool.free_text {
        return custom(tool, free);
    }
    let nothing = || json!({"type": "object", "properties": {}});
    let parameters = tool.parameters.clone().filter(Value::is_object);
    let parameters = parameters.unwrap_or_else(nothing);
    let path = format!("tools[{position}].strict");
    let (parameters, strict) = exact(parameters, tool.strict, path, dropped);
    let mut written = Map::new();
    written.insert("type".to_owned(), json!("function"));
    written.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        written.insert("description".to_owned(), json!(description));
    }
    written.insert("parameters".to_owned(), parameters);
    written.insert("strict".to_owned(), json!(strict.unwrap_or(false)));
    Value::Object(written)
}

/// A tool that is called with free text.
fn custom(tool: &Tool, free: &FreeText) -> Value {
    let mut written = Map::new();
    written.insert("type".to_owned(), json!("custom"));
    written.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        written.insert("description".to_owned(), json!(description));
    }
    if let Some(Grammar { syntax, definition }) = &free.grammar {
        let format = json!({"type": "grammar", "syntax": syntax, "definition": definition});
        written.insert("format".to_owned(), format);
    }
    Value::Object(written)
}

/// A schema, and whether it is to be followed exactly: where it cannot be, it is a hint.
fn exact(
    schema: Value,
    strict: Option<bool>,
    path: String,
    dropped: &mut Vec<String>,
) -> (Value, Option<bool>) {
    if strict != Some(true) {
        return (schema, strict);
    }
    match schema::exactly(&schema, &schema::OPENAI_STRICT) {
        Some(closed) => (closed, strict),
        None => {
            dropped.push(path);
            (schema, Some(false))
        }
    }
}

fn tool_choice(choice: &ToolChoice, tools: &[Tool]) -> Value {
    let function = |name: &String| match free_text::is_called(tools, name) {
        true => json!({"type": "custom", "name": name}),
        false => json!({"type": "function", "name": name}),
    };
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => function(name),
        ToolChoice::Allowed(is_required, names) => json!({
            "type": "allowed_tools",
            "mode": if *is_required { "required" } else { "auto" },
            "tools": names.iter().map(function).collect::<Vec<_>>(),
        }),
    }
}

fn text(request: &Request, draft: &mut Draft<'_>) {
    let mut text = Map::new();
    match &request.format {
        None | Some(Format::Text) => {}
        Some(Format::JsonObject) => {
            text.insert("format".to_owned(), json!({"type": "json_object"}));
        }
        Some(Format::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) => {
            let mut format = Map::new();
            format.insert("type".to_owned(), json!("json_schema"));
            format.insert("name".to_owned(), json!(name));
            if let Some(description) = description {
                format.insert("description".to_owned(), json!(description));
            }
            let path = "text.format.strict".to_owned();
            let (schema, strict) = exact(schema.clone(), *strict, path, &mut draft.dropped);
            format.insert("schema".to_owned(), schema);
            if let Some(strict) = strict {
                format.insert("strict".to_owned(), json!(strict));
            }
            text.insert("format".to_owned(), Value::Object(format));
        }
    }
    if let Some(verbosity) = &request.verbosity {
        let takes = draft.to.supported;
        if takes.is_none_or(|takes| takes.contains(Parameter::Verbosity)) {
            // OpenAI knows three.
            let word = match verbosity.as_str() {
                "xhigh" | "max" => "high",
                other => other,
            };
            text.insert("verbosity".to_owned(), json!(word));
        } else {
            draft.drop("verbosity");
        }
    }
    if !text.is_empty() {
        draft.set("text", Value::Object(text));
    }
}

/// Writes how hard to think; says whether the model will.
fn reasoning(asked: Option<&Reasoning>, limit: u64, draft: &mut Draft<'_>) -> bool {
    let is_known = family::reasons(draft.to.native_model);
    let Some(asked) = asked else {
        return is_known;
    };
    if asked.is_off() && !is_known {
        // It does not think anyway, and would refuse to be told.
        return false;
    }
    let mut written = Map::new();
    if let Some(effort) = asked.effort_meant(limit) {
        written.insert("effort".to_owned(), json!(effort.min(Effort::Xhigh).name()));
    } else if asked.adaptive {
        written.insert("effort".to_owned(), json!(Effort::Medium.name()));
    }
    if let Some(summary) = summary(asked, is_known) {
        match quirks::refuses(draft.to.quirks, SUMMARY) {
            true => draft.drop(SUMMARY),
            false => drop(written.insert("summary".to_owned(), json!(summary))),
        }
    }
    if !written.is_empty() {
        draft.set("reasoning", Value::Object(written));
    }
    is_known || (asked.is_on() && draft.body.contains_key("reasoning"))
}

/// The summary to ask for. Thoughts are shown as nothing else in this dialect, and only to who asks
/// for them; that some accounts may not is why nobody else does.
fn summary(asked: &Reasoning, thinks: bool) -> Option<&str> {
    let thinks = asked.is_on() || (thinks && !asked.is_off());
    match &asked.summary {
        Some(summary) => Some(summary.as_str()).filter(|_| !asked.exclude),
        None => Some("auto").filter(|_| asked.show && thinks),
    }
}

fn sampling(request: &Request, draft: &mut Draft<'_>) {
    let said = &request.sampling;
    for (name, number) in [("temperature", &said.temperature), ("top_p", &said.top_p)] {
        if let Some(number) = number {
            draft.set(name, Value::Number(number.clone()));
        }
    }
    for (name, number) in [
        ("min_p", &said.min_p),
        ("top_a", &said.top_a),
        ("frequency_penalty", &said.frequency_penalty),
        ("presence_penalty", &said.presence_penalty),
        ("repetition_penalty", &said.repetition_penalty),
        ("seed", &said.seed),
    ] {
        if number.is_some() {
            draft.drop(name);
        }
    }
    if !said.stop.is_empty() {
        draft.drop("stop");
    }
    if !said.logit_bias.is_empty() {
        draft.drop("logit_bias");
    }
    if let Some(most) = said.top_logprobs {
        draft.set("top_logprobs", json!(most));
    }
}

fn include(request: &Request, thinks: bool, draft: &mut Draft<'_>) {
    let mut wanted = Vec::new();
    // What has sealed reasoning in it is spoken with a model that seals it.
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let mut formats = parts.filter_map(|part| part.opaque.as_ref().map(|opaque| opaque.format));
    let is_sealed = formats.any(|format| format == family::format(draft.to.native_model));
    if thinks || (is_sealed && family::format(draft.to.native_model) != Family::Unknown) {
        wanted.push(family::CIPHERTEXT);
    }
    if request.sampling.logprobs == Some(true) {
        match draft.declines("logprobs") {
            true => draft.drop("logprobs"),
            false => wanted.push(LOGPROBS),
        }
    }
    if !wanted.is_empty() {
        draft.set("include", json!(wanted));
    }
}

/// What only OpenRouter has in this dialect.
fn additions(request: &Request, draft: &mut Draft<'_>) {
    let ttl = request.cache.map(|mark| match mark {
        CacheMark::Default => json!({"type": "ephemeral"}),
        CacheMark::OneHour => json!({"type": "ephemeral", "ttl": "1h"}),
    });
    let top_k = request.sampling.top_k.clone().map(Value::Number);
    let modalities = (!request.modalities.is_empty()).then(|| {
        let words = request.modalities.iter().map(String::as_str);
        json!(std::iter::once("text").chain(words).collect::<Vec<_>>())
    });
    for (name, value) in [
        ("cache_control", ttl),
        ("top_k", top_k),
        ("modalities", modalities),
        ("image_config", request.image_config.clone()),
    ] {
        match value {
            Some(value) if quirks::is_openrouter(draft.to.quirks) => draft.set(name, value),
            Some(_) => draft.drop(name),
            None => {}
        }
    }
    if request.audio.is_some() {
        draft.drop("audio");
    }
    if request.choices.is_some() {
        draft.drop("n");
    }
}
