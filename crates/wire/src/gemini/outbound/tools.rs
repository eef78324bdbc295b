//! Functions, and which of them the model may or must call.

use chat::request::{Tool, ToolChoice};
use serde_json::Value;

use crate::quirks::name_once;
use crate::schema;
use crate::splice::{push_member, quoted};

/// `tools` and `toolConfig`; nothing where there is no function. Where only some may be called, the
/// others are not shown: Google knows the list of the allowed only where one must be called.
pub(super) fn write(
    tools: &[Tool],
    choice: Option<&ToolChoice>,
    dropped: &mut Vec<String>,
) -> Option<(String, Option<String>)> {
    let allowed = match choice {
        Some(ToolChoice::Allowed(_, names)) => Some(names),
        _ => None,
    };
    let mut list = String::new();
    for (position, tool) in tools.iter().enumerate() {
        if allowed.is_some_and(|names| !names.contains(&tool.name)) {
            continue;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&function(tool, position, dropped));
    }
    if list.is_empty() {
        return None;
    }
    let config = choice.map(|choice| {
        let mut inner = String::new();
        let mode = match choice {
            ToolChoice::Auto | ToolChoice::Allowed(false, _) => "AUTO",
            ToolChoice::None => "NONE",
            ToolChoice::Required | ToolChoice::Allowed(true, _) | ToolChoice::Tool(_) => "ANY",
        };
        push_member(&mut inner, "mode", &quoted(mode));
        if let ToolChoice::Tool(name) = choice {
            let names = format!("[{}]", quoted(name));
            push_member(&mut inner, "allowedFunctionNames", &names);
        }
        format!("{{\"functionCallingConfig\":{{{inner}}}}}")
    });
    Some((format!("[{{\"functionDeclarations\":[{list}]}}]"), config))
}

fn function(tool: &Tool, position: usize, dropped: &mut Vec<String>) -> String {
    let mut out = String::new();
    push_member(&mut out, "name", &quoted(&tool.name));
    if let Some(description) = &tool.description {
        push_member(&mut out, "description", &quoted(description));
    }
    if let Some(parameters) = &tool.parameters {
        let (lowered, lost) = schema::lower(parameters, &schema::GOOGLE);
        for pointer in lost {
            name_once(dropped, &format!("tools[{position}].parameters#{pointer}"));
        }
        // A function without parameters has no schema: an empty object is refused.
        if has_properties(&lowered) {
            push_member(&mut out, "parameters", &lowered.to_string());
        }
    }
    if tool.strict == Some(true) {
        name_once(dropped, "tools[].strict");
    }
    if tool.cache.is_some() {
        name_once(dropped, "tools[].cache_control");
    }
    format!("{{{out}}}")
}

fn has_properties(schema: &Value) -> bool {
    schema.get("properties").is_some() || schema.get("anyOf").is_some()
}
