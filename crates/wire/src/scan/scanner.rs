//! The scanner itself: a position in a text, moved over one value at a time.

use super::string::{has_controls, plain_bytes};
use super::{DEPTH_MAX, Malformed, Span, Text, ValueKind};

/// A position in JSON text.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
}

impl<'a> Scanner<'a> {
    /// At the start of a text.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// At the start of a span that an earlier scan of the same text returned.
    #[must_use]
    pub fn within(text: &'a str, span: Span) -> Self {
        Self {
            text: text.get(..span.end).unwrap_or(""),
            at: span.start,
            depth: 0,
        }
    }

    /// What the next value is; it is not consumed.
    ///
    /// # Errors
    /// [`Malformed`] when no value starts here.
    pub fn peek(&mut self) -> Result<ValueKind, Malformed> {
        self.skip_blanks();
        match self.byte() {
            Some(b'{') => Ok(ValueKind::Object),
            Some(b'[') => Ok(ValueKind::Array),
            Some(b'"') => Ok(ValueKind::String),
            Some(b'-' | b'0'..=b'9') => Ok(ValueKind::Number),
            Some(b't' | b'f') => Ok(ValueKind::Bool),
            Some(b'n') => Ok(ValueKind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads a string.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not a well-formed string.
    pub fn string(&mut self) -> Result<Text<'a>, Malformed> {
        self.skip_blanks();
        let start = self.at;
        self.take(b'"', "a string")?;
        let mut has_escapes = false;
        loop {
            self.at += plain_bytes(self.text.as_bytes().get(self.at..).unwrap_or_default());
            if !matches!(self.byte(), Some(b'"' | b'\\')) {
                self.at = self.end_of_run()?;
            }
            if self.byte() == Some(b'"') {
                let raw = self.text.get(start + 1..self.at).unwrap_or("");
                self.at += 1;
                return Ok(Text {
                    span: Span {
                        start,
                        end: self.at,
                    },
                    raw,
                    has_escapes,
                });
            }
            has_escapes = true;
            self.escape()?;
        }
    }

    /// Reads a number, as text.
    ///
    /// # Errors
    /// [`Malformed`] when the next value is not a well-formed number.
    pub fn number(&mut self) -> Result<&'a str, Malformed> {
        self.skip_blanks();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or(""))
    }

    /// Checks and passes over one value of any kind.
    ///
    /// # Errors
    /// [`Malformed`] when it is not one.
    pub fn skip(&mut self) -> Result<Span, Malformed> {
        self.skip_blanks();
        let start = self.at;
        let mut open = Nest {
            objects: 0,
            depth: 0,
            below: self.depth,
        };
        loop {
            match self.peek()? {
                ValueKind::Object => {
                    self.at += 1;
                    open.push(true)
                        .map_err(|expected| self.expected(expected))?;
                    self.skip_blanks();
                    if self.byte() != Some(b'}') {
                        self.key()?;
                        continue;
                    }
                }
                ValueKind::Array => {
                    self.at += 1;
                    open.push(false)
                        .map_err(|expected| self.expected(expected))?;
                    self.skip_blanks();
                    if self.byte() != Some(b']') {
                        continue;
                    }
                }
                ValueKind::String => drop(self.string()?),
                ValueKind::Number => drop(self.number()?),
                ValueKind::Bool | ValueKind::Null => self.literal()?,
            }
            if self.close(&mut open)? {
                return Ok(Span {
                    start,
                    end: self.at,
                });
            }
        }
    }

    /// Walks an object: `each` gets the scanner before every value, and the member's name. A value
    /// that `each` leaves is passed over.
    ///
    /// # Errors
    /// Those of `each`, and [`Malformed`].
    pub fn object<E: From<Malformed>>(
        &mut self,
        mut each: impl FnMut(&mut Self, Text<'a>) -> Result<(), E>,
    ) -> Result<Span, E> {
        let start = self.open(b'{', "an object")?;
        if self.byte() != Some(b'}') {
            loop {
                let name = self.key()?;
                self.value(|scanner| each(scanner, name))?;
                if !self.comma(b'}', "',' or '}'")? {
                    break;
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(Span {
            start,
            end: self.at,
        })
    }

    /// Walks an array: `each` gets the scanner before every element, and its position. An element
    /// that `each` leaves is passed over.
    ///
    /// # Errors
    /// Those of `each`, and [`Malformed`].
    pub fn array<E: From<Malformed>>(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), E>,
    ) -> Result<Span, E> {
        let start = self.open(b'[', "an array")?;
        if self.byte() != Some(b']') {
            let mut position = 0;
            loop {
                self.value(|scanner| each(scanner, position))?;
                position += 1;
                if !self.comma(b']', "',' or ']'")? {
                    break;
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(Span {
            start,
            end: self.at,
        })
    }

    /// Checks that nothing but blanks is left.
    ///
    /// # Errors
    /// [`Malformed`] when something is.
    pub fn finish(&mut self) -> Result<(), Malformed> {
        self.skip_blanks();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.expected("the end of the text"))
        }
    }

    /// The present position, in bytes from the start of the text.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// An error at the present position.
    #[must_use]
    pub const fn expected(&self, expected: &'static str) -> Malformed {
        Malformed {
            at: self.at,
            expected,
        }
    }

    // === Pieces ===

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), Malformed> {
        if self.byte() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<usize, Malformed> {
        self.skip_blanks();
        let start = self.at;
        self.take(bracket, expected)?;
        if self.depth >= DEPTH_MAX {
            return Err(self.expected(TOO_DEEP));
        }
        self.depth += 1;
        self.skip_blanks();
        Ok(start)
    }

    fn key(&mut self) -> Result<Text<'a>, Malformed> {
        self.skip_blanks();
        if self.byte() != Some(b'"') {
            return Err(self.expected("a member name in double quotes"));
        }
        let name = self.string()?;
        self.skip_blanks();
        self.take(b':', "':'")?;
        Ok(name)
    }

    fn value<E: From<Malformed>>(
        &mut self,
        each: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.skip_blanks();
        let before = self.at;
        each(self)?;
        if self.at == before {
            self.skip()?;
        }
        Ok(())
    }

    /// Whether another member follows; stops before the closing bracket otherwise.
    fn comma(&mut self, closing: u8, expected: &'static str) -> Result<bool, Malformed> {
        self.skip_blanks();
        match self.byte() {
            Some(b',') => self.at += 1,
            Some(byte) if byte == closing => return Ok(false),
            _ => return Err(self.expected(expected)),
        }
        Ok(true)
    }

    /// After a value: closes what ends here. `true` when nothing is open any more.
    fn close(&mut self, open: &mut Nest) -> Result<bool, Malformed> {
        while open.depth > 0 {
            self.skip_blanks();
            match (self.byte(), open.in_object()) {
                (Some(b','), true) => {
                    self.at += 1;
                    self.key()?;
                    return Ok(false);
                }
                (Some(b','), false) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    open.pop();
                }
                (_, true) => return Err(self.expected("',' or '}'")),
                (_, false) => return Err(self.expected("',' or ']'")),
            }
        }
        Ok(true)
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let before = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == before {
            Err(self.expected("a digit"))
        } else {
            Ok(())
        }
    }

    fn literal(&mut self) -> Result<(), Malformed> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        for word in ["true", "false", "null"] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        Err(self.expected("true, false or null"))
    }

    /// Where the plain text of a string ends: at a quote or at an escape.
    fn end_of_run(&mut self) -> Result<usize, Malformed> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = memchr::memchr2(b'"', b'\\', rest);
        self.refuse_controls(length.unwrap_or(rest.len()))?;
        length.map(|length| self.at + length).ok_or(Malformed {
            at: self.text.len(),
            expected: "'\"' at the end of the string",
        })
    }

    fn refuse_controls(&mut self, length: usize) -> Result<(), Malformed> {
        let run = self
            .text
            .as_bytes()
            .get(self.at..self.at + length)
            .unwrap_or_default();
        if has_controls(run) {
            self.at += run.iter().position(|byte| *byte < 0x20).unwrap_or(0);
            return Err(self.expected("no unescaped control character in a string"));
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                return Ok(());
            }
            Some(b'u') => self.at += 1,
            _ => return Err(self.expected("an escape")),
        }
        for _ in 0..4 {
            if !self.byte().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return Err(self.expected("four hex digits"));
            }
            self.at += 1;
        }
        Ok(())
    }
}

const TOO_DEEP: &str = "no deeper nesting than 127 levels";

/// What is open during a skip: one bit per level, set for objects.
struct Nest {
    objects: u128,
    depth: u8,
    below: u8,
}

impl Nest {
    fn push(&mut self, is_object: bool) -> Result<(), &'static str> {
        if self.below + self.depth >= DEPTH_MAX {
            return Err(TOO_DEEP);
        }
        self.objects = self.objects << 1 | u128::from(is_object);
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
    }

    const fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}
