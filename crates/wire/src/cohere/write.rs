//! Writes a request in this dialect out of the vocabulary, in one fixed order of members.
//!
//! Source: the reference of Cohere's Chat, version 2, <https://docs.cohere.com/reference/chat> (2026).

use chat::request::{Format, Tool, ToolChoice};
use chat::{Error, Parameter, Request};
use serde_json::{Map, Number, Value, json};

use super::turns::turns;
use crate::free_text::name_grammars;
use crate::outgoing::{Outgoing, Written, nothing_left};
use crate::schema::{COHERE_STRICT, lower};

/// Models that think, by a part of their names; they do unless they are told not to, and others
/// refuse to be told. <https://docs.cohere.com/docs/reasoning> (2026)
const THINKERS: &[&str] = &["reasoning", "command-a-plus"];

/// The most texts that can end an answer.
const STOPS_MAX: usize = 5;

/// The output limit that a budget for thinking is a share of, where nobody has set one, tokens.
const LIMIT_USUAL: u64 = 32_000;

/// A request under way.
struct Draft<'a> {
    request: &'a Request,
    to: &'a Outgoing<'a>,
    body: Map<String, Value>,
    dropped: Vec<String>,
}

/// Writes a request for one endpoint.
///
/// # Errors
/// What cannot be said and must not be dropped.
pub(super) fn write(request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
    let thinks = THINKERS.iter().any(|name| to.native_model.contains(name));
    let turns = turns(&request.messages, thinks)?;
    if turns.messages.is_empty() {
        return Err(nothing_left());
    }
    let mut draft = Draft {
        request,
        to,
        body: Map::new(),
        dropped: turns.dropped,
    };
    let is_plain = request.tools.is_empty() && turns.documents.is_empty();
    draft.put("model", json!(to.native_model));
    draft.put("messages", Value::Array(turns.messages));
    if !turns.documents.is_empty() {
        draft.put("documents", Value::Array(turns.documents));
    }
    draft.tools();
    draft.format(is_plain);
    let limit = to.output_limit.or(request.max_output_tokens);
    if let Some(limit) = limit {
        draft.put("max_tokens", json!(limit));
    }
    draft.thinking(thinks, limit.or(to.output_most).unwrap_or(LIMIT_USUAL));
    draft.sampling();
    draft.logprobs();
    if request.stream {
        draft.put("stream", json!(true));
    }
    draft.name_unsayable();
    Ok(Written {
        body: Value::Object(draft.body).to_string().into(),
        headers: Vec::new(),
        dropped: draft.dropped,
    })
}

impl Draft<'_> {
    fn put(&mut self, name: &str, value: Value) {
        self.body.insert(name.to_owned(), value);
    }

    fn drop(&mut self, name: impl Into<String>) {
        let name = name.into();
        if !self.dropped.contains(&name) {
            self.dropped.push(name);
        }
    }

    /// Whether an endpoint takes a parameter, as far as that is known.
    fn takes(&self, parameter: Parameter) -> bool {
        self.to
            .supported
            .is_none_or(|supported| supported.contains(parameter))
    }

    // === Tools ===

    fn tools(&mut self) {
        let request = self.request;
        name_grammars(&request.tools, &mut self.dropped);
        for (at, tool) in request.tools.iter().enumerate() {
            if tool.cache.is_some() {
                self.drop(format!("tools[{at}].cache_control"));
            }
        }
        // One tool, or some, can only be meant by leaving out the others.
        let (only, word) = match &request.tool_choice {
            None | Some(ToolChoice::Auto) => (None, None),
            Some(ToolChoice::None) => (None, Some("NONE")),
            Some(ToolChoice::Required) => (None, Some("REQUIRED")),
            Some(ToolChoice::Tool(name)) => (Some(std::slice::from_ref(name)), Some("REQUIRED")),
            Some(ToolChoice::Allowed(is_required, names)) => {
                (Some(names.as_slice()), is_required.then_some("REQUIRED"))
            }
        };
        let is_strict = self.is_strict();
        let mut tools = Vec::with_capacity(request.tools.len());
        for (at, tool) in request.tools.iter().enumerate() {
            if only.is_none_or(|names| names.contains(&tool.name)) {
                let written = self.tool((at, tool), is_strict);
                tools.push(written);
            }
        }
        if tools.is_empty() {
            return;
        }
        self.put("tools", Value::Array(tools));
        if is_strict {
            self.put("strict_tools", json!(true));
        }
        if let Some(word) = word {
            self.put("tool_choice", json!(word));
        }
        if request.parallel_tool_calls == Some(false) {
            self.drop("parallel_tool_calls");
        }
    }

    /// All tools are followed exactly, or none; each must then need a parameter.
    fn is_strict(&mut self) -> bool {
        let tools = &self.request.tools;
        let needs = |tool: &Tool| {
            let required = tool
                .parameters
                .as_ref()
                .and_then(|schema| schema.get("required"));
            required
                .and_then(Value::as_array)
                .is_some_and(|names| !names.is_empty())
        };
        let is_strict = !tools.is_empty()
            && tools
                .iter()
                .all(|tool| tool.strict == Some(true) && needs(tool));
        if !is_strict {
            for at in (0..tools.len()).filter(|at| tools[*at].strict == Some(true)) {
                self.drop(format!("tools[{at}].strict"));
            }
        }
        is_strict
    }

    fn tool(&mut self, (at, tool): (usize, &Tool), is_strict: bool) -> Value {
        let nothing = || json!({"type": "object", "properties": {}});
        let mut schema = tool.parameters.clone().filter(Value::is_object);
        if let Some(whole) = schema.as_ref().filter(|_| is_strict) {
            let (lowered, removed) = lower(whole, &COHERE_STRICT);
            for pointer in removed {
                self.drop(format!("tools[{at}].parameters#{pointer}"));
            }
            schema = Some(lowered);
        }
        let mut function = Map::new();
        function.insert("name".to_owned(), json!(tool.name));
        if let Some(description) = &tool.description {
            function.insert("description".to_owned(), json!(description));
        }
        function.insert("parameters".to_owned(), schema.unwrap_or_else(nothing));
        json!({"type": "function", "function": function})
    }

    // === The form of the answer ===

    /// Tools and documents exclude it.
    fn format(&mut self, is_plain: bool) {
        match &self.request.format {
            None | Some(Format::Text) => {}
            Some(_) if !is_plain => self.drop("response_format"),
            Some(Format::JsonObject) => {
                self.put("response_format", json!({"type": "json_object"}));
            }
            Some(Format::JsonSchema {
                schema,
                description,
                ..
            }) => {
                if description.is_some() {
                    self.drop("response_format.json_schema.description");
                }
                let (schema, removed) = lower(schema, &COHERE_STRICT);
                for pointer in removed {
                    self.drop(format!("response_format#{pointer}"));
                }
                let format = json!({"type": "json_object", "json_schema": schema});
                self.put("response_format", format);
            }
        }
    }

    fn thinking(&mut self, thinks: bool, limit: u64) {
        let Some(reasoning) = &self.request.reasoning else {
            return;
        };
        if !thinks {
            if reasoning.is_on() {
                self.drop("reasoning");
            }
        } else if reasoning.is_off() {
            self.put("thinking", json!({"type": "disabled"}));
        } else if reasoning.is_on() {
            let mut thinking = json!({"type": "enabled"});
            let has_size = reasoning.max_tokens.is_some() || reasoning.effort.is_some();
            let budget = reasoning.budget_meant(limit).filter(|_| has_size);
            if let Some(budget) = budget.filter(|budget| *budget > 0) {
                thinking["token_budget"] = json!(budget);
            }
            self.put("thinking", thinking);
        }
    }

    // === Sampling ===

    fn sampling(&mut self) {
        let sampling = &self.request.sampling;
        if let Some(temperature) = &sampling.temperature {
            self.number("temperature", Parameter::Temperature, temperature.clone());
        }
        // What a number may be here: its name here and elsewhere, from, to.
        for ((name, theirs), parameter, number, (least, most)) in [
            (
                ("p", "top_p"),
                Parameter::TopP,
                &sampling.top_p,
                (0.01, 0.99),
            ),
            (
                ("k", "top_k"),
                Parameter::TopK,
                &sampling.top_k,
                (0.0, 500.0),
            ),
            (
                ("frequency_penalty", "frequency_penalty"),
                Parameter::FrequencyPenalty,
                &sampling.frequency_penalty,
                (0.0, 1.0),
            ),
            (
                ("presence_penalty", "presence_penalty"),
                Parameter::PresencePenalty,
                &sampling.presence_penalty,
                (0.0, 1.0),
            ),
        ] {
            let Some(number) = number else { continue };
            let value = number.as_f64().unwrap_or(least);
            let within = value.clamp(least, most);
            let is_changed = value < least || value > most;
            if !self.takes(parameter) || is_changed {
                self.drop(theirs);
            }
            let said = match is_changed {
                true => within_text(within),
                false => Some(number.clone()),
            };
            if let Some(said) = said.filter(|_| self.takes(parameter)) {
                self.put(name, Value::Number(said));
            }
        }
        if let Some(seed) = &sampling.seed {
            self.number("seed", Parameter::Seed, seed.clone());
        }
        let stop: Vec<_> = sampling.stop.iter().take(STOPS_MAX).collect();
        if sampling.stop.len() > STOPS_MAX || !(stop.is_empty() || self.takes(Parameter::Stop)) {
            self.drop("stop");
        }
        if !stop.is_empty() && self.takes(Parameter::Stop) {
            self.put("stop_sequences", json!(stop));
        }
    }

    fn logprobs(&mut self) {
        if self.request.sampling.logprobs == Some(true) {
            match self.takes(Parameter::Logprobs) {
                true => self.put("logprobs", json!(true)),
                false => self.drop("logprobs"),
            }
        }
    }

    fn number(&mut self, name: &str, parameter: Parameter, number: Number) {
        match self.takes(parameter) {
            true => self.put(name, Value::Number(number)),
            false => self.drop(name),
        }
    }

    fn name_unsayable(&mut self) {
        let request = self.request;
        let sampling = &request.sampling;
        let is_special = |tier: &String| !matches!(tier.as_str(), "auto" | "default" | "standard");
        for (name, is_set) in [
            ("min_p", sampling.min_p.is_some()),
            ("top_a", sampling.top_a.is_some()),
            ("repetition_penalty", sampling.repetition_penalty.is_some()),
            ("logit_bias", !sampling.logit_bias.is_empty()),
            (
                "top_logprobs",
                sampling.top_logprobs.is_some_and(|most| most > 0),
            ),
            ("verbosity", request.verbosity.is_some()),
            (
                "service_tier",
                request.service_tier.as_ref().is_some_and(is_special),
            ),
            ("user", request.user.is_some()),
            ("metadata", !request.metadata.is_empty()),
            ("cache_control", request.cache.is_some()),
            ("prompt_cache_key", request.prompt_cache_key.is_some()),
            ("n", request.choices.is_some()),
            ("modalities", !request.modalities.is_empty()),
            ("audio", request.audio.is_some()),
            ("image_config", request.image_config.is_some()),
        ] {
            if is_set {
                self.drop(name);
            }
        }
    }
}

/// A bound as a number of JSON: whole ones without a fraction, since `k` is a count.
fn within_text(bound: f64) -> Option<Number> {
    let text = format!("{bound}");
    match text.parse::<u64>() {
        Ok(whole) => Some(Number::from(whole)),
        Err(_) => Number::from_f64(bound),
    }
}
