//! Reads a request for a text completion, and makes it a conversation.

use chat::request::{Message, Part, Role};
use chat::{Dialect, Error, Feature, Kind, Parameter, Request};
use serde_json::{Map, Value, json};

use crate::estimate::Prompt;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::openai_chat::{FIELDS, needs, options};
use crate::plain::body;
use crate::scan::{Scanner, ValueKind};
use crate::shape::{ANY_LENGTH, Fault, Field, Shape, TEXT, may, must};
use crate::tree::Cursor;

const TOKEN: Shape = Shape::Whole(0.0, f64::INFINITY);
const PROMPT: Shape = Shape::Either(&[
    TEXT,
    Shape::List(
        1,
        ANY_LENGTH,
        &Shape::Either(&[TEXT, TOKEN, Shape::List(0, ANY_LENGTH, &TOKEN)]),
    ),
]);

/// The fields that differ from those of a chat request, which mean the same here otherwise.
const OWN: &[Field] = &[
    must("prompt", PROMPT),
    may("logprobs", Shape::Whole(0.0, 20.0)),
    may("echo", Shape::Bool),
    may("suffix", TEXT),
    may("best_of", Shape::Whole(1.0, 20.0)),
];

/// Fields that are read here, and mean nothing to who reads the rest.
const READ: [&str; 4] = ["prompt", "echo", "suffix", "best_of"];

/// Reads and checks a caller's request.
pub(super) fn read(bytes: &[u8]) -> Result<Incoming, Fault> {
    let mut incoming = body::read(bytes, &[OWN, FIELDS])?;
    // Checked before.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let members = incoming.members(text);
    let mut prompt = Prompt::default();
    prompt.add_message();
    let said = prompt_of(&members)?;
    prompt.add_text(said);
    refuse(&members)?;
    let has_probabilities = members.present("logprobs").is_some();
    let mut needs = needs(&members, prompt);
    needs.dialect = Dialect::OpenaiCompletions;
    if has_probabilities {
        needs.features.insert(Feature::Logprobs);
        needs.parameters.insert(Parameter::TopLogprobs);
    }
    incoming.needs = needs;
    Ok(incoming)
}

/// The one text of a prompt, as it is written in JSON.
fn prompt_of<'a>(members: &Members<'a>) -> Result<&'a str, Fault> {
    let wrong = |problem: &str| Err(Fault::wrong(problem).inside("prompt"));
    let Some(prompt) = members.present("prompt") else {
        return wrong("required: expected a string");
    };
    if prompt.kind == ValueKind::String {
        return Ok(prompt.value.of(members.text));
    }
    let mut elements = Vec::new();
    Scanner::within(members.text, prompt.value).array(|scanner, _| {
        let kind = scanner.peek()?;
        elements.push((kind, scanner.skip()?));
        Ok::<(), Fault>(())
    })?;
    match elements.as_slice() {
        [(ValueKind::String, span)] => Ok(span.of(members.text)),
        [(ValueKind::String, _), ..] => wrong("several prompts: send one call for each"),
        _ => wrong("token ids are not supported here; send the text"),
    }
}

/// What has no meaning in a conversation.
fn refuse(members: &Members<'_>) -> Result<(), Fault> {
    if members.filled("suffix").is_some() {
        let problem = "not supported: no endpoint is asked to fill in the middle";
        return Err(Fault::wrong(problem).inside("suffix"));
    }
    if members.count("best_of").is_some_and(|count| count > 1) {
        return Err(Fault::wrong("not supported; send `n`").inside("best_of"));
    }
    let echoes = members
        .get("echo")
        .is_some_and(|echo| echo.value.of(members.text) == "true");
    if echoes && members.present("logprobs").is_some() {
        let problem = "not supported with `logprobs`: no endpoint tells those of a prompt";
        return Err(Fault::wrong(problem).inside("echo"));
    }
    Ok(())
}

/// The prompt as text, and whether the answer is to begin with it.
pub(super) fn echoed(bytes: &[u8]) -> Option<String> {
    let tree: Value = serde_json::from_slice(bytes).ok()?;
    if tree.get("echo") != Some(&json!(true)) {
        return None;
    }
    text(tree.get("prompt")?).map(str::to_owned)
}

fn text(prompt: &Value) -> Option<&str> {
    match prompt {
        Value::Array(list) => list.first()?.as_str(),
        other => other.as_str(),
    }
}

/// The conversation that a completion is.
pub(super) fn parse(bytes: &[u8], incoming: &Incoming) -> Result<Request, Error> {
    let tree: Result<Map<String, Value>, _> = serde_json::from_slice(bytes);
    let mut fields = tree.map_err(|error| {
        let message = format!("the request body cannot be read: {error}");
        Error::caller(Kind::InvalidRequest, message)
    })?;
    let prompt = fields.get("prompt").and_then(text);
    let prompt = Part::text(prompt.unwrap_or_default());
    READ.iter().for_each(|name| drop(fields.remove(*name)));
    if let Some(count) = fields.remove("logprobs").filter(|count| !count.is_null()) {
        fields.insert("logprobs".to_owned(), json!(true));
        fields.insert("top_logprobs".to_owned(), count);
    }
    let tree = Value::Object(fields);
    let mut request = options::read(&Cursor::new(&tree), incoming)?;
    request.messages = vec![Message::new(Role::User, vec![prompt])];
    Ok(request)
}
