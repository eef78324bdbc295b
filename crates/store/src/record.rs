//! A whole generation as one JSON object and back, for the journal. Everything comes back as it was.

use std::sync::Arc;

use chat::{Dialect, FinishReason, Reason, Usage};
use ledger::generation::CallerNote;
use ledger::{Amount, Bill, Charge, Generation, GenerationId, UsageSource};
use serde_json::Value;

use crate::json::Json;
use crate::row_texts::{Marks, Part};
use crate::{Posting, Settled, StoreError, rows};

type Read<T> = Result<T, StoreError>;

/// Most records are shorter, in bytes; longer ones grow.
const RECORD_BYTES: usize = 3072;

/// A record as one JSON object, for those who must keep one outside of the database for a while.
#[must_use]
pub fn record_to_json(generation: &Arc<Generation>) -> Vec<u8> {
    write(&Settled::ungoverned(Arc::clone(generation))).0
}

/// Reads what [`record_to_json`] wrote.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub fn record_from_json(json: &[u8]) -> Result<Arc<Generation>, StoreError> {
    read(json).map(|settled| settled.generation)
}

/// The object, as the bytes of a journal record, and where the parts stand in it that its row has as well.
pub(crate) fn write(settled: &Settled) -> (Vec<u8>, Marks) {
    let generation = settled.generation.as_ref();
    let mut marks = Marks::default();
    let text = Json::text_of(RECORD_BYTES, |json| {
        json.object(|json| {
            write_call(json, generation);
            write_answer(json, generation, &mut marks);
            write_money(json, generation, &mut marks);
            if let Some(ms) = generation.first_token_ms {
                json.name("first_token_ms").count(ms);
            }
            json.name("total_ms").count(generation.total_ms);
            json.name("overhead_us").count(generation.overhead_us);
            json.name("dropped");
            marks.write(Part::Notes, json, |json| {
                rows::write_notes(json, generation);
            });
            // As text, not as an object: it comes back to the byte.
            maybe_text(json, "plan", generation.plan.as_deref());
            if let Some(posting) = &settled.posting {
                json.name("posting");
                marks.write(Part::Posting, json, |json| posting.write(json));
            }
        });
    });
    (text.into_bytes(), marks)
}

/// Absent stays absent.
fn maybe_text(json: &mut Json, name: &'static str, text: Option<&str>) {
    if let Some(text) = text {
        json.name(name).text(text);
    }
}

fn write_call(json: &mut Json, generation: &Generation) {
    let caller = &generation.caller;
    json.name("id").text(generation.id.as_str());
    json.name("created_at_ms").int(generation.created_at_ms);
    json.name("workspace_id").text(&caller.workspace_id);
    json.name("key_hash").text(&caller.key_hash);
    maybe_text(json, "http_referer", caller.http_referer.as_deref());
    maybe_text(json, "app_title", caller.app_title.as_deref());
    maybe_text(json, "user_agent", caller.user_agent.as_deref());
    maybe_text(json, "session_id", caller.session_id.as_deref());
    maybe_text(json, "external_user", caller.external_user.as_deref());
    json.name("dialect").text(generation.dialect.name());
    json.name("requested_model")
        .text(&generation.requested_model);
    json.name("model").text(&generation.model);
    maybe_text(json, "endpoint", generation.endpoint.as_deref());
    maybe_text(json, "provider", generation.provider.as_deref());
    maybe_text(json, "provider_name", generation.provider_name.as_deref());
    maybe_text(json, "upstream_id", generation.upstream_id.as_deref());
}

fn write_answer(json: &mut Json, generation: &Generation, marks: &mut Marks) {
    let (outcome, kind, message) = rows::write_outcome(&generation.outcome);
    json.name("attempts");
    marks.write(Part::Attempts, json, |json| {
        rows::write_attempts(json, &generation.attempts);
    });
    json.name("streamed").flag(generation.streamed);
    json.name("status").count(generation.status.into());
    json.name("outcome").text(outcome);
    maybe_text(json, "error_kind", kind);
    maybe_text(json, "error_message", message);
    if let Some(finish) = &generation.finish {
        json.name("finish_reason").text(finish.reason.name());
        maybe_text(json, "native_finish_reason", finish.native.as_deref());
    }
}

fn write_money(json: &mut Json, generation: &Generation, marks: &mut Marks) {
    let usage = &generation.usage;
    json.name("usage");
    marks.write(Part::Usage, json, |json| rows::write_counts(json, usage));
    maybe_text(json, "native_usage", usage.native.as_deref());
    if let Some(nanos) = usage.native_cost_nanos {
        json.name("native_cost_nanos").int(nanos);
    }
    json.name("usage_source")
        .text(generation.usage_source.name());
    if let Some(sheet) = &generation.price_sheet {
        json.name("price_sheet");
        marks.write(Part::PriceSheet, json, |json| {
            rows::write_sheet(json, sheet);
        });
    }
    match &generation.charge {
        Ok(bill) => {
            json.name("cost_nanos").int(bill.total.nanos());
            json.name("bill");
            marks.write(Part::Bill, json, |json| {
                rows::write_lines(json, &bill.lines);
            });
        }
        Err(reason) => json.name("unpriced").text(&rows::write_unpriced(*reason)),
    }
}

/// Reads it back.
///
/// # Errors
/// [`StoreError::Unreadable`] when this is not what [`write`] wrote.
pub(crate) fn read(bytes: &[u8]) -> Read<Settled> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let posting = match value.get("posting") {
        Some(posting) => Some(Arc::new(Posting::from_text(&posting.to_string())?)),
        None => None,
    };
    Ok(Settled::new(Arc::new(read_generation(&value)?), posting))
}

fn read_generation(value: &Value) -> Read<Generation> {
    let fields = Fields(value);
    let small = |name| {
        u16::try_from(fields.number(name)?).map_err(|_| StoreError::Unreadable(name.to_owned()))
    };
    let notes = rows::read_notes(&fields.json("dropped")?)?;
    Ok(Generation {
        id: GenerationId::from_text(fields.text("id")?),
        created_at_ms: fields.signed("created_at_ms")?,
        caller: CallerNote {
            workspace_id: fields.text("workspace_id")?,
            key_hash: fields.text("key_hash")?,
            http_referer: fields.maybe_text("http_referer"),
            app_title: fields.maybe_text("app_title"),
            user_agent: fields.maybe_text("user_agent"),
            session_id: fields.maybe_text("session_id"),
            external_user: fields.maybe_text("external_user"),
            trace: notes.trace,
        },
        dialect: fields
            .text("dialect")?
            .parse::<Dialect>()
            .map_err(|error| StoreError::Unreadable(error.to_string()))?,
        requested_model: fields.text("requested_model")?,
        model: fields.text("model")?,
        endpoint: fields.maybe_text("endpoint"),
        provider: fields.maybe_text("provider"),
        provider_name: fields.maybe_text("provider_name"),
        upstream_id: fields.maybe_text("upstream_id"),
        attempts: rows::read_attempts(&fields.json("attempts")?)?,
        streamed: fields.json("streamed")? == "true",
        status: small("status")?,
        outcome: rows::read_outcome(
            &fields.text("outcome")?,
            fields.maybe_text("error_kind").as_deref(),
            fields.maybe_text("error_message"),
        )?,
        finish: finish(fields)?,
        usage: usage(fields)?,
        usage_source: fields.word("usage_source", UsageSource::from_name)?,
        price_sheet: match value.get("price_sheet") {
            Some(sheet) => Some(rows::read_sheet(&sheet.to_string())?),
            None => None,
        },
        charge: charge(fields)?,
        settled: notes.settled,
        noticed: notes.noticed,
        first_token_ms: value.get("first_token_ms").and_then(Value::as_u64),
        total_ms: fields.number("total_ms")?,
        overhead_us: fields.number("overhead_us")?,
        dropped: notes.dropped,
        plan: fields.maybe_text("plan").map(String::into_boxed_str),
    })
}

fn finish(fields: Fields<'_>) -> Read<Option<FinishReason>> {
    if fields.maybe_text("finish_reason").is_none() {
        return Ok(None);
    }
    Ok(Some(FinishReason {
        reason: fields.word("finish_reason", Reason::from_name)?,
        native: fields.maybe_text("native_finish_reason"),
    }))
}

fn usage(fields: Fields<'_>) -> Read<Usage> {
    let mut usage = rows::read_counts(&fields.json("usage")?)?;
    usage.native = fields
        .maybe_text("native_usage")
        .map(String::into_boxed_str);
    usage.native_cost_nanos = fields.0.get("native_cost_nanos").and_then(Value::as_i64);
    Ok(usage)
}

fn charge(fields: Fields<'_>) -> Read<Charge> {
    if let Some(reason) = fields.maybe_text("unpriced") {
        return Ok(Err(rows::read_unpriced(&reason)?));
    }
    Ok(Ok(Bill {
        total: Amount::from_nanos(fields.signed("cost_nanos")?),
        lines: rows::read_lines(&fields.json("bill")?)?,
    }))
}

/// An object on its way in.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Value);

impl Fields<'_> {
    fn get<T>(self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Read<T> {
        let found = self.0.get(name).and_then(read);
        found.ok_or_else(|| StoreError::Unreadable(format!("{name} of a record")))
    }

    fn text(self, name: &str) -> Read<String> {
        self.get(name, |value| value.as_str().map(str::to_owned))
    }

    fn maybe_text(self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    fn number(self, name: &str) -> Read<u64> {
        self.get(name, Value::as_u64)
    }

    fn signed(self, name: &str) -> Read<i64> {
        self.get(name, Value::as_i64)
    }

    fn json(self, name: &str) -> Read<String> {
        self.get(name, |value| Some(value.to_string()))
    }

    fn word<T>(self, name: &str, from_name: impl Fn(&str) -> Option<T>) -> Read<T> {
        self.get(name, |value| from_name(value.as_str()?))
    }
}
