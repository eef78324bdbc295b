//! The members of one object: names and spans, in order; what readers look up and editors edit.

use crate::scan::{Malformed, Scanner, Span, Text, ValueKind};

/// The most members one object may have before it is called malformed. Far above any real one; it
/// bounds the table that is kept per object.
pub const MEMBERS_MAX: usize = 1_024;

/// One member of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Where its value stands.
    pub value: Span,
    /// What its value is.
    pub kind: ValueKind,
    /// Whether that is a string in which something is escaped.
    pub has_escapes: bool,
}

/// An object taken apart one level deep.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    /// The text that the spans refer to.
    pub text: &'a str,
    /// Where the object stands, braces included.
    pub span: Span,
    /// Its members, in order.
    pub list: Vec<Member<'a>>,
}

impl<'a> Members<'a> {
    /// Takes the object at the scanner apart; all of it is checked.
    ///
    /// # Errors
    /// [`Malformed`] when it is not an object, not JSON, or has more than [`MEMBERS_MAX`] members.
    pub fn read(text: &'a str, scanner: &mut Scanner<'a>) -> Result<Self, Malformed> {
        let mut list = Vec::with_capacity(8);
        let span = scanner.object(|scanner, name| {
            if list.len() == MEMBERS_MAX {
                return Err(scanner.expected("no more than 1024 members in one object"));
            }
            let kind = scanner.peek()?;
            let (value, has_escapes) = if kind == ValueKind::String {
                let said = scanner.string()?;
                (said.span, said.has_escapes)
            } else {
                (scanner.skip()?, false)
            };
            list.push(Member {
                name,
                value,
                kind,
                has_escapes,
            });
            Ok(())
        })?;
        Ok(Self { text, span, list })
    }

    /// Takes a whole text apart, which must be one object.
    ///
    /// # Errors
    /// As for [`Members::read`].
    pub fn of_text(text: &'a str) -> Result<Self, Malformed> {
        let mut scanner = Scanner::new(text);
        let members = Self::read(text, &mut scanner)?;
        scanner.finish()?;
        Ok(members)
    }

    /// Takes the object at a span apart.
    ///
    /// # Errors
    /// As for [`Members::read`].
    pub fn of_span(text: &'a str, span: Span) -> Result<Self, Malformed> {
        Self::read(text, &mut Scanner::within(text, span))
    }

    /// The position of a member; of several with the same name, the last one's.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.list.iter().rposition(|member| member.name.is(name))
    }

    /// A member by name; the last of several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Member<'a>> {
        self.position(name).and_then(|at| self.list.get(at))
    }

    /// A member by name, unless it is null.
    #[must_use]
    pub fn present(&self, name: &str) -> Option<&Member<'a>> {
        self.get(name)
            .filter(|member| member.kind != ValueKind::Null)
    }

    /// The value of a string member.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<Text<'a>> {
        let member = self
            .get(name)
            .filter(|member| member.kind == ValueKind::String)?;
        Text::within(self.text, member.value, member.has_escapes)
    }

    /// The value of a string member that says something.
    #[must_use]
    pub fn filled(&self, name: &str) -> Option<Text<'a>> {
        self.string(name).filter(|said| !said.raw.is_empty())
    }

    /// The value of a number member, as text.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<&'a str> {
        let member = self
            .get(name)
            .filter(|member| member.kind == ValueKind::Number)?;
        Some(member.value.of(self.text))
    }

    /// The value of a number member as a count: fractions are cut, negatives are zero.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.number(name).map(count)
    }

    /// The members of an object member; one with too many of them is as good as absent: not for
    /// answers, of which nothing may be missing (see [`Members::try_object`]).
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Members<'a>> {
        self.try_object(name).ok().flatten()
    }

    /// The members of an object member that must not be missed.
    ///
    /// # Errors
    /// As for [`Members::read`].
    pub fn try_object(&self, name: &str) -> Result<Option<Members<'a>>, Malformed> {
        let object = self
            .get(name)
            .filter(|member| member.kind == ValueKind::Object);
        object
            .map(|object| Self::of_span(self.text, object.value))
            .transpose()
    }

    /// The objects of an array member, each taken apart; elements of other kinds are left alone.
    ///
    /// # Errors
    /// As for [`Members::read`]: whoever reads the others alone would hide one in silence.
    pub fn objects(&self, name: &str) -> Result<Vec<Self>, Malformed> {
        match self.get(name).filter(|list| list.kind == ValueKind::Array) {
            Some(list) => Self::all_of(self.text, list.value),
            None => Ok(Vec::new()),
        }
    }

    /// The objects of the array at a span, each taken apart; elements of other kinds are left alone.
    ///
    /// # Errors
    /// As for [`Members::read`].
    pub(crate) fn all_of(text: &'a str, array: Span) -> Result<Vec<Self>, Malformed> {
        let mut objects = Vec::with_capacity(1);
        Scanner::within(text, array).array(|scanner, _| {
            if scanner.peek()? == ValueKind::Object {
                objects.push(Self::read(text, scanner)?);
            }
            Ok::<(), Malformed>(())
        })?;
        Ok(objects)
    }
}

/// Whether every object in the value at a span can be taken apart.
///
/// # Errors
/// As for [`Members::read`].
pub(crate) fn check_all(text: &str, value: Span) -> Result<(), Malformed> {
    let mut scanner = Scanner::within(text, value);
    match scanner.peek()? {
        ValueKind::Object => {
            let members = Members::read(text, &mut scanner)?;
            members
                .list
                .iter()
                .filter(|member| matches!(member.kind, ValueKind::Object | ValueKind::Array))
                .try_for_each(|member| check_all(text, member.value))
        }
        ValueKind::Array => {
            let mut inner = Vec::new();
            scanner.array(|scanner, _| {
                let kind = scanner.peek()?;
                let span = scanner.skip()?;
                if matches!(kind, ValueKind::Object | ValueKind::Array) {
                    inner.push(span);
                }
                Ok::<(), Malformed>(())
            })?;
            inner.into_iter().try_for_each(|span| check_all(text, span))
        }
        ValueKind::String | ValueKind::Number | ValueKind::Bool | ValueKind::Null => Ok(()),
    }
}

/// A JSON number as a count: fractions are cut, negatives are zero, too large ones are the largest.
#[must_use]
pub fn count(number: &str) -> u64 {
    if let Ok(exact) = number.parse() {
        return exact;
    }
    let rough: f64 = number.parse().unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, which is the rule stated above"
    )]
    let whole = rough as u64;
    whole
}

/// Where the objects of an array stand; elements of other kinds are left alone.
pub(crate) fn elements(text: &str, array: Span) -> Vec<Span> {
    let mut spans = Vec::with_capacity(1);
    // The text was checked before, so the walk cannot fail.
    let _ = Scanner::within(text, array).array(|scanner, _| {
        if scanner.peek()? == ValueKind::Object {
            spans.push(scanner.skip()?);
        }
        Ok::<(), Malformed>(())
    });
    spans
}
