//! Where each dialect is reached, below a persona's root.

use http::Method;
use serde_json::Value;

use super::anthropic_messages::{self as messages, AnthropicMessages};
use super::azure_openai::AzureOpenai;
use super::bedrock_converse::{self as converse, BedrockConverse};
use super::cohere::{self, Cohere};
use super::gemini::{self, Gemini};
use super::openai_chat::OpenaiChat;
use super::openai_completions::OpenaiCompletions;
use super::openai_responses::OpenaiResponses;
use super::{Dialect, Made, Problem, Received, embeddings, lists, rerank};
use crate::encoding::{parameter, percent_decoded};

/// How a call is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The configured key, in any of the usual headers.
    Key,
    /// AWS's signature, or the configured key as a bearer token.
    Aws,
    /// An access token of the token endpoint.
    Google,
    /// Anyone.
    Open,
}

/// What is done with a call.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// Text is generated, in the route's dialect.
    Generate,
    /// Something else is made: embeddings, a ranking, a count.
    Make(fn(&Received<'_>) -> Result<Made, Problem>),
    /// A list of models, for the path that was asked.
    List(fn(&str) -> Value),
    /// An access token.
    Token,
}

/// Where a path leads.
pub(crate) struct Route {
    pub(crate) speaks: &'static dyn Dialect,
    pub(crate) act: Act,
    pub(crate) gate: Gate,
    /// The model, where the path names it.
    pub(crate) model: Option<String>,
    /// Whether the path asks for a stream, where it says so.
    pub(crate) streams: Option<bool>,
}

impl Route {
    fn to(speaks: &'static dyn Dialect, act: Act, gate: Gate) -> Self {
        Self {
            speaks,
            act,
            gate,
            model: None,
            streams: None,
        }
    }

    /// The same for a model in the path, percent-encoded there.
    fn of(self, model: &str) -> Option<Self> {
        let model = percent_decoded(model).filter(|model| !model.is_empty())?;
        Some(Self {
            model: Some(model),
            ..self
        })
    }

    fn streaming(self, streams: bool) -> Self {
        Self {
            streams: Some(streams),
            ..self
        }
    }
}

const CHAT: &dyn Dialect = &OpenaiChat;
const MESSAGES: &dyn Dialect = &AnthropicMessages::Direct;

/// Paths without anything that varies.
const FIXED: [(&str, &dyn Dialect, Act); 13] = [
    ("/v1/chat/completions", CHAT, Act::Generate),
    ("/v1/completions", &OpenaiCompletions, Act::Generate),
    ("/v1/responses", &OpenaiResponses, Act::Generate),
    ("/v1/embeddings", CHAT, Act::Make(embeddings::openai)),
    ("/v1/rerank", CHAT, Act::Make(rerank::plain)),
    ("/v1/messages", MESSAGES, Act::Generate),
    (
        "/v1/messages/count_tokens",
        MESSAGES,
        Act::Make(messages::count_tokens),
    ),
    ("/v2/chat", &Cohere, Act::Generate),
    ("/v2/embed", &Cohere, Act::Make(cohere::embed)),
    ("/v2/rerank", &Cohere, Act::Make(rerank::cohere)),
    ("/token", CHAT, Act::Token),
    (
        "/computeMetadata/v1/instance/service-accounts/default/token",
        CHAT,
        Act::Token,
    ),
    ("/v1beta/models", GEMINI, Act::List(lists::gemini)),
];
const GEMINI: &dyn Dialect = &Gemini::Studio;

/// Where a call leads; `None` for paths that no provider has.
pub(crate) fn route(method: &Method, path: &str, query: &str) -> Option<Route> {
    let fixed = FIXED.iter().find(|(at, ..)| *at == path);
    if let Some((_, speaks, act)) = fixed {
        let gate = match act {
            Act::Token => Gate::Open,
            Act::Generate | Act::Make(_) | Act::List(_) => Gate::Key,
        };
        return Some(Route::to(*speaks, *act, gate));
    }
    if let Some(rest) = path.strip_prefix("/model/") {
        return bedrock(rest);
    }
    if let Some(rest) = path.strip_prefix("/openai/") {
        return azure(rest);
    }
    if path.ends_with("/oauth2/v2.0/token") {
        return Some(Route::to(CHAT, Act::Token, Gate::Open));
    }
    if path.starts_with("/v1") && path.ends_with("/endpoints/openapi/chat/completions") {
        return Some(Route::to(CHAT, Act::Generate, Gate::Google));
    }
    if let Some((_, rest)) = path.split_once("/publishers/") {
        return vertex(rest, query);
    }
    if let Some(rest) = path.strip_prefix("/v1beta/models/") {
        return studio(rest, query);
    }
    let rest = path.strip_prefix("/v1/models")?;
    if rest.is_empty() || (rest.starts_with('/') && method == Method::GET) {
        return Some(Route::to(CHAT, Act::List(lists::openai), Gate::Key));
    }
    studio(rest.strip_prefix('/')?, query)
}

/// The dialect whose error shape is used where a path leads nowhere.
pub(crate) fn nearest(path: &str) -> &'static dyn Dialect {
    let starts: [(&str, &'static dyn Dialect); 6] = [
        ("/v1/messages", MESSAGES),
        ("/v1beta", GEMINI),
        ("/v1/projects/", &Gemini::Vertex),
        ("/model/", &BedrockConverse),
        ("/openai/", &AzureOpenai),
        ("/v2/", &Cohere),
    ];
    let found = starts.iter().find(|(start, _)| path.starts_with(start));
    found.map_or(CHAT, |(_, speaks)| *speaks)
}

/// `MODEL:verb` of Google's API for developers.
fn studio(rest: &str, query: &str) -> Option<Route> {
    let (model, verb) = rest.rsplit_once(':')?;
    let route = |speaks, act| Route::to(speaks, act, Gate::Key);
    let route = match verb {
        "generateContent" => route(GEMINI, Act::Generate).streaming(false),
        "streamGenerateContent" => match parameter(query, "alt").as_deref() {
            Some("sse") => route(GEMINI, Act::Generate).streaming(true),
            _ => route(&Gemini::StudioArray, Act::Generate).streaming(true),
        },
        "countTokens" => route(GEMINI, Act::Make(gemini::count_tokens)),
        "embedContent" => route(GEMINI, Act::Make(embeddings::gemini)),
        "batchEmbedContents" => route(GEMINI, Act::Make(embeddings::gemini_batch)),
        _ => return None,
    };
    route.of(model)
}

/// `PUBLISHER/models/MODEL:verb` of Google's cloud.
fn vertex(rest: &str, query: &str) -> Option<Route> {
    let (publisher, rest) = rest.split_once("/models/")?;
    let (model, verb) = rest.rsplit_once(':')?;
    let route = |speaks, act| Route::to(speaks, act, Gate::Google);
    let route = match (publisher, verb) {
        ("anthropic", "rawPredict") if model == "count-tokens" => {
            let act = Act::Make(messages::count_tokens_on_vertex);
            return Some(route(&AnthropicMessages::Vertex, act));
        }
        ("anthropic", "rawPredict") => {
            route(&AnthropicMessages::Vertex, Act::Generate).streaming(false)
        }
        ("anthropic", "streamRawPredict") => {
            route(&AnthropicMessages::Vertex, Act::Generate).streaming(true)
        }
        (_, "generateContent") => route(&Gemini::Vertex, Act::Generate).streaming(false),
        (_, "streamGenerateContent") => match parameter(query, "alt").as_deref() {
            Some("sse") => route(&Gemini::Vertex, Act::Generate).streaming(true),
            _ => route(&Gemini::VertexArray, Act::Generate).streaming(true),
        },
        (_, "countTokens") => route(&Gemini::Vertex, Act::Make(gemini::count_tokens)),
        (_, "predict") => route(&Gemini::Vertex, Act::Make(embeddings::vertex)),
        _ => return None,
    };
    route.of(model)
}

/// `MODEL/verb` of Amazon Bedrock.
fn bedrock(rest: &str) -> Option<Route> {
    let (model, verb) = rest.rsplit_once('/')?;
    let route = |speaks, act| Route::to(speaks, act, Gate::Aws);
    let route = match verb {
        "converse" => route(&BedrockConverse, Act::Generate).streaming(false),
        "converse-stream" => route(&BedrockConverse, Act::Generate).streaming(true),
        "invoke" => route(&AnthropicMessages::Bedrock, Act::Generate).streaming(false),
        "invoke-with-response-stream" => {
            route(&AnthropicMessages::Bedrock, Act::Generate).streaming(true)
        }
        "count-tokens" => route(&BedrockConverse, Act::Make(converse::count_tokens)),
        _ => return None,
    };
    route.of(model)
}

/// `deployments/DEPLOYMENT/…` and `v1/…` of Azure.
fn azure(rest: &str) -> Option<Route> {
    let route = |act| Route::to(&AzureOpenai, act, Gate::Key);
    if let Some(rest) = rest.strip_prefix("deployments/") {
        let (deployment, operation) = rest.split_once('/')?;
        let route = match operation {
            "chat/completions" => route(Act::Generate),
            "embeddings" => route(Act::Make(embeddings::openai)),
            _ => return None,
        };
        return route.of(deployment);
    }
    Some(match rest {
        "v1/chat/completions" => route(Act::Generate),
        "v1/embeddings" => route(Act::Make(embeddings::openai)),
        "v1/responses" | "responses" => Route::to(&OpenaiResponses, Act::Generate, Gate::Key),
        _ => return None,
    })
}
