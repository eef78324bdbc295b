//! Writes a whole chat completion.

use serde_json::{Map, Value, json};

use super::{
    CREATED, FINGERPRINT, answer_id, call_words, finish_word, logprobs_value, reasoning_field,
    usage_value,
};
use crate::answer::{Choice, Kind};
use crate::dialect::Rendering;
use crate::script::UsageWhen;

pub(super) fn write(rendering: &Rendering) -> Value {
    let answer = &rendering.answer;
    let choices: Vec<Value> = answer
        .choices
        .iter()
        .enumerate()
        .map(|(index, choice)| choice_value(rendering, index, choice))
        .collect();
    let mut value = json!({
        "id": answer_id(answer),
        "object": "chat.completion",
        "created": CREATED,
        "model": answer.model,
        "choices": choices,
        "usage": usage_value(rendering.script.content.usage.scaled(answer.usage)),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    });
    if rendering.script.content.usage.when == UsageWhen::Missing
        && let Some(fields) = value.as_object_mut()
    {
        fields.shift_remove("usage");
    }
    value
}

fn choice_value(rendering: &Rendering, index: usize, choice: &Choice) -> Value {
    let text = choice.text_of(&Kind::Text);
    let reasoning = choice.text_of(&Kind::Reasoning);
    let calls: Vec<Value> = choice
        .calls()
        .map(|(id, name, arguments)| {
            let (kind, member) = call_words(rendering, name);
            json!({"id": id, "type": kind, kind: {"name": name, member: arguments}})
        })
        .collect();
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    let content = if calls.is_empty() {
        json!(text)
    } else {
        Value::Null
    };
    message.insert("content".to_owned(), content);
    if let (Some(field), false) = (reasoning_field(rendering), reasoning.is_empty()) {
        message.insert(field.to_owned(), json!(reasoning));
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    let refusal = choice.text_of(&Kind::Refusal);
    let is_refused = !refusal.is_empty();
    if is_refused {
        message["content"] = Value::Null;
    }
    let refusal = is_refused.then_some(refusal);
    message.insert("refusal".to_owned(), json!(refusal));
    message.insert("annotations".to_owned(), json!([]));
    let logprobs = if rendering.ask.wants_logprobs {
        logprobs_value(&text)
    } else {
        Value::Null
    };
    json!({
        "index": index,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": finish_word(&choice.finish),
    })
}
