//! Pictures, sound, films and documents of a part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::Error;
use chat::request::{Content, Source};

use super::super::contents::is_stored;
use crate::tree::Cursor;

/// Bytes that are here.
pub(super) fn inline(blob: &Cursor<'_>, detail: Option<String>) -> Result<Content, Error> {
    let media_type = blob.need("mimeType")?.to_owned();
    // Clients write bytes in either alphabet; other dialects know one.
    let data = blob.need("data")?.replace('-', "+").replace('_', "/");
    let filename = blob.string("displayName")?.map(str::to_owned);
    let kind = media_type.split('/').next().unwrap_or("").to_owned();
    let source = |data| Source::Base64 {
        media_type: media_type.clone(),
        data,
    };
    Ok(match kind.as_str() {
        "image" => Content::Image {
            source: source(data),
            detail,
        },
        "audio" => Content::Audio {
            data,
            format: audio_format(&media_type),
        },
        "video" => Content::Video(source(data)),
        "text" => Content::File {
            source: plain(&data).unwrap_or_else(|| source(data)),
            filename,
            is_cited: false,
        },
        _ => Content::File {
            source: source(data),
            filename,
            is_cited: false,
        },
    })
}

/// Bytes that are somewhere else.
pub(super) fn file(file: &Cursor<'_>, detail: Option<String>) -> Result<Content, Error> {
    let uri = file.need("fileUri")?.to_owned();
    let kind = file.string("mimeType")?.unwrap_or("");
    let filename = file.string("displayName")?.map(str::to_owned);
    let is_video = kind.starts_with("video/")
        || (kind.is_empty() && (uri.contains("youtube.com/") || uri.contains("youtu.be/")));
    let source = match is_stored(&uri) {
        true => Source::Id(uri),
        false => Source::Url(uri),
    };
    Ok(match kind.split('/').next().unwrap_or("") {
        "image" => Content::Image { source, detail },
        _ if is_video => Content::Video(source),
        _ => Content::File {
            source,
            filename,
            is_cited: false,
        },
    })
}

fn plain(data: &str) -> Option<Source> {
    let bytes = STANDARD.decode(data).ok()?;
    String::from_utf8(bytes).ok().map(Source::Text)
}

/// OpenAI's word for a type of sound.
fn audio_format(media_type: &str) -> String {
    let kind = media_type.split(';').next().unwrap_or(media_type);
    match kind.strip_prefix("audio/").unwrap_or(kind) {
        "mpeg" | "mp3" => "mp3",
        "x-wav" | "wave" | "wav" => "wav",
        "x-flac" => "flac",
        "L16" | "l16" | "pcm" => "pcm16",
        other => other,
    }
    .to_owned()
}
