//! Writes a request in this dialect out of the vocabulary. Members stand in one fixed order, so that
//! the same conversation always gives the same bytes.

use chat::request::Sampling;
use chat::{Error, Parameter, Request};
use serde_json::{Map, Number, Value, json};

use super::family::{Family, TopK};
use super::marks::Marks;
use super::reasoning::{self, Said};
use super::{tools, turns};
use crate::anthropic_messages::family::Thinking;
use crate::outgoing::{Outgoing, Written, nothing_left};

/// The output limit that efforts are shares of, where nobody has set one, tokens.
const LIMIT_USUAL: u64 = 32_000;

/// The most labels of a request, and the longest name or value of one.
const LABELS_MAX: usize = 16;
const LABEL_CHARS_MAX: usize = 256;

/// The label that holds the end user.
const USER_LABEL: &str = "user";

/// Fields that the vocabulary has no words for, which callers set by these names.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> (2026)
pub(crate) const OWN: &[&str] = &[
    FIELDS,
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "performanceConfig",
];

/// What only some families of models know.
const FIELDS: &str = "additionalModelRequestFields";

/// A request under way.
struct Draft<'a> {
    request: &'a Request,
    to: &'a Outgoing<'a>,
    family: Family,
    dropped: Vec<String>,
}

/// Writes a request for one endpoint.
///
/// # Errors
/// What cannot be said and must not be dropped.
pub(super) fn write(request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
    let mut draft = Draft {
        request,
        to,
        family: Family::of(to.native_model),
        dropped: Vec::new(),
    };
    let family = draft.family;
    let mut marks = Marks::new(request, family.caches);
    let specs = tools::specs(request, &family, &mut marks, &mut draft.dropped);
    let turns = turns::turns(request, &family, &mut marks, &mut draft.dropped)?;
    if turns.messages.is_empty() {
        return Err(nothing_left());
    }
    let tools = tools::tools(request, &family, specs, &turns);
    for name in &tools.dropped {
        draft.drop(name);
    }
    let must_have_thought = turns.is_unthought
        && family
            .claude
            .is_some_and(|claude| claude.thinking <= Thinking::Budget);
    let limit = to.output_limit.or(request.max_output_tokens);
    let usual = limit.or(to.output_most).unwrap_or(LIMIT_USUAL);
    let must_not = tools.is_forced || must_have_thought;
    let said = reasoning::say(request, &family, (usual, limit.is_some()), must_not);
    for name in &said.dropped {
        draft.drop(*name);
    }
    let inference = draft.inference(limit.or(said.has_budget.then_some(usual)), &said);
    let more = draft.more(&said, tools.single);

    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    let filled = |members: Map<String, Value>| {
        Some(members)
            .filter(|members| !members.is_empty())
            .map(Value::Object)
    };
    let system = Some(turns.system).filter(|blocks| !blocks.is_empty());
    put("toolConfig", tools.config);
    put("system", system.map(Value::Array));
    put("messages", Some(Value::Array(turns.messages)));
    put("inferenceConfig", filled(inference));
    put(FIELDS, filled(more));
    put(
        "outputConfig",
        tools.format.map(|format| json!({"textFormat": format})),
    );
    put("requestMetadata", draft.labels());
    put("serviceTier", draft.service_tier());
    for (name, value) in request.native.iter().filter(|(name, _)| name != FIELDS) {
        put(name, Some(value.clone()));
    }
    draft.name_unsayable();
    Ok(Written {
        body: Value::Object(body).to_string().into(),
        headers: Vec::new(),
        dropped: draft.dropped,
    })
}

impl Draft<'_> {
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

    /// Limit and sampling. Claude that thinks takes no temperature but 1 and a `top_p` from 0.95;
    /// newer generations take neither, and those between not both at once.
    fn inference(&mut self, limit: Option<u64>, said: &Said) -> Map<String, Value> {
        let Sampling {
            temperature,
            top_p,
            stop,
            ..
        } = &self.request.sampling;
        let claude = self.family.claude;
        let takes_any = claude.is_none_or(|claude| claude.takes_sampling);
        let thinks = claude.is_some() && said.is_on;
        let value = |number: &Option<Number>| number.as_ref().and_then(Number::as_f64);
        let mut config = Map::new();
        if let Some(limit) = limit {
            config.insert("maxTokens".to_owned(), json!(limit));
        }
        let mut has_temperature = false;
        if let Some(value) = value(temperature) {
            let is_refused = !takes_any || (thinks && value != 1.0);
            if is_refused || !self.takes(Parameter::Temperature) {
                self.drop("temperature");
            } else {
                // Warmer than 1 does not exist here.
                let said = match value > 1.0 {
                    true => Some(json!(1)),
                    false => temperature.clone().map(Value::Number),
                };
                if value > 1.0 {
                    self.drop("temperature");
                }
                has_temperature = said.is_some();
                config.extend(said.map(|said| ("temperature".to_owned(), said)));
            }
        }
        if let Some(value) = value(top_p) {
            let is_second =
                has_temperature && claude.is_some_and(|claude| !claude.takes_both_samplings);
            let is_refused = !takes_any || is_second || (thinks && value < 0.95);
            if is_refused || !self.takes(Parameter::TopP) {
                self.drop("top_p");
            } else if let Some(top_p) = top_p {
                config.insert("topP".to_owned(), Value::Number(top_p.clone()));
            }
        }
        // Blank ones are refused.
        let said: Vec<_> = stop.iter().filter(|text| !text.trim().is_empty()).collect();
        if said.len() < stop.len() || !(stop.is_empty() || self.takes(Parameter::Stop)) {
            self.drop("stop");
        }
        if !said.is_empty() && self.takes(Parameter::Stop) {
            config.insert("stopSequences".to_owned(), json!(said));
        }
        config
    }

    /// What only some families know: thinking, one tool at a time, and further ways of choosing tokens.
    fn more(&mut self, said: &Said, single: Option<Value>) -> Map<String, Value> {
        let mut more = said.fields.clone();
        more.extend(single.map(|single| ("tool_choice".to_owned(), single)));
        self.chances(&mut more);
        self.top_k(said, &mut more);
        // What the caller says of the model itself wins over what we would.
        let own = self.request.native.iter().find(|(name, _)| name == FIELDS);
        match own {
            Some((_, Value::Object(own))) => {
                for (name, value) in own {
                    let ours = more.insert(name.clone(), value.clone());
                    if ours.is_some_and(|ours| ours != *value) {
                        self.drop(said_in(name));
                    }
                }
            }
            Some(_) => self.drop(FIELDS),
            None => {}
        }
        more
    }

    /// Penalties and seeds, where the family has them; named where it has not.
    fn chances(&mut self, more: &mut Map<String, Value>) {
        let sampling = &self.request.sampling;
        for (parameter, number) in [
            (Parameter::FrequencyPenalty, &sampling.frequency_penalty),
            (Parameter::PresencePenalty, &sampling.presence_penalty),
            (Parameter::Seed, &sampling.seed),
        ] {
            let Some(number) = number else { continue };
            if self.family.chances.contains(&parameter) && self.takes(parameter) {
                let number = Value::Number(number.clone());
                more.insert(parameter.name().to_owned(), number);
            } else {
                self.drop(parameter.name());
            }
        }
    }

    fn top_k(&mut self, said: &Said, more: &mut Map<String, Value>) {
        // 0 and -1 are ways of saying "off".
        let top_k = self.request.sampling.top_k.as_ref();
        let Some(k) = top_k.and_then(whole).filter(|k| *k > 0) else {
            return;
        };
        let claude = self.family.claude;
        let is_refused = claude.is_some_and(|claude| !claude.takes_sampling || said.is_on);
        match self.family.top_k {
            _ if is_refused || !self.takes(Parameter::TopK) => self.drop("top_k"),
            TopK::Nowhere => self.drop("top_k"),
            TopK::Flat(name) => {
                more.insert(name.to_owned(), json!(k));
            }
            TopK::Nested => {
                more.insert("inferenceConfig".to_owned(), json!({"topK": k}));
            }
        }
    }

    /// The caller's labels, and its name for its end user as one of them, as far as their letters are
    /// allowed: they help to find a call in the log.
    fn labels(&mut self) -> Option<Value> {
        let is_allowed = |text: &str| {
            let fits = |c: char| {
                c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c)
            };
            text.chars().count() <= LABEL_CHARS_MAX && text.chars().all(fits)
        };
        let mut labels = Map::new();
        for (name, value) in &self.request.metadata {
            let fits = !name.is_empty() && is_allowed(name) && is_allowed(value);
            if fits && labels.len() < LABELS_MAX {
                labels.insert(name.clone(), json!(value));
            } else {
                self.drop(format!("metadata.{name}"));
            }
        }
        if let Some(user) = self.request.user.as_ref().filter(|user| !user.is_empty()) {
            let is_free = labels.len() < LABELS_MAX && !labels.contains_key(USER_LABEL);
            if is_free && is_allowed(user) {
                labels.insert(USER_LABEL.to_owned(), json!(user));
            } else if labels.get(USER_LABEL) != Some(&json!(user)) {
                self.drop("user");
            }
        }
        (!labels.is_empty()).then_some(Value::Object(labels))
    }

    fn service_tier(&mut self) -> Option<Value> {
        let asked = self.request.service_tier.as_deref();
        let asked = asked.filter(|word| *word != "auto")?;
        let tier = service_tier(asked);
        if tier.is_none() {
            self.drop("service_tier");
        }
        tier.map(|tier| json!({"type": tier}))
    }

    fn name_unsayable(&mut self) {
        let request = self.request;
        let sampling = &request.sampling;
        for (name, is_set) in [
            ("min_p", sampling.min_p.is_some()),
            ("top_a", sampling.top_a.is_some()),
            ("repetition_penalty", sampling.repetition_penalty.is_some()),
            ("logprobs", sampling.logprobs == Some(true)),
            ("top_logprobs", sampling.top_logprobs.is_some()),
            ("logit_bias", !sampling.logit_bias.is_empty()),
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

/// A tier in Amazon's word for it, where it has one.
pub(crate) fn service_tier(asked: &str) -> Option<&'static str> {
    Some(match asked {
        "default" | "standard" | "standard_only" => "default",
        "fast" | "priority" => "priority",
        "flex" => "flex",
        "reserved" => "reserved",
        _ => return None,
    })
}

/// The caller's field that a member of `additionalModelRequestFields` says.
fn said_in(name: &str) -> &str {
    match name {
        "tool_choice" => "parallel_tool_calls",
        "k" | "inferenceConfig" => "top_k",
        "thinking" | "output_config" | "reasoningConfig" | "reasoning_config" => "reasoning",
        same => same,
    }
}

/// A whole number, which Google's clients write as `40.0`.
fn whole(number: &Number) -> Option<u64> {
    let text = number.to_string();
    text.strip_suffix(".0").unwrap_or(&text).parse().ok()
}
