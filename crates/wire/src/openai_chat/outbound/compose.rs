//! Composes a request: everything in one order, so that the same conversation has the same bytes.

use chat::request::{CacheMark, Format, Reasoning, Sampling};
use chat::{Error, Request};
use serde_json::{Value, json};

use super::parts::Marks;
use super::{tools, turns};
use crate::continuation::Mark;
use crate::outgoing::Outgoing;
use crate::quirks;
use crate::schema;
use crate::splice::{push_member, quoted};

/// No provider takes more texts that end an answer.
const STOPS_MAX: usize = 4;

/// A request being composed.
struct Body {
    members: String,
    dropped: Vec<String>,
}

impl Body {
    fn put(&mut self, name: &str, json: &str) {
        push_member(&mut self.members, name, json);
    }

    fn text(&mut self, name: &str, text: Option<&String>) {
        if let Some(text) = text {
            self.put(name, &quoted(text));
        }
    }

    fn value(&mut self, name: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.put(name, &value.to_string());
        }
    }

    fn shown(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(name, &value.to_string());
        }
    }
}

/// Composes a request in OpenRouter's form of the dialect; the names of what it cannot say. The
/// habits of the endpoint are applied afterwards.
///
/// # Errors
/// What cannot be said and must not be dropped.
pub(super) fn compose(
    request: &Request,
    to: &Outgoing<'_>,
) -> Result<(String, Vec<String>), Error> {
    let mut body = Body {
        members: String::with_capacity(1024),
        dropped: Vec::new(),
    };
    let marks = Marks::of(to);
    body.put("model", &quoted(to.native_model));
    let mark = match request.goes_on {
        true => quirks::goes_on(to.quirks, to.native_model).map(|how| how.mark),
        false => None,
    };
    let (messages, dropped) = turns::write(request, mark, to)?;
    body.put("messages", &messages);
    if mark == Some(Mark::FinalMessage) {
        body.put("continue_final_message", "true");
        body.put("add_generation_prompt", "false");
    }
    body.dropped = dropped;
    tools(&mut body, request, to);
    body.shown("max_tokens", request.max_output_tokens);
    body.shown("n", request.choices);
    sampling(&mut body, &request.sampling);
    if let Some(format) = &request.format {
        response_format(&mut body, format);
    }
    if let Some(reasoning) = &request.reasoning {
        let json = self::reasoning(&mut body, reasoning);
        body.put("reasoning", &json);
    }
    body.text("verbosity", request.verbosity.as_ref());
    body.text("service_tier", request.service_tier.as_ref());
    body.text("user", request.user.as_ref());
    if !request.metadata.is_empty() {
        let mut inner = String::new();
        for (name, value) in &request.metadata {
            push_member(&mut inner, name, &quoted(value));
        }
        body.put("metadata", &format!("{{{inner}}}"));
    }
    if let Some(mark) = request.cache {
        top_mark(&mut body, mark, marks);
    }
    body.text("prompt_cache_key", request.prompt_cache_key.as_ref());
    for (name, value) in &request.native {
        // Others who speak the dialect refuse what they do not know.
        match marks {
            Marks::Breakpoints => body.put(name, &value.to_string()),
            Marks::CacheControl | Marks::None => body.dropped.push(name.clone()),
        }
    }
    if !request.modalities.is_empty() {
        let others = request.modalities.iter().map(String::as_str);
        let all: Vec<_> = std::iter::once("text").chain(others).collect();
        body.put("modalities", &json!(all).to_string());
    }
    body.value("audio", request.audio.as_ref());
    body.value("image_config", request.image_config.as_ref());
    if request.stream {
        body.put("stream", "true");
    }
    Ok((format!("{{{}}}", body.members), body.dropped))
}

/// Providers without such a mark cache whatever repeats by themselves, or not at all.
fn top_mark(body: &mut Body, mark: CacheMark, marks: Marks) {
    match marks {
        Marks::CacheControl => body.put("cache_control", Marks::cache_control(mark)),
        Marks::Breakpoints | Marks::None => body.dropped.push("cache_control".to_owned()),
    }
}

fn sampling(body: &mut Body, sampling: &Sampling) {
    for (name, number) in [
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
        body.shown(name, number.as_ref());
    }
    if !sampling.stop.is_empty() {
        let stop: Vec<_> = sampling.stop.iter().take(STOPS_MAX).collect();
        body.put("stop", &json!(stop).to_string());
        if sampling.stop.len() > STOPS_MAX {
            body.dropped.push(format!("stop[{STOPS_MAX}..]"));
        }
    }
    body.shown("logprobs", sampling.logprobs);
    body.shown("top_logprobs", sampling.top_logprobs);
    if !sampling.logit_bias.is_empty() {
        let mut inner = String::new();
        for (token, bias) in &sampling.logit_bias {
            push_member(&mut inner, token, &bias.to_string());
        }
        body.put("logit_bias", &format!("{{{inner}}}"));
    }
}

fn response_format(body: &mut Body, format: &Format) {
    let json = match format {
        Format::Text => json!({ "type": "text" }),
        Format::JsonObject => json!({ "type": "json_object" }),
        Format::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => {
            let path = "response_format.json_schema";
            let (schema, strict) = exact(schema, *strict, path, &mut body.dropped);
            let mut inner = json!({ "name": name });
            if let Some(description) = description {
                inner["description"] = json!(description);
            }
            inner["schema"] = schema;
            if let Some(strict) = strict {
                inner["strict"] = json!(strict);
            }
            json!({ "type": "json_schema", "json_schema": inner })
        }
    };
    body.put("response_format", &json.to_string());
}

/// A schema, and whether it is to be followed exactly: where it cannot be, it is a hint.
pub(super) fn exact(
    schema: &Value,
    strict: Option<bool>,
    path: &str,
    dropped: &mut Vec<String>,
) -> (Value, Option<bool>) {
    if strict != Some(true) {
        return (schema.clone(), strict);
    }
    match schema::exactly(schema, &schema::OPENAI_STRICT) {
        Some(closed) => (closed, strict),
        None => {
            dropped.push(format!("{path}.strict"));
            (schema.clone(), None)
        }
    }
}

/// In OpenRouter's form; an effort and a budget exclude each other there.
fn reasoning(body: &mut Body, reasoning: &Reasoning) -> String {
    let mut inner = String::new();
    if let Some(effort) = reasoning.effort {
        push_member(&mut inner, "effort", &quoted(effort.name()));
        if reasoning.max_tokens.is_some() {
            body.dropped.push("reasoning.max_tokens".to_owned());
        }
    } else if let Some(budget) = reasoning.max_tokens {
        push_member(&mut inner, "max_tokens", &budget.to_string());
    } else if reasoning.enabled.is_some() || reasoning.adaptive {
        let is_on = reasoning.is_on();
        push_member(&mut inner, "enabled", &is_on.to_string());
    }
    if reasoning.enabled == Some(false) && reasoning.effort.is_some() {
        inner = r#""enabled":false"#.to_owned();
    }
    if reasoning.exclude {
        push_member(&mut inner, "exclude", "true");
    }
    if let Some(summary) = &reasoning.summary {
        push_member(&mut inner, "summary", &quoted(summary));
    }
    format!("{{{inner}}}")
}

fn tools(body: &mut Body, request: &Request, to: &Outgoing<'_>) {
    let Some(list) = tools::list(request, to, &mut body.dropped) else {
        return;
    };
    body.put("tools", &list);
    if let Some(choice) = &request.tool_choice {
        body.put("tool_choice", &tools::choice(choice, &request.tools, to));
    }
    body.shown("parallel_tool_calls", request.parallel_tool_calls);
}
