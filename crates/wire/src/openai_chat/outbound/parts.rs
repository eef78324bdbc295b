//! Writes the parts of a message, and the marks of what may be cached.

use chat::request::{CacheMark, Content, Part, SearchResult, Source};
use chat::{Error, Kind};

use crate::outgoing::Outgoing;
use crate::quirks;
use crate::splice::{push_member, push_quoted, quoted};

/// How a provider is told where a prompt may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    /// Not at all.
    None,
    /// With `cache_control`, as Anthropic spells it.
    CacheControl,
    /// With `prompt_cache_breakpoint`, which knows no lifetimes and stands in parts only.
    Breakpoints,
}

/// What is named where an answer was to say what it takes from something.
pub(super) const CITATIONS: &str = "messages[].content[].citations";

/// Models that take `prompt_cache_breakpoint`: from GPT-5.6 on. Source: section 14 of our digest.
const BREAKPOINT_MODELS: [&str; 5] = ["gpt-5.6", "gpt-5.7", "gpt-5.8", "gpt-5.9", "gpt-6"];

impl Marks {
    /// The form of an endpoint.
    pub(super) fn of(to: &Outgoing<'_>) -> Self {
        let model = to.native_model.rsplit('/').next().unwrap_or_default();
        if quirks::takes_cache_control(to.quirks) {
            Self::CacheControl
        } else if BREAKPOINT_MODELS.iter().any(|name| model.starts_with(name)) {
            Self::Breakpoints
        } else {
            Self::None
        }
    }

    /// The value of `cache_control`.
    pub(super) const fn cache_control(mark: CacheMark) -> &'static str {
        match mark {
            CacheMark::Default => "{\"type\":\"ephemeral\"}",
            CacheMark::OneHour => "{\"type\":\"ephemeral\",\"ttl\":\"1h\"}",
        }
    }

    /// Whether a part must be written as an object for its mark.
    pub(super) fn shows(self, part: &Part) -> bool {
        self != Self::None && part.cache.is_some()
    }

    fn push(self, part: &Part, out: &mut String, dropped: &mut Vec<String>) {
        let Some(mark) = part.cache else { return };
        match self {
            Self::CacheControl => push_member(out, "cache_control", Self::cache_control(mark)),
            Self::Breakpoints => {
                push_member(out, "prompt_cache_breakpoint", "{\"mode\":\"explicit\"}");
            }
            Self::None => quirks::name_once(dropped, "messages[].content[].cache_control"),
        }
    }
}

/// What is needed to write a part, and what was lost so far.
pub(super) struct PartsWriter {
    pub(super) marks: Marks,
    /// Whether the provider speaks OpenRouter's own form of the dialect.
    pub(super) is_router: bool,
    pub(super) dropped: Vec<String>,
}

impl PartsWriter {
    /// Whether parts can be written as one string; a mark that this provider cannot be told is lost
    /// either way.
    pub(super) fn is_plain(&mut self, parts: &[&Part]) -> bool {
        let [part] = parts else {
            return parts.is_empty();
        };
        let is_plain = matches!(part.content, Content::Text(_)) && !self.marks.shows(part);
        if is_plain && part.cache.is_some() {
            quirks::name_once(&mut self.dropped, "messages[].content[].cache_control");
        }
        is_plain
    }

    /// Writes an array of parts; those that are not for a message of this kind are left out.
    pub(super) fn array(&mut self, parts: &[&Part]) -> Result<String, Error> {
        let mut out = String::from("[");
        for part in parts {
            let Some(mut inner) = self.part(&part.content)? else {
                continue;
            };
            self.marks.push(part, &mut inner, &mut self.dropped);
            if out.len() > 1 {
                out.push(',');
            }
            out.push('{');
            out.push_str(&inner);
            out.push('}');
        }
        out.push(']');
        Ok(out)
    }

    /// The members of one part.
    fn part(&mut self, content: &Content) -> Result<Option<String>, Error> {
        let (kind, json) = match content {
            Content::Text(text) | Content::Refusal(text) => ("text", quoted(text)),
            Content::Image { source, detail } => {
                ("image_url", self.image(source, detail.as_deref())?)
            }
            Content::Audio { data, format } => {
                let mut inner = String::with_capacity(data.len() + 40);
                push_member(&mut inner, "data", &quoted(data));
                push_member(&mut inner, "format", &quoted(format));
                ("input_audio", format!("{{{inner}}}"))
            }
            Content::Video(source) => ("video_url", format!("{{{}}}", url(source)?)),
            Content::File {
                source,
                filename,
                is_cited,
            } => {
                if *is_cited {
                    quirks::name_once(&mut self.dropped, CITATIONS);
                }
                match source.to_text() {
                    // Plain text needs no reader of documents.
                    Some(text) => ("text", quoted(&document(filename.as_deref(), &text))),
                    None => ("file", file(source, filename.as_deref())?),
                }
            }
            Content::SearchResult(found) => {
                self.name_uncited(found);
                ("text", quoted(&found.to_text()))
            }
            Content::ToolCall { .. } | Content::ToolResult { .. } | Content::Reasoning { .. } => {
                return Ok(None);
            }
        };
        let mut out = String::with_capacity(json.len() + 40);
        push_member(&mut out, "type", &quoted(kind));
        push_member(&mut out, kind, &json);
        Ok(Some(out))
    }

    /// Names what is lost of a search result that is told as text.
    fn name_uncited(&mut self, found: &SearchResult) {
        if found.is_cited {
            quirks::name_once(&mut self.dropped, CITATIONS);
        }
    }

    /// A part of what a tool answered, a search result as its words.
    pub(super) fn spoken(&mut self, part: &Part) -> Part {
        let mut part = part.clone();
        if let Content::SearchResult(found) = &part.content {
            self.name_uncited(found);
            part.content = Content::Text(found.to_text());
        }
        part
    }

    /// `original` is OpenRouter's word; elsewhere it is `high`.
    fn image(&mut self, source: &Source, detail: Option<&str>) -> Result<String, Error> {
        let mut inner = url(source)?;
        if let Some(detail) = detail {
            let detail = match detail {
                "original" if !self.is_router => {
                    quirks::name_once(&mut self.dropped, "messages[].content[].image_url.detail");
                    "high"
                }
                other => other,
            };
            push_member(&mut inner, "detail", &quoted(detail));
        }
        Ok(format!("{{{inner}}}"))
    }
}

fn document(filename: Option<&str>, text: &str) -> String {
    match filename {
        Some(name) => format!("{name}:\n\n{text}"),
        None => text.to_owned(),
    }
}

/// `"url": …`.
fn url(source: &Source) -> Result<String, Error> {
    let mut out = String::new();
    match source {
        Source::Url(url) => push_member(&mut out, "url", &quoted(url)),
        Source::Base64 { media_type, data } => {
            out.reserve(data.len() + media_type.len() + 24);
            out.push_str("\"url\":");
            push_quoted(&mut out, &format!("data:{media_type};base64,{data}"));
        }
        Source::Text(_) | Source::Texts(_) | Source::Id(_) => return Err(stored()),
    }
    Ok(out)
}

fn file(source: &Source, filename: Option<&str>) -> Result<String, Error> {
    let mut out = String::new();
    let data = match source {
        Source::Id(_) => return Err(stored()),
        _ => source.to_url().ok_or_else(stored)?,
    };
    // OpenAI refuses bytes without a name.
    let name = filename.or(match source {
        Source::Base64 { .. } => Some("document.pdf"),
        _ => None,
    });
    if let Some(name) = name {
        push_member(&mut out, "filename", &quoted(name));
    }
    push_member(&mut out, "file_data", &quoted(&data));
    Ok(format!("{{{out}}}"))
}

/// Routing keeps such calls where the file is (`Feature::StoredFiles`).
fn stored() -> Error {
    Error::provider(
        Kind::InvalidRequest,
        "a file that another provider keeps cannot be named to this one",
    )
}
