//! Composes a request: everything in one order, so that the same conversation has the same bytes.

use bytes::Bytes;
use chat::request::{Format, Sampling};
use chat::{Dialect, Error, Kind, Next, Parameter, Request};
use serde_json::{Value, json};

use super::super::family::Family;
use super::{thinking, tools, turns};
use crate::outgoing::{Outgoing, Written};
use crate::quirks::name_once;
use crate::schema;
use crate::splice::{push_member, quoted};

/// Google takes no more texts that end an answer.
const STOPS_MAX: usize = 5;

/// Google gives no more answers at once.
const CHOICES_MAX: u32 = 8;

/// The longest name or value of a label of Google Cloud's, characters.
const LABEL_CHARS_MAX: usize = 63;

/// Whether all letters of a text are allowed in labels of Google Cloud's.
/// <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference> and
/// <https://docs.cloud.google.com/resource-manager/docs/labels-overview> (2026)
fn is_label(text: &str) -> bool {
    let fits = |letter: char| {
        "_-".contains(letter) || (letter.is_alphanumeric() && !letter.is_uppercase())
    };
    text.chars().count() <= LABEL_CHARS_MAX && text.chars().all(fits)
}

/// A request being composed.
struct Body<'b> {
    to: &'b Outgoing<'b>,
    family: Family,
    config: String,
    dropped: Vec<String>,
}

/// Writes a request for one endpoint.
///
/// # Errors
/// What cannot be said and must not be dropped.
pub(in super::super) fn write(request: &Request, to: &Outgoing<'_>) -> Result<Written, Error> {
    let mut body = Body {
        to,
        family: Family::of(to.native_model),
        config: String::new(),
        dropped: Vec::new(),
    };
    let host = turns::Host {
        family: body.family,
        names_files: to.dialect == Dialect::Vertex,
    };
    let turns = turns::write(&request.messages, host, &mut body.dropped)?;
    let mut members = String::with_capacity(1024);
    if let Some(system) = &turns.system {
        push_member(&mut members, "systemInstruction", system);
    }
    let mut has_tools = false;
    if body.takes(Parameter::Tools, "tools", !request.tools.is_empty()) {
        let choice = request.tool_choice.as_ref();
        let takes_choice = body.takes(Parameter::ToolChoice, "tool_choice", choice.is_some());
        let choice = choice.filter(|_| takes_choice);
        let validates = body.family.validates_calls
            && to
                .supported
                .is_none_or(|it| it.contains(Parameter::ToolChoice));
        if let Some((list, config)) =
            tools::write(&request.tools, (choice, validates), &mut body.dropped)
        {
            has_tools = true;
            push_member(&mut members, "tools", &list);
            if let Some(config) = config {
                push_member(&mut members, "toolConfig", &config);
            }
        }
    }
    push_member(&mut members, "contents", &turns.contents);
    body.sampling(&request.sampling);
    body.limit(request);
    body.choices(request)?;
    body.format(request, has_tools);
    body.thinking(request);
    body.output(request);
    if !body.config.is_empty() {
        push_member(
            &mut members,
            "generationConfig",
            &format!("{{{}}}", body.config),
        );
    }
    if let Some(tier) = request.service_tier.as_deref() {
        body.service_tier(tier, &mut members);
    }
    if let Some(labels) = body.labels(request) {
        push_member(&mut members, "labels", &labels);
    }
    body.name_the_rest(request);
    Ok(Written {
        body: Bytes::from(format!("{{{members}}}")),
        headers: Vec::new(),
        dropped: body.dropped,
    })
}

impl Body<'_> {
    fn lose(&mut self, name: &str) {
        name_once(&mut self.dropped, name);
    }

    /// Whether something that is asked for is taken by the endpoint; named where it is not.
    fn takes(&mut self, parameter: Parameter, name: &str, is_asked: bool) -> bool {
        let is_taken = self.to.supported.is_none_or(|it| it.contains(parameter));
        if is_asked && !is_taken {
            self.lose(name);
        }
        is_asked && is_taken
    }

    fn sampling(&mut self, sampling: &Sampling) {
        for (parameter, name, number) in [
            (Parameter::Temperature, "temperature", &sampling.temperature),
            (Parameter::TopP, "topP", &sampling.top_p),
            (Parameter::TopK, "topK", &sampling.top_k),
            (
                Parameter::PresencePenalty,
                "presencePenalty",
                &sampling.presence_penalty,
            ),
            (
                Parameter::FrequencyPenalty,
                "frequencyPenalty",
                &sampling.frequency_penalty,
            ),
            (Parameter::Seed, "seed", &sampling.seed),
        ] {
            let Some(number) = number else { continue };
            // 0 is off elsewhere, and an error here.
            let is_off = name == "topK" && number.as_f64() == Some(0.0);
            if !is_off && self.takes(parameter, parameter.name(), true) {
                push_member(&mut self.config, name, &number.to_string());
            }
        }
        for (parameter, is_asked) in [
            (Parameter::MinP, sampling.min_p.is_some()),
            (Parameter::TopA, sampling.top_a.is_some()),
            (
                Parameter::RepetitionPenalty,
                sampling.repetition_penalty.is_some(),
            ),
            (Parameter::LogitBias, !sampling.logit_bias.is_empty()),
        ] {
            if is_asked {
                self.lose(parameter.name());
            }
        }
        self.logprobs(sampling);
        let stop = &sampling.stop;
        if self.takes(Parameter::Stop, "stop", !stop.is_empty()) {
            let taken: Vec<&String> = stop.iter().take(STOPS_MAX).collect();
            push_member(&mut self.config, "stopSequences", &json!(taken).to_string());
            if stop.len() > STOPS_MAX {
                self.lose(&format!("stop[{STOPS_MAX}..]"));
            }
        }
    }

    /// How many others are told at each step is asked only beside the tokens' own.
    fn logprobs(&mut self, sampling: &Sampling) {
        let is_asked = sampling.logprobs == Some(true);
        let is_taken = self.takes(Parameter::Logprobs, "logprobs", is_asked);
        if is_taken {
            push_member(&mut self.config, "responseLogprobs", "true");
        }
        let Some(most) = sampling.top_logprobs.filter(|most| *most > 0) else {
            return;
        };
        if !is_taken {
            self.lose("top_logprobs");
        } else if self.takes(Parameter::TopLogprobs, "top_logprobs", true) {
            push_member(&mut self.config, "logprobs", &most.to_string());
        }
    }

    fn limit(&mut self, request: &Request) {
        if let Some(limit) = self.to.output_limit.or(request.max_output_tokens) {
            push_member(&mut self.config, "maxOutputTokens", &limit.to_string());
        }
    }

    /// Google gives several answers only whole, and not too many; which of its models do, it says
    /// itself. <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>
    /// and <https://github.com/googleapis/js-genai/issues/1609> (2026)
    fn choices(&mut self, request: &Request) -> Result<(), Error> {
        let Some(count) = request.choices else {
            return Ok(());
        };
        if request.stream || count > CHOICES_MAX {
            let message = format!(
                "n: this provider gives several answers only whole, and no more than {CHOICES_MAX}"
            );
            return Err(Error::caller(Kind::InvalidRequest, message)
                .with_next(Next::TryNextEndpoint)
                .with_field("n"));
        }
        push_member(&mut self.config, "candidateCount", &count.to_string());
        Ok(())
    }

    fn format(&mut self, request: &Request, has_tools: bool) {
        let (is_json, asked) = match &request.format {
            None | Some(Format::Text) => return,
            Some(Format::JsonObject) => (true, None),
            Some(Format::JsonSchema {
                schema,
                strict,
                description,
                ..
            }) => {
                if description.is_some() {
                    self.lose("response_format.json_schema.description");
                }
                (true, Some((schema, strict)))
            }
        };
        let takes_schema = self
            .to
            .supported
            .is_none_or(|it| it.contains(Parameter::StructuredOutputs));
        let takes_json = takes_schema
            || self
                .to
                .supported
                .is_none_or(|it| it.contains(Parameter::ResponseFormat));
        let is_possible = takes_json && (!has_tools || self.family.mixes_format_and_tools());
        if !is_json || !is_possible {
            self.lose("response_format");
            return;
        }
        push_member(&mut self.config, "responseMimeType", "\"application/json\"");
        let Some((schema, strict)) = asked else {
            return;
        };
        if !takes_schema {
            self.lose("response_format.json_schema");
            return;
        }
        let (lowered, lost) = schema::lower(schema, &schema::GOOGLE);
        for pointer in lost {
            self.lose(&format!("response_format.json_schema.schema#{pointer}"));
        }
        if *strict == Some(true) && self.dropped.iter().any(|it| it.contains(".schema#")) {
            self.lose("response_format.json_schema.strict");
        }
        push_member(&mut self.config, "responseSchema", &lowered.to_string());
    }

    fn thinking(&mut self, request: &Request) {
        let Some(reasoning) = &request.reasoning else {
            return;
        };
        let limit = self.to.output_limit.or(request.max_output_tokens);
        let limit = limit.or(self.to.output_most);
        let (config, dropped) = thinking::write(reasoning, self.family, limit);
        if let Some(config) = config {
            push_member(&mut self.config, "thinkingConfig", &config.to_string());
        }
        dropped.into_iter().for_each(|name| self.lose(name));
    }

    fn output(&mut self, request: &Request) {
        if !request.modalities.is_empty() {
            let mut words = vec!["TEXT".to_owned()];
            words.extend(
                request
                    .modalities
                    .iter()
                    .map(|word| word.to_ascii_uppercase()),
            );
            push_member(
                &mut self.config,
                "responseModalities",
                &json!(words).to_string(),
            );
        }
        if request.audio.is_some() {
            self.lose("audio");
        }
        let Some(Value::Object(image)) = &request.image_config else {
            return;
        };
        let mut config = String::new();
        for (name, value) in image {
            match name.as_str() {
                "aspect_ratio" => push_member(&mut config, "aspectRatio", &value.to_string()),
                "image_size" => push_member(&mut config, "imageSize", &value.to_string()),
                other => self.lose(&format!("image_config.{other}")),
            }
        }
        if !config.is_empty() {
            push_member(&mut self.config, "imageConfig", &format!("{{{config}}}"));
        }
    }

    /// AI Studio takes a tier in the body; Vertex sells them otherwise.
    fn service_tier(&mut self, tier: &str, members: &mut String) {
        match tier {
            "auto" | "default" | "standard" => {}
            "flex" | "priority" if self.to.dialect == Dialect::Gemini => {
                push_member(members, "serviceTier", &quoted(tier));
            }
            _ => self.lose("service_tier"),
        }
    }

    /// Vertex takes labels, by which its bill can be told apart; AI Studio refuses them.
    fn labels(&mut self, request: &Request) -> Option<String> {
        if self.to.dialect != Dialect::Vertex {
            if !request.metadata.is_empty() {
                self.lose("metadata");
            }
            return None;
        }
        let mut labels = String::new();
        for (name, value) in &request.metadata {
            if is_label(name) && name.starts_with(char::is_alphabetic) && is_label(value) {
                push_member(&mut labels, name, &quoted(value));
            } else {
                self.lose(&format!("metadata.{name}"));
            }
        }
        (!labels.is_empty()).then(|| format!("{{{labels}}}"))
    }

    fn name_the_rest(&mut self, request: &Request) {
        for (name, is_asked) in [
            (
                "parallel_tool_calls",
                request.parallel_tool_calls == Some(false),
            ),
            ("verbosity", request.verbosity.is_some()),
            ("user", request.user.is_some()),
            ("cache_control", request.cache.is_some()),
            ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ] {
            if is_asked {
                self.lose(name);
            }
        }
    }
}
