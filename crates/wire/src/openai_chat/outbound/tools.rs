//! Writes tools, and which of them may be called.
//!
//! OpenAI has tools that are called with free text, perhaps by a grammar, and lists of those that are
//! allowed. Few others who speak its dialect know either: there such a tool is a function of an object
//! with the text, and tools that are not allowed are not shown.

use chat::Request;
use chat::request::{FreeText, Grammar, Tool, ToolChoice};
use serde_json::json;

use super::compose::exact;
use super::parts::Marks;
use crate::free_text;
use crate::outgoing::Outgoing;
use crate::quirks;
use crate::splice::{push_member, quoted};

/// The tools that are shown, as an array; `None` where none are.
pub(super) fn list(
    request: &Request,
    to: &Outgoing<'_>,
    dropped: &mut Vec<String>,
) -> Option<String> {
    let knows_all = quirks::knows_free_text(to);
    if !knows_all {
        free_text::name_grammars(&request.tools, dropped);
    }
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed(_, names)) if !knows_all => Some(names),
        _ => None,
    };
    let mut list = String::new();
    for (position, tool) in request.tools.iter().enumerate() {
        if allowed.is_some_and(|names| !names.contains(&tool.name)) {
            continue;
        }
        if !list.is_empty() {
            list.push(',');
        }
        let (kind, inner) = match &tool.free_text {
            Some(free) if knows_all => ("custom", custom(tool, free)),
            _ => ("function", function(tool, position, dropped)),
        };
        let mut members = String::new();
        push_member(&mut members, "type", &quoted(kind));
        push_member(&mut members, kind, &format!("{{{inner}}}"));
        match (tool.cache, Marks::of(to)) {
            (Some(mark), Marks::CacheControl) => {
                push_member(&mut members, "cache_control", Marks::cache_control(mark));
            }
            (Some(_), Marks::Breakpoints | Marks::None) => {
                quirks::name_once(dropped, "tools[].cache_control");
            }
            (None, _) => {}
        }
        list.push_str(&format!("{{{members}}}"));
    }
    (!list.is_empty()).then(|| format!("[{list}]"))
}

fn named(tool: &Tool) -> String {
    let mut members = String::new();
    push_member(&mut members, "name", &quoted(&tool.name));
    if let Some(description) = &tool.description {
        push_member(&mut members, "description", &quoted(description));
    }
    members
}

fn function(tool: &Tool, position: usize, dropped: &mut Vec<String>) -> String {
    let mut members = named(tool);
    let path = format!("tools[{position}]");
    let (parameters, strict) = match &tool.parameters {
        Some(schema) => {
            let (schema, strict) = exact(schema, tool.strict, &path, dropped);
            (Some(schema), strict)
        }
        None => (None, tool.strict),
    };
    if let Some(parameters) = parameters {
        push_member(&mut members, "parameters", &parameters.to_string());
    }
    if let Some(strict) = strict {
        push_member(&mut members, "strict", &strict.to_string());
    }
    members
}

/// A tool that is called with free text.
fn custom(tool: &Tool, free: &FreeText) -> String {
    let mut members = named(tool);
    if let Some(Grammar { syntax, definition }) = &free.grammar {
        let grammar = json!({"syntax": syntax, "definition": definition});
        let format = json!({"type": "grammar", "grammar": grammar});
        push_member(&mut members, "format", &format.to_string());
    }
    members
}

/// Which tools may be called.
pub(super) fn choice(choice: &ToolChoice, tools: &[Tool], to: &Outgoing<'_>) -> String {
    let knows_all = quirks::knows_free_text(to);
    let named = |name: &String| match knows_all && free_text::is_called(tools, name) {
        true => json!({"type": "custom", "custom": {"name": name}}),
        false => json!({"type": "function", "function": {"name": name}}),
    };
    let word = |is_required: bool| if is_required { "required" } else { "auto" };
    let json = match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => named(name),
        ToolChoice::Allowed(is_required, names) if knows_all => json!({
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": word(*is_required),
                "tools": names.iter().map(named).collect::<Vec<_>>(),
            },
        }),
        ToolChoice::Allowed(is_required, _) => json!(word(*is_required)),
    };
    json.to_string()
}
