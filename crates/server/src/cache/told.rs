//! What the head of an answer tells of the response cache, under both names.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::asked::Asked;
use super::entries::Entry;

const STATUS: [HeaderName; 2] = both("x-openrouter-cache-status", "x-waybill-cache-status");
const AGE: [HeaderName; 2] = both("x-openrouter-cache-age", "x-waybill-cache-age");
const TTL: [HeaderName; 2] = both("x-openrouter-cache-ttl", "x-waybill-cache-ttl");
const SOURCE: [HeaderName; 2] = both("x-openrouter-cache-source-id", "x-waybill-cache-source-id");

const fn both(theirs: &'static str, ours: &'static str) -> [HeaderName; 2] {
    [
        HeaderName::from_static(theirs),
        HeaderName::from_static(ours),
    ]
}

/// The answer is a new one, and may be told again for the whole time.
pub(crate) fn describe_miss(headers: &mut HeaderMap, asked: &Asked) {
    put(headers, STATUS, "MISS");
    put(headers, TTL, &asked.ttl_seconds.to_string());
}

/// The answer is an earlier one.
pub(crate) fn describe_hit(headers: &mut HeaderMap, entry: &Entry, now_ms: i64) {
    put(headers, STATUS, "HIT");
    put(headers, AGE, &entry.age_seconds(now_ms).to_string());
    let left = entry.left_seconds(now_ms).unwrap_or(0);
    put(headers, TTL, &left.to_string());
    put(headers, SOURCE, entry.hit.source_id.as_str());
}

fn put(headers: &mut HeaderMap, names: [HeaderName; 2], value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        for name in names {
            headers.insert(name, value.clone());
        }
    }
}
