//! `GET /ledger/entries`: the double-entry ledger itself, in pages, as JSON or CSV. For management
//! keys; not in OpenRouter's API.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::IntoResponse as _;
use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use serde::Deserialize;
use store::ExportAfter;

use super::desk::invalid;
use crate::app::App;
use crate::caller::Management;
use crate::export;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::{day_after, read_date};

/// The most entries, or calls whose entries they are, of one page.
const PAGE_MAX: u32 = 1000;

/// Where the next page of CSV begins.
const NEXT: HeaderName = HeaderName::from_static("x-waybill-next");

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    from: Option<String>,
    to: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
    format: Option<String>,
}

/// Answers `GET /ledger/entries`. Both days are in it.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(asked): Query<Asked>,
) -> Answer {
    let day = |field: &str, text: &Option<String>| {
        let read = |text: &String| read_date(text).map_err(|message| invalid(field, message));
        text.as_ref().map(read).transpose()
    };
    let from_ms = day("from", &asked.from)?.unwrap_or(i64::MIN);
    let to_ms = day("to", &asked.to)?.map_or(i64::MAX, day_after);
    let after = match &asked.after {
        None => ExportAfter::beginning(),
        Some(text) => ExportAfter::from_text(text)
            .ok_or_else(|| invalid("after", "take it from \"next\" of the page before"))?,
    };
    let limit = asked.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let page = app.store.export(&after, (from_ms, to_ms), limit).await;
    let (entries, next) = page.map_err(storage_trouble)?;
    match asked.format.as_deref() {
        None | Some("json") => reply::json(StatusCode::OK, &export::page(&entries, next.as_ref())),
        Some("csv") => {
            let mut text = export::CSV_HEAD.to_owned();
            text.extend(entries.iter().map(export::csv));
            let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned())];
            let next = next.map(|next| [(NEXT, next.to_string())]);
            Ok((StatusCode::OK, headers, next, text).into_response())
        }
        Some(other) => {
            let message = format!("\"{other}\" is neither \"csv\" nor \"json\"");
            Err(invalid("format", message).into())
        }
    }
}
