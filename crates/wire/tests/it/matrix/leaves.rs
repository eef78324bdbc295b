//! What a request says, leaf by leaf; and whether each leaf arrived or was named as lost.

use chat::request::{Content, Format, Part, Source, ToolChoice};
use chat::{Citation, Request};
use serde_json::{Value, json};

/// One thing that a request says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leaf {
    /// What kind of thing: one row of [`NAMES`].
    pub(crate) kind: &'static str,
    /// What is said.
    pub(crate) said: Value,
}

/// By which names a kind of leaf may be reported as lost: any that contains one of these words.
const NAMES: &[(&str, &[&str])] = &[
    ("text", &["content", "messages", "refusal"]),
    ("image", &["content", "images"]),
    ("detail", &["detail"]),
    ("audio", &["content", "audio"]),
    ("video", &["content"]),
    ("file", &["content"]),
    ("filename", &["filename", "content"]),
    ("is_cited", &["citations"]),
    ("cited", &["citations", "annotations"]),
    ("call", &["tool_calls", "content"]),
    ("call_name", &["tool_calls", "content"]),
    ("call_arguments", &["tool_calls", "content"]),
    ("result_of", &["content"]),
    ("is_error", &["is_error"]),
    ("thought", &["reasoning"]),
    ("seal", &["reasoning"]),
    ("cache", &["cache_control"]),
    ("cache_ttl", &["cache_control"]),
    ("name", &[".name"]),
    ("tool", &["tools"]),
    ("tool_description", &["description"]),
    ("tool_parameters", &["parameters"]),
    ("tool_strict", &["strict"]),
    ("tool_choice", &["tool_choice"]),
    ("parallel_tool_calls", &["parallel_tool_calls"]),
    ("temperature", &["temperature"]),
    ("top_p", &["top_p"]),
    ("top_k", &["top_k"]),
    ("min_p", &["min_p"]),
    ("top_a", &["top_a"]),
    ("frequency_penalty", &["frequency_penalty"]),
    ("presence_penalty", &["presence_penalty"]),
    ("repetition_penalty", &["repetition_penalty"]),
    ("seed", &["seed"]),
    ("choices", &["n"]),
    ("tool_grammar", &["format"]),
    ("stop", &["stop"]),
    ("logprobs", &["logprobs"]),
    ("top_logprobs", &["logprobs"]),
    ("logit_bias", &["logit_bias"]),
    ("max_output_tokens", &[]),
    ("format", &["response_format"]),
    ("format_schema", &["response_format"]),
    ("format_name", &["response_format"]),
    ("format_description", &["response_format"]),
    ("format_strict", &["response_format"]),
    ("reasoning", &["reasoning"]),
    ("verbosity", &["verbosity"]),
    ("service_tier", &["service_tier"]),
    ("user", &["user"]),
    ("metadata", &["metadata"]),
    ("prompt_cache_key", &["prompt_cache_key"]),
    ("modality", &["modalities"]),
    ("audio_config", &["audio"]),
    ("image_config", &["image_config"]),
];

impl Leaf {
    /// Whether one of the names reports this leaf as lost.
    pub(crate) fn is_named(&self, dropped: &[String]) -> bool {
        let row = NAMES.iter().find(|(kind, _)| *kind == self.kind);
        let (_, words) = row.unwrap_or_else(|| panic!("no row for {}", self.kind));
        let is_whole_message = |name: &String| name.starts_with("messages[") && name.ends_with(']');
        dropped.iter().any(|name| {
            words.iter().any(|word| name.contains(word))
                || (self.is_of_message() && is_whole_message(name))
        })
    }

    fn is_of_message(&self) -> bool {
        let position = NAMES.iter().position(|(kind, _)| *kind == self.kind);
        let last = NAMES.iter().position(|(kind, _)| *kind == "name");
        position <= last
    }
}

/// Every leaf of a request.
pub(crate) fn leaves(request: &Request) -> Vec<Leaf> {
    let mut all = Leaves::default();
    for message in &request.messages {
        message.parts.iter().for_each(|part| all.part(part));
        all.text("name", message.name.as_deref());
    }
    all.tools(request);
    all.sampling(request);
    all.format(request);
    if request
        .reasoning
        .as_ref()
        .is_some_and(chat::request::Reasoning::is_on)
    {
        all.add("reasoning", true);
    }
    all.text("verbosity", request.verbosity.as_deref());
    all.text("service_tier", request.service_tier.as_deref());
    all.text("user", request.user.as_deref());
    all.text("prompt_cache_key", request.prompt_cache_key.as_deref());
    for (name, label) in &request.metadata {
        // One label may be the user's name, which has a leaf of its own.
        if name != "user_id" {
            all.add("metadata", format!("{name}={label}"));
        }
    }
    if request.cache.is_some() {
        all.add("cache", true);
    }
    for modality in &request.modalities {
        if modality != "text" {
            all.add("modality", modality.as_str());
        }
    }
    all.maybe("audio_config", request.audio.clone());
    all.maybe("image_config", request.image_config.clone());
    all.0
}

#[derive(Default)]
struct Leaves(Vec<Leaf>);

impl Leaves {
    fn add(&mut self, kind: &'static str, said: impl Into<Value>) {
        let said = said.into();
        self.0.push(Leaf { kind, said });
    }

    fn maybe(&mut self, kind: &'static str, said: Option<impl Into<Value>>) {
        if let Some(said) = said {
            self.add(kind, said);
        }
    }

    fn text(&mut self, kind: &'static str, said: Option<&str>) {
        let said = said.map(str::trim).filter(|said| !said.is_empty());
        self.maybe(kind, said);
    }

    fn source(&mut self, kind: &'static str, source: &Source) {
        match source {
            Source::Url(said) | Source::Id(said) => self.add(kind, said.as_str()),
            Source::Base64 { data, .. } => self.add(kind, data.as_str()),
            Source::Text(text) => self.add("text", text.as_str()),
            Source::Texts(texts) => texts.iter().for_each(|text| self.text("text", Some(text))),
        }
    }

    fn cited(&mut self, cited: &Citation) {
        let place = cited.place.map(|place| format!("{place:?}"));
        let said = json!({"url": cited.url, "title": cited.title, "quote": cited.quote,
            "place": place, "sealed_index": cited.sealed_index});
        self.add("cited", said);
    }

    fn part(&mut self, part: &Part) {
        match &part.content {
            Content::Text(text) | Content::Refusal(text) => self.text("text", Some(text)),
            Content::Image { source, detail } => {
                self.source("image", source);
                self.text(
                    "detail",
                    detail.as_deref().filter(|detail| *detail != "auto"),
                );
            }
            Content::Audio { data, .. } => self.add("audio", data.as_str()),
            Content::Video(source) => self.source("video", source),
            Content::File {
                source,
                filename,
                is_cited,
            } => {
                self.source("file", source);
                self.text("filename", filename.as_deref());
                if *is_cited {
                    self.add("is_cited", true);
                }
            }
            Content::SearchResult(found) => {
                let said = [&found.title, &found.source]
                    .into_iter()
                    .chain(&found.texts);
                said.for_each(|said| self.text("text", Some(said)));
                if found.is_cited {
                    self.add("is_cited", true);
                }
            }
            Content::ToolCall {
                id,
                name,
                arguments,
            } => {
                self.text("call", Some(id));
                self.text("call_name", Some(name));
                let arguments = serde_json::from_str(arguments).unwrap_or(Value::Null);
                if arguments.as_object().is_some_and(|said| !said.is_empty()) {
                    self.add("call_arguments", arguments);
                }
            }
            Content::ToolResult {
                call_id,
                parts,
                is_error,
                ..
            } => {
                self.text("result_of", Some(call_id));
                parts.iter().for_each(|part| self.part(part));
                if *is_error {
                    self.add("is_error", true);
                }
            }
            Content::Reasoning { text, .. } => self.text("thought", Some(text)),
        }
        part.citations.iter().for_each(|cited| self.cited(cited));
        if part.cache.is_some() {
            self.add("cache", true);
        }
        if part
            .opaque
            .as_ref()
            .is_some_and(|seal| !seal.value.is_empty())
        {
            self.maybe("seal", part.opaque.as_ref().map(|seal| seal.value.as_str()));
        }
    }

    fn tools(&mut self, request: &Request) {
        // Where only some may be called, the others need not be told.
        let is_allowed = |name: &String| match &request.tool_choice {
            Some(ToolChoice::Allowed(_, names)) => names.contains(name),
            Some(ToolChoice::None) => false,
            Some(ToolChoice::Tool(one)) => name == one,
            None | Some(ToolChoice::Auto | ToolChoice::Required) => true,
        };
        for tool in request.tools.iter().filter(|tool| is_allowed(&tool.name)) {
            self.add("tool", tool.name.as_str());
            self.text("tool_description", tool.description.as_deref());
            self.maybe("tool_parameters", tool.parameters.clone());
            if tool.strict == Some(true) {
                self.add("tool_strict", true);
            }
            if tool.cache.is_some() {
                self.add("cache", true);
            }
            let grammar = tool
                .free_text
                .as_ref()
                .and_then(|text| text.grammar.as_ref());
            self.text(
                "tool_grammar",
                grammar.map(|grammar| grammar.definition.as_str()),
            );
        }
        if request.tools.is_empty() {
            return;
        }
        match &request.tool_choice {
            None | Some(ToolChoice::Auto | ToolChoice::Allowed(false, _)) => {}
            Some(ToolChoice::None) => self.add("tool_choice", "none"),
            Some(ToolChoice::Required | ToolChoice::Allowed(true, _)) => {
                self.add("tool_choice", "required");
            }
            Some(ToolChoice::Tool(name)) => self.add("tool_choice", format!("tool {name}")),
        }
        if request.parallel_tool_calls == Some(false) {
            self.add("parallel_tool_calls", false);
        }
    }

    fn sampling(&mut self, request: &Request) {
        let sampling = &request.sampling;
        for (kind, number) in [
            ("temperature", &sampling.temperature),
            ("top_p", &sampling.top_p),
            ("top_k", &sampling.top_k),
            ("min_p", &sampling.min_p),
            ("top_a", &sampling.top_a),
            ("frequency_penalty", &sampling.frequency_penalty),
            ("presence_penalty", &sampling.presence_penalty),
            ("repetition_penalty", &sampling.repetition_penalty),
            ("seed", &sampling.seed),
        ] {
            // 1 and 1.0 are one number.
            self.maybe(kind, number.as_ref().and_then(serde_json::Number::as_f64));
        }
        for stop in &sampling.stop {
            self.add("stop", stop.as_str());
        }
        self.maybe("logprobs", sampling.logprobs.filter(|wanted| *wanted));
        if sampling.logprobs == Some(true) {
            self.maybe(
                "top_logprobs",
                sampling.top_logprobs.filter(|count| *count > 0),
            );
        }
        for (token, bias) in &sampling.logit_bias {
            self.add("logit_bias", format!("{token} {bias}"));
        }
        self.maybe("max_output_tokens", request.max_output_tokens);
        self.maybe("choices", request.choices);
    }

    fn format(&mut self, request: &Request) {
        match &request.format {
            None | Some(Format::Text) => {}
            Some(Format::JsonObject) => self.add("format", "json"),
            Some(Format::JsonSchema {
                schema,
                strict,
                description,
                ..
            }) => {
                self.add("format", "json");
                self.add("format_schema", schema.clone());
                self.text("format_description", description.as_deref());
                if *strict == Some(true) {
                    self.add("format_strict", true);
                }
            }
        }
    }
}

/// Whether a JSON value says at least what another says: lowering adds (`additionalProperties`), and
/// what it takes out is named.
pub(crate) fn says(value: &Value, what: &Value) -> bool {
    match (value, what) {
        (Value::Object(value), Value::Object(what)) => what.iter().all(|(name, what)| {
            let is_annotation = what.is_null() || name == "$schema" || name == "title";
            is_annotation || value.get(name).is_some_and(|value| says(value, what))
        }),
        (Value::Array(value), Value::Array(what)) => what
            .iter()
            .all(|what| value.iter().any(|value| says(value, what))),
        (Value::Number(value), Value::Number(what)) => value.as_f64() == what.as_f64(),
        (value, what) => value == what,
    }
}
