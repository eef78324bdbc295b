//! Functions, and which of them the model may or must call.

use chat::request::{Tool, ToolChoice};
use serde_json::Value;

use crate::free_text::name_grammars;
use crate::quirks::name_once;
use crate::schema;
use crate::splice::{push_member, quoted};

/// `tools` and `toolConfig`; nothing where there is no function. Where only some may be called, the
/// others are not shown: Google knows the list of the allowed only where one must be called.
///
/// Google follows schemas exactly by how it calls, not function by function: where it must call one
/// (`ANY`), and where it may and is told so (`VALIDATED`), which is said where all are strict. Who
/// calls none has nothing to follow.
/// <https://ai.google.dev/gemini-api/docs/function-calling> (2026)
pub(super) fn write(
    tools: &[Tool],
    (choice, validates): (Option<&ToolChoice>, bool),
    dropped: &mut Vec<String>,
) -> Option<(String, Option<String>)> {
    name_grammars(tools, dropped);
    let is_shown = |tool: &Tool| match choice {
        Some(ToolChoice::Allowed(_, names)) => names.contains(&tool.name),
        _ => true,
    };
    let mut list = String::new();
    let (mut is_strict, mut asks_strict, mut is_told) = (true, false, true);
    for (position, tool) in tools.iter().enumerate().filter(|(_, tool)| is_shown(tool)) {
        if !list.is_empty() {
            list.push(',');
        }
        let (function, is_whole) = function(tool, position, dropped);
        list.push_str(&function);
        is_strict &= tool.strict == Some(true);
        asks_strict |= tool.strict == Some(true);
        is_told &= is_whole || tool.strict != Some(true);
    }
    if list.is_empty() {
        return None;
    }
    let mode = match choice {
        None | Some(ToolChoice::Auto | ToolChoice::Allowed(false, _)) if is_strict && validates => {
            Some("VALIDATED")
        }
        None => None,
        Some(ToolChoice::Auto | ToolChoice::Allowed(false, _)) => Some("AUTO"),
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Required | ToolChoice::Allowed(true, _) | ToolChoice::Tool(_)) => {
            Some("ANY")
        }
    };
    is_told &= !matches!(mode, None | Some("AUTO"));
    if asks_strict && !is_told {
        name_once(dropped, "tools[].strict");
    }
    let config = mode.map(|mode| {
        let mut inner = String::new();
        push_member(&mut inner, "mode", &quoted(mode));
        if let Some(ToolChoice::Tool(name)) = choice {
            let names = format!("[{}]", quoted(name));
            push_member(&mut inner, "allowedFunctionNames", &names);
        }
        format!("{{\"functionCallingConfig\":{{{inner}}}}}")
    });
    Some((format!("[{{\"functionDeclarations\":[{list}]}}]"), config))
}

/// Writes a function; says whether all of its schema is said.
fn function(tool: &Tool, position: usize, dropped: &mut Vec<String>) -> (String, bool) {
    let mut out = String::new();
    let mut is_whole = true;
    push_member(&mut out, "name", &quoted(&tool.name));
    if let Some(description) = &tool.description {
        push_member(&mut out, "description", &quoted(description));
    }
    if let Some(parameters) = &tool.parameters {
        let (lowered, lost) = schema::lower(parameters, &schema::GOOGLE);
        is_whole = lost.is_empty();
        for pointer in lost {
            name_once(dropped, &format!("tools[{position}].parameters#{pointer}"));
        }
        // A function without parameters has no schema: an empty object is refused.
        if has_properties(&lowered) {
            push_member(&mut out, "parameters", &lowered.to_string());
        }
    }
    if tool.cache.is_some() {
        name_once(dropped, "tools[].cache_control");
    }
    (format!("{{{out}}}"), is_whole)
}

fn has_properties(schema: &Value) -> bool {
    schema.get("properties").is_some() || schema.get("anyOf").is_some()
}
