//! Where a request goes: dialect, base URL, model and operation to a URL. A pure function.
//!
//! A base URL is honoured as it is written, whoever wrote it: what a dialect needs is added at its
//! end, and a query in it (`…/openai?api-version=preview`) stays.
//!
//! Three dialects are shells around the bodies of others: Vertex serves Gemini's, Anthropic's and
//! OpenAI's bodies, Bedrock its own and Anthropic's, Azure both of OpenAI's. [`Dialect::bodies`] says
//! which fit a model; the path follows from the body.

use chat::Dialect;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A whole answer.
    Generate,
    /// An answer as a stream.
    Stream,
    /// Vectors of texts.
    Embed,
    /// Documents in order of relevance.
    Rerank,
    /// The number of tokens of a prompt.
    CountTokens,
}

/// What a URL is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The dialect of the connection.
    pub dialect: Dialect,
    /// The dialect of the body: the connection's own, or one of its [`Dialect::bodies`].
    pub body: Dialect,
    /// The connection's base URL.
    pub base_url: &'a str,
    /// The provider's own name of the model.
    pub native_model: &'a str,
    /// What is asked for.
    pub operation: Operation,
    /// Where a cloud keeps the model, when the base URL does not say.
    pub place: Place<'a>,
}

/// A project and a location, as far as a credential tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// The project that pays.
    pub project: Option<&'a str>,
    /// The location of the machines; `global` when absent.
    pub location: Option<&'a str>,
}

/// Why there is no URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// The dialect has no such operation.
    #[error("the dialect {0} cannot do this")]
    Operation(Dialect),
    /// Neither the base URL nor the credential names a project.
    #[error(
        "no project is known: put it into the base_url (…/projects/PROJECT/locations/LOCATION)"
    )]
    Project,
}

/// The version of Azure's API that is asked for when the base URL names none: the last one that is
/// generally available. <https://learn.microsoft.com/azure/ai-services/openai/api-version-lifecycle>
pub const AZURE_API_VERSION: &str = "2024-10-21";

/// The URL for a request.
///
/// # Errors
/// When the dialect cannot do what is asked for, or a part of the URL is known to nobody.
pub fn address(to: &Destination<'_>) -> Result<String, NoAddress> {
    let (path, query) = to.base_url.split_once('?').unwrap_or((to.base_url, ""));
    let path = path.trim_end_matches('/');
    let added = match to.dialect {
        Dialect::OpenaiChat => openai(to.operation, "/chat/completions"),
        Dialect::OpenaiResponses => openai(to.operation, "/responses"),
        Dialect::AnthropicMessages => anthropic(to.operation),
        Dialect::Gemini => gemini(&gemini_model(to.native_model), to.operation),
        Dialect::Cohere => cohere(to.operation),
        Dialect::BedrockConverse => bedrock(to),
        Dialect::AzureOpenai => return azure(to, path, query),
        Dialect::Vertex => return vertex(to, path, query),
        // Nobody is asked in these.
        Dialect::OpenaiCompletions | Dialect::OpenaiEmbeddings | Dialect::Rerank => None,
    };
    let added = added.ok_or(NoAddress::Operation(to.dialect))?;
    Ok(join(path, &added, query))
}

/// A base URL's path, what is added to it, and both of their queries.
fn join(path: &str, added: &str, query: &str) -> String {
    match (query, added.contains('?')) {
        ("", _) => [path, added].concat(),
        (query, false) => [path, added, "?", query].concat(),
        (query, true) => [path, added, "&", query].concat(),
    }
}

fn openai(operation: Operation, generate: &str) -> Option<String> {
    let path = match operation {
        Operation::Generate | Operation::Stream => generate,
        Operation::Embed => "/embeddings",
        Operation::Rerank => "/rerank",
        Operation::CountTokens => return None,
    };
    Some(path.to_owned())
}

fn anthropic(operation: Operation) -> Option<String> {
    match operation {
        Operation::Generate | Operation::Stream => Some("/messages".to_owned()),
        Operation::CountTokens => Some("/messages/count_tokens".to_owned()),
        Operation::Embed | Operation::Rerank => None,
    }
}

fn cohere(operation: Operation) -> Option<String> {
    let path = match operation {
        Operation::Generate | Operation::Stream => "/chat",
        Operation::Embed => "/embed",
        Operation::Rerank => "/rerank",
        Operation::CountTokens => return None,
    };
    Some(path.to_owned())
}

/// A model's path: `models/NAME`, unless the name says that it is something else (`tunedModels/…`).
fn gemini_model(native_model: &str) -> String {
    let named = match native_model.split_once('/') {
        Some(("models" | "tunedModels", _)) => native_model.to_owned(),
        _ => format!("models/{native_model}"),
    };
    let segments = named.split('/').map(|segment| encoded(segment, b"@:"));
    segments.collect::<Vec<_>>().join("/")
}

fn gemini(model: &str, operation: Operation) -> Option<String> {
    let verb = match operation {
        Operation::Generate => "generateContent",
        Operation::Stream => "streamGenerateContent?alt=sse",
        Operation::Embed => "batchEmbedContents",
        Operation::CountTokens => "countTokens",
        Operation::Rerank => return None,
    };
    Some(format!("/{model}:{verb}"))
}

fn bedrock(to: &Destination<'_>) -> Option<String> {
    let verb = match (to.operation, to.body) {
        (Operation::Generate, Dialect::BedrockConverse) => "converse",
        (Operation::Stream, Dialect::BedrockConverse) => "converse-stream",
        (Operation::Stream, _) => "invoke-with-response-stream",
        (Operation::Generate | Operation::Embed | Operation::Rerank, _) => "invoke",
        (Operation::CountTokens, _) => "count-tokens",
    };
    let model = match to.operation {
        Operation::CountTokens => of_foundation(to.native_model),
        _ => to.native_model,
    };
    // An id may be an ARN with slashes in it, and is one segment all the same.
    Some(format!("/model/{}/{verb}", encoded(model, b"")))
}

/// The model behind an inference profile: tokens are counted by models, not by regions.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html> (2026)
fn of_foundation(native_model: &str) -> &str {
    const REGIONS: &[&str] = &["us", "eu", "apac", "jp", "au", "us-gov", "global"];
    match native_model.split_once('.') {
        Some((region, model)) if REGIONS.contains(&region) => model,
        _ => native_model,
    }
}

/// The version of the API in front of all of Azure's models that is asked for when the base URL names
/// none. <https://learn.microsoft.com/rest/api/aifoundry/modelinference/>
pub const AZURE_MODELS_VERSION: &str = "2024-05-01-preview";

/// The base URL is the resource's address, with or without `/openai` or `/openai/v1`; or it names the
/// deployment itself (`…/openai/deployments/NAME`), or the one path of all models (`…/models`).
fn azure(to: &Destination<'_>, path: &str, query: &str) -> Result<String, NoAddress> {
    let last = match to.body {
        Dialect::OpenaiResponses => "/responses",
        _ => "/chat/completions",
    };
    let added = openai(to.operation, last).ok_or(NoAddress::Operation(to.dialect))?;
    let (path, named) = match path.split_once("/openai/deployments/") {
        Some((resource, named)) => (resource, Some(named)),
        None => (path, None),
    };
    let (path, is_of_models) = match path.strip_suffix("/models") {
        Some(resource) => (resource, true),
        None => (path, false),
    };
    let (resource, is_versionless) = match path.strip_suffix("/openai/v1") {
        Some(resource) => (resource, true),
        None => (path.strip_suffix("/openai").unwrap_or(path), false),
    };
    // Responses exist only under the path without versions, where the deployment is the body's model.
    if last == "/responses" {
        let query = without_version(query);
        return Ok(join(&format!("{resource}/openai/v1"), &added, &query));
    }
    if is_versionless {
        return Ok(join(&format!("{resource}/openai/v1"), &added, query));
    }
    let (added, version) = match (is_of_models, named) {
        (true, _) => (format!("/models{added}"), AZURE_MODELS_VERSION),
        (false, named) => {
            let deployment = encoded(to.native_model, b"");
            let deployment = named.unwrap_or(&deployment);
            let added = format!("/openai/deployments/{deployment}{added}");
            (added, AZURE_API_VERSION)
        }
    };
    let has_version = query.split('&').any(is_version);
    if has_version {
        return Ok(join(resource, &added, query));
    }
    Ok(join(
        resource,
        &format!("{added}?api-version={version}"),
        query,
    ))
}

fn is_version(pair: &str) -> bool {
    pair.starts_with("api-version=")
}

/// A query without a date that the path without versions refuses; `preview` and `v1` it takes.
fn without_version(query: &str) -> String {
    let is_dated = |pair: &&str| is_version(pair) && pair.contains("=20");
    let kept: Vec<_> = query.split('&').filter(|pair| !is_dated(pair)).collect();
    kept.join("&")
}

/// The base URL may end before `/projects/…`, before `/publishers/…`, or with a publisher; with one
/// but no project it is that of the express mode, which has keys in place of projects.
fn vertex(to: &Destination<'_>, path: &str, query: &str) -> Result<String, NoAddress> {
    let unable = NoAddress::Operation(to.dialect);
    let root = path.split("/publishers/").next().unwrap_or(path);
    // The machines of no particular location are the only ones without a prefix.
    let root = root.replacen("://global-aiplatform.", "://aiplatform.", 1);
    let is_placed = root.contains("/projects/") || path.contains("/publishers/");
    let root = match is_placed {
        true => root,
        false => {
            let project = to.place.project.ok_or(NoAddress::Project)?;
            let location = to.place.location.unwrap_or("global");
            format!("{root}/projects/{project}/locations/{location}")
        }
    };
    let model = encoded(to.native_model, b"@:");
    let added = match (to.body, to.operation) {
        (Dialect::AnthropicMessages, Operation::Generate) => {
            format!("/publishers/anthropic/models/{model}:rawPredict")
        }
        (Dialect::AnthropicMessages, Operation::Stream) => {
            format!("/publishers/anthropic/models/{model}:streamRawPredict")
        }
        (Dialect::AnthropicMessages, Operation::CountTokens) => {
            "/publishers/anthropic/models/count-tokens:rawPredict".to_owned()
        }
        (Dialect::OpenaiChat, Operation::Generate | Operation::Stream) => {
            "/endpoints/openapi/chat/completions".to_owned()
        }
        (Dialect::Gemini | Dialect::Vertex, Operation::Embed) => {
            format!("/publishers/google/models/{model}:predict")
        }
        (Dialect::Gemini | Dialect::Vertex, operation) => {
            let added = gemini(&format!("models/{model}"), operation).ok_or(unable)?;
            format!("/publishers/google{added}")
        }
        _ => return Err(unable),
    };
    Ok(join(&root, &added, query))
}

/// Percent-encodes everything but RFC 3986's unreserved characters and those in `kept`.
fn encoded(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if is_unreserved || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
