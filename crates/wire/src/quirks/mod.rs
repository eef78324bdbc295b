//! Named habits of providers, as edits of a request.

/// One habit, named in provider rows.
#[derive(Debug)]
pub struct Quirk {
    /// The name in provider rows, such as `max-completion-tokens`.
    pub name: &'static str,
}

impl Quirk {
    /// Every quirk, in the order in which they are applied.
    pub const ALL: &'static [Self] = &[];

    /// Finds a quirk by the name that provider rows use.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|quirk| quirk.name == name)
    }
}
