//! A whole generation as one JSON object and back, for the journal. Everything comes back as it was.

use std::fmt;

use std::sync::Arc;

use chat::{Dialect, FinishReason, Reason, Usage};
use ledger::generation::CallerNote;
use ledger::{Amount, Bill, Charge, Generation, GenerationId, UsageSource};
use serde_json::Value;

use crate::{Posting, Settled, StoreError, rows};

type Read<T> = Result<T, StoreError>;

/// The object, as the bytes of a journal record.
pub(crate) fn write(settled: &Settled) -> Vec<u8> {
    let generation = settled.generation.as_ref();
    let mut object = Object(vec![b'{']);
    write_call(&mut object, generation);
    write_answer(&mut object, generation);
    write_money(&mut object, generation);
    object.maybe_number("first_token_ms", generation.first_token_ms);
    object.number("total_ms", generation.total_ms);
    object.number("overhead_us", generation.overhead_us);
    object.json("dropped", &rows::write_notes(generation));
    // As text, not as an object: it comes back to the byte.
    object.maybe_text("plan", generation.plan.as_deref());
    if let Some(posting) = &settled.posting {
        object.json("posting", &posting.to_text());
    }
    object.0.push(b'}');
    object.0
}

fn write_call(object: &mut Object, generation: &Generation) {
    let caller = &generation.caller;
    object.text("id", generation.id.as_str());
    object.number("created_at_ms", generation.created_at_ms);
    object.text("workspace_id", &caller.workspace_id);
    object.text("key_hash", &caller.key_hash);
    object.maybe_text("http_referer", caller.http_referer.as_deref());
    object.maybe_text("app_title", caller.app_title.as_deref());
    object.maybe_text("user_agent", caller.user_agent.as_deref());
    object.maybe_text("session_id", caller.session_id.as_deref());
    object.maybe_text("external_user", caller.external_user.as_deref());
    object.text("dialect", generation.dialect.name());
    object.text("requested_model", &generation.requested_model);
    object.text("model", &generation.model);
    object.maybe_text("endpoint", generation.endpoint.as_deref());
    object.maybe_text("provider", generation.provider.as_deref());
    object.maybe_text("provider_name", generation.provider_name.as_deref());
    object.maybe_text("upstream_id", generation.upstream_id.as_deref());
}

fn write_answer(object: &mut Object, generation: &Generation) {
    let (outcome, kind, message) = rows::write_outcome(&generation.outcome);
    object.json("attempts", &rows::write_attempts(&generation.attempts));
    object.json(
        "streamed",
        if generation.streamed { "true" } else { "false" },
    );
    object.number("status", generation.status);
    object.text("outcome", outcome);
    object.maybe_text("error_kind", kind);
    object.maybe_text("error_message", message);
    if let Some(finish) = &generation.finish {
        object.text("finish_reason", finish.reason.name());
        object.maybe_text("native_finish_reason", finish.native.as_deref());
    }
}

fn write_money(object: &mut Object, generation: &Generation) {
    let usage = &generation.usage;
    object.json("usage", &rows::write_counts(usage));
    object.maybe_text("native_usage", usage.native.as_deref());
    object.maybe_number("native_cost_nanos", usage.native_cost_nanos);
    object.text("usage_source", generation.usage_source.name());
    if let Some(sheet) = &generation.price_sheet {
        object.json("price_sheet", &rows::write_sheet(sheet));
    }
    match &generation.charge {
        Ok(bill) => {
            object.number("cost_nanos", bill.total.nanos());
            object.json("bill", &rows::write_lines(&bill.lines));
        }
        Err(reason) => object.text("unpriced", &rows::write_unpriced(*reason)),
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
    Ok(Settled {
        generation: Arc::new(read_generation(&value)?),
        posting,
    })
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

/// An object on its way out. Absent stays absent.
struct Object(Vec<u8>);

impl Object {
    /// A field whose value is JSON already.
    fn json(&mut self, name: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        self.0.extend_from_slice(value.as_bytes());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.json(name, "");
        // Writing text into memory cannot fail.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    fn number(&mut self, name: &str, value: impl fmt::Display) {
        self.json(name, &format!("{value}"));
    }

    fn maybe_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn maybe_number(&mut self, name: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }
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
