//! The order of messages: tool calls and their results belong together, and thinking comes back where it must.

use serde_json::Value;

use crate::dialect::Problem;

/// Messages of one role that follow each other count as one.
struct Turn<'a> {
    /// Index of the first message.
    at: usize,
    is_user: bool,
    blocks: Vec<&'a Value>,
}

/// Checks the order of messages.
pub(super) fn check(messages: &[Value], thinks: bool) -> Result<(), Problem> {
    let turns = turns(messages);
    if turns.first().is_some_and(|turn| !turn.is_user) {
        return Err(Problem::bad(
            "messages: first message must use the \"user\" role",
        ));
    }
    for (index, turn) in turns.iter().enumerate() {
        if turn.is_user {
            let before = index.checked_sub(1).map(|before| &turns[before]);
            check_results(turn, before)?;
        } else {
            check_calls(turn, turns.get(index + 1))?;
        }
    }
    if thinks {
        check_thinking(&turns)?;
    }
    Ok(())
}

fn turns(messages: &[Value]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let is_user = message["role"] == "user";
        let blocks = message["content"].as_array().into_iter().flatten();
        match turns.last_mut().filter(|turn| turn.is_user == is_user) {
            Some(turn) => turn.blocks.extend(blocks),
            None => turns.push(Turn {
                at,
                is_user,
                blocks: blocks.collect(),
            }),
        }
    }
    turns
}

/// The values of a field of all blocks of a type.
fn ids<'a>(turn: &Turn<'a>, kind: &str, field: &str) -> Vec<&'a str> {
    let blocks = turn.blocks.iter().filter(|block| block["type"] == kind);
    blocks.filter_map(|block| block[field].as_str()).collect()
}

fn check_results(turn: &Turn<'_>, before: Option<&Turn<'_>>) -> Result<(), Problem> {
    let called = before.map_or_else(Vec::new, |turn| ids(turn, "tool_use", "id"));
    let mut answered: Vec<&str> = Vec::new();
    for (index, block) in turn.blocks.iter().enumerate() {
        if block["type"] != "tool_result" {
            continue;
        }
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        if !called.contains(&id) {
            return Err(Problem::bad(format!(
                "messages.{}.content.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.",
                turn.at
            )));
        }
        if answered.contains(&id) {
            return Err(Problem::bad(format!(
                "messages.{}.content.{index}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}",
                turn.at
            )));
        }
        answered.push(id);
    }
    Ok(())
}

fn check_calls(turn: &Turn<'_>, after: Option<&Turn<'_>>) -> Result<(), Problem> {
    let called = ids(turn, "tool_use", "id");
    let mut seen: Vec<&str> = Vec::new();
    for id in &called {
        if seen.contains(id) {
            return Err(Problem::bad("messages: `tool_use` ids must be unique"));
        }
        seen.push(id);
    }
    let answered = after.map_or_else(Vec::new, |turn| ids(turn, "tool_result", "tool_use_id"));
    let open: Vec<&str> = called
        .into_iter()
        .filter(|id| !answered.contains(id))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Problem::bad(format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
        turn.at,
        open.join(", ")
    )))
}

/// With thinking, a tool loop that is not over must begin with the thinking that started it.
fn check_thinking(turns: &[Turn<'_>]) -> Result<(), Problem> {
    let [.., assistant, user] = turns else {
        return Ok(());
    };
    if !user.is_user || ids(user, "tool_result", "tool_use_id").is_empty() {
        return Ok(());
    }
    let first = assistant.blocks.first().map(|block| &block["type"]);
    match first.and_then(|kind| kind.as_str()) {
        None | Some("thinking" | "redacted_thinking") => Ok(()),
        Some(kind) => Err(Problem::bad(format!(
            "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kind}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
            assistant.at
        ))),
    }
}
