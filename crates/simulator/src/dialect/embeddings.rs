//! Embeddings: vectors that depend on their text alone, of unit length, in each dialect's own body.

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::ask::{positive, required_text};
use super::{Made, Problem, Received};
use crate::encoding::to_base64;
use crate::tokens::count_tokens;

/// Length of a vector, unless the request asks for another.
const DIMENSIONS: u64 = 8;
const DIMENSIONS_MAX: u64 = 4096;
/// Most texts in one request.
const TEXTS_MAX: usize = 2048;

/// `POST /embeddings`, as OpenAI has it.
pub(super) fn openai(received: &Received<'_>) -> Result<Made, Problem> {
    let body = received.body;
    let model = received.model()?;
    let texts = inputs(body.get("input"))?;
    let dimensions = dimensions(body, "dimensions")?;
    let as_base64 = match body.get("encoding_format").and_then(Value::as_str) {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(Problem::bad_field(
                "encoding_format",
                format!("Invalid value: '{other}'. Supported values are: 'float' and 'base64'."),
            ));
        }
    };
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let embedding = if as_base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|n| n.to_le_bytes()).collect();
                json!(to_base64(&bytes))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    Ok(received.made(weight(&texts), |usage| {
        let mut value = json!({"object": "list", "data": data, "model": model});
        if let Some(usage) = usage {
            value["usage"] = json!({"prompt_tokens": usage.prompt, "total_tokens": usage.prompt});
        }
        value
    }))
}

/// `:embedContent`.
pub(super) fn gemini(received: &Received<'_>) -> Result<Made, Problem> {
    let text = gemini_text(received.body)?;
    let dimensions = dimensions(received.body, "outputDimensionality")?;
    let value = json!({"embedding": {"values": vector(&text, dimensions)}});
    Ok(received.made(count_tokens(&text), |_| value))
}

/// `:batchEmbedContents`.
pub(super) fn gemini_batch(received: &Received<'_>) -> Result<Made, Problem> {
    let requests = received.body.get("requests").and_then(Value::as_array);
    let mut vectors = Vec::new();
    let mut tokens = 0;
    for request in requests.into_iter().flatten() {
        let named = format!("models/{}", received.model.unwrap_or_default());
        if request["model"] != named.as_str() {
            return Err(Problem::bad(
                "* BatchEmbedContentsRequest.requests[0].model: model does not match the model in the batch request",
            ));
        }
        let text = gemini_text(request)?;
        tokens += count_tokens(&text);
        let dimensions = dimensions(request, "outputDimensionality")?;
        vectors.push(json!({"values": vector(&text, dimensions)}));
    }
    if vectors.is_empty() {
        return Err(Problem::bad(
            "* BatchEmbedContentsRequest.requests: at least one request is required",
        ));
    }
    Ok(received.made(tokens, |_| json!({"embeddings": vectors})))
}

/// `:predict` of an embedding model.
pub(super) fn vertex(received: &Received<'_>) -> Result<Made, Problem> {
    let instances = received.body.get("instances").and_then(Value::as_array);
    let mut predictions = Vec::new();
    let mut tokens = 0;
    let parameters = received.body.get("parameters").unwrap_or(&Value::Null);
    let dimensions = dimensions(parameters, "outputDimensionality")?;
    for instance in instances.into_iter().flatten() {
        let text = required_text(instance, "content")?;
        let count = count_tokens(&text);
        tokens += count;
        predictions.push(json!({"embeddings": {
            "values": vector(&text, dimensions),
            "statistics": {"truncated": false, "token_count": count},
        }}));
    }
    if predictions.is_empty() {
        return Err(Problem::bad("Empty instances."));
    }
    Ok(received.made(tokens, |_| json!({"predictions": predictions})))
}

fn gemini_text(request: &Value) -> Result<String, Problem> {
    let parts = request.pointer("/content/parts").and_then(Value::as_array);
    let texts = parts
        .into_iter()
        .flatten()
        .filter_map(|p| p["text"].as_str());
    let text: String = texts.collect();
    if text.is_empty() {
        return Err(Problem::bad(
            "* EmbedContentRequest.content: contents is not specified",
        ));
    }
    Ok(text)
}

/// The texts of an `input`; token numbers stand for the text of their digits.
fn inputs(input: Option<&Value>) -> Result<Vec<String>, Problem> {
    let unfit = || {
        Problem::bad_field(
            "input",
            "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
        )
    };
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Array(tokens) if tokens.iter().all(Value::is_u64) => Some(value.to_string()),
        _ => None,
    };
    match input {
        Some(Value::Array(items)) if items.len() > TEXTS_MAX => Err(unfit()),
        Some(Value::Array(items)) if !items.is_empty() && !items[0].is_u64() => {
            let texts: Option<Vec<String>> = items.iter().map(text).collect();
            texts.ok_or_else(unfit)
        }
        Some(Value::Array(items)) if items.is_empty() => Err(unfit()),
        Some(value) => Ok(vec![text(value).ok_or_else(unfit)?]),
        None => Err(Problem::bad_field(
            "input",
            "Missing required parameter: 'input'.",
        )),
    }
}

fn dimensions(body: &Value, field: &'static str) -> Result<u64, Problem> {
    match positive(body, field)?.unwrap_or(DIMENSIONS) {
        wanted @ 1..=DIMENSIONS_MAX => Ok(wanted),
        _ => Err(Problem::bad_field(
            field,
            format!("Invalid value for '{field}': at most {DIMENSIONS_MAX}."),
        )),
    }
}

fn weight(texts: &[String]) -> u64 {
    texts.iter().map(|text| count_tokens(text)).sum()
}

/// A vector of unit length from the hash of a text.
pub(super) fn vector(text: &str, dimensions: u64) -> Vec<f32> {
    let numbers: Vec<f32> = (0..dimensions)
        .map(|index| {
            let hash = digest(&SHA256, format!("{index} {text}").as_bytes());
            f32::from(hash.as_ref()[0]) - 127.5
        })
        .collect();
    let length = numbers.iter().map(|n| n * n).sum::<f32>().sqrt();
    numbers.iter().map(|n| n / length).collect()
}
