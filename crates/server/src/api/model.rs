//! `GET /model/{author}/{slug}`: one model; aliases and dated slugs lead to it.

use std::sync::Arc;

use axum::extract::{Path, State};
use catalog::{Catalog, Model};
use chat::{Error, Kind};
use http::StatusCode;
use serde_json::json;

use super::models::json;
use crate::app::App;
use crate::reply::{self, Answer};

/// Answers `GET /model/{author}/{slug}`.
pub async fn get(
    State(app): State<Arc<App>>,
    Path((author, slug)): Path<(String, String)>,
) -> Answer {
    let catalog = app.catalog.load();
    let model = find(&catalog, &author, &slug)?;
    reply::json(StatusCode::OK, &json!({"data": json::model(model)}))
}

/// The model that a path means.
///
/// # Errors
/// 404 with the nearest names when there is none.
pub fn find<'a>(catalog: &'a Catalog, author: &str, slug: &str) -> Result<&'a Arc<Model>, Error> {
    let wanted = format!("{author}/{slug}");
    catalog
        .resolve(&wanted)
        .map(|found| found.model)
        .ok_or_else(|| {
            let mut message = format!("There is no model \"{wanted}\"");
            let near: Vec<String> = catalog
                .suggest(&wanted)
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
