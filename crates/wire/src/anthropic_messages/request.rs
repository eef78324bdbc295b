//! Reads a caller's request: one pass that checks it and keeps spans; the bytes stay as they are.

use chat::{Dialect, Error, Feature, Features, Needs, Parameter};

use super::fields::FIELDS;
use super::messages::{self, Learnt};
use crate::estimate::estimate;
use crate::incoming::{Beside, Incoming};
use crate::members::{Member, Members};
use crate::scan::{Malformed, Scanner, ValueKind, text};
use crate::shape::{Fault, check_field};

/// Reads and checks a caller's request in one pass.
pub(super) fn read_request(body: &[u8], beside: Beside) -> Result<Incoming, Error> {
    let mut request = read(body).map_err(Fault::into_error)?;
    request.beside = beside;
    Ok(request)
}

fn read(body: &[u8]) -> Result<Incoming, Fault> {
    let text = text(body)?;
    let mut learnt: Option<Learnt> = None;
    let mut incoming = Incoming::walk(text, |scanner, name, kind| {
        if !name.is("messages") || kind == ValueKind::Null {
            return check_field(scanner, (text, name), FIELDS);
        }
        learnt = Some(messages::read(scanner, text).map_err(|fault| fault.inside("messages"))?);
        Ok(())
    })?;
    let Some(learnt) = learnt else {
        let problem = "required: expected an array of at least one message";
        return Err(Fault::wrong(problem).inside("messages"));
    };
    let members = incoming.members(text);
    incoming.needs = needs(&members, &learnt);
    read_small_fields(&mut incoming, &members)?;
    Ok(incoming)
}

/// Which fields mean which parameters of the vocabulary.
const PARAMETERS: &[(&str, Parameter)] = &[
    ("temperature", Parameter::Temperature),
    ("top_p", Parameter::TopP),
    ("top_k", Parameter::TopK),
    ("max_tokens", Parameter::MaxTokens),
    ("stop_sequences", Parameter::Stop),
    ("tool_choice", Parameter::ToolChoice),
];

fn needs(members: &Members<'_>, learnt: &Learnt) -> Needs {
    let mut needs = Needs {
        dialect: Dialect::AnthropicMessages,
        stream: members
            .get("stream")
            .is_some_and(|stream| stream.value.of(members.text) == "true"),
        prompt_tokens: learnt.prompt.tokens,
        input: learnt.prompt.input,
        max_output_tokens: members.count("max_tokens"),
        features: learnt.features.union(learnt.prompt.features),
        ..Needs::default()
    };
    for (name, parameter) in PARAMETERS {
        if members.present(name).is_some() {
            needs.parameters.insert(*parameter);
        }
    }
    for name in ["system", "tools", "output_config", "output_format"] {
        if let Some(member) = members.present(name) {
            needs.prompt_tokens += estimate(member.value.of(members.text));
        }
    }
    let choice = members.object("tool_choice");
    if choice.is_some_and(|choice| choice.present("disable_parallel_tool_use").is_some()) {
        needs.parameters.insert(Parameter::ParallelToolCalls);
    }
    let thinking = members.object("thinking");
    let kind = thinking
        .as_ref()
        .and_then(|thinking| thinking.string("type"));
    if kind.is_some_and(|kind| !kind.is("disabled")) {
        needs.parameters.insert(Parameter::Reasoning);
    }
    let config = members.object("output_config");
    let has_format = config.is_some_and(|config| config.present("format").is_some());
    if has_format || members.present("output_format").is_some() {
        needs.parameters.insert(Parameter::ResponseFormat);
        needs.parameters.insert(Parameter::StructuredOutputs);
    }
    if let Some(features) = tools(members) {
        needs.parameters.insert(Parameter::Tools);
        needs.features = needs.features.union(features);
    }
    if members.present("mcp_servers").is_some() {
        needs.features.insert(Feature::ServerTools);
    }
    if members.present("container").is_some() {
        needs.features.insert(Feature::StoredState);
    }
    needs
}

/// What the tools need beyond being called; `None` where there are none.
fn tools(members: &Members<'_>) -> Option<Features> {
    let list = members
        .get("tools")
        .filter(|member| member.kind == ValueKind::Array)?;
    let mut features = None;
    each(members.text, list, |tool| {
        let features = features.get_or_insert_with(Features::default);
        let kind = tool.string("type");
        if kind.is_some_and(|kind| !kind.is("custom")) {
            features.insert(Feature::ServerTools);
        }
    });
    features
}

/// Shows every object of an array that was checked before.
fn each<'a>(text: &'a str, list: &Member<'a>, mut show: impl FnMut(&Members<'a>)) {
    let _ = Scanner::within(text, list.value).array(|scanner, _| {
        if scanner.peek()? == ValueKind::Object {
            show(&Members::read(text, scanner)?);
        }
        Ok::<(), Malformed>(())
    });
}

fn read_small_fields(incoming: &mut Incoming, members: &Members<'_>) -> Result<(), Fault> {
    let text = members.text;
    incoming.read_trace(members);
    let said = |name: &str| members.string(name).map(|said| said.decode().into_owned());
    let user_id = members
        .object("metadata")
        .and_then(|metadata| Some(metadata.string("user_id")?.decode().into_owned()));
    incoming.model = said("model");
    incoming.route = said("route");
    incoming.session_id = said("session_id").filter(|id| !id.is_empty());
    incoming.user = said("user").or(user_id);
    incoming.service_tier = said("service_tier");
    incoming.preset = said("preset");
    if let Some(member) = members.present("provider") {
        let provider = serde_json::from_str(member.value.of(text));
        incoming.provider =
            Some(provider.map_err(|error| Fault::wrong(error.to_string()).inside("provider"))?);
    }
    let mut models = Vec::new();
    if let Some(member) = members.present("models") {
        // Checked before: an array of strings; so nothing can go wrong here.
        let _ = Scanner::within(text, member.value).array(|scanner, _| {
            if scanner.peek()? == ValueKind::String {
                models.push(scanner.string()?.decode().into_owned());
            }
            Ok::<(), Fault>(())
        });
    }
    if let Some(member) = members.present("fallbacks") {
        each(text, member, |one| {
            models.extend(one.string("model").map(|model| model.decode().into_owned()));
        });
    }
    incoming.models = models;
    Ok(())
}
