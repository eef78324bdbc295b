//! Reads `tools` and `tool_choice` into the vocabulary.

use chat::request::{Tool, ToolChoice};
use chat::{Error, Request};
use serde_json::Value;

use super::names::{Names, is_namespace};
use crate::free_text;
use crate::tree::Cursor;

/// Reads the tools, and which of them may be called.
pub(super) fn read(top: &Cursor<'_>, names: &Names, request: &mut Request) -> Result<(), Error> {
    if let Some(tools) = top.array("tools")? {
        for tool in tools.elements() {
            if !is_namespace(tool.value) {
                one(&tool, (None, names), request)?;
                continue;
            }
            let known = ["type", "name", "description", "tools"];
            tool.unknown(&known, &mut request.unsaid);
            let namespace = tool.need("name")?;
            if let Some(inner) = tool.array("tools")? {
                for tool in inner.elements() {
                    one(&tool, (Some(namespace), names), request)?;
                }
            }
        }
    }
    if let Some(choice) = top.get("tool_choice") {
        request.tool_choice = tool_choice(&choice, names, &mut request.unsaid)?;
    }
    Ok(())
}

/// A tool, in a namespace or alone.
fn one(
    tool: &Cursor<'_>,
    (namespace, names): (Option<&str>, &Names),
    request: &mut Request,
) -> Result<(), Error> {
    let (known, is_free): (&[_], _) = match tool.string("type")? {
        Some("function") | None => (&["parameters", "strict"], false),
        Some("custom") => (&["format"], true),
        // Routing knows of these: nobody comes here with one that matters.
        Some(_) => {
            request.unsaid.push(tool.to_string());
            return Ok(());
        }
    };
    let known = [&["type", "name", "description"][..], known].concat();
    tool.unknown(&known, &mut request.unsaid);
    let name = names.told(namespace, tool.need("name")?).into_owned();
    let description = tool.string("description")?.map(str::to_owned);
    request.tools.push(match is_free {
        true => {
            let grammar = free_text::grammar(tool, |format| format, &mut request.unsaid)?;
            free_text::tool(name, description, grammar)
        }
        false => Tool {
            name,
            description,
            parameters: tool.get("parameters").map(|schema| schema.value.clone()),
            strict: tool.boolean("strict")?,
            ..Tool::default()
        },
    });
    Ok(())
}

fn tool_choice(
    choice: &Cursor<'_>,
    names: &Names,
    unsaid: &mut Vec<String>,
) -> Result<Option<ToolChoice>, Error> {
    let told = |named: &Cursor<'_>, name: &str| -> Result<String, Error> {
        Ok(names.told(named.string("namespace")?, name).into_owned())
    };
    if let Value::String(word) = choice.value {
        return Ok(Some(match word.as_str() {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        }));
    }
    Ok(match choice.need("type")? {
        "function" | "custom" => {
            let name = choice.need("name")?;
            Some(ToolChoice::Tool(told(choice, name)?))
        }
        "allowed_tools" => {
            let is_required = choice.string("mode")? == Some("required");
            let mut allowed = Vec::new();
            if let Some(tools) = choice.array("tools")? {
                for tool in tools.elements() {
                    match tool.string("name")? {
                        Some(name) => allowed.push(told(&tool, name)?),
                        None => unsaid.push(tool.to_string()),
                    }
                }
            }
            Some(ToolChoice::Allowed(is_required, allowed))
        }
        _ => {
            unsaid.push("tool_choice".to_owned());
            None
        }
    })
}
