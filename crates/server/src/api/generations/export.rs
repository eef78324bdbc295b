//! All records that fit, as they are read: never more than two pages in memory, and of Parquet one row
//! group.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use ledger::{Amount, Generation};
use store::{ListQuery, csv_field};

use super::columns::{COLUMNS, cells};
use crate::api::generation::named_view;
use crate::app::App;
use crate::parquet::{Cell, Kind, Table};
use crate::time::iso;

/// Records read at a time.
const PAGE: usize = 500;

/// The forms that an export has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For spreadsheets: a table.
    Csv,
    /// For programs: a line of JSON per record, as `GET /generation` has it.
    JsonLines,
    /// For analysis: the same table, by columns.
    Parquet,
}

/// Writes records in a form.
enum Writer {
    Csv,
    JsonLines,
    Parquet(Table),
}

/// What is being exported.
struct Export {
    app: Arc<App>,
    query: ListQuery,
    /// `None` when all was written.
    writer: Option<Writer>,
    /// Whether there may be another page.
    goes_on: bool,
}

/// Answers with everything. An export that breaks off ends the connection before its time, so that
/// nobody takes it for whole.
pub(super) fn stream(app: &Arc<App>, query: ListQuery, form: Form) -> Response {
    let (kind, name) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "generations.csv"),
        Form::JsonLines => ("application/x-ndjson", "generations.jsonl"),
        Form::Parquet => ("application/vnd.apache.parquet", "generations.parquet"),
    };
    let (writer, head) = Writer::open(form);
    let export = Export {
        app: Arc::clone(app),
        query: ListQuery {
            count: PAGE,
            ..query
        },
        writer: Some(writer),
        goes_on: true,
    };
    let head = stream::once(async { Ok(head) });
    let pages = stream::try_unfold(export, |mut export| async {
        Ok::<_, io::Error>(export.page().await?.map(|bytes| (bytes, export)))
    });
    let body = Body::from_stream(stream::StreamExt::chain(head, pages));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let mut response = (StatusCode::OK, [(CONTENT_TYPE, kind)], body).into_response();
    if let Ok(disposition) = disposition {
        response
            .headers_mut()
            .insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

impl Export {
    /// The next bytes; `None` after the last.
    async fn page(&mut self) -> io::Result<Option<Vec<u8>>> {
        while self.goes_on {
            let page = self.app.store.list(&self.query).await.map_err(|error| {
                tracing::warn!(%error, "an export broke off");
                io::Error::other(error)
            })?;
            self.goes_on = page.next.is_some();
            self.query.before = page.next.or(self.query.before);
            let mut bytes = Vec::new();
            if let Some(writer) = &mut self.writer {
                for record in &page.records {
                    writer.push(&self.app, record, &mut bytes)?;
                }
            }
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        self.writer.take().map(Writer::end).transpose()
    }
}

impl Writer {
    /// A writer, and how its form begins.
    fn open(form: Form) -> (Self, Vec<u8>) {
        match form {
            Form::Csv => {
                let names = COLUMNS.map(|column| column.name);
                (Self::Csv, format!("{}\r\n", names.join(",")).into_bytes())
            }
            Form::JsonLines => (Self::JsonLines, Vec::new()),
            Form::Parquet => {
                let (table, head) = Table::new(&COLUMNS);
                (Self::Parquet(table), head)
            }
        }
    }

    fn push(&mut self, app: &App, record: &Generation, bytes: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Csv => bytes.extend(csv(record).into_bytes()),
            Self::JsonLines => {
                serde_json::to_writer(&mut *bytes, &named_view(app, record))?;
                bytes.push(b'\n');
            }
            Self::Parquet(table) => bytes.extend(table.push(cells(record))?),
        }
        Ok(())
    }

    /// How the form ends.
    fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Csv | Self::JsonLines => Ok(Vec::new()),
            Self::Parquet(table) => table.end(),
        }
    }
}

/// A record as a line of CSV (RFC 4180).
fn csv(record: &Generation) -> String {
    let fields = COLUMNS.iter().zip(cells(record)).map(|(column, cell)| {
        let field = match (cell, column.kind) {
            (Cell::Text(text), _) => text.unwrap_or_default().into_owned(),
            (Cell::Flag(flag), _) => flag.to_string(),
            (Cell::Number(None), _) => String::new(),
            (Cell::Number(Some(at_ms)), Kind::Moment) => iso(at_ms),
            (Cell::Number(Some(nanos)), Kind::Usd) => Amount::from_nanos(nanos).to_string(),
            (Cell::Number(Some(number)), _) => number.to_string(),
        };
        csv_field(&field)
    });
    format!("{}\r\n", fields.collect::<Vec<_>>().join(","))
}
