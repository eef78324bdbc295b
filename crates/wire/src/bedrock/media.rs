//! Pictures, films, sound and documents: their formats here, and their bytes.
//!
//! Nothing is fetched here from an address, but for one of Amazon's own storage.

use chat::request::Source;
use chat::{Error, Kind, Next};
use serde_json::{Value, json};

/// A table of formats: a part of the MIME type or the end of a name, and the word here.
type Formats = &'static [(&'static str, &'static str)];

const IMAGES: Formats = &[
    ("image/png", "png"),
    ("image/jpeg", "jpeg"),
    ("image/jpg", "jpeg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    (".png", "png"),
    (".jpg", "jpeg"),
    (".jpeg", "jpeg"),
    (".gif", "gif"),
    (".webp", "webp"),
];

const VIDEOS: Formats = &[
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/mov", "mov"),
    ("video/x-matroska", "mkv"),
    ("video/webm", "webm"),
    ("video/x-flv", "flv"),
    ("video/mpeg", "mpeg"),
    ("video/x-ms-wmv", "wmv"),
    ("video/wmv", "wmv"),
    ("video/3gpp", "three_gp"),
    (".mp4", "mp4"),
    (".mov", "mov"),
    (".mkv", "mkv"),
    (".webm", "webm"),
    (".flv", "flv"),
    (".mpeg", "mpeg"),
    (".mpg", "mpg"),
    (".wmv", "wmv"),
    (".3gp", "three_gp"),
];

const DOCUMENTS: Formats = &[
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    ("text/html", "html"),
    ("text/markdown", "md"),
    (".pdf", "pdf"),
    (".csv", "csv"),
    (".docx", "docx"),
    (".doc", "doc"),
    (".xlsx", "xlsx"),
    (".xls", "xls"),
    (".html", "html"),
    (".htm", "html"),
    (".md", "md"),
    (".txt", "txt"),
    ("text/", "txt"),
    ("application/json", "txt"),
];

/// Formats of sound that are known; the words are those of callers.
const SOUNDS: &[&str] = &[
    "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "m4a", "mpeg", "mpga", "pcm",
    "webm",
];

/// The longest name of a document.
const NAME_CHARS_MAX: usize = 200;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// A picture.
    Image,
    /// A film.
    Video,
}

/// A block that shows a picture or a film.
///
/// # Errors
/// A format or a place that is not known here.
pub(super) fn shown(what: Shown, source: &Source, path: &str) -> Result<Value, Error> {
    let (name, formats) = match what {
        Shown::Image => ("image", IMAGES),
        Shown::Video => ("video", VIDEOS),
    };
    let (hint, place) = place(source, path)?;
    let format = format(formats, &hint).ok_or_else(|| unfit(path))?;
    Ok(json!({name: {"format": format, "source": place}}))
}

/// A block that plays sound.
///
/// # Errors
/// A format that is not known here.
pub(super) fn sound(format: &str, data: &str, path: &str) -> Result<Value, Error> {
    let format = SOUNDS.iter().find(|known| **known == format);
    let format = format.ok_or_else(|| unfit(path))?;
    Ok(json!({"audio": {"format": format, "source": {"bytes": data}}}))
}

/// The names of the documents of one request, each of which must be another's.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// A block that is a document.
    ///
    /// # Errors
    /// A format or a place that is not known here.
    pub(super) fn document(
        &mut self,
        source: &Source,
        filename: Option<&str>,
        path: &str,
    ) -> Result<Value, Error> {
        let (hint, place) = place(source, path)?;
        let by_name = || filename.and_then(|name| format(DOCUMENTS, name));
        let format = match source {
            Source::Text(_) | Source::Texts(_) => by_name().or(Some("txt")),
            _ => format(DOCUMENTS, &hint).or_else(by_name),
        };
        let format = format.ok_or_else(|| unfit(path))?;
        let name = self.name(filename.unwrap_or_default());
        Ok(json!({"document": {"format": format, "name": name, "source": place}}))
    }

    /// A name in the letters that are allowed: letters, digits, single spaces, hyphens and brackets.
    pub(super) fn name(&mut self, filename: &str) -> String {
        let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
        let mut name = String::new();
        for letter in stem.chars().take(NAME_CHARS_MAX - 8) {
            let is_allowed = letter.is_ascii_alphanumeric() || "-()[]".contains(letter);
            match is_allowed {
                true => name.push(letter),
                false if name.ends_with(' ') => {}
                false => name.push(' '),
            }
        }
        let name = match name.trim() {
            "" => "document",
            name => name,
        };
        let mut unique = name.to_owned();
        let mut number = 2_usize;
        while self.0.contains(&unique) {
            unique = format!("{name} {number}");
            number += 1;
        }
        self.0.push(unique.clone());
        unique
    }
}

/// Where the bytes are, and what tells their format.
fn place(source: &Source, path: &str) -> Result<(String, Value), Error> {
    match source {
        Source::Base64 { media_type, data } => {
            Ok((media_type.to_ascii_lowercase(), json!({"bytes": data})))
        }
        Source::Text(_) | Source::Texts(_) => {
            use base64::Engine as _;
            let text = source.to_text().unwrap_or_default();
            let data = base64::engine::general_purpose::STANDARD.encode(&*text);
            Ok(("text/plain".to_owned(), json!({"bytes": data})))
        }
        Source::Url(url) if url.starts_with("s3://") => Ok((
            url.to_ascii_lowercase(),
            json!({"s3Location": {"uri": url}}),
        )),
        Source::Url(_) => {
            let message = format!(
                "{path}: this provider fetches nothing from addresses; send the bytes as a data: URL"
            );
            Err(elsewhere(message, path))
        }
        Source::Id(_) => Err(unfit(path)),
    }
}

fn format(formats: Formats, hint: &str) -> Option<&'static str> {
    let hint = hint.to_ascii_lowercase();
    let fits = |known: &str| match known.starts_with('.') {
        true => hint.ends_with(known),
        false => hint.starts_with(known),
    };
    formats
        .iter()
        .find(|(known, _)| fits(known))
        .map(|(_, word)| *word)
}

/// Content that must not be dropped and cannot be shown here; it may be elsewhere.
pub(super) fn unfit(path: &str) -> Error {
    elsewhere(
        format!("{path}: this provider does not take content of this kind"),
        path,
    )
}

fn elsewhere(message: String, path: &str) -> Error {
    Error::caller(Kind::InvalidRequest, message)
        .with_next(Next::TryNextEndpoint)
        .with_field(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_names_of_their_own_in_allowed_letters() {
        let mut names = Names::default();
        for (given, made) in [
            ("Q3_report: final!!.pdf", "Q3 report final"),
            ("Q3 report final.pdf", "Q3 report final 2"),
            ("", "document"),
            ("…", "document 2"),
        ] {
            assert_eq!(names.name(given), made, "{given}");
        }
    }

    #[test]
    fn nothing_is_fetched_but_from_amazons_own_storage() {
        let source = |url: &str| Source::Url(url.to_owned());
        let block = shown(Shown::Image, &source("s3://bucket/a.PNG"), "p").unwrap();
        assert_eq!(block["image"]["format"], "png");
        let error = shown(Shown::Image, &source("https://x.test/a.png"), "p").unwrap_err();
        assert_eq!(error.next, Next::TryNextEndpoint);
        assert_eq!(error.kind, Kind::InvalidRequest);
    }
}
