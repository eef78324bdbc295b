//! Tools that are called with free text, in the words of those who know arguments alone: an object
//! whose only member is the text.

use chat::Error;
use chat::request::{FreeText, Grammar, Tool};
use serde_json::{Value, json};

use crate::splice::quoted;
use crate::tree::Cursor;

/// The member that holds the text.
const INPUT: &str = "input";

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

/// Free text as the arguments that others know.
pub(crate) fn arguments(input: &str) -> String {
    json!({ INPUT: input }).to_string()
}

/// The free text in such arguments; where a model wrote something else, all of it.
pub(crate) fn input(arguments: &str) -> String {
    let mut text = Text::default();
    let mut input = text.feed(arguments);
    input.push_str(&text.end());
    input
}

/// A tool that is called with free text.
pub(crate) fn tool(name: String, description: Option<String>, grammar: Option<Grammar>) -> Tool {
    let mut said = "The input of the tool, as plain text.".to_owned();
    if let Some(grammar) = &grammar {
        said.push_str(" It follows this grammar:\n");
        said.push_str(&grammar.definition);
    }
    let schema = json!({
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": said}},
        "required": [INPUT],
        "additionalProperties": false,
    });
    Tool {
        name,
        description,
        parameters: Some(schema),
        free_text: Some(FreeText { grammar }),
        ..Tool::default()
    }
}

/// The grammar that a tool's `format` says; `inside` is where in it the grammar stands. What is no
/// grammar that is known is named.
pub(crate) fn grammar(
    tool: &Cursor<'_>,
    inside: impl Fn(&Value) -> &Value,
    unsaid: &mut Vec<String>,
) -> Result<Option<Grammar>, Error> {
    let Some(format) = tool.object("format")? else {
        return Ok(None);
    };
    if format.string("type")? == Some("text") {
        return Ok(None);
    }
    let said = |name: &str| inside(format.value)[name].as_str().map(str::to_owned);
    let grammar = said("syntax").zip(said("definition"));
    if grammar.is_none() {
        unsaid.push(tool.path_of("format"));
    }
    Ok(grammar.map(|(syntax, definition)| Grammar { syntax, definition }))
}

/// Whether a tool is called with free text.
pub(crate) fn is_called(tools: &[Tool], name: &str) -> bool {
    let mut free = tools.iter().filter(|tool| tool.free_text.is_some());
    free.any(|tool| tool.name == name)
}

/// Names the grammars of free texts, for a dialect in which nobody enforces them.
pub(crate) fn name_grammars(tools: &[Tool], dropped: &mut Vec<String>) {
    for (at, tool) in tools.iter().enumerate() {
        let grammar = tool.free_text.as_ref().map(|text| &text.grammar);
        if matches!(grammar, Some(Some(_))) {
            dropped.push(format!("tools[{at}].format"));
        }
    }
}

/// Takes the text out of such an object as its pieces come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    /// What has come.
    said: String,
    place: Place,
}

/// How far it has been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Nothing of the text has come.
    #[default]
    Before,
    /// The text is told up to this byte.
    Within(usize),
    /// All of it is told.
    Behind,
    /// It is something else than such an object.
    Elsewhere,
}

impl Text {
    /// What more of the text a piece tells.
    pub(crate) fn feed(&mut self, piece: &str) -> String {
        self.said.push_str(piece);
        if self.place == Place::Before {
            self.place = begin(&self.said);
        }
        let Place::Within(from) = self.place else {
            return String::new();
        };
        let rest = self.said.get(from..).unwrap_or_default();
        let (whole, is_over) = whole(rest);
        self.place = match is_over {
            true => Place::Behind,
            false => Place::Within(from + whole.len()),
        };
        unescaped(whole)
    }

    /// What is left when nothing more comes: all, where it was no such object.
    pub(crate) fn end(self) -> String {
        match (self.place, serde_json::from_str(&self.said)) {
            (Place::Within(_) | Place::Behind, _) => String::new(),
            (_, Ok(Value::String(text))) => text,
            (_, Ok(Value::Object(mut members)))
                if members.get(INPUT).is_some_and(Value::is_string) =>
            {
                match members.remove(INPUT) {
                    Some(Value::String(text)) => text,
                    _ => self.said,
                }
            }
            _ => self.said,
        }
    }
}

/// Where the text begins.
fn begin(said: &str) -> Place {
    let mut rest = said;
    for token in ["{", "\"input\"", ":", "\""] {
        rest = rest.trim_start();
        match rest.strip_prefix(token) {
            Some(after) => rest = after,
            // More may come.
            None if token.starts_with(rest) => return Place::Before,
            None => return Place::Elsewhere,
        }
    }
    Place::Within(said.len() - rest.len())
}

/// As much of the inside of a JSON string as can be read by itself, and whether it ends there.
fn whole(inside: &str) -> (&str, bool) {
    let bytes = inside.as_bytes();
    let mut at = 0;
    loop {
        let length = match (bytes.get(at), bytes.get(at + 1)) {
            (None, _) => break,
            (Some(b'"'), _) => return (inside.get(..at).unwrap_or_default(), true),
            // Half of a letter stands before its other half.
            (Some(b'\\'), Some(b'u')) if is_first_half(bytes, at) => 12,
            (Some(b'\\'), Some(b'u')) => 6,
            (Some(b'\\'), _) => 2,
            (Some(_), _) => 1,
        };
        if bytes.len() < at + length {
            break;
        }
        at += length;
    }
    (inside.get(..at).unwrap_or_default(), false)
}

/// Whether the escape at a place is the first half of a letter (`\uD800` to `\uDBFF`).
fn is_first_half(bytes: &[u8], at: usize) -> bool {
    let is_d = matches!(bytes.get(at + 2), Some(b'd' | b'D'));
    is_d && matches!(
        bytes.get(at + 3),
        Some(b'8' | b'9' | b'a' | b'b' | b'A' | b'B')
    )
}

fn unescaped(inside: &str) -> String {
    serde_json::from_str(&format!("\"{inside}\"")).unwrap_or_else(|_| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_travels_in_an_object() {
        let text = "*** Begin Patch\n\"ü\" \u{1f600}\\";
        assert_eq!(input(&arguments(text)), text);
        assert_eq!(input("\"bare\""), "bare");
        assert_eq!(input("{\"patch\":1}"), "{\"patch\":1}");
        assert_eq!(input("{\"why\":1,\"input\":\"x\"}"), "x");
        assert_eq!(input("{\"input\":{}}"), "{\"input\":{}}");
        assert_eq!(input(""), "");
        // Cut at the output limit: as far as it was said.
        assert_eq!(input("{ \"input\" : \"a\\n\\u00"), "a\n");
    }

    #[test]
    fn it_is_told_as_it_comes_wherever_it_is_split() {
        let text = "a\n\"ü\" \u{1f600}\\ z";
        let escaped = r#"{"input": "a\n\"\u00fc\" \ud83d\ude00\\ z"}"#;
        for said in [arguments(text), escaped.to_owned()] {
            for at in (0..said.len()).filter(|at| said.is_char_boundary(*at)) {
                let (one, two) = said.split_at(at);
                let mut reading = Text::default();
                let mut heard = reading.feed(one);
                heard.push_str(&reading.feed(two));
                heard.push_str(&reading.end());
                assert_eq!(heard, text, "{one}|{two}");
            }
        }
    }
}
