//! `GET /model/{author}/{slug}`: one model; aliases and dated slugs lead to it. The clients of OpenAI,
//! Anthropic and Google ask for `/models/{model}`, and are told in their own shapes.

use std::sync::Arc;

use axum::extract::{OriginalUri, Path, State};
use catalog::{Catalog, Model};
use chat::{Dialect, Error, Kind};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::json;

use super::models::json;
use super::{anthropic_models, gemini_models};
use crate::app::App;
use crate::reply::{self, Answer, Rescue};

/// Answers `GET /model/{author}/{slug}`.
pub async fn get(
    State(app): State<Arc<App>>,
    Path((author, slug)): Path<(String, String)>,
) -> Answer {
    let catalog = app.catalog.load();
    let model = find(&catalog, &author, &slug)?;
    reply::json(StatusCode::OK, &json!({"data": json::model(model)}))
}

/// Answers `GET /models/{model}`, percent-encoded or not.
pub async fn retrieve(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    Path(names): Path<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Answer {
    let names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
    let shape = shape(&headers, &uri);
    let catalog = app.catalog.load();
    let refuse = |error| Rescue::from(error).in_dialect(shape);
    let model = named(&catalog, &names.join("/")).map_err(refuse)?;
    match shape {
        Dialect::Gemini => reply::json(StatusCode::OK, &gemini_models::listed(model)),
        Dialect::AnthropicMessages => reply::json(StatusCode::OK, &anthropic_models::listed(model)),
        _ => reply::json(StatusCode::OK, &json::model(model)),
    }
}

/// Whose shape is expected: that of the headers that a client sends, or of the place where it looks.
fn shape(headers: &HeaderMap, uri: &Uri) -> Dialect {
    if uri.path().contains("/v1beta/") || headers.contains_key("x-goog-api-key") {
        return Dialect::Gemini;
    }
    match anthropic_models::asks(headers) {
        true => Dialect::AnthropicMessages,
        false => Dialect::OpenaiChat,
    }
}

/// The model that a path means.
///
/// # Errors
/// 404 with the nearest names when there is none.
pub fn find<'a>(catalog: &'a Catalog, author: &str, slug: &str) -> Result<&'a Arc<Model>, Error> {
    named(catalog, &format!("{author}/{slug}"))
}

fn named<'a>(catalog: &'a Catalog, wanted: &str) -> Result<&'a Arc<Model>, Error> {
    catalog
        .resolve(wanted)
        .map(|found| found.model)
        .ok_or_else(|| {
            let mut message = format!("There is no model \"{wanted}\"");
            let near: Vec<String> = catalog
                .suggest(wanted)
                .iter()
                .map(ToString::to_string)
                .collect();
            if !near.is_empty() {
                message.push_str("; did you mean ");
                message.push_str(&near.join(" or "));
                message.push('?');
            }
            Error::caller(Kind::NotFound, message)
        })
}
