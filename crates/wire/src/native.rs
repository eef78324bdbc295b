//! Requests in a provider's own API, passed on as they are: what their path and body ask for, and
//! where they go. A pure reading; it never refuses anything, since the provider is the judge.

use chat::{Dialect, Needs};
use serde_json::Value;

use crate::estimate::estimate;
use crate::incoming::{Beside, Incoming};
use crate::lane::door;

/// A path that generates something whose usage can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// The dialect of the bodies.
    pub body: Dialect,
    /// The model, where the path names it.
    pub model: Option<String>,
    /// Whether the path asks for a stream; other paths leave that to the body.
    pub stream: bool,
}

/// How a path that is metered ends, and what its bodies are. The first that fits counts.
const ENDINGS: &[(&str, Dialect)] = &[
    ("/chat/completions", Dialect::OpenaiChat),
    ("/responses", Dialect::OpenaiResponses),
    ("/messages", Dialect::AnthropicMessages),
    ("/embeddings", Dialect::OpenaiEmbeddings),
    ("/rerank", Dialect::Rerank),
    ("/v2/chat", Dialect::Cohere),
    ("/converse", Dialect::BedrockConverse),
    ("/converse-stream", Dialect::BedrockConverse),
    (":generateContent", Dialect::Gemini),
    (":streamGenerateContent", Dialect::Gemini),
    (":rawPredict", Dialect::AnthropicMessages),
    (":streamRawPredict", Dialect::AnthropicMessages),
    ("/invoke", Dialect::AnthropicMessages),
    ("/invoke-with-response-stream", Dialect::AnthropicMessages),
];

/// What stands before the name of a model in a path.
const BEFORE_MODEL: [&str; 3] = ["models", "model", "deployments"];

/// What the path of a `POST` generates; `None` where it generates nothing whose usage can be read.
#[must_use]
pub fn metered(path: &str) -> Option<Metered> {
    let (ending, body) = ENDINGS.iter().find(|(ending, _)| path.ends_with(ending))?;
    let model = model_in(path.strip_suffix(ending).unwrap_or(path));
    let needs_claude = matches!(*ending, "/invoke" | "/invoke-with-response-stream");
    if needs_claude && !model.as_deref().is_some_and(|m| m.contains("claude")) {
        return None;
    }
    Some(Metered {
        body: *body,
        model,
        stream: ending.to_ascii_lowercase().contains("stream"),
    })
}

fn model_in(path: &str) -> Option<String> {
    let mut segments = path.split('/');
    segments.find(|segment| BEFORE_MODEL.contains(segment))?;
    let rest: Vec<_> = segments.collect();
    let model = rest.first().filter(|model| !model.is_empty())?;
    Some(decoded(model))
}

/// Takes percent-encoding away; what is not UTF-8 then stays as it was.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Reads what routing and money need of a body that will be passed on as it is.
#[must_use]
pub fn read(metered: &Metered, body: &[u8]) -> Incoming {
    let beside = Beside {
        model: metered.model.clone(),
        stream: metered.stream,
        ..Beside::default()
    };
    let strict = door(metered.body).and_then(|door| door.read_request(body, beside).ok());
    let mut incoming = strict.unwrap_or_else(|| roughly(metered, body));
    incoming.model = metered.model.clone().or(incoming.model);
    incoming.needs.stream |= metered.stream;
    incoming.needs.dialect = metered.body;
    incoming
}

/// Names under which the dialects limit their output.
const OUTPUT_LIMITS: [&str; 6] = [
    "/max_completion_tokens",
    "/max_output_tokens",
    "/max_tokens",
    "/generationConfig/maxOutputTokens",
    "/generation_config/max_output_tokens",
    "/inferenceConfig/maxTokens",
];

fn roughly(metered: &Metered, body: &[u8]) -> Incoming {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = std::str::from_utf8(body).unwrap_or_default();
    let limit = OUTPUT_LIMITS
        .iter()
        .find_map(|path| json.pointer(path).and_then(Value::as_u64));
    Incoming {
        model: json.get("model").and_then(Value::as_str).map(str::to_owned),
        needs: Needs {
            dialect: metered.body,
            stream: json.get("stream") == Some(&Value::Bool(true)),
            prompt_tokens: estimate(text),
            max_output_tokens: limit,
            ..Needs::default()
        },
        ..Incoming::default()
    }
}

/// The prompt tokens that an answer reports, where it reports them in the way of most.
#[must_use]
pub fn prompt_tokens(answer: &[u8]) -> Option<u64> {
    let json: Value = serde_json::from_slice(answer).ok()?;
    [
        "/usage/prompt_tokens",
        "/usage/input_tokens",
        "/usage/total_tokens",
        "/meta/billed_units/input_tokens",
    ]
    .iter()
    .find_map(|path| json.pointer(path).and_then(Value::as_u64))
}

/// Where a path of a provider's own API is: its own host, below its base URL.
///
/// `rest` is what stood behind the provider's name, with its query. It may begin with the path of
/// the base URL or leave that out; another version (`v1beta` for `v1`) takes the place of the base
/// URL's own. `None` where it tries to leave the provider (`..`, an authority).
#[must_use]
pub fn address(base_url: &str, rest: &str) -> Option<String> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.trim_start_matches('/');
    let leaves = |segment: &str| {
        let segment = decoded(segment);
        segment == ".." || segment == "." || segment.contains(['\\', '\0'])
    };
    if path.split('/').any(leaves) || path.contains("//") {
        return None;
    }
    let (base, base_query) = base_url.split_once('?').unwrap_or((base_url, ""));
    let base = base.trim_end_matches('/');
    let scheme_end = base.find("://").map_or(0, |at| at + 3);
    let root_end = base
        .get(scheme_end..)?
        .find('/')
        .map_or(base.len(), |at| scheme_end + at);
    let (root, base_path) = base.split_at_checked(root_end)?;
    let own = base_path.trim_start_matches('/');
    let begins_with_own = !own.is_empty()
        && path
            .strip_prefix(own)
            .is_some_and(|after| after.is_empty() || after.starts_with('/'));
    let below = if begins_with_own {
        root.to_owned()
    } else if is_version(path.split('/').next()) && is_version(own.rsplit('/').next()) {
        let above = base_path.rsplit_once('/').map_or("", |(above, _)| above);
        format!("{root}{above}")
    } else {
        base.to_owned()
    };
    let query = match (query, base_query) {
        ("", "") => String::new(),
        (query, "") => format!("?{query}"),
        ("", base_query) => format!("?{base_query}"),
        (query, base_query) => format!("?{query}&{base_query}"),
    };
    Some(format!("{below}/{path}{query}"))
}

/// `v1`, `v2beta`, `v1alpha2`.
fn is_version(segment: Option<&str>) -> bool {
    let Some(rest) = segment.and_then(|segment| segment.strip_prefix('v')) else {
        return false;
    };
    rest.starts_with(|first: char| first.is_ascii_digit())
        && rest.chars().all(|letter| letter.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_what_they_generate() {
        for (path, body, model, stream) in [
            ("/v1/chat/completions", Dialect::OpenaiChat, None, false),
            (
                "/v1beta/models/gemini-x:streamGenerateContent",
                Dialect::Gemini,
                Some("gemini-x"),
                true,
            ),
            (
                "/model/eu.anthropic.claude-x%3A0/invoke",
                Dialect::AnthropicMessages,
                Some("eu.anthropic.claude-x:0"),
                false,
            ),
            (
                "/openai/deployments/mine/chat/completions",
                Dialect::OpenaiChat,
                Some("mine"),
                false,
            ),
        ] {
            let found = metered(path).unwrap();
            assert_eq!(
                (found.body, found.model.as_deref(), found.stream),
                (body, model, stream),
                "{path}"
            );
        }
        for path in ["/v1/files", "/v1/models", "/model/amazon.titan/invoke"] {
            assert_eq!(metered(path), None, "{path}");
        }
    }

    #[test]
    fn addresses_stay_with_the_provider() {
        let base = "https://api.example.com/openai/v1";
        for (rest, expected) in [
            ("/chat/completions", Some("/openai/v1/chat/completions")),
            (
                "openai/v1/models?limit=2",
                Some("/openai/v1/models?limit=2"),
            ),
            ("/v2/models", Some("/openai/v2/models")),
            ("/v1/../../admin", None),
            ("/%2e%2e/admin", None),
            ("//evil.example/x", Some("/openai/v1/evil.example/x")),
            ("/a//b", None),
        ] {
            let expected = expected.map(|path| format!("https://api.example.com{path}"));
            assert_eq!(address(base, rest), expected, "{rest}");
        }
        let azure = "https://mine.example.com/openai?api-version=1";
        assert_eq!(
            address(azure, "/openai/files").as_deref(),
            Some("https://mine.example.com/openai/files?api-version=1")
        );
    }

    #[test]
    fn bodies_that_no_door_takes_are_read_roughly() {
        let metered = metered("/model/amazon.nova/converse").unwrap();
        let body = br#"{"messages":[],"inferenceConfig":{"maxTokens":77}}"#;
        let incoming = read(&metered, body);
        assert_eq!(incoming.needs.max_output_tokens, Some(77));
        assert_eq!(incoming.model.as_deref(), Some("amazon.nova"));
        assert!(incoming.needs.prompt_tokens > 5);
    }
}
