//! `Span`: a piece of a trace, in no format yet.

use std::borrow::Cow;

use ledger::trace::{SpanId, TraceId};

/// The name of an attribute.
pub type Name = Cow<'static, str>;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A fraction, for what is measured; never for money.
    Float(f64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    Texts(Vec<String>),
}

/// What is said of something, by name, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(pub Vec<(Name, Value)>);

impl Attributes {
    /// With a text.
    #[must_use]
    pub fn text(mut self, name: impl Into<Name>, value: impl Into<String>) -> Self {
        self.0.push((name.into(), Value::Text(value.into())));
        self
    }

    /// With a text, where there is one.
    #[must_use]
    pub fn maybe_text(self, name: impl Into<Name>, value: Option<&str>) -> Self {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// With a count.
    #[must_use]
    pub fn count(mut self, name: impl Into<Name>, value: u64) -> Self {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.push((name.into(), Value::Int(value)));
        self
    }

    /// With a whole number, where there is one.
    #[must_use]
    pub fn maybe_int(mut self, name: impl Into<Name>, value: Option<i64>) -> Self {
        if let Some(value) = value {
            self.0.push((name.into(), Value::Int(value)));
        }
        self
    }

    /// With anything.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: Value) -> Self {
        self.0.push((name.into(), value));
        self
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let mut all = self.0.iter();
        all.find(|(own, _)| own == name).map(|(_, value)| value)
    }
}

/// Whose work a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Ours, for whoever called.
    Server,
    /// Somebody else's, whom we asked.
    Client,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing is said of it.
    Unset,
    /// It failed; in words that the caller saw.
    Error(String),
}

/// A piece of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// Within which other span.
    pub parent: Option<SpanId>,
    /// What others said in the trace (`tracestate`).
    pub state: Option<String>,
    /// Its name; of few different ones.
    pub name: String,
    /// Whose work it is.
    pub kind: SpanKind,
    /// When it began, Unix nanoseconds.
    pub start_ns: u64,
    /// When it ended, Unix nanoseconds.
    pub end_ns: u64,
    /// What is said of it.
    pub attributes: Attributes,
    /// How it ended.
    pub status: Status,
}
