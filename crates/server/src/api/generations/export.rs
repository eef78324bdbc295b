//! All records that fit, as they are read: a page at a time, and never more than two in memory.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use ledger::{Generation, Outcome};
use store::{ListQuery, csv_field};

use crate::api::generation::view;
use crate::app::App;
use crate::time::iso;

/// Records read at a time.
const PAGE: usize = 500;

/// The forms that an export has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For spreadsheets: the columns of [`COLUMNS`].
    Csv,
    /// For programs: a line of JSON per record, as `GET /generation` has it.
    JsonLines,
}

/// The columns of CSV.
const COLUMNS: [&str; 28] = [
    "id",
    "created_at",
    "workspace_id",
    "api_key_hash",
    "app_title",
    "http_referer",
    "session_id",
    "external_user",
    "requested_model",
    "model",
    "provider",
    "endpoint",
    "upstream_id",
    "streamed",
    "status",
    "outcome",
    "error_type",
    "error_message",
    "finish_reason",
    "tokens_prompt",
    "tokens_cached",
    "tokens_completion",
    "tokens_reasoning",
    "total_cost_usd",
    "unpriced",
    "time_to_first_token_ms",
    "latency_ms",
    "attempts",
];

/// What is being exported.
struct Export {
    app: Arc<App>,
    query: ListQuery,
    form: Form,
    /// Whether there may be another page.
    goes_on: bool,
}

/// Answers with everything. An export that breaks off ends the connection before its time, so that
/// nobody takes it for whole.
pub(super) fn stream(app: &Arc<App>, query: ListQuery, form: Form) -> Response {
    let (kind, name) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "generations.csv"),
        Form::JsonLines => ("application/x-ndjson", "generations.jsonl"),
    };
    let export = Export {
        app: Arc::clone(app),
        query: ListQuery {
            count: PAGE,
            ..query
        },
        form,
        goes_on: true,
    };
    let head = match form {
        Form::Csv => format!("{}\r\n", COLUMNS.join(",")),
        Form::JsonLines => String::new(),
    };
    let head = stream::once(async { Ok(head) });
    let pages = stream::try_unfold(export, |mut export| async {
        Ok::<_, std::io::Error>(export.page().await?.map(|text| (text, export)))
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
    /// The next page as text; `None` after the last.
    async fn page(&mut self) -> Result<Option<String>, std::io::Error> {
        while self.goes_on {
            let page = self.app.store.list(&self.query).await.map_err(|error| {
                tracing::warn!(%error, "an export broke off");
                std::io::Error::other(error)
            })?;
            self.goes_on = page.next.is_some();
            self.query.before = page.next.or(self.query.before);
            if !page.records.is_empty() {
                let lines = page.records.iter().map(|record| self.line(record));
                return Ok(Some(lines.collect()));
            }
        }
        Ok(None)
    }

    fn line(&self, record: &Generation) -> String {
        match self.form {
            Form::Csv => csv(record),
            Form::JsonLines => {
                let mut line = serde_json::to_string(&view(record)).unwrap_or_default();
                line.push('\n');
                line
            }
        }
    }
}

/// A record as a line of CSV (RFC 4180).
fn csv(record: &Generation) -> String {
    let caller = &record.caller;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let usage = &record.usage;
    let count = |unit| {
        usage
            .get(unit)
            .map_or_else(String::new, |count| count.to_string())
    };
    let (outcome, error_type, message) = match &record.outcome {
        Outcome::Completed => ("completed", "", ""),
        Outcome::Cancelled => ("cancelled", "", ""),
        Outcome::Failed { kind, message } => ("failed", kind.error_type(), message.as_str()),
    };
    let finish = record
        .finish
        .as_ref()
        .map_or("", |finish| finish.reason.name());
    let (cost, unpriced) = match &record.charge {
        Ok(bill) => (bill.total.to_string(), String::new()),
        Err(reason) => (String::new(), reason.to_string()),
    };
    let first = record
        .first_token_ms
        .map_or_else(String::new, |ms| ms.to_string());
    let fields: [String; COLUMNS.len()] = [
        record.id.to_string(),
        iso(record.created_at_ms),
        caller.workspace_id.clone(),
        caller.key_hash.clone(),
        text(&caller.app_title),
        text(&caller.http_referer),
        text(&caller.session_id),
        text(&caller.external_user),
        record.requested_model.clone(),
        record.model.clone(),
        text(&record.provider),
        text(&record.endpoint),
        text(&record.upstream_id),
        record.streamed.to_string(),
        record.status.to_string(),
        outcome.to_owned(),
        error_type.to_owned(),
        message.to_owned(),
        finish.to_owned(),
        usage.prompt_tokens().to_string(),
        count(chat::Unit::CacheRead),
        usage.completion_tokens().to_string(),
        count(chat::Unit::Reasoning),
        cost,
        unpriced,
        first,
        record.total_ms.to_string(),
        record.attempts.len().to_string(),
    ];
    let fields = fields.map(|field| csv_field(&field));
    format!("{}\r\n", fields.join(","))
}
