//! Tools that are called with free text, in the words of those who know arguments alone: an object
//! whose only member is the text.

use crate::splice::quoted;

/// The member that holds the text.
pub(crate) const INPUT: &str = "input";

/// What follows the last piece of such an object.
pub(crate) const END: &str = "\"}";

/// A piece of such an object, where its text comes in pieces.
pub(crate) fn piece(text: &str, is_first: bool) -> String {
    let quoted = quoted(text);
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    match is_first {
        true => format!("{{\"{INPUT}\":\"{inner}"),
        false => inner.to_owned(),
    }
}
