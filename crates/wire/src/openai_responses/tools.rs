//! Reads `tools` and `tool_choice` into the vocabulary.

use chat::request::{Tool, ToolChoice};
use chat::{Error, Request};
use serde_json::Value;

use crate::tree::Cursor;

/// Reads the tools, and which of them may be called.
pub(super) fn read(top: &Cursor<'_>, request: &mut Request) -> Result<(), Error> {
    if let Some(tools) = top.array("tools")? {
        for tool in tools.elements() {
            if tool.string("type")?.is_some_and(|kind| kind != "function") {
                request.unsaid.push(tool.to_string());
                continue;
            }
            let known = ["type", "name", "description", "parameters", "strict"];
            tool.unknown(&known, &mut request.unsaid);
            request.tools.push(Tool {
                name: tool.need("name")?.to_owned(),
                description: tool.string("description")?.map(str::to_owned),
                parameters: tool.get("parameters").map(|schema| schema.value.clone()),
                strict: tool.boolean("strict")?,
                cache: None,
            });
        }
    }
    if let Some(choice) = top.get("tool_choice") {
        request.tool_choice = tool_choice(&choice, &mut request.unsaid)?;
    }
    Ok(())
}

fn tool_choice(choice: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Option<ToolChoice>, Error> {
    if let Value::String(word) = choice.value {
        return Ok(Some(match word.as_str() {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        }));
    }
    Ok(match choice.need("type")? {
        "function" => Some(ToolChoice::Tool(choice.need("name")?.to_owned())),
        "allowed_tools" => {
            let is_required = choice.string("mode")? == Some("required");
            let mut names = Vec::new();
            if let Some(tools) = choice.array("tools")? {
                for tool in tools.elements() {
                    match tool.string("name")? {
                        Some(name) => names.push(name.to_owned()),
                        None => unsaid.push(tool.to_string()),
                    }
                }
            }
            Some(ToolChoice::Allowed(is_required, names))
        }
        _ => {
            unsaid.push("tool_choice".to_owned());
            None
        }
    })
}
