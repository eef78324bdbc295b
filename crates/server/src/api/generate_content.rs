//! `POST /models/{model}:{verb}`: the door where `gemini` is spoken.
//!
//! The path names the model, with or without its author, percent-encoded or not, and what is asked:
//! `generateContent`, `streamGenerateContent` (events with `alt=sse`, else one JSON array),
//! `countTokens`, `embedContent` or `batchEmbedContents`. The key may stand in the query, as Google takes it; it ends here.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use catalog::Catalog;
use chat::{Dialect, Error, Kind};
use http::Uri;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue};
use wire::Beside;
use wire::gemini::{counted_request, embedding_answer, embedding_request};

use super::inference::{answer, count};
use super::new_call::Spoken;
use crate::app::App;
use crate::reply::{Answer, Rescue};
use crate::{body, caller};

const KEY: HeaderName = HeaderName::from_static("x-goog-api-key");

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Generate,
    Stream,
    Count,
    Embed,
    EmbedBatch,
}

/// Answers `POST /models/{model}:{verb}`.
pub async fn create(State(app): State<Arc<App>>, mut request: Request) -> Answer {
    take_key(&mut request);
    let (model, verb) = target(request.uri(), &app.catalog.load()).map_err(refused)?;
    if let Verb::Embed | Verb::EmbedBatch = verb {
        let is_batch = verb == Verb::EmbedBatch;
        return embed(&app, request, (&model, is_batch))
            .await
            .map_err(in_googles_shape);
    }
    let is_stream = verb == Verb::Stream;
    let beside = Beside {
        model: Some(model),
        stream: is_stream,
        as_array: is_stream && parameter(request.uri(), "alt") != Some("sse"),
        ..Beside::default()
    };
    if verb == Verb::Count {
        let request = unwrapped(&app, request).await.map_err(refused)?;
        return count(&app, request, Spoken::new(Dialect::Gemini, beside)).await;
    }
    answer(&app, request, Spoken::new(Dialect::Gemini, beside)).await
}

fn refused(error: Error) -> Rescue {
    in_googles_shape(Rescue::from(error))
}

fn in_googles_shape(rescue: Rescue) -> Rescue {
    rescue.in_dialect(Dialect::Gemini)
}

/// Asks the door of embeddings, in its words, and tells its answer in Google's.
async fn embed(app: &Arc<App>, request: Request, (model, is_batch): (&str, bool)) -> Answer {
    let write = |content: &Bytes| embedding_request(content, model, is_batch);
    let request = rewritten(app, request, write).await?;
    let spoken = Spoken::new(Dialect::OpenaiEmbeddings, Beside::default());
    let (mut head, content) = answer(app, request, spoken).await?.into_parts();
    // It comes from us, whole and as long as a provider may answer.
    let content = axum::body::to_bytes(content, usize::MAX).await;
    let told = content
        .ok()
        .and_then(|content| embedding_answer(&content, is_batch));
    let told = told.ok_or_else(|| Error::gateway(Kind::Server, "the vectors cannot be read"))?;
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, Body::from(told)))
}

/// Takes the request out that a question how long it is may be wrapped around.
async fn unwrapped(app: &App, request: Request) -> Result<Request, Error> {
    rewritten(app, request, |content| Ok(counted_request(content))).await
}

/// The request with another body. Who asks is known before a body is read.
async fn rewritten(
    app: &App,
    request: Request,
    write: impl FnOnce(&Bytes) -> Result<Bytes, Error>,
) -> Result<Request, Error> {
    let (head, content) = request.into_parts();
    let now_ms = app.clock.now_ms();
    let caller = caller::identify(&head.headers, &app.keyring.load(), now_ms)?;
    caller::may_call(&caller)?;
    let within = app.request_body;
    let content = body::read(&head.headers, content, app.body_bytes_max, within).await?;
    let mut request = Request::from_parts(head, Body::from(write(&content)?));
    // The length that was declared is that of the other.
    request.headers_mut().remove(CONTENT_LENGTH);
    Ok(request)
}

/// Moves a key in the query to where keys are looked for; one in a header wins.
pub(crate) fn take_key(request: &mut Request) {
    let named = ["x-goog-api-key", "x-api-key", AUTHORIZATION.as_str()];
    if named
        .iter()
        .any(|name| request.headers().contains_key(*name))
    {
        return;
    }
    let key = parameter(request.uri(), "key").and_then(decoded);
    if let Some(value) = key.and_then(|key| HeaderValue::from_str(&key).ok()) {
        request.headers_mut().insert(KEY, value);
    }
}

/// The model that a path names, and what is asked of it.
fn target(uri: &Uri, catalog: &Catalog) -> Result<(String, Verb), Error> {
    let unknown = || {
        let message = format!(
            "There is nothing at {}: a model is asked at /models/MODEL:generateContent, \
             :streamGenerateContent, :countTokens, :embedContent or :batchEmbedContents",
            uri.path()
        );
        Error::caller(Kind::NotFound, message)
    };
    let path = uri.path();
    let after = |mark| path.split_once(mark).map(|(_, rest)| rest);
    let rest = after("/models/")
        .or_else(|| after("/v1beta/"))
        .ok_or_else(unknown)?;
    let rest = decoded(rest).ok_or_else(unknown)?;
    let (model, verb) = rest.rsplit_once(':').ok_or_else(unknown)?;
    let verb = match verb {
        "generateContent" => Verb::Generate,
        "streamGenerateContent" => Verb::Stream,
        "countTokens" => Verb::Count,
        "embedContent" => Verb::Embed,
        "batchEmbedContents" => Verb::EmbedBatch,
        _ => return Err(unknown()),
    };
    let model = model.strip_prefix("models/").unwrap_or(model);
    Ok((with_author(model, catalog), verb))
}

/// Google's own clients name models without an author: the one model of that name is meant.
fn with_author(model: &str, catalog: &Catalog) -> String {
    if model.contains('/') || catalog.resolve(model).is_some() {
        return model.to_owned();
    }
    let name = |slug: &str| slug.split_once('/').is_some_and(|(_, name)| name == model);
    let mut found = catalog.models().filter(|one| name(one.slug.as_str()));
    match (found.next(), found.next()) {
        (Some(one), None) => one.slug.as_str().to_owned(),
        _ => model.to_owned(),
    }
}

/// A parameter of the query, as it is written.
fn parameter<'u>(uri: &'u Uri, name: &str) -> Option<&'u str> {
    let mut pairs = uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Percent-encoded text; `None` where it is no text.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let byte = digit(high)? * 16 + digit(low)?;
                out.push(u8::try_from(byte).ok()?);
                rest = after;
            }
            (byte, after) => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_model_in_every_form() {
        for (path, model, verb) in [
            (
                "/v1beta/models/google/gemini-2.5-flash:generateContent",
                "google/gemini-2.5-flash",
                Verb::Generate,
            ),
            (
                "/v1beta/models/google%2Fgemini-2.5-flash%3AstreamGenerateContent?alt=sse",
                "google/gemini-2.5-flash",
                Verb::Stream,
            ),
            (
                "/api/v1/models/models/a/b:free:countTokens",
                "a/b:free",
                Verb::Count,
            ),
            (
                "/v1/models/nobody-knows:generateContent",
                "nobody-knows",
                Verb::Generate,
            ),
        ] {
            let uri: Uri = path.parse().unwrap();
            let found = target(&uri, &Catalog::default()).unwrap();
            assert_eq!(found, (model.to_owned(), verb), "{path}");
        }
        for path in [
            "/v1/models/a/b",
            "/v1/models/a/b:tuneContent",
            "/v1/models/%ff:generateContent",
        ] {
            let uri: Uri = path.parse().unwrap();
            let error = target(&uri, &Catalog::default()).unwrap_err();
            assert_eq!(error.kind, Kind::NotFound, "{path}");
        }
    }

    #[test]
    fn a_key_in_the_query_is_used_where_no_header_has_one() {
        let request = |key: Option<&str>| {
            let mut request = Request::new(axum::body::Body::empty());
            *request.uri_mut() = "/v1beta/models/a:generateContent?alt=sse&key=sk%2D1"
                .parse()
                .unwrap();
            if let Some(key) = key {
                request
                    .headers_mut()
                    .insert("x-goog-api-key", key.parse().unwrap());
            }
            take_key(&mut request);
            request.headers()[KEY].to_str().unwrap().to_owned()
        };
        assert_eq!(request(None), "sk-1");
        assert_eq!(request(Some("mine")), "mine");
    }
}
