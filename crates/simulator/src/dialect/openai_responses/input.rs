//! Checks the input of a response, item by item, and the order of calls, outputs and reasoning.

use serde_json::Value;

use crate::dialect::Problem;
use crate::dialect::weight::weigh_all;
use crate::seal::Seal;

/// What an input weighs.
pub(super) struct Input {
    pub(super) items: usize,
    pub(super) last_role: String,
    pub(super) last_bytes: u64,
    pub(super) tokens: u64,
}

/// Items that this dialect knows and the simulator takes as they are.
const OTHER_ITEMS: [&str; 12] = [
    "file_search_call",
    "computer_call",
    "computer_call_output",
    "web_search_call",
    "image_generation_call",
    "code_interpreter_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "mcp_call",
    "compaction",
];

pub(super) fn read(body: &Value) -> Result<Input, Problem> {
    let missing = || {
        Problem::bad_field("input", "Missing required parameter: 'input'.")
            .with_code("missing_required_parameter")
    };
    match body.get("input") {
        None | Some(Value::Null) => Err(missing()),
        Some(text @ Value::String(_)) => {
            let weight = weigh_all(text);
            Ok(Input {
                items: 1,
                last_role: "user".to_owned(),
                last_bytes: weight.bytes,
                tokens: weight.tokens,
            })
        }
        Some(Value::Array(items)) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                check_item(item, &format!("input[{index}]"), body)?;
            }
            check_calls(items)?;
            check_reasoning(items)?;
            let last = items.last().unwrap_or(&Value::Null);
            Ok(Input {
                items: items.len(),
                last_role: last["role"].as_str().unwrap_or("tool").to_owned(),
                last_bytes: weigh_all(last).bytes,
                tokens: items.iter().map(|item| weigh_all(item).tokens).sum(),
            })
        }
        Some(_) => Err(Problem::bad_field(
            "input",
            "Invalid type for 'input': expected one of a non-empty array of input items or a string.",
        )),
    }
}

fn check_item(item: &Value, at: &str, body: &Value) -> Result<(), Problem> {
    let need = |field: &str| match item[field].as_str() {
        Some(text) => Ok(text),
        None => Err(Problem::bad_field(
            format!("{at}.{field}"),
            format!("Missing required parameter: '{at}.{field}'."),
        )
        .with_code("missing_required_parameter")),
    };
    match item["type"].as_str() {
        None | Some("message") => check_message(item, at),
        Some("function_call") => {
            need("call_id")?;
            need("name")?;
            need("arguments")?;
            check_id(item, at, "fc")
        }
        Some("custom_tool_call") => {
            need("call_id")?;
            need("name")?;
            need("input").map(|_| ())
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            need("call_id")?;
            match item.get("output") {
                Some(Value::String(_) | Value::Array(_)) => Ok(()),
                _ => need("output").map(|_| ()),
            }
        }
        Some("reasoning") => {
            if !item["summary"].is_array() {
                return need("summary").map(|_| ());
            }
            check_id(item, at, "rs")?;
            check_sealed(item, body)
        }
        Some("item_reference") => Err(not_found(item)),
        Some(kind) if OTHER_ITEMS.contains(&kind) => Ok(()),
        Some(kind) => Err(invalid(
            format!("{at}.type"),
            format!(
                "Invalid value: '{kind}'. Supported values are: 'message', 'reasoning', 'function_call', 'function_call_output', 'item_reference', and others."
            ),
        )),
    }
}

fn check_message(item: &Value, at: &str) -> Result<(), Problem> {
    let role = item["role"].as_str().unwrap_or_default();
    if !["user", "assistant", "system", "developer"].contains(&role) {
        return Err(invalid(
            format!("{at}.role"),
            format!(
                "Invalid value: '{role}'. Supported values are: 'assistant', 'system', 'developer', and 'user'."
            ),
        ));
    }
    let parts = match item.get("content") {
        Some(Value::String(_)) => return Ok(()),
        Some(Value::Array(parts)) => parts,
        _ => {
            return Err(Problem::bad_field(
                format!("{at}.content"),
                format!("Missing required parameter: '{at}.content'."),
            )
            .with_code("missing_required_parameter"));
        }
    };
    let known: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        _ => &["input_text", "input_image", "input_file", "input_audio"],
    };
    for (index, part) in parts.iter().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !known.contains(&kind) {
            let known: Vec<String> = known.iter().map(|k| format!("'{k}'")).collect();
            return Err(invalid(
                format!("{at}.content[{index}]"),
                format!(
                    "Invalid value: '{kind}'. Supported values are: {}.",
                    known.join(", ")
                ),
            ));
        }
    }
    if role == "assistant" {
        return check_id(item, at, "msg");
    }
    Ok(())
}

fn check_id(item: &Value, at: &str, start: &str) -> Result<(), Problem> {
    match item["id"].as_str() {
        Some(id) if !id.starts_with(start) => Err(invalid(
            format!("{at}.id"),
            format!("Invalid '{at}.id': '{id}'. Expected an ID that begins with '{start}'."),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Reasoning comes back with its sealed content, or by the id of a response that was stored.
fn check_sealed(item: &Value, body: &Value) -> Result<(), Problem> {
    let id = item["id"].as_str().unwrap_or_default();
    if let Some(sealed) = item["encrypted_content"].as_str() {
        if Seal::Reasoning.unwrap(sealed).is_some() {
            return Ok(());
        }
        let text = format!(
            "The encrypted content for item {id} could not be verified. Reason: Encrypted content could not be decrypted or parsed."
        );
        return Err(Problem::bad(text).with_code("invalid_encrypted_content"));
    }
    if id.starts_with("rs_sim_") && body.get("store") != Some(&Value::Bool(false)) {
        return Ok(());
    }
    Err(not_found(item))
}

fn check_calls(items: &[Value]) -> Result<(), Problem> {
    let of = |kinds: [&str; 2]| -> Vec<&str> {
        let is_one = |item: &&Value| item["type"].as_str().is_some_and(|it| kinds.contains(&it));
        let these = items.iter().filter(is_one);
        these.filter_map(|item| item["call_id"].as_str()).collect()
    };
    let called = of(["function_call", "custom_tool_call"]);
    let answered = of(["function_call_output", "custom_tool_call_output"]);
    if let Some(id) = answered.iter().find(|id| !called.contains(id)) {
        return Err(Problem::bad_field(
            "input",
            format!("No tool call found for function call output with call_id {id}."),
        ));
    }
    if let Some(id) = called.iter().find(|id| !answered.contains(id)) {
        return Err(Problem::bad_field(
            "input",
            format!("No tool output found for function call {id}."),
        ));
    }
    Ok(())
}

fn check_reasoning(items: &[Value]) -> Result<(), Problem> {
    for (index, item) in items.iter().enumerate() {
        if item["type"] != "reasoning" {
            continue;
        }
        let after = items.get(index + 1);
        let goes_on = after.is_some_and(|next| {
            next["role"] == "assistant" || next["type"].as_str().is_some_and(|t| t != "message")
        });
        if !goes_on {
            let id = item["id"].as_str().unwrap_or_default();
            return Err(Problem::bad_field(
                "input",
                format!(
                    "Item '{id}' of type 'reasoning' was provided without its required following item."
                ),
            ));
        }
    }
    Ok(())
}

fn not_found(item: &Value) -> Problem {
    let id = item["id"].as_str().unwrap_or_default();
    Problem {
        status: 404,
        ..Problem::bad_field(
            "input",
            format!("Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input."),
        )
    }
    .with_code("item_not_found")
}

fn invalid(param: String, text: String) -> Problem {
    Problem::bad_field(param, text).with_code("invalid_value")
}
