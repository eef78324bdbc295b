//! `embedContent` and `batchEmbedContents`: Google's clients ask for vectors in words of their own, and
//! the door of embeddings knows others. What they say is said there in its words; what it has no word
//! for is refused, so that nothing is lost in silence.

use bytes::Bytes;
use chat::{Error, Kind};
use serde_json::{Map, Value, json};

use crate::members::Members;
use crate::plain::embeddings::purpose_of_google;
use crate::scan::{Malformed, Scanner};
use crate::splice::push_member;
use crate::tree::Cursor;

/// What one of the requests may say.
const KNOWN: &[&str] = &["model", "content", "taskType", "outputDimensionality"];

/// A request for vectors of a model as the door of embeddings takes it; `is_batch` tells a list of
/// requests from one.
///
/// # Errors
/// The caller's mistake, and what cannot be said at that door, with the path of the field.
pub fn embedding_request(body: &[u8], model: &str, is_batch: bool) -> Result<Bytes, Error> {
    let tree: Value = serde_json::from_slice(body).map_err(|error| {
        let problem = format!("the request body is no JSON: {error}");
        Error::caller(Kind::InvalidRequest, problem)
    })?;
    let top = Cursor::new(&tree);
    let list = match is_batch {
        true => Some(
            top.array("requests")?
                .ok_or_else(|| top.missing("requests", "an array"))?,
        ),
        false => None,
    };
    let requests = match &list {
        Some(list) => list.elements().collect(),
        None => vec![top],
    };
    let mut inputs = Vec::with_capacity(requests.len());
    let mut common: Option<(Option<&str>, Option<u64>)> = None;
    for request in &requests {
        let mut unknown = Vec::new();
        request.unknown(KNOWN, &mut unknown);
        if let Some(name) = unknown.first() {
            let problem = format!("{name}: this cannot be said to every provider of vectors");
            return Err(Error::caller(Kind::InvalidRequest, problem).with_field(name.clone()));
        }
        let own = (
            request.string("taskType")?,
            request.count("outputDimensionality")?,
        );
        if *common.get_or_insert(own) != own {
            let problem = "taskType and outputDimensionality must be the same in all requests";
            return Err(request.wrong(problem));
        }
        inputs.push(text(request)?);
    }
    let (task, dimensions) = common.unwrap_or_default();
    let mut asked = Map::new();
    asked.insert("model".to_owned(), json!(model));
    asked.insert("input".to_owned(), json!(inputs));
    if let Some(task) = task {
        asked.insert("input_type".to_owned(), json!(purpose_of_google(task)));
    }
    if let Some(dimensions) = dimensions {
        asked.insert("dimensions".to_owned(), json!(dimensions));
    }
    Ok(Value::Object(asked).to_string().into())
}

/// The text of a request.
fn text(request: &Cursor<'_>) -> Result<String, Error> {
    let content = request
        .object("content")?
        .ok_or_else(|| request.missing("content", "an object"))?;
    let parts = content
        .array("parts")?
        .ok_or_else(|| content.missing("parts", "an array"))?;
    let mut text = String::new();
    for part in parts.elements() {
        text.push_str(part.need("text")?);
    }
    Ok(text)
}

/// The answer of that door in Google's words; `None` where it is no such answer.
#[must_use]
pub fn embedding_answer(body: &[u8], is_batch: bool) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    let top = Members::of_text(text).ok()?;
    let mut vectors = Vec::new();
    let data = top.get("data")?.value;
    let read = Scanner::within(text, data).array(|scanner, _| {
        let one = Members::read(text, scanner)?;
        // As the provider wrote it.
        let vector = one.get("embedding").map(|vector| vector.value.of(text));
        vectors.extend(vector.map(|vector| format!("{{\"values\":{vector}}}")));
        Ok::<(), Malformed>(())
    });
    read.ok()?;
    let mut said = String::with_capacity(text.len());
    match is_batch {
        true => push_member(&mut said, "embeddings", &format!("[{}]", vectors.join(","))),
        false => push_member(&mut said, "embedding", vectors.first()?),
    }
    let usage = top.object("usage");
    if let Some(tokens) = usage.and_then(|usage| usage.count("prompt_tokens")) {
        let count = format!("{{\"promptTokenCount\":{tokens}}}");
        push_member(&mut said, "usageMetadata", &count);
    }
    Some(format!("{{{said}}}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &Value, is_batch: bool) -> Result<Value, Error> {
        let asked = embedding_request(body.to_string().as_bytes(), "a/b", is_batch)?;
        Ok(serde_json::from_slice(&asked).unwrap())
    }

    #[test]
    fn requests_are_said_in_the_words_of_the_door() {
        let one = |text: &str| {
            json!({"model": "models/a/b", "content": {"parts": [{"text": text}]},
                "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8})
        };
        let expected = |inputs: &[&str]| json!({"model": "a/b", "input": inputs, "input_type": "search_query", "dimensions": 8});
        assert_eq!(asked(&one("x"), false).unwrap(), expected(&["x"]));
        let batch = json!({ "requests": [one("x"), one("y")] });
        assert_eq!(asked(&batch, true).unwrap(), expected(&["x", "y"]));
    }

    fn at_fault(error: &Error) -> Option<&str> {
        error.metadata.as_ref()?.field.as_deref()
    }

    #[test]
    fn what_cannot_be_said_is_refused_with_its_place() {
        let mut other = json!({"content": {"parts": [{"text": "y"}]}, "taskType": "CLUSTERING"});
        let plain = json!({"content": {"parts": [{"text": "x"}]}});
        for (body, field) in [
            (json!({ "requests": [plain, other] }), "requests[1]"),
            (json!({}), "requests"),
            (json!({"requests": [{}]}), "requests[0].content"),
            (
                json!({"requests": [{"content": {"parts": [{"inlineData": {}}]}}]}),
                "requests[0].content.parts[0].text",
            ),
        ] {
            let error = asked(&body, true).unwrap_err();
            assert_eq!(at_fault(&error), Some(field), "{error}");
        }
        other["title"] = json!("T");
        let error = asked(&other, false).unwrap_err();
        assert_eq!(at_fault(&error), Some("title"));
    }

    #[test]
    fn answers_are_told_in_googles_words() {
        let answer =
            br#"{"data":[{"embedding":[0.5,-1]},{"embedding":[2]}],"usage":{"prompt_tokens":3}}"#;
        let read = |is_batch| embedding_answer(answer, is_batch).unwrap();
        assert_eq!(
            read(true),
            r#"{"embeddings":[{"values":[0.5,-1]},{"values":[2]}],"usageMetadata":{"promptTokenCount":3}}"#
        );
        assert!(embedding_answer(b"{}", true).is_none());
    }
}
