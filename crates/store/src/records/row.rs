//! A generation as a row and back.

use chat::{Dialect, FinishReason, Reason};
use ledger::generation::CallerNote;
use ledger::{Amount, Bill, Charge, Generation, GenerationId, UsageSource};

use crate::database::{Row, Statement};
use crate::json::Json;
use crate::row_texts::{Part, RowTexts};
use crate::{Settled, StoreError, rows};

/// The columns of a row, in the order in which [`bind`] binds them. Named one by one when read, too:
/// `*` would change its meaning under a running replica when a newer one migrates.
pub(crate) const COLUMNS: [&str; 40] = [
    "id",
    "created_at_ms",
    "workspace_id",
    "key_hash",
    "http_referer",
    "app_title",
    "user_agent",
    "session_id",
    "external_user",
    "dialect",
    "requested_model",
    "model",
    "endpoint",
    "provider",
    "provider_name",
    "upstream_id",
    "attempts",
    "streamed",
    "cancelled",
    "status",
    "outcome",
    "error_kind",
    "error_message",
    "finish_reason",
    "native_finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "usage",
    "native_usage",
    "native_cost_nanos",
    "usage_source",
    "price_sheet",
    "cost_nanos",
    "bill",
    "unpriced",
    "first_token_ms",
    "total_ms",
    "overhead_us",
    "dropped",
    "plan",
];

/// A part of a row that was written for the journal already; else it is written now.
struct Written<'a>(Option<&'a RowTexts>);

impl Written<'_> {
    fn bind(
        &self,
        statement: Statement,
        (part, bytes): (Part, usize),
        write: impl FnOnce(&mut Json),
    ) -> Statement {
        match self.0.and_then(|texts| texts.get(part)) {
            Some(text) => statement.text(text),
            None => statement.owned_text(Json::text_of(bytes, write)),
        }
    }

    /// The same for a part that there need not be.
    fn maybe_bind(
        &self,
        statement: Statement,
        part: (Part, usize),
        write: Option<impl FnOnce(&mut Json)>,
    ) -> Statement {
        match write {
            Some(write) => self.bind(statement, part, write),
            None => statement.maybe_text(None),
        }
    }
}

/// Binds a generation, in the order of [`COLUMNS`], and its posting.
pub(crate) fn bind(statement: Statement, settled: &Settled) -> Statement {
    let generation = settled.generation.as_ref();
    let written = Written(settled.texts.as_deref());
    let statement = bind_call(statement, generation);
    let statement = bind_answer(statement, generation, &written);
    let statement = bind_money(statement, generation, &written)
        .maybe_int(generation.first_token_ms.map(signed))
        .int(signed(generation.total_ms))
        .int(signed(generation.overhead_us));
    let notes = (Part::Notes, 64);
    let statement = written.bind(statement, notes, |json| rows::write_notes(json, generation));
    let statement = statement.maybe_text(generation.plan.as_deref());
    let posting = settled.posting.as_ref();
    let posting = posting.map(|posting| |json: &mut Json| posting.write(json));
    written.maybe_bind(statement, (Part::Posting, 256), posting)
}

/// `id` to `upstream_id`.
fn bind_call(statement: Statement, generation: &Generation) -> Statement {
    let caller = &generation.caller;
    statement
        .text(generation.id.as_str())
        .int(generation.created_at_ms)
        .text(&caller.workspace_id)
        .text(&caller.key_hash)
        .maybe_text(caller.http_referer.as_deref())
        .maybe_text(caller.app_title.as_deref())
        .maybe_text(caller.user_agent.as_deref())
        .maybe_text(caller.session_id.as_deref())
        .maybe_text(caller.external_user.as_deref())
        .text(generation.dialect.name())
        .text(&generation.requested_model)
        .text(&generation.model)
        .maybe_text(generation.endpoint.as_deref())
        .maybe_text(generation.provider.as_deref())
        .maybe_text(generation.provider_name.as_deref())
        .maybe_text(generation.upstream_id.as_deref())
}

/// `attempts` to `native_finish_reason`.
fn bind_answer(statement: Statement, generation: &Generation, written: &Written<'_>) -> Statement {
    let (outcome, kind, message) = rows::write_outcome(&generation.outcome);
    let finish = generation.finish.as_ref();
    let attempts = |json: &mut Json| rows::write_attempts(json, &generation.attempts);
    written
        .bind(statement, (Part::Attempts, 256), attempts)
        .flag(generation.streamed)
        .flag(generation.is_cancelled())
        .int(i64::from(generation.status))
        .text(outcome)
        .maybe_text(kind)
        .maybe_text(message)
        .maybe_text(finish.map(|finish| finish.reason.name()))
        .maybe_text(finish.and_then(|finish| finish.native.as_deref()))
}

/// `prompt_tokens` to `unpriced`.
fn bind_money(statement: Statement, generation: &Generation, written: &Written<'_>) -> Statement {
    let usage = &generation.usage;
    let bill = generation.charge.as_ref().ok();
    let unpriced = generation.charge.as_ref().err();
    let statement = statement
        .int(signed(usage.prompt_tokens()))
        .int(signed(usage.completion_tokens()));
    let counts = |json: &mut Json| rows::write_counts(json, usage);
    let statement = written
        .bind(statement, (Part::Usage, 64), counts)
        .maybe_text(usage.native.as_deref())
        .maybe_int(usage.native_cost_nanos)
        .text(generation.usage_source.name());
    let sheet = generation.price_sheet.as_ref();
    let sheet = sheet.map(|sheet| |json: &mut Json| rows::write_sheet(json, sheet));
    let statement = written
        .maybe_bind(statement, (Part::PriceSheet, 256), sheet)
        .maybe_int(bill.map(|bill| bill.total.nanos()));
    let lines = bill.map(|bill| |json: &mut Json| rows::write_lines(json, &bill.lines));
    written
        .maybe_bind(statement, (Part::Bill, 64), lines)
        .maybe_owned_text(unpriced.map(|reason| rows::write_unpriced(*reason)))
}

/// Reads a row with those columns.
pub(crate) fn from_row(row: &Row) -> Result<Generation, StoreError> {
    let source = row.borrowed_text("usage_source")?;
    let dialect = row.borrowed_text("dialect")?;
    let notes = rows::read_notes(row.borrowed_text("dropped")?)?;
    Ok(Generation {
        id: GenerationId::from_text(row.text("id")?),
        created_at_ms: row.int("created_at_ms")?,
        caller: CallerNote {
            trace: notes.trace,
            ..caller(row)?
        },
        dialect: dialect
            .parse::<Dialect>()
            .map_err(|error| StoreError::Unreadable(error.to_string()))?,
        requested_model: row.text("requested_model")?,
        model: row.text("model")?,
        endpoint: row.maybe_text("endpoint")?,
        provider: row.maybe_text("provider")?,
        provider_name: row.maybe_text("provider_name")?,
        upstream_id: row.maybe_text("upstream_id")?,
        attempts: rows::read_attempts(row.borrowed_text("attempts")?)?,
        streamed: row.flag("streamed")?,
        status: u16::try_from(row.int("status")?).map_err(|_| unreadable("status"))?,
        outcome: rows::read_outcome(
            row.borrowed_text("outcome")?,
            row.maybe_text("error_kind")?.as_deref(),
            row.maybe_text("error_message")?,
        )?,
        finish: finish(row)?,
        usage: usage(row)?,
        usage_source: UsageSource::from_name(source).ok_or_else(|| unreadable("usage_source"))?,
        price_sheet: row
            .maybe_text("price_sheet")?
            .map(|text| rows::read_sheet(&text))
            .transpose()?,
        charge: charge(row)?,
        first_token_ms: row.maybe_int("first_token_ms")?.map(unsigned),
        total_ms: unsigned(row.int("total_ms")?),
        overhead_us: unsigned(row.int("overhead_us")?),
        dropped: notes.dropped,
        settled: notes.settled,
        noticed: notes.noticed,
        plan: row.maybe_text("plan")?.map(String::into_boxed_str),
    })
}

fn caller(row: &Row) -> Result<CallerNote, StoreError> {
    Ok(CallerNote {
        workspace_id: row.text("workspace_id")?,
        key_hash: row.text("key_hash")?,
        http_referer: row.maybe_text("http_referer")?,
        app_title: row.maybe_text("app_title")?,
        user_agent: row.maybe_text("user_agent")?,
        session_id: row.maybe_text("session_id")?,
        external_user: row.maybe_text("external_user")?,
        trace: None,
    })
}

fn finish(row: &Row) -> Result<Option<FinishReason>, StoreError> {
    let Some(reason) = row.maybe_text("finish_reason")? else {
        return Ok(None);
    };
    let reason = Reason::from_name(&reason).ok_or_else(|| unreadable("finish_reason"))?;
    Ok(Some(FinishReason {
        reason,
        native: row.maybe_text("native_finish_reason")?,
    }))
}

fn usage(row: &Row) -> Result<chat::Usage, StoreError> {
    let mut usage = rows::read_counts(row.borrowed_text("usage")?)?;
    usage.native = row.maybe_text("native_usage")?.map(String::into_boxed_str);
    usage.native_cost_nanos = row.maybe_int("native_cost_nanos")?;
    Ok(usage)
}

fn charge(row: &Row) -> Result<Charge, StoreError> {
    if let Some(reason) = row.maybe_text("unpriced")? {
        return Ok(Err(rows::read_unpriced(&reason)?));
    }
    let (Some(nanos), Some(lines)) = (row.maybe_int("cost_nanos")?, row.maybe_text("bill")?) else {
        return Err(unreadable("cost_nanos"));
    };
    Ok(Ok(Bill {
        total: Amount::from_nanos(nanos),
        lines: rows::read_lines(&lines)?,
    }))
}

/// Columns are signed; a time or a sum of tokens beyond 2⁶³ stops there.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn unreadable(column: &str) -> StoreError {
    StoreError::Unreadable(format!("the column {column} of a generation"))
}
