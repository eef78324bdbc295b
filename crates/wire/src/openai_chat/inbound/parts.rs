//! Reads the content of a message, part by part.

use chat::Error;
use chat::request::{Content, Part, Source};
use serde_json::Value;

use super::options::cache_mark;
use crate::cited::annotations;
use crate::tree::Cursor;

/// What a document is taken for whose bytes come without a type.
const FILE_TYPE: &str = "application/pdf";

/// Reads `content`: a string, parts, or one part without its array.
pub(super) fn read(message: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Vec<Part>, Error> {
    let Some(content) = message.get("content") else {
        return Ok(Vec::new());
    };
    let mut parts = Vec::new();
    match content.value {
        Value::String(text) => parts.push(Part::text(text)),
        Value::Array(_) => {
            for part in content.elements() {
                read_part(&part, &mut parts, unsaid)?;
            }
        }
        Value::Object(_) => read_part(&content, &mut parts, unsaid)?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            return Err(content.expected("a string or an array"));
        }
    }
    Ok(parts)
}

/// Members that parts of every kind may have, or that say nothing to a model.
const COMMON: &[&str] = &[
    "type",
    "cache_control",
    "prompt_cache_breakpoint",
    "annotations",
    "logprobs",
];

fn read_part(
    part: &Cursor<'_>,
    parts: &mut Vec<Part>,
    unsaid: &mut Vec<String>,
) -> Result<(), Error> {
    let (content, known): (Content, &[&str]) = match part.need("type")? {
        "text" | "input_text" | "output_text" => {
            (Content::Text(part.need("text")?.to_owned()), &["text"])
        }
        "image_url" => (image(part, unsaid)?, &["image_url"]),
        "input_audio" => (
            audio(&inner(part, "input_audio")?, unsaid)?,
            &["input_audio"],
        ),
        kind @ ("video_url" | "input_video") => {
            let video = match part.object("video_url")? {
                Some(video) => video,
                None => inner(part, kind)?,
            };
            video.unknown(&["url", "data"], unsaid);
            let url = video.string("url")?.or(video.string("data")?);
            let url = url.ok_or_else(|| video.missing("url", "a string"))?;
            let known = &["video_url", "input_video"];
            (Content::Video(Source::of_url(url)), known)
        }
        "file" => (file(&inner(part, "file")?, unsaid)?, &["file"]),
        "refusal" => (
            Content::Refusal(part.need("refusal")?.to_owned()),
            &["refusal"],
        ),
        "thinking" => {
            let text = thinking(part)?;
            let is_summary = false;
            (Content::Reasoning { text, is_summary }, &["thinking"])
        }
        _ => {
            // Where this matters, no endpoint of another dialect is asked (`Feature::NativeContent`).
            unsaid.push(part.to_string());
            return Ok(());
        }
    };
    part.unknown(&[known, COMMON].concat(), unsaid);
    parts.push(Part {
        content,
        cache: cache_mark(part)?,
        opaque: None,
        citations: annotations(part, unsaid),
    });
    Ok(())
}

fn inner<'c>(part: &'c Cursor<'c>, name: &'c str) -> Result<Cursor<'c>, Error> {
    part.object(name)?
        .ok_or_else(|| part.missing(name, "an object"))
}

/// `{"image_url": {"url", "detail"}}`, or with the address alone.
fn image(part: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Content, Error> {
    let image = part
        .get("image_url")
        .ok_or_else(|| part.missing("image_url", "an object"))?;
    if let Value::String(url) = image.value {
        return Ok(Content::Image {
            source: Source::of_url(url),
            detail: None,
        });
    }
    image.unknown(&["url", "detail"], unsaid);
    Ok(Content::Image {
        source: Source::of_url(image.need("url")?),
        detail: image.string("detail")?.map(str::to_owned),
    })
}

/// Sound, whose type may stand before its bytes.
fn audio(audio: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Content, Error> {
    audio.unknown(&["data", "format"], unsaid);
    let data = audio.need("data")?;
    let (media_type, data) = match Source::of_url(data) {
        Source::Base64 { media_type, data } => (Some(media_type), data),
        _ => (None, data.to_owned()),
    };
    let of_type = media_type
        .as_deref()
        .and_then(|kind| kind.split('/').nth(1));
    let format = audio.string("format")?.or(of_type).unwrap_or("wav");
    Ok(Content::Audio {
        data,
        format: format.to_owned(),
    })
}

fn file(file: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Content, Error> {
    file.unknown(&["file_data", "file_id", "filename"], unsaid);
    let source = match (file.string("file_data")?, file.string("file_id")?) {
        (Some(data), _) => match Source::of_url(data) {
            Source::Url(url) if url.starts_with("http://") || url.starts_with("https://") => {
                Source::Url(url)
            }
            // Bytes without a type.
            Source::Url(data) => Source::Base64 {
                media_type: FILE_TYPE.to_owned(),
                data,
            },
            with_type => with_type,
        },
        (None, Some(id)) => Source::Id(id.to_owned()),
        (None, None) => return Err(file.missing("file_data", "a data URL or an address")),
    };
    Ok(Content::File {
        source,
        filename: file.string("filename")?.map(str::to_owned),
        is_cited: false,
    })
}

/// Mistral's reasoning models: `{"thinking": [{"type": "text", "text": …}]}`, or a string.
fn thinking(part: &Cursor<'_>) -> Result<String, Error> {
    let Some(thinking) = part.get("thinking") else {
        return Ok(String::new());
    };
    if let Value::String(text) = thinking.value {
        return Ok(text.clone());
    }
    let mut thought = String::new();
    for piece in thinking.elements() {
        thought.push_str(piece.string("text")?.unwrap_or_default());
    }
    Ok(thought)
}
