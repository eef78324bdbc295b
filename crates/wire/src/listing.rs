//! How a provider is asked for the list of its models, which costs nothing: it shows whether it is
//! there, and takes a credential.

use chat::Dialect;

/// What is asked, below the address of the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// The path.
    pub path: &'static str,
    /// A header that goes with it.
    pub header: Option<(&'static str, &'static str)>,
}

/// How the models are listed where this dialect is spoken; `None` where they are not, or elsewhere.
///
/// Sources: the references of OpenAI ("List models"), Anthropic ("List Models") and Google
/// ("models.list"), as of 2026.
#[must_use]
pub const fn listing(dialect: Dialect) -> Option<Listing> {
    let header = match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::Gemini => None,
        Dialect::AnthropicMessages => Some(("anthropic-version", "2023-06-01")),
        _ => return None,
    };
    Some(Listing {
        path: "/models",
        header,
    })
}
