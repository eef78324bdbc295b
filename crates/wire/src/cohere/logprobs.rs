//! Log probabilities of what an answer says.
//!
//! Each entry is a piece of text with the probabilities of the tokens that it is made of: mostly one.
//! Where it is several, nobody says which token is which letters, so the piece is told as one, with
//! the logarithm of its whole probability: the sum.

use serde_json::{Number, Value, json};

use crate::members::Members;

/// The entries of an answer, or the one of an event, in OpenAI's form; nothing where none is told.
pub(super) fn read(holder: &Members<'_>, said: &str) -> Option<Value> {
    let told = holder.present("logprobs")?;
    let entries = match serde_json::from_str(told.value.of(holder.text)).ok()? {
        Value::Array(entries) => entries,
        entry => vec![entry],
    };
    let tokens = entries.iter().filter_map(|entry| token(entry, said));
    let tokens: Vec<Value> = tokens.collect();
    (!tokens.is_empty()).then_some(Value::Array(tokens))
}

/// One entry; an event may leave out the text that it says anyway.
fn token(entry: &Value, said: &str) -> Option<Value> {
    let text = entry["text"].as_str().unwrap_or(said);
    let logprob = match entry["logprobs"].as_array()?.as_slice() {
        [] => return None,
        [only] => only.as_number()?.clone(),
        several => Number::from_f64(several.iter().filter_map(Value::as_f64).sum())?,
    };
    Some(json!({
        "token": text, "logprob": logprob, "bytes": text.as_bytes(), "top_logprobs": []
    }))
}
