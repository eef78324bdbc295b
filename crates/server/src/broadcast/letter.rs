//! Calls as they lie on the disk: one JSON object for those that are sent together.

use std::sync::Arc;

use ledger::trace::TraceParent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use telemetry::call::Told;
use telemetry::content::Conversation;

use super::spool::{Verdict, Waiting};

#[derive(Serialize, Deserialize)]
struct Written {
    calls: Vec<WrittenCall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given_up: Option<WrittenVerdict>,
}

#[derive(Serialize, Deserialize)]
struct WrittenCall {
    record: Box<RawValue>,
    key_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Conversation>,
}

#[derive(Serialize, Deserialize)]
struct WrittenVerdict {
    why: String,
    tries: u32,
    at_ms: i64,
}

/// Calls, and why they were given up, if they were; `None` when a record cannot be written, which no
/// record of ours is.
pub(super) fn write(calls: &[Waiting], verdict: Option<&Verdict>) -> Option<Vec<u8>> {
    let calls: Option<Vec<WrittenCall>> = calls.iter().map(write_call).collect();
    let given_up = verdict.map(|verdict| WrittenVerdict {
        why: verdict.why.clone(),
        tries: verdict.tries,
        at_ms: verdict.at_ms,
    });
    let written = Written {
        calls: calls?,
        given_up,
    };
    serde_json::to_vec(&written).ok()
}

fn write_call(waiting: &Waiting) -> Option<WrittenCall> {
    let told = &waiting.told;
    let record = String::from_utf8(store::record_to_json(&told.generation)).ok()?;
    let parent = told.parent.as_ref();
    Some(WrittenCall {
        record: RawValue::from_string(record).ok()?,
        key_name: waiting.key_name.clone(),
        traceparent: parent.map(|parent| {
            let flags = u8::from(parent.is_sampled);
            format!("00-{}-{}-{flags:02x}", parent.trace, parent.span)
        }),
        tracestate: parent.and_then(|parent| parent.state.clone()),
        content: told.content.as_deref().cloned(),
    })
}

/// Reads what [`write`] wrote.
pub(super) fn read(bytes: &[u8]) -> Option<(Vec<Waiting>, Option<Verdict>)> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    let calls: Option<Vec<Waiting>> = written.calls.into_iter().map(read_call).collect();
    let verdict = written.given_up.map(|verdict| Verdict {
        why: verdict.why,
        tries: verdict.tries,
        at_ms: verdict.at_ms,
    });
    Some((calls?, verdict))
}

fn read_call(call: WrittenCall) -> Option<Waiting> {
    let generation = store::record_from_json(call.record.get().as_bytes()).ok()?;
    let state = call.tracestate.as_deref();
    let parent = call.traceparent.as_deref();
    let told = Told {
        generation,
        parent: parent.and_then(|parent| TraceParent::read(parent, state)),
        content: call.content.map(Arc::new),
        heeds_note: true,
    };
    Some(Waiting::new(told, call.key_name))
}
