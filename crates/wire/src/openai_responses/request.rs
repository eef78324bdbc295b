//! Reads a caller's request: one pass that checks it and keeps spans; the bytes stay as they are.

use chat::{Dialect, Error, Feature, Features, Modality, Needs, Parameter};

use super::fields::FIELDS;
use super::input::{self, Seen};
use crate::estimate::estimate;
use crate::incoming::Incoming;
use crate::members::{Member, Members, count};
use crate::scan::{Scanner, Text, ValueKind, text};
use crate::shape::{Fault, check_field};

/// Reads and checks a caller's request in one pass.
///
/// Nothing that is unknown is refused, `null` stands for absent, and of a repeated field the last
/// one counts.
pub(super) fn read_request(body: &[u8]) -> Result<Incoming, Error> {
    read(body).map_err(Fault::into_error)
}

fn read(body: &[u8]) -> Result<Incoming, Fault> {
    let text = text(body)?;
    let mut seen: Option<Seen> = None;
    let mut incoming = Incoming::walk(text, |scanner, name, kind| {
        if !name.is("input") || kind == ValueKind::Null {
            return check_field(scanner, (text, name), FIELDS);
        }
        seen = Some(input::read(scanner, text).map_err(|fault| fault.inside("input"))?);
        Ok(())
    })?;
    let members = incoming.members(text);
    refuse_state(&members)?;
    if seen.is_none() && members.present("prompt").is_none() {
        let problem = "required: expected a string or an array of items";
        return Err(Fault::wrong(problem).inside("input"));
    }
    refuse_contradictions(&members)?;
    incoming.needs = needs(&members, &seen.unwrap_or_default());
    incoming.read_small_fields(&members)?;
    Ok(incoming)
}

/// What only a service that keeps answers could do, each with the way to do without.
const STATE: [(&str, &str); 4] = [
    (
        "store",
        "answers are not kept here: leave `store` out or set it to false, send the whole \
         conversation as `input` each time, and ask with `include: [\"reasoning.encrypted_content\"]` \
         for reasoning that can be sent back",
    ),
    (
        "previous_response_id",
        "answers are not kept here, so none can be continued by its id: send the earlier input and \
         output items again as `input`",
    ),
    (
        "conversation",
        "conversations are not kept here: send the earlier items as `input`",
    ),
    (
        "background",
        "answers cannot be fetched later: leave `background` out and use `stream: true` for long ones",
    ),
];

fn refuse_state(members: &Members<'_>) -> Result<(), Fault> {
    for (name, problem) in STATE {
        let asks = members
            .present(name)
            .is_some_and(|member| member.value.of(members.text) != "false");
        if asks {
            return Err(Fault::wrong(problem).inside(name));
        }
    }
    Ok(())
}

/// Fields that are fine alone but not together.
fn refuse_contradictions(members: &Members<'_>) -> Result<(), Fault> {
    if let Some(reasoning) = members.object("reasoning")
        && let Some(effort) = reasoning.string("effort")
        && reasoning.present("max_tokens").is_some()
        && !effort.is("none")
    {
        let problem = "use either `effort` or `max_tokens`, not both";
        return Err(Fault::wrong(problem).inside("reasoning"));
    }
    Ok(())
}

fn needs(members: &Members<'_>, seen: &Seen) -> Needs {
    let tools = Tools::read(members);
    let mut needs = Needs {
        dialect: Dialect::OpenaiResponses,
        stream: members
            .get("stream")
            .is_some_and(|stream| stream.value.of(members.text) == "true"),
        prompt_tokens: seen.prompt.tokens,
        input: seen.prompt.input,
        max_output_tokens: members.number("max_output_tokens").map(count),
        features: seen.features.union(tools.features),
        preferred: seen.preferred.union(tools.preferred),
        ..Needs::default()
    };
    if let Some(instructions) = members.string("instructions") {
        needs.prompt_tokens += estimate(instructions.raw);
    }
    for name in ["tools", "text"] {
        if let Some(member) = members.present(name) {
            needs.prompt_tokens += estimate(member.value.of(members.text));
        }
    }
    for member in members
        .list
        .iter()
        .filter(|member| is_filled(members, member))
    {
        if let Some(parameter) = Parameter::from_name(&member.name.decode()) {
            needs.parameters.insert(parameter);
        }
    }
    if needs.max_output_tokens.is_some() {
        needs.parameters.insert(Parameter::MaxTokens);
    }
    if needs.parameters.contains(Parameter::TopLogprobs) {
        needs.parameters.insert(Parameter::Logprobs);
    }
    if let Some(config) = members.object("text") {
        read_text(&config, &mut needs);
    }
    add_features(members, &mut needs.features);
    if words(members, "modalities").any(|word| word.is("image")) {
        needs.output.insert(Modality::Image);
        needs.features.insert(Feature::ImageOutput);
    }
    needs
}

/// Whether a field says something; an empty list of tools does not.
fn is_filled(members: &Members<'_>, member: &Member<'_>) -> bool {
    let is_empty_list = member.kind == ValueKind::Array
        && member
            .value
            .of(members.text)
            .bytes()
            .all(|byte| !matches!(byte, b'{' | b'"'));
    member.kind != ValueKind::Null && !is_empty_list
}

fn read_text(config: &Members<'_>, needs: &mut Needs) {
    let format = config.object("format");
    let kind = format.as_ref().and_then(|format| format.string("type"));
    match kind {
        Some(kind) if kind.is("json_schema") => {
            needs.parameters.insert(Parameter::ResponseFormat);
            needs.parameters.insert(Parameter::StructuredOutputs);
        }
        Some(kind) if kind.is("json_object") => needs.parameters.insert(Parameter::ResponseFormat),
        Some(_) | None => {}
    }
    if config.present("verbosity").is_some() {
        needs.parameters.insert(Parameter::Verbosity);
    }
}

/// Tools of the provider's own that a model may do without, where others are offered beside them.
const OFFERS: &[&str] = &[
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "image_generation",
    "tool_search",
];

/// What the tools ask of a dialect: what must be said, and what is only better said.
#[derive(Default)]
struct Tools {
    has_own: bool,
    has_offers: bool,
    features: Features,
    preferred: Features,
}

impl Tools {
    fn read(members: &Members<'_>) -> Self {
        let mut tools = Self::default();
        if let Some(list) = members.present("tools") {
            // Checked before: an array of objects, each with a type.
            let _ = Scanner::within(members.text, list.value).array(|scanner, _| {
                let tool = Members::read(members.text, scanner)?;
                tools.add(&tool.string("type").map_or("".into(), |kind| kind.decode()));
                Ok::<(), Fault>(())
            });
        }
        let choice = members.object("tool_choice");
        let choice = choice.as_ref().and_then(|choice| choice.string("type"));
        match choice.map(|kind| kind.decode()).as_deref() {
            Some("function" | "custom" | "allowed_tools") | None => {}
            Some(_) => tools.features.insert(Feature::ServerTools),
        }
        // An offer beside the caller's own tools may be passed over; alone it is what is wanted.
        match (tools.has_offers, tools.has_own) {
            (true, true) => tools.preferred.insert(Feature::ServerTools),
            (true, false) => tools.features.insert(Feature::ServerTools),
            (false, _) => {}
        }
        tools
    }

    fn add(&mut self, kind: &str) {
        match kind {
            "function" | "" => self.has_own = true,
            // Others know these by names and forms of ours (see `names.rs`).
            "custom" => {
                self.has_own = true;
                self.preferred.insert(Feature::CustomTools);
            }
            "namespace" => {
                self.has_own = true;
                self.preferred.insert(Feature::Namespaces);
            }
            kind if OFFERS.contains(&kind) => self.has_offers = true,
            _ => self.features.insert(Feature::ServerTools),
        }
    }
}

/// What only some dialects can say and must not be dropped, beside tools and what the input holds.
fn add_features(members: &Members<'_>, features: &mut Features) {
    if members.present("prompt").is_some() {
        features.insert(Feature::StoredState);
    }
    let edits_context = members.present("context_management");
    if edits_context.is_some_and(|member| is_filled(members, member)) {
        features.insert(Feature::NativeContent);
    }
    let wants_logprobs = words(members, "include").any(|word| word.is(LOGPROBS));
    if wants_logprobs || members.count("top_logprobs").is_some_and(|most| most > 0) {
        features.insert(Feature::Logprobs);
    }
}

/// In `include`: log probabilities of the answer's text.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";

/// The strings of a list.
pub(super) fn words<'a>(
    members: &Members<'a>,
    name: &str,
) -> impl Iterator<Item = Text<'a>> + use<'a> {
    let mut words = Vec::new();
    if let Some(member) = members.present(name) {
        // Checked before: an array of strings; so nothing can go wrong here.
        let _ = Scanner::within(members.text, member.value).array(|scanner, _| {
            if scanner.peek()? == ValueKind::String {
                words.push(scanner.string()?);
            }
            Ok::<(), Fault>(())
        });
    }
    words.into_iter()
}
