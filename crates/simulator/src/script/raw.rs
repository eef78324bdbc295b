//! An exact answer, so that recorded traffic can be replayed byte for byte; and the JSON form of a script order.

use bytes::Bytes;
use serde_json::Value;

use super::Script;
use crate::encoding::from_base64;

/// An exact answer. Lengths and connection headers are the simulator's own; all else leaves as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// The status.
    pub status: u16,
    /// The headers; `content-length`, `transfer-encoding` and `connection` are left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Sizes of the first socket writes, in bytes; the rest leaves in one.
    pub writes: Vec<usize>,
}

impl Raw {
    /// An answer with status 200, this content type and this body, in one write.
    pub fn new(content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            writes: Vec::new(),
        }
    }

    /// The same with these sizes of the first socket writes.
    #[must_use]
    pub fn in_writes(mut self, sizes: impl IntoIterator<Item = usize>) -> Self {
        self.writes = sizes.into_iter().collect();
        self
    }
}

/// What `POST /script` asks for: which model, which script, how often.
pub(crate) struct Order {
    pub(crate) model: String,
    pub(crate) script: Script,
    /// Calls it holds for; `None` is until further notice.
    pub(crate) times: Option<u64>,
}

/// Most calls one order may be queued for.
const TIMES_MAX: u64 = 10_000;

/// Reads `{"model", "script"?, "times"?, "text"?, "arguments"?, "raw"?}`.
pub(crate) fn order_from_json(body: &[u8]) -> Result<Order, String> {
    let value: Value = serde_json::from_slice(body).map_err(|e| format!("not JSON: {e}"))?;
    let model = value
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or("*")
        .to_owned();
    let text = value
        .get("script")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut script = Script::parse(text).map_err(|e| e.to_string())?;
    if let Some(text) = value.get("text").and_then(Value::as_str) {
        script.content.text = Some(text.to_owned());
    }
    if let Some(text) = value.get("arguments").and_then(Value::as_str) {
        script.content.arguments = Some(text.to_owned());
    }
    if let Some(raw) = value.get("raw") {
        script.raw = Some(raw_from_json(raw)?);
        if script.label.is_empty() {
            "raw".clone_into(&mut script.label);
        }
    }
    let times = match value.get("times") {
        None | Some(Value::Null) => None,
        Some(times) => match times.as_u64() {
            Some(times @ 1..=TIMES_MAX) => Some(times),
            _ => return Err(format!("times: expected a number from 1 to {TIMES_MAX}")),
        },
    };
    Ok(Order {
        model,
        script,
        times,
    })
}

fn raw_from_json(raw: &Value) -> Result<Raw, String> {
    let status = raw.get("status").map_or(Some(200), Value::as_u64);
    let Some(status) = status
        .and_then(|s| u16::try_from(s).ok())
        .filter(|s| (200..600).contains(s))
    else {
        return Err("raw.status: expected a status from 200 to 599".to_owned());
    };
    let mut headers = Vec::new();
    for (name, value) in raw
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let Some(value) = value.as_str() else {
            return Err(format!("raw.headers.{name}: expected text"));
        };
        headers.push((name.clone(), value.to_owned()));
    }
    let body = match (
        raw.get("body"),
        raw.get("body_base64").and_then(Value::as_str),
    ) {
        (Some(Value::String(text)), _) => Bytes::from(text.clone()),
        (Some(Value::Null) | None, None) => Bytes::new(),
        (Some(json), None) => Bytes::from(json.to_string()),
        (_, Some(text)) => from_base64(text)
            .map(Bytes::from)
            .ok_or_else(|| "raw.body_base64: not base64".to_owned())?,
    };
    let mut writes = Vec::new();
    for size in raw
        .get("writes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        match size.as_u64().and_then(|size| usize::try_from(size).ok()) {
            Some(size @ 1..) => writes.push(size),
            _ => return Err("raw.writes: expected numbers above zero".to_owned()),
        }
    }
    Ok(Raw {
        status,
        headers,
        body,
        writes,
    })
}
