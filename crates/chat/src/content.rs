//! What is said in a conversation: messages, their parts, and where the bytes of a part are.

use std::borrow::Cow;

use crate::event::Citation;
use crate::opaque::Opaque;
use crate::search_result::SearchResult;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The operator of the application.
    System,
    /// The same, in the word of newer OpenAI models.
    Developer,
    /// The person, or whatever asks.
    User,
    /// The model.
    Assistant,
    /// The tools: its parts are all [`Content::ToolResult`].
    Tool,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// A name for the speaker, where several share a role.
    pub name: Option<String>,
}

impl Message {
    /// A message of a role with these parts.
    #[must_use]
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self {
            role,
            parts,
            name: None,
        }
    }
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is.
    pub content: Content,
    /// The prompt may be cached up to and including this part.
    pub cache: Option<CacheMark>,
    /// What the provider attached to it when it said it (thought signatures on tool calls and text).
    pub opaque: Option<Opaque>,
    /// What a text of an earlier answer cites.
    pub citations: Vec<Citation>,
}

impl From<Content> for Part {
    fn from(content: Content) -> Self {
        Self {
            content,
            cache: None,
            opaque: None,
            citations: Vec::new(),
        }
    }
}

impl Part {
    /// A part that is text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Content::Text(text.into()).into()
    }
}

/// What a part of a message is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Text.
    Text(String),
    /// A picture.
    Image {
        /// Where its bytes are.
        source: Source,
        /// `low`, `high`, `auto`, `original`.
        detail: Option<String>,
    },
    /// Sound.
    Audio {
        /// Base64.
        data: String,
        /// `wav`, `mp3`, …
        format: String,
    },
    /// Moving pictures.
    Video(Source),
    /// A document.
    File {
        /// Where its bytes are.
        source: Source,
        /// Its name, with which some dialects cite it.
        filename: Option<String>,
        /// Whether the answer is to say what it takes from it.
        is_cited: bool,
    },
    /// Something that a search of the caller's has found.
    SearchResult(SearchResult),
    /// The model asked for a tool.
    ToolCall {
        /// The id that its result refers to.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments, as JSON text exactly as the model wrote it.
        arguments: String,
    },
    /// What a tool answered.
    ToolResult {
        /// The id of the call.
        call_id: String,
        /// The tool, where the caller says so or the conversation shows it.
        name: Option<String>,
        /// The answer: text, pictures, documents.
        parts: Vec<Part>,
        /// Whether the tool failed.
        is_error: bool,
    },
    /// The model thought aloud; its seal, if any, is the part's `opaque`.
    Reasoning {
        /// The visible text; empty where only ciphertext was given.
        text: String,
        /// Whether the text is a summary of the thoughts, not the thoughts.
        is_summary: bool,
    },
    /// The model refused, in these words.
    Refusal(String),
}

impl Content {
    /// What it says where nothing but text can be said: a text itself, or a search result as one.
    #[must_use]
    pub fn words(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::SearchResult(found) => Some(Cow::Owned(found.to_text())),
            _ => None,
        }
    }
}

/// Where the bytes of a picture or document are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// At an address that the provider fetches.
    Url(String),
    /// Here.
    Base64 {
        /// MIME type.
        media_type: String,
        /// The bytes, base64.
        data: String,
    },
    /// Here, as text (plain-text documents).
    Text(String),
    /// Here, as texts: an answer that cites the document says which of them.
    Texts(Vec<String>),
    /// With the provider, under an id it gave out; only its own dialect can say so.
    Id(String),
}

impl Source {
    /// Reads a URL, taking a `data:` one apart.
    #[must_use]
    pub fn of_url(url: &str) -> Self {
        let data = url
            .strip_prefix("data:")
            .and_then(|rest| rest.split_once(";base64,"));
        match data {
            Some((media_type, data)) => Self::Base64 {
                media_type: media_type
                    .split(';')
                    .next()
                    .unwrap_or(media_type)
                    .to_owned(),
                data: data.to_owned(),
            },
            None => Self::Url(url.to_owned()),
        }
    }

    /// As one URL, a `data:` one where the bytes are here; `None` for ids and text.
    #[must_use]
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
            Self::Text(_) | Self::Texts(_) | Self::Id(_) => None,
        }
    }

    /// As one text, where it is here as such.
    #[must_use]
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Texts(texts) => Some(Cow::Owned(texts.join("\n"))),
            Self::Url(_) | Self::Base64 { .. } | Self::Id(_) => None,
        }
    }
}

/// How long a cached prefix is to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheMark {
    /// The provider's default: five minutes at Anthropic, at least thirty at OpenAI.
    Default,
    /// One hour.
    OneHour,
}
