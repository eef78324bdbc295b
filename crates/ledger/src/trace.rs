//! Where a call stands in somebody's trace: W3C trace context, and the span ids of a record.
//!
//! Ids follow from the record alone, so that spans can be made from it long after the call: a
//! generation id has 32 hexadecimal digits, which are the id of a trace that begins with the call.
//! The id of an attempt is the same for whoever sends it and for whoever tells of it later.

use std::fmt;

use crate::{Attempt, GenerationId};

/// The longest `tracestate` that is passed on, characters (W3C: at least 512 must be).
const STATE_MAX: usize = 512;

/// The id of a trace; never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span in it; never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

/// What a caller says of the trace that its call belongs to (`traceparent`, `tracestate`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The caller's own span.
    pub span: SpanId,
    /// Whether the caller keeps this trace.
    pub is_sampled: bool,
    /// What others said in it, as it came.
    pub state: Option<String>,
}

impl TraceParent {
    /// Reads the two headers; `None` where the first is not one of W3C's form, in which case the
    /// standard wants the second ignored as well.
    #[must_use]
    pub fn read(parent: &str, state: Option<&str>) -> Option<Self> {
        let mut parts = parent.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_known = version == "00" && parts.next().is_none();
        let is_later = version != "00" && version != "ff";
        if !(is_known || is_later) || lower_hex::<1>(version).is_none() {
            return None;
        }
        let trace = lower_hex(trace).filter(|id| *id != [0; 16])?;
        let span = lower_hex(span).filter(|id| *id != [0; 8])?;
        let [flags] = lower_hex(flags)?;
        let state = state
            .map(str::trim)
            .filter(|state| !state.is_empty() && state.len() <= STATE_MAX && state.is_ascii());
        Some(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            is_sampled: flags & 1 == 1,
            state: state.map(str::to_owned),
        })
    }
}

impl TraceId {
    /// The trace that begins with a call: the digits of its id. An id of another form, which can only
    /// come from outside, gives one that is as good.
    #[must_use]
    pub fn of(id: &GenerationId) -> Self {
        let text = id.as_str();
        let digits = text.strip_prefix("gen-").and_then(lower_hex);
        let bytes = digits.filter(|id| *id != [0; 16]);
        bytes.map_or_else(|| Self::of_text(text), Self)
    }

    /// An id that is always the same for a text: for choosing by it.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let (high, low) = (mix(SEED, text), mix(!SEED, text));
        Self((u128::from(high) << 64 | u128::from(low) | 1).to_be_bytes())
    }

    /// The id that a caller gives in its own words: that id where it has W3C's form, else one that is
    /// always the same for that text.
    #[must_use]
    pub fn of_words(text: &str) -> Self {
        let bytes = lower_hex(text).filter(|id| *id != [0; 16]);
        bytes.map_or_else(|| Self::of_text(text), Self)
    }

    /// Where the trace falls between 0 and 1, as a number of 2^56: OpenTelemetry's samplers keep what
    /// lies below the ratio, so that all who sample one trace agree.
    #[must_use]
    pub fn lot(self) -> u64 {
        let [.., a, b, c, d, e, f, g] = self.0;
        u64::from_be_bytes([0, a, b, c, d, e, f, g])
    }
}

impl SpanId {
    /// The span of the call itself.
    #[must_use]
    pub fn of_call(id: &GenerationId) -> Self {
        Self::from_number(mix(SEED, id.as_str()))
    }

    /// The id that a caller gives in its own words, likewise; a generation id means the span of that
    /// call.
    #[must_use]
    pub fn of_words(text: &str) -> Self {
        let bytes = lower_hex(text).filter(|id| *id != [0; 8]);
        bytes.map_or_else(|| Self::from_number(mix(SEED, text)), Self)
    }

    /// The span of the attempt at an endpoint with a credential, for the nth time (from 0).
    #[must_use]
    pub fn of_attempt(
        id: &GenerationId,
        (endpoint, credential): (&str, Option<&str>),
        time: usize,
    ) -> Self {
        let so_far = mix(mix(SEED, id.as_str()), endpoint);
        let so_far = mix(so_far, credential.unwrap_or_default());
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        Self::from_number(finish(so_far ^ time.wrapping_add(1)))
    }

    /// The spans of a record's attempts, in their order.
    #[must_use]
    pub fn of_attempts(id: &GenerationId, attempts: &[Attempt]) -> Vec<Self> {
        let name = |attempt: &Attempt| (attempt.endpoint.clone(), attempt.credential.clone());
        let mut seen = Vec::with_capacity(attempts.len());
        let ids = attempts.iter().map(|attempt| {
            let own = name(attempt);
            let time = seen.iter().filter(|before| **before == own).count();
            let (endpoint, credential) = (&own.0, own.1.as_deref());
            let span = Self::of_attempt(id, (endpoint, credential), time);
            seen.push(own);
            span
        });
        ids.collect()
    }

    fn from_number(number: u64) -> Self {
        Self(number.max(1).to_be_bytes())
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| {
        let digit = char::from(byte).to_digit(16)?;
        u8::try_from(digit)
            .ok()
            .filter(|_| !byte.is_ascii_uppercase())
    };
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// Where the mixing begins; any number.
const SEED: u64 = 0x7761_7962_696c_6c21;

/// FNV-1a over a text and its end, then well stirred. Ids must differ, not resist anybody: whoever
/// could aim at a collision would have to choose generation ids.
fn mix(so_far: u64, text: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = text.bytes().chain([0xff]);
    let hash = bytes.fold(so_far, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    finish(hash)
}

/// The last step of SplitMix64.
const fn finish(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_as_w3c_has_it() {
        let read = TraceParent::read(PARENT, Some("a=b")).unwrap();
        assert_eq!(read.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(read.span.to_string(), "00f067aa0ba902b7");
        assert_eq!(
            (read.is_sampled, read.state.as_deref()),
            (true, Some("a=b"))
        );
        let later = PARENT.replacen("00-", "cc-", 1) + "-what-comes-later";
        assert!(TraceParent::read(&later, None).is_some(), "{later}");
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-é",
        ] {
            assert_eq!(TraceParent::read(wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn ids_follow_from_the_generation_id_and_differ() {
        let id = GenerationId::new(1_772_600_767_089, [7; 10]);
        assert_eq!(format!("gen-{}", TraceId::of(&id)), id.as_str());
        let call = SpanId::of_call(&id);
        let first = SpanId::of_attempt(&id, ("acme", None), 0);
        let others = [
            SpanId::of_attempt(&id, ("acme", None), 1),
            SpanId::of_attempt(&id, ("acme", Some("a")), 0),
            SpanId::of_attempt(&id, ("acmea", None), 0),
            SpanId::of_attempt(&GenerationId::new(1, [7; 10]), ("acme", None), 0),
        ];
        assert_ne!(call, first);
        assert!(!others.contains(&first) && !others.contains(&call));
        assert_ne!(TraceId::of(&GenerationId::from_text("else")).0, [0; 16]);
        let span = SpanId::of_words("00f067aa0ba902b7");
        assert_eq!(span.to_string(), "00f067aa0ba902b7");
        assert_eq!(SpanId::of_words(id.as_str()), SpanId::of_call(&id));
        assert_eq!(TraceId::of_words("my run"), TraceId::of_words("my run"));
        assert_ne!(
            TraceId::of_words("my run"),
            TraceId::of_words("my other run")
        );
    }
}
