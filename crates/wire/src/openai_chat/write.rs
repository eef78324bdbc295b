//! Writes a request for one endpoint of the same dialect: edits between untouched slices.

use bytes::Bytes;
use chat::{Parameter, Parameters};

use crate::draft::Draft;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};
use crate::quirks::{self, Quirk};
use crate::scan::ValueKind;
use crate::splice::{Edits, ObjectEdits, quoted};

/// Fields that speak to us, not to a provider. Source: section 3 of our digest.
pub(super) const OURS: &[&str] = &[
    "models",
    "route",
    "provider",
    "preset",
    "plugins",
    "session_id",
    "trace",
    "debug",
    "usage",
    "transforms",
    "stop_server_tools_when",
    "max_tool_calls",
];

/// Writes the request for one endpoint. `body` is the one that `request` was read from.
#[must_use]
pub fn write_request(body: &[u8], request: &Incoming, to: &Outgoing<'_>) -> Written {
    let Ok(text) = std::str::from_utf8(body) else {
        return Written {
            body: Bytes::copy_from_slice(body),
            ..Written::default()
        };
    };
    let needs = &request.needs;
    fit(&request.members(text), (needs.parameters, needs.stream), to)
}

/// Makes a request fit one endpoint: what it takes, its habits, its name of the model. `asked` says
/// which parameters the caller set, and whether a stream is wanted.
pub(super) fn fit(
    members: &Members<'_>,
    (parameters, stream): (Parameters, bool),
    to: &Outgoing<'_>,
) -> Written {
    let mut edits = Edits::default();
    let mut draft = Draft::new(members);
    for name in OURS {
        draft.remove(name);
    }
    // As a flag it is a hint for routing; as an object it is vLLM's own parameter.
    if members
        .get("structured_outputs")
        .is_some_and(|field| field.kind == ValueKind::Bool)
    {
        draft.remove("structured_outputs");
    }
    if let Some(supported) = to.supported {
        drop_unsupported(&mut draft, supported);
    }
    if to.output_limit.is_some() {
        OUTPUT_LIMITS.iter().for_each(|name| draft.remove(name));
    }
    quirks::apply(&mut draft, &mut edits, to);
    if let Some(limit) = to.output_limit {
        draft.set(limit_name(parameters, to.quirks), limit.to_string());
    }
    draft.set("model", quoted(to.native_model));
    ask_for_usage(&mut draft, &mut edits, stream, to.quirks);
    let dropped = draft.commit(&mut edits);
    Written {
        body: edits.apply(members.text, "", ""),
        dropped,
        ..Written::default()
    }
}

/// The two names of the output limit, the older one first.
const OUTPUT_LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// The name under which the endpoint takes an output limit: the provider's habit decides, else the
/// name that the caller used, else the older one, which more hosts know.
fn limit_name(parameters: Parameters, quirks: &[&Quirk]) -> &'static str {
    let [old, new] = OUTPUT_LIMITS;
    match quirks::renamed(quirks, &OUTPUT_LIMITS) {
        Some(name) => name,
        None if parameters.contains(Parameter::MaxTokens) => old,
        None if parameters.contains(Parameter::MaxCompletionTokens) => new,
        None => old,
    }
}

/// Drops what the endpoint does not take. Never the output limit: it bounds what the call may cost,
/// under whichever of its two names. Reasoning is dropped only when no form of it is known.
fn drop_unsupported(draft: &mut Draft<'_, '_>, supported: Parameters) {
    let takes = |parameter| supported.contains(parameter);
    let reasons = takes(Parameter::Reasoning) || takes(Parameter::ReasoningEffort);
    for parameter in Parameter::ALL
        .iter()
        .copied()
        .filter(|parameter| !takes(*parameter))
    {
        let stays = match parameter {
            Parameter::MaxTokens | Parameter::MaxCompletionTokens => true,
            Parameter::Reasoning | Parameter::ReasoningEffort | Parameter::IncludeReasoning => {
                reasons
            }
            // Where structured output is known, so is the field that asks for it.
            Parameter::ResponseFormat => takes(Parameter::StructuredOutputs),
            _ => false,
        };
        if !stays {
            draft.drop_field(parameter.name());
        }
    }
    // These mean nothing, or are refused, without the field they belong to.
    if !takes(Parameter::Tools) {
        draft.drop_field("tool_choice");
        draft.drop_field("parallel_tool_calls");
    }
    if !takes(Parameter::Logprobs) {
        draft.drop_field("top_logprobs");
    }
}

/// A stream must end with its usage; without a stream the field is refused by some.
fn ask_for_usage(
    draft: &mut Draft<'_, '_>,
    edits: &mut Edits<'_>,
    stream: bool,
    quirks: &[&Quirk],
) {
    if !stream || !quirks::takes_stream_options(quirks) {
        draft.remove("stream_options");
        return;
    }
    let present = draft
        .get("stream_options")
        .filter(|field| field.kind == ValueKind::Object);
    let inner = present.and_then(|field| Members::of_span(draft.members.text, field.value).ok());
    match inner {
        Some(inner) => {
            let mut merged = ObjectEdits::new(&inner);
            merged.set("include_usage", "true");
            merged.commit(edits);
        }
        None => draft.set("stream_options", "{\"include_usage\":true}"),
    }
}
