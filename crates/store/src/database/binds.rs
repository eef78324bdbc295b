//! What is bound in a statement, until it is known to which engine it goes.
//!
//! SQLite's half of sqlx sends what is bound to another thread, so a text goes there as one that has owners:
//! a borrowed one is copied into such a text at once, and nowhere else on its way to SQLite.

use std::sync::Arc;

use sqlx::{Arguments, Database, Encode, Type};

/// A value, or that there is none, of a kind that both engines know.
#[derive(Debug)]
enum Bind {
    Int(i64),
    NoInt,
    /// A text copied from a borrowed one.
    Copied(Arc<str>),
    /// A text that was made for its statement.
    Made(String),
    NoText,
}

impl Bind {
    /// Bytes that it takes in a message to PostgreSQL, beside its length.
    fn size_bytes(&self) -> usize {
        match self {
            Self::Int(_) => size_of::<i64>(),
            Self::Copied(text) => text.len(),
            Self::Made(text) => text.len(),
            Self::NoInt | Self::NoText => 0,
        }
    }
}

/// What is bound, in order.
#[derive(Debug, Default)]
pub(super) struct Binds(Vec<Bind>);

impl Binds {
    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, count: usize) {
        self.0.reserve_exact(count);
    }

    pub(super) fn int(&mut self, value: Option<i64>) {
        self.0.push(value.map_or(Bind::NoInt, Bind::Int));
    }

    pub(super) fn text(&mut self, value: Option<&str>) {
        let storable = |text: &str| match without_nul(text) {
            Some(text) => Bind::Made(text),
            None => Bind::Copied(text.into()),
        };
        self.0.push(value.map_or(Bind::NoText, storable));
    }

    pub(super) fn owned_text(&mut self, value: Option<String>) {
        let storable = |text: String| Bind::Made(without_nul(&text).unwrap_or(text));
        self.0.push(value.map_or(Bind::NoText, storable));
    }

    /// As one of the engines takes it.
    ///
    /// # Errors
    /// [`sqlx::Error::Encode`], when a text is too long for it.
    pub(super) fn into_arguments<D>(self) -> Result<D::Arguments, sqlx::Error>
    where
        D: Database,
        for<'a> i64: Encode<'a, D> + Type<D>,
        for<'a> Option<i64>: Encode<'a, D> + Type<D>,
        for<'a> Arc<str>: Encode<'a, D> + Type<D>,
        for<'a> String: Encode<'a, D> + Type<D>,
        for<'a> Option<String>: Encode<'a, D> + Type<D>,
    {
        let mut arguments = D::Arguments::default();
        let of_lengths = size_of::<i32>() * self.0.len();
        let bytes: usize = self.0.iter().map(Bind::size_bytes).sum();
        arguments.reserve(self.0.len(), of_lengths + bytes);
        for bind in self.0 {
            let added = match bind {
                Bind::Int(value) => arguments.add(value),
                Bind::NoInt => arguments.add(None::<i64>),
                Bind::Copied(text) => arguments.add(text),
                Bind::Made(text) => arguments.add(text),
                Bind::NoText => arguments.add(None::<String>),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

/// PostgreSQL's text cannot hold the character NUL, which JSON from outside can spell. It becomes
/// the visible sign for it (U+2400), in both engines alike. `None` where there is none.
fn without_nul(text: &str) -> Option<String> {
    text.contains('\0').then(|| text.replace('\0', "\u{2400}"))
}
