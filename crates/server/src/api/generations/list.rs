//! A page of records as JSON.

use http::StatusCode;
use serde::Serialize;
use store::ListQuery;

use super::cursor;
use crate::api::generation::{View, named_view};
use crate::app::App;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::iso_millis;

#[derive(Serialize)]
struct List<'a> {
    data: Vec<View<'a>>,
    /// For the next page; null after the last. A page may be short, or empty, and have a next one.
    next_cursor: Option<String>,
    /// Where the next page begins: everything since then was looked at. Null after the last.
    searched_from: Option<String>,
}

/// Answers with a page.
pub(super) async fn page(app: &App, query: &ListQuery) -> Answer {
    let page = app.store.list(query).await.map_err(storage_trouble)?;
    let list = List {
        data: page
            .records
            .iter()
            .map(|record| named_view(app, record))
            .collect(),
        next_cursor: page.next.map(cursor),
        searched_from: page.looked_from_ms().map(iso_millis),
    };
    reply::json(StatusCode::OK, &list)
}
