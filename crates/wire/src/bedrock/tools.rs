//! Writes the tools, which of them may be called, and the form of the answer.
//!
//! There is no word for "none" here: such a call names no tools, unless the conversation has calls in
//! it, which must be named. Where a model cannot be told the form of its answer, a tool whose
//! arguments are the answer stands for it, if it can be made to call one; else it is dropped.

use chat::Request;
use chat::request::{Format, Reasoning, Tool, ToolChoice};
use serde_json::{Map, Value, json};

use super::family::{Family, Forced};
use super::marks::Marks;
use super::turns::Turns;
use crate::anthropic_messages::ANSWER_TOOL;
use crate::free_text::name_grammars;
use crate::schema::{ANTHROPIC_STRICT, lower};

/// What Bedrock knows where a schema must be followed exactly is what Anthropic knows.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html> (2026)
const STRICT: &crate::schema::Rules = &ANTHROPIC_STRICT;

/// What is said of tools and the form of the answer.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// The field `toolConfig`.
    pub(super) config: Option<Value>,
    /// `outputConfig.textFormat`.
    pub(super) format: Option<Value>,
    /// Whether a tool must be called.
    pub(super) is_forced: bool,
    /// What is said of calling one tool at a time, in Claude's words for it.
    pub(super) single: Option<Value>,
    pub(super) dropped: Vec<String>,
}

/// Tools as they are written: before the conversation, since their cache points come first.
pub(super) fn specs(
    request: &Request,
    family: &Family,
    marks: &mut Marks,
    dropped: &mut Vec<String>,
) -> Vec<Value> {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed(_, names)) => Some(names.as_slice()),
        // Where a certain tool cannot be demanded, there is no other.
        Some(ToolChoice::Tool(name)) if family.forced != Forced::Each => {
            Some(std::slice::from_ref(name))
        }
        _ => None,
    };
    name_grammars(&request.tools, dropped);
    let mut written = Vec::with_capacity(request.tools.len());
    for (at, tool) in request.tools.iter().enumerate() {
        if !allowed.is_none_or(|names| names.contains(&tool.name)) {
            continue;
        }
        written.push(spec((at, tool), family, dropped));
        if let Some(mark) = tool.cache {
            match marks.take_tool(mark) {
                Some(point) => written.push(point),
                None => dropped.push(format!("tools[{at}].cache_control")),
            }
        }
    }
    written
}

fn spec((at, tool): (usize, &Tool), family: &Family, dropped: &mut Vec<String>) -> Value {
    let mut schema = object_schema(tool.parameters.as_ref());
    let is_strict = tool.strict == Some(true) && family.takes_schemas;
    if is_strict {
        let (lowered, removed) = lower(&schema, STRICT);
        schema = lowered;
        let path = |pointer| format!("tools[{at}].parameters#{pointer}");
        dropped.extend(removed.into_iter().map(path));
    } else if tool.strict == Some(true) {
        dropped.push(format!("tools[{at}].strict"));
    }
    let mut written = Map::new();
    written.insert("name".to_owned(), json!(tool.name));
    if let Some(said) = tool.description.as_ref().filter(|said| !said.is_empty()) {
        written.insert("description".to_owned(), json!(said));
    }
    written.insert("inputSchema".to_owned(), json!({"json": schema}));
    if is_strict {
        written.insert("strict".to_owned(), json!(true));
    }
    json!({"toolSpec": written})
}

/// Puts together what is said of tools and the form of the answer.
pub(super) fn tools(
    request: &Request,
    family: &Family,
    mut specs: Vec<Value>,
    turns: &Turns,
) -> Tools {
    let mut said = Tools::default();
    let mut choice = None;
    let is_none = request.tool_choice == Some(ToolChoice::None);
    if is_none && turns.called.is_empty() {
        specs.clear();
    } else if is_none {
        said.dropped.push("tool_choice".to_owned());
    } else if !specs.is_empty() {
        choice = self::choice(request, family, &mut said.dropped);
    }
    let mut is_single = request.parallel_tool_calls == Some(false) && !specs.is_empty();
    if is_single && !family.calls_singly {
        said.dropped.push("parallel_tool_calls".to_owned());
        is_single = false;
    }
    if let Some(schema) = format(request, family, &mut said) {
        choice = answer_tool(request, family, (schema, &mut specs), &mut said.dropped).or(choice);
    }
    if specs.is_empty() {
        // A conversation in which tools were called must name them.
        let named = |name: &String| {
            let schema = json!({"json": {"type": "object"}});
            json!({"toolSpec": {"name": name, "inputSchema": schema}})
        };
        specs = turns.called.iter().map(named).collect();
    }
    if !specs.is_empty() {
        let mut config = json!({"tools": specs});
        if is_single {
            said.single = Some(self::single(&mut choice));
        }
        if let Some(choice) = choice {
            said.is_forced = choice.get("auto").is_none();
            config["toolChoice"] = choice;
        }
        said.config = Some(config);
    }
    said
}

/// Says that one tool is called at a time. Converse passes it on to Claude beside what it makes of its
/// own `toolChoice`, and refuses a second `type` ("The additional field tool_choice/type conflicts with
/// the existing field toolConfig.toolChoice"); without any, Claude misses it.
/// <https://github.com/BerriAI/litellm/issues/36536> (2026)
fn single(choice: &mut Option<Value>) -> Value {
    choice.take_if(|choice| choice.get("auto").is_some());
    match choice {
        None => json!({"type": "auto", "disable_parallel_tool_use": true}),
        Some(_) => json!({"disable_parallel_tool_use": true}),
    }
}

fn choice(request: &Request, family: &Family, dropped: &mut Vec<String>) -> Option<Value> {
    let any = || json!({"any": {}});
    match (request.tool_choice.as_ref()?, family.forced) {
        (ToolChoice::None, _) => None,
        (ToolChoice::Auto | ToolChoice::Allowed(false, _), Forced::Never) => None,
        (ToolChoice::Auto | ToolChoice::Allowed(false, _), _) => Some(json!({"auto": {}})),
        (ToolChoice::Tool(name), Forced::Each) => Some(json!({"tool": {"name": name}})),
        (_, Forced::Any | Forced::Each) => Some(any()),
        (_, Forced::Never) => {
            dropped.push("tool_choice".to_owned());
            None
        }
    }
}

/// Says the form of the answer where the model knows it; else gives the schema of the tool that is
/// to stand for it.
fn format(request: &Request, family: &Family, said: &mut Tools) -> Option<Value> {
    match &request.format {
        None | Some(Format::Text) => None,
        Some(Format::JsonObject) => Some(json!({"type": "object"})),
        Some(Format::JsonSchema {
            name,
            description,
            schema,
            ..
        }) if family.takes_schemas => {
            let (schema, removed) = lower(schema, STRICT);
            let path = |pointer| format!("response_format#{pointer}");
            said.dropped.extend(removed.into_iter().map(path));
            let mut written = Map::new();
            written.insert("schema".to_owned(), json!(schema.to_string()));
            if !name.is_empty() {
                written.insert("name".to_owned(), json!(name));
            }
            if let Some(said) = description.as_ref().filter(|said| !said.is_empty()) {
                written.insert("description".to_owned(), json!(said));
            }
            let structure = json!({"jsonSchema": written});
            said.format = Some(json!({"type": "json_schema", "structure": structure}));
            None
        }
        Some(Format::JsonSchema { schema, .. }) => Some(object_schema(Some(schema))),
    }
}

fn answer_tool(
    request: &Request,
    family: &Family,
    (schema, specs): (Value, &mut Vec<Value>),
    dropped: &mut Vec<String>,
) -> Option<Value> {
    let is_object = request.format == Some(Format::JsonObject);
    let thinks = request.reasoning.as_ref().is_some_and(Reasoning::is_on);
    let is_forcible = family.forced != Forced::Never;
    // Any object at all is a wish that models follow when they are asked in words.
    if !is_forcible || (is_object && (thinks || !specs.is_empty())) {
        dropped.push("response_format".to_owned());
        return None;
    }
    let choice = match (specs.is_empty(), family.forced) {
        (true, Forced::Each) => json!({"tool": {"name": ANSWER_TOOL}}),
        _ => json!({"any": {}}),
    };
    specs.push(json!({"toolSpec": {
        "name": ANSWER_TOOL,
        "description": "Gives the answer. Call it with the whole answer.",
        "inputSchema": {"json": schema},
    }}));
    Some(choice)
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
