//! What every request of a dialect must look like, as far as its provider refuses anything else.

use chat::Dialect;
use serde_json::Value;

/// Checks the turns of a request; says what is wrong.
pub(crate) fn check(dialect: Dialect, body: &Value) -> Result<(), String> {
    match dialect {
        Dialect::OpenaiChat | Dialect::Cohere => messages(body),
        Dialect::OpenaiResponses => items(body),
        Dialect::AnthropicMessages => blocks(body),
        Dialect::Gemini => contents(body),
        Dialect::BedrockConverse => converse(body),
        _ => Err(format!("nobody is asked in {dialect}")),
    }
}

fn list<'v>(body: &'v Value, name: &str) -> Result<&'v [Value], String> {
    let list = body[name].as_array().map(Vec::as_slice);
    let list = list.ok_or_else(|| format!("{name} is no list"))?;
    match list {
        [] => Err(format!("{name} is empty")),
        list => Ok(list),
    }
}

fn must(is: bool, what: &str, at: usize) -> Result<(), String> {
    match is {
        true => Ok(()),
        false => Err(format!("{at}: {what}")),
    }
}

/// Ids of calls that wait for their results, and results that belong to none.
#[derive(Default)]
struct Calls(Vec<String>);

impl Calls {
    fn call(&mut self, id: &Value) {
        self.0.push(id.as_str().unwrap_or_default().to_owned());
    }

    fn answer(&mut self, id: &Value) -> bool {
        let id = id.as_str().unwrap_or_default();
        let position = self.0.iter().position(|call| call == id);
        position
            .map(|position| self.0.swap_remove(position))
            .is_some()
    }
}

fn messages(body: &Value) -> Result<(), String> {
    let mut calls = Calls::default();
    for (at, message) in list(body, "messages")?.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        let is_role = ["system", "developer", "user", "assistant", "tool"].contains(&role);
        must(is_role, "an unknown role", at)?;
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            must(
                call["function"]["arguments"].is_string(),
                "arguments are text",
                at,
            )?;
            calls.call(&call["id"]);
        }
        if role == "tool" {
            must(
                calls.answer(&message["tool_call_id"]),
                "a result of no call",
                at,
            )?;
        } else if role != "assistant" {
            let content = &message["content"];
            let is_said =
                content.is_string() || content.as_array().is_some_and(|it| !it.is_empty());
            must(is_said, "a message without content", at)?;
        }
    }
    Ok(())
}

fn items(body: &Value) -> Result<(), String> {
    if body["input"].is_string() {
        return Ok(());
    }
    let mut calls = Calls::default();
    for (at, item) in list(body, "input")?.iter().enumerate() {
        match item["type"].as_str().unwrap_or("message") {
            "function_call" => calls.call(&item["call_id"]),
            "function_call_output" => {
                must(calls.answer(&item["call_id"]), "a result of no call", at)?;
            }
            "message" => must(item["role"].is_string(), "a message without a role", at)?,
            "reasoning" => must(item["summary"].is_array(), "a thought without summary", at)?,
            other => return Err(format!("{at}: an unknown item {other}")),
        }
    }
    Ok(())
}

fn blocks(body: &Value) -> Result<(), String> {
    must(body["max_tokens"].is_u64(), "no max_tokens", 0)?;
    let mut calls = Calls::default();
    for (at, message) in list(body, "messages")?.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        must(["user", "assistant"].contains(&role), "an unknown role", at)?;
        must(at > 0 || role == "user", "the user speaks first", at)?;
        if let Some(text) = message["content"].as_str() {
            must(!text.trim().is_empty(), "an empty message", at)?;
            must(calls.0.is_empty(), "a call without its result", at)?;
            continue;
        }
        let content = list(message, "content").map_err(|flaw| format!("{at}: {flaw}"))?;
        let waiting = calls.0.len();
        for block in content {
            match block["type"].as_str().unwrap_or_default() {
                "text" => {
                    let text = block["text"].as_str().unwrap_or_default();
                    must(!text.trim().is_empty(), "an empty text", at)?;
                }
                "tool_use" => {
                    must(block["input"].is_object(), "input is an object", at)?;
                    calls.call(&block["id"]);
                }
                "tool_result" => {
                    must(
                        calls.answer(&block["tool_use_id"]),
                        "a result of no call",
                        at,
                    )?;
                }
                _ => {}
            }
        }
        let is_answered = role == "assistant" || waiting == 0 || calls.0.is_empty();
        must(is_answered, "a call without its result", at)?;
    }
    Ok(())
}

fn contents(body: &Value) -> Result<(), String> {
    let mut called = 0;
    for (at, content) in list(body, "contents")?.iter().enumerate() {
        let role = content["role"].as_str().unwrap_or_default();
        must(["user", "model"].contains(&role), "an unknown role", at)?;
        let parts = list(content, "parts").map_err(|flaw| format!("{at}: {flaw}"))?;
        let count = |name: &str| parts.iter().filter(|part| part[name].is_object()).count();
        let answered = count("functionResponse");
        must(answered == called, "as many results as calls", at)?;
        called = count("functionCall");
        let is_said = |part: &Value| part.as_object().is_some_and(|part| !part.is_empty());
        must(parts.iter().all(is_said), "an empty part", at)?;
    }
    Ok(())
}

fn converse(body: &Value) -> Result<(), String> {
    let mut calls = Calls::default();
    let mut last = "assistant";
    for (at, message) in list(body, "messages")?.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        must(role != last, "turns alternate, the user first", at)?;
        last = role;
        let content = list(message, "content").map_err(|flaw| format!("{at}: {flaw}"))?;
        for block in content {
            if block["toolUse"].is_object() {
                must(
                    block["toolUse"]["input"].is_object(),
                    "input is an object",
                    at,
                )?;
                calls.call(&block["toolUse"]["toolUseId"]);
            }
            if block["toolResult"].is_object() {
                let id = &block["toolResult"]["toolUseId"];
                must(calls.answer(id), "a result of no call", at)?;
            }
        }
        must(
            role == "assistant" || calls.0.is_empty(),
            "a call without its result",
            at,
        )?;
    }
    Ok(())
}
