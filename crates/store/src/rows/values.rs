//! Values out of JSON text, or what is wrong with them.

use ledger::Amount;
use serde_json::{Map, Value};

use crate::StoreError;

pub(super) type Read<T> = Result<T, StoreError>;

pub(super) fn parse(text: &str) -> Read<Value> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// A flag that is written only where it holds.
pub(super) fn says(value: &Value, name: &str) -> bool {
    value.get(name).is_some_and(|said| said == true)
}

pub(super) fn field<'a>(value: &'a Value, name: &str) -> Read<&'a Value> {
    value
        .get(name)
        .ok_or_else(|| unreadable("field that is not there", name))
}

pub(super) fn item(value: &Value, index: usize) -> Read<&Value> {
    value
        .get(index)
        .ok_or_else(|| wrong("a longer list", value))
}

pub(super) fn object(value: &Value) -> Read<&Map<String, Value>> {
    value.as_object().ok_or_else(|| wrong("an object", value))
}

pub(super) fn array(value: &Value) -> Read<&Vec<Value>> {
    value.as_array().ok_or_else(|| wrong("a list", value))
}

pub(super) fn text_of(value: &Value) -> Read<&str> {
    value.as_str().ok_or_else(|| wrong("text", value))
}

pub(super) fn nanos(value: &Value) -> Read<Amount> {
    let nanos = value.as_i64().ok_or_else(|| wrong("an amount", value))?;
    Ok(Amount::from_nanos(nanos))
}

pub(super) fn whole(value: &Value) -> Read<u64> {
    value.as_u64().ok_or_else(|| wrong("a whole number", value))
}

pub(super) fn small(value: &Value) -> Read<u16> {
    whole(value)?
        .try_into()
        .map_err(|_| wrong("a small whole number", value))
}

pub(super) fn unreadable(what: &str, text: &str) -> StoreError {
    StoreError::Unreadable(format!("{what} \"{text}\""))
}

pub(super) fn wrong(expected: &str, found: &Value) -> StoreError {
    StoreError::Unreadable(format!("expected {expected}, found {found}"))
}
