//! A cursor over a JSON tree that knows its path; what translation reads requests with.
//!
//! `null` stands for absent everywhere. A value of the wrong kind is the caller's mistake, and the
//! error says where: `messages[3].content[0].type: expected a string, found a number`.

use std::fmt;

use chat::{Error, Kind};
use serde_json::{Map, Number, Value};

/// A value, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'c> {
    pub(crate) value: &'c Value,
    step: Step<'c>,
    parent: Option<&'c Cursor<'c>>,
}

#[derive(Clone, Copy)]
enum Step<'c> {
    Root,
    Member(&'c str),
    At(usize),
}

impl<'c> Cursor<'c> {
    /// A cursor at the top of a tree.
    pub(crate) const fn new(value: &'c Value) -> Self {
        Self {
            value,
            step: Step::Root,
            parent: None,
        }
    }

    /// A member, unless it is absent or null.
    pub(crate) fn get(&'c self, name: &'c str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Self {
            value,
            step: Step::Member(name),
            parent: Some(self),
        })
    }

    /// The elements of an array; nothing where it is none.
    pub(crate) fn elements(&'c self) -> impl Iterator<Item = Self> {
        let elements = self.value.as_array().map_or(&[][..], Vec::as_slice);
        elements.iter().enumerate().map(move |(at, value)| Self {
            value,
            step: Step::At(at),
            parent: Some(self),
        })
    }

    /// The array under a name; nothing where it is absent.
    ///
    /// # Errors
    /// When it is there and no array.
    pub(crate) fn array(&'c self, name: &'c str) -> Result<Option<Self>, Error> {
        self.kind(name, Value::is_array, "an array")
    }

    /// The object under a name; nothing where it is absent.
    ///
    /// # Errors
    /// When it is there and no object.
    pub(crate) fn object(&'c self, name: &'c str) -> Result<Option<Self>, Error> {
        self.kind(name, Value::is_object, "an object")
    }

    fn kind(
        &'c self,
        name: &'c str,
        is: fn(&Value) -> bool,
        expected: &str,
    ) -> Result<Option<Self>, Error> {
        match self.get(name) {
            Some(found) if is(found.value) => Ok(Some(found)),
            Some(found) => Err(found.expected(expected)),
            None => Ok(None),
        }
    }

    /// The string under a name; nothing where it is absent.
    ///
    /// # Errors
    /// When it is there and no string.
    pub(crate) fn string(&'c self, name: &'c str) -> Result<Option<&'c str>, Error> {
        match self.get(name) {
            Some(found) => match found.value {
                Value::String(text) => Ok(Some(text)),
                _ => Err(found.expected("a string")),
            },
            None => Ok(None),
        }
    }

    /// The string under a name, which must be there.
    ///
    /// # Errors
    /// When it is absent, or no string.
    pub(crate) fn need(&'c self, name: &'c str) -> Result<&'c str, Error> {
        self.string(name)?
            .ok_or_else(|| self.missing(name, "a string"))
    }

    /// The boolean under a name.
    ///
    /// # Errors
    /// When it is there and no boolean.
    pub(crate) fn boolean(&'c self, name: &'c str) -> Result<Option<bool>, Error> {
        match self.get(name) {
            Some(found) => match found.value {
                Value::Bool(is) => Ok(Some(*is)),
                _ => Err(found.expected("true or false")),
            },
            None => Ok(None),
        }
    }

    /// The number under a name, as it is written.
    ///
    /// # Errors
    /// When it is there and no number.
    pub(crate) fn number(&'c self, name: &'c str) -> Result<Option<Number>, Error> {
        match self.get(name) {
            Some(found) => match found.value {
                Value::Number(number) => Ok(Some(number.clone())),
                _ => Err(found.expected("a number")),
            },
            None => Ok(None),
        }
    }

    /// The count under a name.
    ///
    /// # Errors
    /// When it is there and no whole number from 0.
    pub(crate) fn count(&'c self, name: &'c str) -> Result<Option<u64>, Error> {
        match self.get(name) {
            Some(found) => match found.value.as_u64() {
                Some(count) => Ok(Some(count)),
                None => Err(found.expected("a whole number from 0")),
            },
            None => Ok(None),
        }
    }

    /// The members of an object; nothing where it is none.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&'c String, &'c Value)> {
        let members: Option<&'c Map<String, Value>> = self.value.as_object();
        members.into_iter().flatten()
    }

    /// Names, in full, the members that say something and are not among the known ones.
    pub(crate) fn unknown(&self, known: &[&str], unsaid: &mut Vec<String>) {
        for (name, value) in self.members() {
            if !value.is_null() && !known.contains(&name.as_str()) {
                unsaid.push(self.path_of(name));
            }
        }
    }

    /// The path of a member.
    pub(crate) fn path_of(&self, name: &str) -> String {
        let path = self.to_string();
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    }

    /// A value that is not what it must be.
    pub(crate) fn expected(&self, expected: &str) -> Error {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.wrong(&format!("expected {expected}, found {found}"))
    }

    /// A member that must be there and is not.
    pub(crate) fn missing(&self, name: &str, expected: &str) -> Error {
        let path = self.path_of(name);
        let message = format!("{path}: required: expected {expected}");
        Error::caller(Kind::InvalidRequest, message).with_field(path)
    }

    /// A value that is wrong in a way that `problem` says.
    pub(crate) fn wrong(&self, problem: &str) -> Error {
        let path = self.to_string();
        if path.is_empty() {
            return Error::caller(Kind::InvalidRequest, problem);
        }
        Error::caller(Kind::InvalidRequest, format!("{path}: {problem}")).with_field(path)
    }
}

impl fmt::Display for Cursor<'_> {
    /// The path, such as `messages[3].content[0]`; nothing at the top.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, f)?;
        }
        let is_first = self.parent.is_none_or(|parent| parent.parent.is_none())
            && !matches!(self.parent.map(|parent| parent.step), Some(Step::At(_)));
        match self.step {
            Step::Root => Ok(()),
            Step::Member(name) if is_first => f.write_str(name),
            Step::Member(name) => write!(f, ".{name}"),
            Step::At(at) => write!(f, "[{at}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mistake_says_where_it_is() {
        let body = json!({"messages": [{"content": [{"type": 7, "x": null}]}]});
        let top = Cursor::new(&body);
        let messages = top.array("messages").unwrap().unwrap();
        let message = messages.elements().next().unwrap();
        let content = message.array("content").unwrap().unwrap();
        let part = content.elements().next().unwrap();
        let error = part.string("type").unwrap_err();
        assert_eq!(
            error.message,
            "messages[0].content[0].type: expected a string, found a number"
        );
        assert_eq!(part.string("x"), Ok(None));
        let missing = part.need("y").unwrap_err();
        assert_eq!(
            missing.metadata.unwrap().field.as_deref(),
            Some("messages[0].content[0].y")
        );
        let mut unsaid = Vec::new();
        part.unknown(&["type"], &mut unsaid);
        message.unknown(&[], &mut unsaid);
        assert_eq!(unsaid, ["messages[0].content"]);
    }
}
