//! The tools of a chat-completions request, as OpenAI checks them: functions, and since GPT-5 those that
//! are called with free text.

use serde_json::{Value, json};

use super::messages::{invalid, strict_schema};
use crate::dialect::ask::{required_items, schema_or_object};
use crate::dialect::{Problem, Tool, ToolRule};

/// The kinds of tools that a model knows.
pub(super) fn kinds(model: &str) -> &'static [&'static str] {
    match model.contains("gpt-5") {
        true => &["function", "custom"],
        false => &["function"],
    }
}

/// The tools that are offered.
pub(super) fn read(body: &Value, kinds: &[&str]) -> Result<Vec<Tool>, Problem> {
    let listed = match body.get("tools") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(_) => required_items(body, "tools")?,
    };
    let read = |(index, tool)| read_one(index, tool, kinds);
    listed.iter().enumerate().map(read).collect()
}

fn read_one(index: usize, tool: &Value, kinds: &[&str]) -> Result<Tool, Problem> {
    let kind = tool["type"].as_str().unwrap_or("function");
    if !kinds.contains(&kind) {
        return Err(invalid(format!("tools[{index}].type"), kind, kinds));
    }
    let called = &tool[kind];
    let Some(name) = called["name"].as_str() else {
        let field = format!("tools[{index}].{kind}.name");
        let text = format!("Missing required parameter: '{field}'.");
        return Err(Problem::bad_field(field, text));
    };
    let is_free = kind == "custom";
    if is_free {
        check_grammar(index, &called["format"])?;
    }
    if called["strict"] == true {
        let param = format!("tools[{index}].function.parameters");
        strict_schema(name, &called["parameters"], param)?;
    }
    Ok(Tool {
        name: name.to_owned(),
        schema: match is_free {
            true => json!({"type": "object", "properties": {"input": {"type": "string"}}}),
            false => schema_or_object(called.get("parameters")),
        },
        is_free,
    })
}

fn check_grammar(index: usize, format: &Value) -> Result<(), Problem> {
    let at = format!("tools[{index}].custom.format");
    match format["type"].as_str() {
        None if format.is_null() => Ok(()),
        Some("text") => Ok(()),
        Some("grammar") => {
            let grammar = &format["grammar"];
            let syntax = grammar["syntax"].as_str().unwrap_or_default();
            if !["lark", "regex"].contains(&syntax) {
                return Err(invalid(
                    format!("{at}.grammar.syntax"),
                    syntax,
                    &["lark", "regex"],
                ));
            }
            if !grammar["definition"].is_string() {
                let field = format!("{at}.grammar.definition");
                let text = format!("Missing required parameter: '{field}'.");
                return Err(Problem::bad_field(field, text));
            }
            Ok(())
        }
        kind => Err(invalid(
            format!("{at}.type"),
            kind.unwrap_or_default(),
            &["text", "grammar"],
        )),
    }
}

/// Whether a tool has to be called, and which.
pub(super) fn rule(body: &Value, tools: &[Tool]) -> Result<ToolRule, Problem> {
    let choice = match body.get("tool_choice") {
        None | Some(Value::Null) => return Ok(ToolRule::Free),
        Some(choice) => choice,
    };
    if tools.is_empty() {
        return Err(Problem::bad_field(
            "tool_choice",
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        ));
    }
    match choice.as_str() {
        Some("none") => return Ok(ToolRule::Never),
        Some("auto") => return Ok(ToolRule::Free),
        Some("required") => return Ok(ToolRule::Must),
        _ => {}
    }
    let wrong = |text: String| Err(Problem::bad_field("tool_choice", text));
    if choice["type"] == "allowed_tools" {
        let allowed = &choice["allowed_tools"];
        let listed = allowed["tools"].as_array().into_iter().flatten();
        let strange = listed
            .filter_map(|one| named(one))
            .find(|one| !offers(tools, *one));
        return match (strange, allowed["mode"].as_str()) {
            (Some((_, name)), _) => wrong(format!(
                "Tool choice '{name}' not found in 'tools' parameter."
            )),
            (None, Some("required")) => Ok(ToolRule::Must),
            (None, _) => Ok(ToolRule::Free),
        };
    }
    match named(choice) {
        Some(one) if offers(tools, one) => Ok(ToolRule::Named(one.1.to_owned())),
        Some((_, name)) => wrong(format!(
            "Tool choice '{name}' not found in 'tools' parameter."
        )),
        None => wrong("Invalid value for 'tool_choice'.".to_owned()),
    }
}

/// Whether a tool is called with free text, and its name.
fn named(choice: &Value) -> Option<(bool, &str)> {
    let is_free = choice["type"] == "custom";
    let kind = if is_free { "custom" } else { "function" };
    Some((is_free, choice[kind]["name"].as_str()?))
}

fn offers(tools: &[Tool], (is_free, name): (bool, &str)) -> bool {
    let mut offered = tools.iter();
    offered.any(|tool| tool.name == name && tool.is_free == is_free)
}
