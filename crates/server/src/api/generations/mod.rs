//! `GET /generations`: records by any filter, newest first, in pages or as a whole export. Not in
//! OpenRouter's API.
//!
//! `asked`: what may be asked. `list`: a page as JSON. `export`: everything, as it is read. `columns`:
//! records as rows of a table.

mod asked;
mod columns;
mod export;
mod list;

use std::sync::Arc;

use axum::extract::{Query, State};
use chat::{Error, Kind};

use crate::app::App;
use crate::caller::Caller;
use crate::reply::Answer;

use asked::Asked;
pub(crate) use asked::{cursor, kinds_of, read_cursor, settled_first};

/// Answers `GET /generations`. A management key sees all of the house or, by `workspace_id`, a
/// workspace; an inference key what it has done itself.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    let query = asked.query(&caller)?;
    settled_first(&app).await;
    match asked.format() {
        None | Some("json") => list::page(&app, &query).await,
        Some("csv") => Ok(export::stream(&app, query, export::Form::Csv)),
        Some("jsonl") => Ok(export::stream(&app, query, export::Form::JsonLines)),
        Some("parquet") => Ok(export::stream(&app, query, export::Form::Parquet)),
        Some(other) => {
            let message = format!(
                "format: \"{other}\" is none of \"json\", \"csv\", \"jsonl\" and \"parquet\""
            );
            Err(Error::caller(Kind::InvalidRequest, message)
                .with_field("format")
                .into())
        }
    }
}
