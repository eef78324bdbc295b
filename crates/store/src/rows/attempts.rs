//! How calls and their attempts ended, as columns and JSON text and back.

use chat::Kind;
use ledger::{Attempt, Bill, Outcome, Share, UsageSource};
use serde_json::Value;

use super::money::{counts_of, lines_of, read_unpriced, write_counts, write_lines, write_unpriced};
use super::values::{
    Read, array, field, nanos, parse, says, small, text_of, unreadable, whole, wrong,
};
use crate::json::Json;

/// An outcome in three columns: the word, and for a failure its kind and message.
pub(crate) fn write_outcome(
    outcome: &Outcome,
) -> (&'static str, Option<&'static str>, Option<&str>) {
    match outcome {
        Outcome::Completed => ("completed", None, None),
        Outcome::Cancelled => ("cancelled", None, None),
        Outcome::Failed { kind, message } => ("failed", Some(kind.name()), Some(message)),
    }
}

pub(crate) fn read_outcome(
    word: &str,
    kind: Option<&str>,
    message: Option<String>,
) -> Read<Outcome> {
    match (word, kind, message) {
        ("completed", _, _) => Ok(Outcome::Completed),
        ("cancelled", _, _) => Ok(Outcome::Cancelled),
        ("failed", Some(kind), Some(message)) => {
            let kind = Kind::from_name(kind).ok_or_else(|| unreadable("error kind", kind))?;
            Ok(Outcome::Failed { kind, message })
        }
        _ => Err(unreadable("outcome", word)),
    }
}

pub(crate) fn write_attempts(json: &mut Json, attempts: &[Attempt]) {
    json.array(|json| {
        for attempt in attempts {
            json.object(|json| write_attempt(json, attempt));
        }
    });
}

fn write_attempt(json: &mut Json, attempt: &Attempt) {
    let (outcome, kind, message) = write_outcome(&attempt.outcome);
    json.name("endpoint").text(&attempt.endpoint);
    json.name("provider").text(&attempt.provider);
    json.name("provider_name").text(&attempt.provider_name);
    json.name("model").text(&attempt.model);
    json.name("started_ms").count(attempt.started_ms);
    json.name("latency_ms").count(attempt.latency_ms);
    if let Some(status) = attempt.status {
        json.name("status").count(status.into());
    }
    json.name("outcome").text(outcome);
    if kind.is_some() {
        json.name("error_kind").text_or_null(kind);
        json.name("error_message").text_or_null(message);
    }
    json.name("may_be_billed").flag(attempt.may_be_billed);
    if let Some(credential) = &attempt.credential {
        json.name("credential").text(credential);
    }
    if attempt.is_byok {
        json.name("is_byok").flag(true);
    }
    if let Some(share) = &attempt.share {
        json.name("share").object(|json| write_share(json, share));
    }
    if let Some(chars) = attempt.recovered_at_chars {
        json.name("recovered_at_chars").count(chars);
    }
}

fn write_share(json: &mut Json, share: &Share) {
    json.name("rule").text(&share.rule);
    json.name("usage_source").text(share.usage_source.name());
    if let Some(usage) = &share.usage {
        write_counts(json.name("usage"), usage);
    }
    match &share.charge {
        Ok(bill) => {
            json.name("cost_nanos").int(bill.total.nanos());
            write_lines(json.name("bill"), &bill.lines);
        }
        Err(reason) => json.name("unpriced").text(&write_unpriced(*reason)),
    }
}

fn read_share(value: &Value) -> Read<Share> {
    let source = text_of(field(value, "usage_source")?)?;
    let charge = match value.get("unpriced") {
        Some(reason) => Err(read_unpriced(text_of(reason)?)?),
        None => Ok(Bill {
            total: nanos(field(value, "cost_nanos")?)?,
            lines: lines_of(field(value, "bill")?)?,
        }),
    };
    Ok(Share {
        rule: text_of(field(value, "rule")?)?.to_owned().into(),
        usage_source: UsageSource::from_name(source)
            .ok_or_else(|| unreadable("usage source", source))?,
        usage: value.get("usage").map(counts_of).transpose()?,
        charge,
    })
}

pub(crate) fn read_attempts(text: &str) -> Read<Vec<Attempt>> {
    array(&parse(text)?)?.iter().map(read_attempt).collect()
}

fn read_attempt(value: &Value) -> Read<Attempt> {
    let text = |name: &str| -> Read<String> { Ok(text_of(field(value, name)?)?.to_owned()) };
    let may_be_billed = field(value, "may_be_billed")?;
    let status = value.get("status").filter(|status| !status.is_null());
    let optional = |name: &str| value.get(name).and_then(Value::as_str);
    Ok(Attempt {
        endpoint: text("endpoint")?,
        provider: text("provider")?,
        provider_name: text("provider_name")?,
        model: text("model")?,
        credential: optional("credential").map(str::to_owned),
        is_byok: says(value, "is_byok"),
        started_ms: whole(field(value, "started_ms")?)?,
        latency_ms: whole(field(value, "latency_ms")?)?,
        status: status.map(small).transpose()?,
        outcome: read_outcome(
            &text("outcome")?,
            optional("error_kind"),
            optional("error_message").map(str::to_owned),
        )?,
        may_be_billed: may_be_billed
            .as_bool()
            .ok_or_else(|| wrong("true or false", may_be_billed))?,
        share: value.get("share").map(read_share).transpose()?,
        recovered_at_chars: value.get("recovered_at_chars").map(whole).transpose()?,
    })
}
