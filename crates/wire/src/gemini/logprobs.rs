//! Log probabilities of the tokens of a candidate, in both directions.
//!
//! Google lists what was said and, beside it, what was likeliest at each step; OpenAI's form has both
//! in one entry for each token. Source: `LogprobsResult` in
//! <https://ai.google.dev/api/generate-content> (2026).

use chat::Error;
use serde_json::{Number, Value, json};

use crate::members::Members;
use crate::track::object_of;

/// Google's list of what a candidate said, in OpenAI's form; nothing where none is told.
///
/// # Errors
/// It cannot be taken apart.
pub(super) fn read(candidate: &Members<'_>) -> Result<Option<Value>, Error> {
    let told = object_of(candidate, "logprobsResult")?;
    Ok(told.and_then(|told| in_openais_form(&told)))
}

fn in_openais_form(told: &Members<'_>) -> Option<Value> {
    let told: Value = serde_json::from_str(told.span.of(told.text)).ok()?;
    let chosen = told["chosenCandidates"].as_array()?;
    let tokens: Vec<Value> = chosen
        .iter()
        .enumerate()
        .map(|(at, token)| {
            let likely = told["topCandidates"][at]["candidates"].as_array();
            let likely: Vec<Value> = likely.into_iter().flatten().map(ours).collect();
            let mut token = ours(token);
            token["top_logprobs"] = Value::Array(likely);
            token
        })
        .collect();
    (!tokens.is_empty()).then_some(Value::Array(tokens))
}

/// One token in OpenAI's form. What Google leaves out is empty, or zero.
fn ours(token: &Value) -> Value {
    let said = token["token"].as_str().unwrap_or_default();
    let bytes = match said.contains(char::REPLACEMENT_CHARACTER) {
        // A part of a letter: which bytes it was is lost.
        true => Value::Null,
        false => json!(said.as_bytes()),
    };
    let logprob = match &token["logProbability"] {
        number @ Value::Number(_) => number.clone(),
        _ => json!(0),
    };
    json!({ "token": said, "logprob": logprob, "bytes": bytes })
}

/// The mean of what a candidate's tokens have, as `avgLogprobs`.
pub(super) fn mean(tokens: &[Value]) -> Option<Number> {
    let told = tokens.iter().filter_map(|token| token["logprob"].as_f64());
    let (sum, count) = told.fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
    // A number only where there is one: nothing by nothing is none.
    Number::from_f64(sum / count)
}

/// OpenAI's form of probabilities as Google's `logprobsResult`.
pub(super) fn write(tokens: &[Value]) -> String {
    let one =
        |token: &Value| json!({ "token": token["token"], "logProbability": token["logprob"] });
    let chosen: Vec<Value> = tokens.iter().map(one).collect();
    let top = |token: &Value| {
        let list = token["top_logprobs"].as_array();
        let list: Vec<Value> = list.into_iter().flatten().map(one).collect();
        json!({ "candidates": list })
    };
    let top: Vec<Value> = tokens.iter().map(top).collect();
    json!({ "topCandidates": top, "chosenCandidates": chosen }).to_string()
}
