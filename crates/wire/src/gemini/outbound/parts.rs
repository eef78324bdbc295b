//! Writes pictures, sound, films and documents of a part.

use chat::request::Source;
use chat::{Error, Kind};

use crate::splice::{push_member, quoted};

/// Types of media by the end of an address. What is not here is guessed by its kind.
const TYPES: &[(&str, &str)] = &[
    (".png", "image/png"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".webp", "image/webp"),
    (".gif", "image/gif"),
    (".heic", "image/heic"),
    (".heif", "image/heif"),
    (".pdf", "application/pdf"),
    (".txt", "text/plain"),
    (".md", "text/markdown"),
    (".html", "text/html"),
    (".csv", "text/csv"),
    (".json", "application/json"),
    (".mp4", "video/mp4"),
    (".mov", "video/mov"),
    (".webm", "video/webm"),
    (".mpeg", "video/mpeg"),
    (".mp3", "audio/mp3"),
    (".wav", "audio/wav"),
    (".flac", "audio/flac"),
    (".ogg", "audio/ogg"),
];

/// A part that holds bytes, or says where they are; `otherwise` is its type where nobody says.
///
/// # Errors
/// A file that another provider keeps.
pub(super) fn media(source: &Source, otherwise: &str) -> Result<String, Error> {
    part(source, otherwise, None)
}

/// The same with a name.
///
/// # Errors
/// As for [`media`].
pub(super) fn named(source: &Source, otherwise: &str, name: &str) -> Result<String, Error> {
    part(source, otherwise, Some(name))
}

fn part(source: &Source, otherwise: &str, called: Option<&str>) -> Result<String, Error> {
    let (name, mut members) = match source {
        Source::Base64 { media_type, data } => {
            let mut inner = String::with_capacity(data.len() + 64);
            push_member(&mut inner, "mimeType", &quoted(media_type));
            push_member(&mut inner, "data", &quoted(data));
            ("inlineData", inner)
        }
        Source::Url(url) => {
            let mut inner = String::new();
            push_member(&mut inner, "mimeType", &quoted(type_of(url, otherwise)));
            push_member(&mut inner, "fileUri", &quoted(url));
            ("fileData", inner)
        }
        Source::Text(_) | Source::Texts(_) => {
            let text = source.to_text().unwrap_or_default();
            return Ok(format!("{{\"text\":{}}}", quoted(&text)));
        }
        Source::Id(_) => {
            return Err(Error::provider(
                Kind::InvalidRequest,
                "a file that another provider keeps cannot be named to this one",
            ));
        }
    };
    if let Some(called) = called {
        push_member(&mut members, "displayName", &quoted(called));
    }
    Ok(format!("{{\"{name}\":{{{members}}}}}"))
}

fn type_of<'t>(url: &str, otherwise: &'t str) -> &'t str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let path = path.to_ascii_lowercase();
    let known = TYPES.iter().find(|(end, _)| path.ends_with(end));
    known.map_or(otherwise, |(_, kind)| kind)
}

/// Google's type for OpenAI's word.
pub(super) fn audio_type(format: &str) -> String {
    match format {
        "pcm16" => "audio/L16;rate=24000".to_owned(),
        "m4a" => "audio/mp4".to_owned(),
        other => format!("audio/{other}"),
    }
}
