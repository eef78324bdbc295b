//! Writes a request in this dialect out of the vocabulary. Members stand in one fixed order, so that
//! the same conversation always gives the same bytes, and what is cached is found again.

use chat::request::{Content, Format, Message, Role, Tool, ToolChoice};
use chat::{Error, Kind, Next, Request};
use serde_json::{Map, Value, json};

use super::blocks::ANSWER_TOOL;
use super::family::{Family, Thinking};
use super::host::{Host, default_limit};
use super::invoke::{self, Told};
use super::marks::Marks;
use super::reasoning::{self, Said};
use super::turns::{Turns, turns};
use crate::free_text::name_grammars;
use crate::outgoing::{Outgoing, Written, nothing_left};
use crate::schema::{ANTHROPIC_STRICT, is_recursive, lower};

/// A request under way.
pub(super) struct Draft<'a> {
    request: &'a Request,
    family: Family,
    dropped: Vec<String>,
}

/// Writes a request for one endpoint.
///
/// # Errors
/// What a user shows and this dialect has no word for.
pub(super) fn write(request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
    refuse_unfit(&request.messages)?;
    let host = Host::of(to);
    let limit = to
        .output_limit
        .or(request.max_output_tokens)
        .unwrap_or_else(|| default_limit(to));
    let mut draft = Draft {
        request,
        family: Family::of(to.native_model),
        dropped: Vec::new(),
    };
    let mut marks = Marks::new(request, host);
    let tools = draft.tools(&mut marks);
    let mut turns = turns(request, draft.family, &mut marks, &mut draft.dropped);
    if turns.messages.is_empty() {
        return Err(nothing_left());
    }
    marks.trail(&mut turns.messages, &mut draft.dropped);
    let (tools, choice, format) = draft.answers(tools, &turns);
    let is_forced = choice
        .as_ref()
        .is_some_and(|choice| choice["type"] == "any" || choice["type"] == "tool");
    let must_have_thought = draft.family.thinking <= Thinking::Budget && turns.is_unthought;
    let said = reasoning::say(request, draft.family, limit, is_forced || must_have_thought);
    draft
        .dropped
        .extend(said.dropped.iter().map(|name| (*name).to_owned()));

    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("model", host.names_model().then(|| json!(to.native_model)));
    put("anthropic_version", host.version().map(Value::from));
    put("max_tokens", Some(json!(limit)));
    put("system", filled(turns.system));
    put("messages", Some(Value::Array(turns.messages)));
    put("tools", filled(tools));
    put("tool_choice", choice);
    put("thinking", said.thinking.clone());
    put("output_config", output_config(&said, format));
    draft.sampling(&said, &mut put);
    put(
        "stream",
        (request.stream && host.names_stream()).then_some(Value::Bool(true)),
    );
    put(
        "metadata",
        request.user.as_ref().map(|user| json!({"user_id": user})),
    );
    let beside = draft.beside(host)?;
    if host != Host::Bedrock {
        put("service_tier", draft.service_tier());
    }
    put("cache_control", marks.of_prompt());
    put(invoke::READS, beside.reads);
    draft.name_unsayable();
    Ok(Written {
        body: Value::Object(body).to_string().into(),
        headers: [host.headers(None), beside.headers].concat(),
        dropped: draft.dropped,
    })
}

/// Sound and films are content: who shows them is not answered as if there were none.
fn refuse_unfit(messages: &[Message]) -> Result<(), Error> {
    let shown = messages.iter().enumerate();
    for (position, message) in shown.filter(|(_, message)| message.role == Role::User) {
        for (place, part) in message.parts.iter().enumerate() {
            if matches!(part.content, Content::Audio { .. } | Content::Video(_)) {
                let path = format!("messages[{position}].content[{place}]");
                let message = format!("{path}: this provider takes no sound and no films");
                return Err(Error::caller(Kind::InvalidRequest, message)
                    .with_next(Next::TryNextEndpoint)
                    .with_field(path));
            }
        }
    }
    Ok(())
}

fn filled(list: Vec<Value>) -> Option<Value> {
    (!list.is_empty()).then_some(Value::Array(list))
}

fn output_config(said: &Said, format: Option<Value>) -> Option<Value> {
    let mut config = Map::new();
    if let Some(effort) = said.effort {
        config.insert("effort".to_owned(), json!(effort));
    }
    if let Some(format) = format {
        config.insert("format".to_owned(), format);
    }
    (!config.is_empty()).then_some(Value::Object(config))
}

impl Draft<'_> {
    fn drop(&mut self, name: impl Into<String>) {
        let name = name.into();
        if !self.dropped.contains(&name) {
            self.dropped.push(name);
        }
    }

    // === Tools ===

    fn tools(&mut self, marks: &mut Marks) -> Vec<Value> {
        let allowed = match &self.request.tool_choice {
            Some(ToolChoice::Allowed(_, names)) => Some(names),
            _ => None,
        };
        name_grammars(&self.request.tools, &mut self.dropped);
        let tools = self.request.tools.iter().enumerate();
        tools
            .filter(|(_, tool)| allowed.is_none_or(|names| names.contains(&tool.name)))
            .map(|(at, tool)| self.tool(at, tool, marks))
            .collect()
    }

    fn tool(&mut self, at: usize, tool: &Tool, marks: &mut Marks) -> Value {
        let mut schema = object_schema(tool.parameters.as_ref());
        let can_follow = self.family.takes_schemas && !is_recursive(&schema);
        let is_strict = tool.strict == Some(true) && can_follow;
        if is_strict {
            let (lowered, removed) = lower(&schema, &ANTHROPIC_STRICT);
            schema = lowered;
            for pointer in removed {
                self.drop(format!("tools[{at}].parameters#{pointer}"));
            }
        } else if tool.strict == Some(true) {
            self.drop(format!("tools[{at}].strict"));
        }
        let mut written = Map::new();
        written.insert("name".to_owned(), json!(tool.name));
        if let Some(description) = &tool.description {
            written.insert("description".to_owned(), json!(description));
        }
        written.insert("input_schema".to_owned(), schema);
        if is_strict {
            written.insert("strict".to_owned(), Value::Bool(true));
        }
        match marks.take(tool.cache) {
            Some(mark) => drop(written.insert("cache_control".to_owned(), mark)),
            None if tool.cache.is_some() => self.drop(format!("tools[{at}].cache_control")),
            None => {}
        }
        Value::Object(written)
    }

    /// The tools, which of them may be called, and the form of the answer: where a model cannot be
    /// told the form, a tool whose arguments are the answer stands for it.
    fn answers(
        &mut self,
        mut tools: Vec<Value>,
        turns: &Turns,
    ) -> (Vec<Value>, Option<Value>, Option<Value>) {
        let mut choice = self.choice(!tools.is_empty());
        let mut format = None;
        let schema = match &self.request.format {
            None | Some(Format::Text) => None,
            Some(Format::JsonObject) => Some(json!({"type": "object"})),
            Some(Format::JsonSchema { schema, .. })
                if self.family.takes_schemas && !is_recursive(schema) =>
            {
                let (schema, removed) = lower(schema, &ANTHROPIC_STRICT);
                for pointer in removed {
                    self.drop(format!("response_format#{pointer}"));
                }
                format = Some(json!({"type": "json_schema", "schema": schema}));
                None
            }
            Some(Format::JsonSchema { schema, .. }) => Some(object_schema(Some(schema))),
        };
        let is_object = matches!(self.request.format, Some(Format::JsonObject));
        if let Some(schema) = schema {
            let thinks = self
                .request
                .reasoning
                .as_ref()
                .is_some_and(chat::request::Reasoning::is_on);
            if is_object && (thinks || !tools.is_empty()) {
                self.drop("response_format");
            } else {
                let forced = match tools.is_empty() {
                    true => json!({"type": "tool", "name": ANSWER_TOOL}),
                    false => json!({"type": "any"}),
                };
                choice = Some(forced);
                tools.push(json!({
                    "name": ANSWER_TOOL,
                    "description": "Gives the answer. Call it with the whole answer.",
                    "input_schema": schema,
                }));
            }
        }
        if tools.is_empty() && !turns.called.is_empty() {
            // A conversation in which tools were called must name them, even where none may be now.
            tools = turns
                .called
                .iter()
                .map(|name| json!({"name": name, "input_schema": {"type": "object"}}))
                .collect();
            choice = Some(json!({"type": "none"}));
        }
        (tools, choice, format)
    }

    fn choice(&mut self, has_tools: bool) -> Option<Value> {
        if !has_tools {
            return None;
        }
        let is_single = self.request.parallel_tool_calls == Some(false);
        let mut choice = match &self.request.tool_choice {
            None if is_single => json!({"type": "auto"}),
            None => return None,
            Some(ToolChoice::Auto | ToolChoice::Allowed(false, _)) => json!({"type": "auto"}),
            Some(ToolChoice::Required | ToolChoice::Allowed(true, _)) => json!({"type": "any"}),
            Some(ToolChoice::Tool(name)) => json!({"type": "tool", "name": name}),
            Some(ToolChoice::None) => return Some(json!({"type": "none"})),
        };
        if is_single {
            choice["disable_parallel_tool_use"] = Value::Bool(true);
        }
        Some(choice)
    }

    // === Everything else ===

    /// Claude that thinks takes no temperature but 1, no `top_k`, and a `top_p` from 0.95; newer
    /// generations take none of them, and those between not two at once.
    fn sampling(&mut self, said: &Said, put: &mut impl FnMut(&str, Option<Value>)) {
        let sampling = &self.request.sampling;
        let thinks = said.is_on(self.family);
        let number = |value: &Option<serde_json::Number>| {
            value.as_ref().and_then(serde_json::Number::as_f64)
        };
        let temperature = match number(&sampling.temperature) {
            None => None,
            Some(value) if !self.family.takes_sampling || (thinks && value != 1.0) => {
                self.drop("temperature");
                None
            }
            Some(value) if value > 1.0 => {
                self.drop("temperature");
                Some(json!(1))
            }
            Some(_) => sampling.temperature.clone().map(Value::Number),
        };
        let is_second = temperature.is_some() && !self.family.takes_both_samplings;
        let top_p = match number(&sampling.top_p) {
            None => None,
            Some(value) if !self.family.takes_sampling || is_second || (thinks && value < 0.95) => {
                self.drop("top_p");
                None
            }
            Some(_) => sampling.top_p.clone().map(Value::Number),
        };
        // 0 and -1 are ways of saying "off".
        let top_k = number(&sampling.top_k).filter(|k| *k > 0.0);
        let top_k = match top_k {
            Some(_) if !self.family.takes_sampling || thinks => {
                self.drop("top_k");
                None
            }
            // Google's clients write whole numbers as `40.0`.
            Some(_) => sampling.top_k.as_ref().map(whole),
            None => None,
        };
        put("temperature", temperature);
        put("top_p", top_p);
        put("top_k", top_k);
        // Blank ones are refused.
        let (stop, blank): (Vec<_>, Vec<_>) = sampling
            .stop
            .iter()
            .partition(|text| !text.trim().is_empty());
        if !blank.is_empty() {
            self.drop("stop");
        }
        put("stop_sequences", (!stop.is_empty()).then(|| json!(stop)));
    }

    /// What Bedrock is told in headers, and nobody else is told.
    fn beside(&mut self, host: Host) -> Result<Told, Error> {
        let request = self.request;
        if host != Host::Bedrock {
            request.native.iter().for_each(|(name, _)| self.drop(name));
            return Ok(Told::default());
        }
        let tier = request.service_tier.as_deref();
        let mut told = invoke::tell(&request.native, tier, request.stream)?;
        for name in std::mem::take(&mut told.dropped) {
            self.drop(name);
        }
        Ok(told)
    }

    fn service_tier(&mut self) -> Option<Value> {
        match self.request.service_tier.as_deref() {
            None => None,
            Some("auto" | "priority") => Some(json!("auto")),
            Some("default" | "standard" | "standard_only") => Some(json!("standard_only")),
            Some(_) => {
                self.drop("service_tier");
                None
            }
        }
    }

    fn name_unsayable(&mut self) {
        let request = self.request;
        let sampling = &request.sampling;
        for (name, is_set) in [
            ("min_p", sampling.min_p.is_some()),
            ("top_a", sampling.top_a.is_some()),
            ("frequency_penalty", sampling.frequency_penalty.is_some()),
            ("presence_penalty", sampling.presence_penalty.is_some()),
            ("repetition_penalty", sampling.repetition_penalty.is_some()),
            ("seed", sampling.seed.is_some()),
            ("logprobs", sampling.logprobs == Some(true)),
            ("top_logprobs", sampling.top_logprobs.is_some()),
            ("logit_bias", !sampling.logit_bias.is_empty()),
            ("metadata", !request.metadata.is_empty()),
            ("prompt_cache_key", request.prompt_cache_key.is_some()),
            ("n", request.choices.is_some()),
            ("modalities", !request.modalities.is_empty()),
            ("audio", request.audio.is_some()),
            (
                "response_format.json_schema.description",
                matches!(
                    request.format,
                    Some(Format::JsonSchema {
                        description: Some(_),
                        ..
                    })
                ),
            ),
            ("image_config", request.image_config.is_some()),
        ] {
            if is_set {
                self.drop(name);
            }
        }
    }
}

/// A whole number without a fraction, where it has none.
fn whole(number: &serde_json::Number) -> Value {
    let text = number.to_string();
    let whole = text.strip_suffix(".0").unwrap_or(&text);
    whole
        .parse::<u64>()
        .map_or_else(|_| json!(number), Value::from)
}

/// A schema that says that it is an object's, which this dialect demands of tools.
fn object_schema(schema: Option<&Value>) -> Value {
    let mut schema = match schema {
        Some(Value::Object(members)) => members.clone(),
        _ => Map::new(),
    };
    if schema.get("type") != Some(&json!("object")) {
        schema.insert("type".to_owned(), json!("object"));
    }
    Value::Object(schema)
}
