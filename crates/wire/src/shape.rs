//! What a JSON value must look like, as constants; and the fault a value has, with its path.
//!
//! Checking walks the scanner once and builds nothing unless something is wrong. `null` stands for
//! absent everywhere, and members that a shape does not name are passed over.

use chat::{Error, Kind};

use crate::members::Members;
use crate::scan::{Malformed, Scanner, Text, ValueKind};

/// What is wrong with a text that was to be a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// It is not JSON.
    Malformed(Malformed),
    /// It is JSON of the wrong shape.
    Wrong(Box<Wrong>),
}

/// A value of the wrong shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wrong {
    /// Where: `messages[3].content`; built from the inside out.
    pub(crate) path: String,
    /// What: `expected a string, found a number`.
    pub(crate) problem: String,
    /// Which kind of error that is.
    pub(crate) kind: Kind,
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Fault {
    /// A value that is wrong in a way that `problem` says.
    pub(crate) fn wrong(problem: impl Into<String>) -> Self {
        let problem = problem.into();
        Self::Wrong(Box::new(Wrong {
            path: String::new(),
            problem,
            kind: Kind::InvalidRequest,
        }))
    }

    /// A value of another kind than the one that `expected` says.
    pub(crate) fn unexpected(expected: &str, found: ValueKind) -> Self {
        Self::wrong(format!("expected {expected}, found {}", found.name()))
    }

    fn too_long(limit: usize) -> Self {
        let problem = format!("longer than {limit} characters");
        Self::Wrong(Box::new(Wrong {
            path: String::new(),
            problem,
            kind: Kind::StringTooLong,
        }))
    }

    /// The same fault seen from the object that holds the value.
    pub(crate) fn inside(mut self, name: &str) -> Self {
        if let Self::Wrong(wrong) = &mut self {
            let separator = if wrong.path.is_empty() || wrong.path.starts_with('[') {
                ""
            } else {
                "."
            };
            wrong.path = format!("{name}{separator}{}", wrong.path);
        }
        self
    }

    /// The same fault seen from the array that holds the value.
    pub(crate) fn at(self, position: usize) -> Self {
        self.inside(&format!("[{position}]"))
    }

    /// The fault as the caller's error.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Malformed(malformed) => Error::caller(
                Kind::InvalidRequest,
                format!("the request body is {malformed}"),
            ),
            Self::Wrong(wrong) if wrong.path.is_empty() => Error::caller(wrong.kind, wrong.problem),
            Self::Wrong(wrong) => {
                Error::caller(wrong.kind, format!("{}: {}", wrong.path, wrong.problem))
                    .with_field(wrong.path)
            }
        }
    }
}

/// A shape. All of them are constants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// `true` or `false`.
    Bool,
    /// A string of at most this many characters.
    Text(usize),
    /// A string that says something, in at most this many characters.
    Name(usize),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// A whole number, both ends included.
    Whole(f64, f64),
    /// A number, both ends included.
    Number(f64, f64),
    /// A number above the first and up to the second.
    Above(f64, f64),
    /// An object with these members.
    Object(&'static [Field]),
    /// An object whose members all look alike: how many, how long a name, and what.
    Map(usize, usize, &'static Shape),
    /// An array: at least, at most, of what.
    List(usize, usize, &'static Shape),
    /// Whichever fits the kind of the value.
    Either(&'static [Shape]),
    /// An object whose `type` says which further members it has; other types pass.
    Tagged(&'static [(&'static str, &'static [Field])]),
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) is_required: bool,
}

/// A member that may be there.
pub(crate) const fn may(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        is_required: false,
    }
}

/// A member that must be there.
pub(crate) const fn must(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        is_required: true,
    }
}

/// As long as it likes.
pub(crate) const ANY_LENGTH: usize = usize::MAX;
/// Any string.
pub(crate) const TEXT: Shape = Shape::Text(ANY_LENGTH);
/// Any string that says something.
pub(crate) const FILLED: Shape = Shape::Name(ANY_LENGTH);
/// Any object.
pub(crate) const OBJECT: Shape = Shape::Object(&[]);

impl Shape {
    fn accepts(&self, kind: ValueKind) -> bool {
        match self {
            Self::Bool => kind == ValueKind::Bool,
            Self::Text(_) | Self::Name(_) | Self::Word(_) => kind == ValueKind::String,
            Self::Whole(..) | Self::Number(..) | Self::Above(..) => kind == ValueKind::Number,
            Self::Object(_) | Self::Map(..) | Self::Tagged(_) => kind == ValueKind::Object,
            Self::List(..) => kind == ValueKind::Array,
            Self::Either(shapes) => shapes.iter().any(|shape| shape.accepts(kind)),
        }
    }

    /// The shape in words.
    fn words(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Text(_) => "a string".to_owned(),
            Self::Name(_) => "a non-empty string".to_owned(),
            Self::Word(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                quoted
                    .join(", ")
                    .replacen("\", \"", "\" or \"", usize::from(words.len() == 2))
            }
            Self::Whole(min, max) => range("a whole number", *min, *max),
            Self::Number(min, max) => range("a number", *min, *max),
            Self::Above(min, max) => format!("a number above {min} and up to {max}"),
            Self::Object(_) | Self::Map(..) | Self::Tagged(_) => "an object".to_owned(),
            Self::List(..) => "an array".to_owned(),
            Self::Either(shapes) => shapes
                .iter()
                .map(Self::words)
                .collect::<Vec<_>>()
                .join(" or "),
        }
    }

    fn fault(&self, found: &str) -> Fault {
        Fault::wrong(format!("expected {}, found {found}", self.words()))
    }
}

fn range(what: &str, min: f64, max: f64) -> String {
    match (min.is_finite(), max.is_finite()) {
        (true, true) => format!("{what} from {min} to {max}"),
        (true, false) => format!("{what}, at least {min}"),
        _ => what.to_owned(),
    }
}

/// Demands that the value at the scanner is of a kind, and stays before it.
pub(crate) fn demand(scanner: &mut Scanner<'_>, kind: ValueKind) -> Result<(), Fault> {
    match scanner.peek()? {
        found if found == kind => Ok(()),
        found => Err(Fault::unexpected(kind.name(), found)),
    }
}

/// Checks one member of an object that was taken apart.
pub(crate) fn check_member(members: &Members<'_>, field: &Field) -> Result<(), Fault> {
    match members.present(field.name) {
        Some(member) => {
            let mut scanner = Scanner::within(members.text, member.value);
            check(&mut scanner, members.text, &field.shape)
                .map_err(|fault| fault.inside(field.name))
        }
        None if field.is_required => Err(required(field)),
        None => Ok(()),
    }
}

/// Checks the value at the scanner, and passes over it.
pub(crate) fn check(scanner: &mut Scanner<'_>, text: &str, shape: &Shape) -> Result<(), Fault> {
    let kind = scanner.peek()?;
    if kind == ValueKind::Null {
        scanner.skip()?;
        return Ok(());
    }
    if !shape.accepts(kind) {
        return Err(shape.fault(kind.name()));
    }
    match shape {
        Shape::Bool => drop(scanner.skip()?),
        Shape::Text(_) | Shape::Name(_) | Shape::Word(_) => check_string(scanner, shape)?,
        Shape::Whole(..) | Shape::Number(..) | Shape::Above(..) => check_number(scanner, shape)?,
        Shape::Object(fields) => check_object(scanner, text, fields)?,
        Shape::Map(members_max, name_max, of) => {
            let mut count = 0;
            scanner.object(|scanner, name| {
                count += 1;
                if count > *members_max {
                    return Err(Fault::wrong(format!("more than {members_max} members")));
                }
                let said = name.decode();
                if said.chars().count() > *name_max {
                    return Err(Fault::too_long(*name_max).inside(&said));
                }
                check(scanner, text, of).map_err(|fault| fault.inside(&said))
            })?;
        }
        Shape::List(min, max, of) => {
            let mut count = 0;
            scanner.array(|scanner, position| {
                count = position + 1;
                if count > *max {
                    return Err(Fault::wrong(format!("more than {max} elements")));
                }
                check(scanner, text, of).map_err(|fault| fault.at(position))
            })?;
            if count < *min {
                return Err(Fault::wrong(format!("expected at least {min} element")));
            }
        }
        Shape::Either(shapes) => {
            if let Some(fitting) = shapes.iter().find(|shape| shape.accepts(kind)) {
                check(scanner, text, fitting)?;
            }
        }
        Shape::Tagged(cases) => check_tagged(scanner, text, cases)?,
    }
    Ok(())
}

fn check_string(scanner: &mut Scanner<'_>, shape: &Shape) -> Result<(), Fault> {
    let said = scanner.string()?;
    match shape {
        Shape::Name(_) if said.raw.is_empty() => Err(shape.fault("an empty one")),
        Shape::Text(limit) | Shape::Name(limit)
            if said.raw.len() > *limit && said.decode().chars().count() > *limit =>
        {
            Err(Fault::too_long(*limit))
        }
        Shape::Word(words) if !words.iter().any(|word| said.is(word)) => {
            let shown: String = said.raw.chars().take(40).collect();
            Err(shape.fault(&format!("\"{shown}\"")))
        }
        _ => Ok(()),
    }
}

fn check_number(scanner: &mut Scanner<'_>, shape: &Shape) -> Result<(), Fault> {
    let number = scanner.number()?;
    // Only compared, never kept: the digits themselves travel on as they are.
    let value: f64 = number.parse().unwrap_or(f64::NAN);
    let fits = match shape {
        Shape::Whole(min, max) => (*min..=*max).contains(&value) && value.fract() == 0.0,
        Shape::Number(min, max) => (*min..=*max).contains(&value),
        Shape::Above(min, max) => value > *min && value <= *max,
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(shape.fault(number))
    }
}

fn check_object(scanner: &mut Scanner<'_>, text: &str, fields: &[Field]) -> Result<(), Fault> {
    let mut missing: u64 = 0;
    for (position, field) in fields.iter().enumerate() {
        missing |= u64::from(field.is_required) << position;
    }
    scanner.object(|scanner, name| {
        let Some(position) = fields.iter().position(|field| name.is(field.name)) else {
            return Ok(());
        };
        let Some(field) = fields.get(position) else {
            return Ok(());
        };
        if scanner.peek()? != ValueKind::Null {
            missing &= !(1 << position);
        }
        check(scanner, text, &field.shape).map_err(|fault| fault.inside(field.name))
    })?;
    match fields.get(missing.trailing_zeros() as usize) {
        Some(field) => Err(required(field)),
        None => Ok(()),
    }
}

fn check_tagged(
    scanner: &mut Scanner<'_>,
    text: &str,
    cases: &[(&str, &[Field])],
) -> Result<(), Fault> {
    let rest = scanner.clone();
    let span = scanner.skip()?;
    let members = Members::read(text, &mut rest.clone())?;
    check_object(
        &mut Scanner::within(text, span),
        text,
        &[must("type", FILLED)],
    )?;
    let Some(tag) = members.string("type") else {
        return Ok(());
    };
    match cases.iter().find(|(name, _)| tag.is(name)) {
        Some((_, fields)) => check_object(&mut Scanner::within(text, span), text, fields),
        None => Ok(()),
    }
}

/// Checks the value of a top-level field that is known, or passes over one that is not.
pub(crate) fn check_field<'a>(
    scanner: &mut Scanner<'a>,
    (text, name): (&'a str, Text<'a>),
    fields: &[Field],
) -> Result<(), Fault> {
    match fields.iter().find(|field| name.is(field.name)) {
        Some(field) => check(scanner, text, &field.shape).map_err(|fault| fault.inside(field.name)),
        None => scanner.skip().map(|_| ()).map_err(Fault::from),
    }
}

/// What is said of a member that is missing.
pub(crate) fn required(field: &Field) -> Fault {
    Fault::wrong(format!("required: expected {}", field.shape.words())).inside(field.name)
}
