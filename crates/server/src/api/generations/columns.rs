//! A record as a row of a table: the columns of CSV and Parquet.

use std::borrow::Cow;

use chat::Unit;
use ledger::{Generation, Outcome};

use crate::parquet::{Cell, Column, Kind};

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// The columns, in their order.
pub(super) const COLUMNS: [Column; 28] = [
    column("id", Kind::Text),
    column("created_at", Kind::Moment),
    column("workspace_id", Kind::Text),
    column("api_key_hash", Kind::Text),
    column("app_title", Kind::Text),
    column("http_referer", Kind::Text),
    column("session_id", Kind::Text),
    column("external_user", Kind::Text),
    column("requested_model", Kind::Text),
    column("model", Kind::Text),
    column("provider", Kind::Text),
    column("endpoint", Kind::Text),
    column("upstream_id", Kind::Text),
    column("streamed", Kind::Flag),
    column("status", Kind::Number),
    column("outcome", Kind::Text),
    column("error_type", Kind::Text),
    column("error_message", Kind::Text),
    column("finish_reason", Kind::Text),
    column("tokens_prompt", Kind::Number),
    column("tokens_cached", Kind::Number),
    column("tokens_completion", Kind::Number),
    column("tokens_reasoning", Kind::Number),
    column("total_cost_usd", Kind::Usd),
    column("unpriced", Kind::Text),
    column("time_to_first_token_ms", Kind::Number),
    column("latency_ms", Kind::Number),
    column("attempts", Kind::Number),
];

/// A record, a cell for each column.
pub(super) fn cells(record: &Generation) -> [Cell<'_>; COLUMNS.len()] {
    let (caller, usage) = (&record.caller, &record.usage);
    let (outcome, error_type, message) = match &record.outcome {
        Outcome::Completed => ("completed", None, None),
        Outcome::Cancelled => ("cancelled", None, None),
        Outcome::Failed { kind, message } => {
            ("failed", Some(kind.error_type()), Some(message.as_str()))
        }
    };
    let reason = record.finish.as_ref().map(|finish| finish.reason.name());
    let cost = record.charge.as_ref().map(|bill| bill.total.nanos());
    let unpriced = record.charge.as_ref().err().map(ToString::to_string);
    [
        text(record.id.as_str()),
        Cell::Number(Some(record.created_at_ms)),
        text(&caller.workspace_id),
        text(&caller.key_hash),
        maybe(caller.app_title.as_deref()),
        maybe(caller.http_referer.as_deref()),
        maybe(caller.session_id.as_deref()),
        maybe(caller.external_user.as_deref()),
        text(&record.requested_model),
        text(&record.model),
        maybe(record.provider.as_deref()),
        maybe(record.endpoint.as_deref()),
        maybe(record.upstream_id.as_deref()),
        Cell::Flag(record.streamed),
        number(u64::from(record.status)),
        text(outcome),
        maybe(error_type),
        maybe(message),
        maybe(reason),
        number(usage.prompt_tokens()),
        count(usage.get(Unit::CacheRead)),
        number(usage.completion_tokens()),
        count(usage.get(Unit::Reasoning)),
        Cell::Number(cost.ok()),
        Cell::Text(unpriced.map(Cow::Owned)),
        count(record.first_token_ms),
        number(record.total_ms),
        count(u64::try_from(record.attempts.len()).ok()),
    ]
}

fn text(text: &str) -> Cell<'_> {
    maybe(Some(text))
}

fn maybe(text: Option<&str>) -> Cell<'_> {
    Cell::Text(text.map(Cow::Borrowed))
}

fn number(count: u64) -> Cell<'static> {
    self::count(Some(count))
}

/// A column is signed; what is beyond stops there.
fn count(count: Option<u64>) -> Cell<'static> {
    Cell::Number(count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
}
