//! The most that a call may use at an endpoint, and the prices that it is charged by there.

use catalog::endpoint::Endpoint;
use chat::{Modalities, Modality, Needs, Parameter, Unit};
use ledger::cost::{Extent, ceiling};
use ledger::{Amount, PriceSheet};

use crate::call::Call;
use crate::money::terms::UnpricedPolicy;

/// Tokens of answer when neither the caller nor the catalog bounds them: the longest answer that
/// models without a stated limit have been seen to give by default.
const OUTPUT_TOKENS_UNKNOWN: u64 = 16_384;

/// Bytes of base64 of an inline picture, sound or file that make one token at the most: pictures are
/// cut into tiles and sound into moments, so that only small files of plain text come near to this.
const PAYLOAD_BYTES_PER_TOKEN: u64 = 16;

/// What the estimate of a prompt with media is multiplied by to be a bound: it counts 1,000 tokens
/// for a picture, of which the dearest models make 4,000 (high detail), and 10,000 for a clip.
const MEDIA_MARGIN: u64 = 4;

/// Searches that a provider may make on its own for one call that asks for searches.
const SEARCHES_MAX: u64 = 10;

/// Whether a call may be sent to an endpoint on its terms.
pub(crate) fn is_admissible(call: &Call, endpoint: &Endpoint) -> bool {
    match call.unpriced {
        UnpricedPolicy::Deny => is_priced(&endpoint.prices),
        UnpricedPolicy::Fallback(_) | UnpricedPolicy::AllowAndFlag => true,
    }
}

/// The prices that a call is charged by at an endpoint: its own, or the stated fallback.
pub(crate) fn sheet<'a>(call: &'a Call, endpoint: &'a Endpoint) -> Option<(&'a PriceSheet, bool)> {
    match &call.unpriced {
        UnpricedPolicy::Fallback(fallback) if !is_priced(&endpoint.prices) => {
            Some((fallback, true))
        }
        UnpricedPolicy::Deny | UnpricedPolicy::Fallback(_) | UnpricedPolicy::AllowAndFlag => {
            endpoint.known_prices().map(|sheet| (sheet, false))
        }
    }
}

/// Whether a sheet says what text costs.
fn is_priced(sheet: &PriceSheet) -> bool {
    sheet.get(Unit::Input).is_some() && sheet.get(Unit::Output).is_some()
}

/// The most that a call may use with so many tokens of output, all choices together.
pub(crate) fn extent(call: &Call, sheet: &PriceSheet, output_tokens: u64) -> Extent {
    let needs = &call.request.needs;
    let mut extent = Extent::new(prompt_tokens(call), output_tokens);
    if is_text(needs) {
        extent = extent.without_media();
    }
    if !may_write_cache(call, sheet) {
        extent = extent.without_cache_writes();
    }
    if needs.output.contains(Modality::Rerank) {
        extent = extent.with_requests(rerank_requests(call));
    }
    if needs.parameters.contains(Parameter::WebSearchOptions) {
        extent = extent.with_searches(SEARCHES_MAX);
    }
    extent
}

/// The most that the prompt of a call may cost at the dearer of two endpoints; `None` where one of
/// them states no price.
pub(crate) fn prompt(call: &Call, endpoints: [&Endpoint; 2]) -> Option<Amount> {
    let [one, other] = endpoints.map(|endpoint| {
        let (sheet, _) = sheet(call, endpoint)?;
        ceiling(&extent(call, sheet, 0), sheet, call.at()).ok()
    });
    Some(one?.max(other?))
}

/// The most tokens per choice that an endpoint can answer with.
pub(crate) fn output_tokens(needs: &Needs, endpoint: &Endpoint) -> u64 {
    let can = endpoint.max_completion_tokens.or(endpoint.context_length);
    match (needs.max_output_tokens, can) {
        (Some(asked), Some(can)) => asked.min(can),
        (Some(asked), None) => asked,
        (None, can) => can.unwrap_or(OUTPUT_TOKENS_UNKNOWN),
    }
}

/// A bound on the tokens of a prompt. A tokenizer that works on bytes makes at most one token of
/// each, and what a provider's template adds is less than the JSON that carries a message; so the
/// bytes of the body are a bound for text. Inline media are base64, of which no provider makes a
/// token per byte, and media elsewhere are not in the body: these have rules of their own, above.
fn prompt_tokens(call: &Call) -> u64 {
    let needs = &call.request.needs;
    let body = u64::try_from(call.body.len()).unwrap_or(u64::MAX);
    if needs.output.contains(Modality::Rerank) {
        // The query is read with every document; the estimate says so, at no more than 4 bytes a token.
        return body.saturating_add(needs.prompt_tokens.saturating_mul(4));
    }
    if needs.input == Modalities::TEXT {
        return body;
    }
    let payload = payload_bytes(&call.body);
    let parts = needs.prompt_tokens.saturating_mul(MEDIA_MARGIN);
    body.saturating_sub(payload)
        .saturating_add(payload.div_ceil(PAYLOAD_BYTES_PER_TOKEN))
        .saturating_add(parts)
}

/// A bound on the search units of a rerank call: one is a query with up to 100 documents or pieces of
/// them, and none of these takes less than two bytes of the body.
fn rerank_requests(call: &Call) -> u64 {
    let body = u64::try_from(call.body.len()).unwrap_or(u64::MAX);
    body.div_ceil(200).saturating_add(1)
}

/// Bytes of inline media: what stands between one of these marks and the end of its string.
fn payload_bytes(body: &[u8]) -> u64 {
    const MARKS: [&[u8]; 3] = [b";base64,", b"\"data\":\"", b"\"data\": \""];
    let mut payload = 0;
    let mut at = 0;
    while let Some(rest) = body.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(mark)) {
            let string = &rest[mark.len()..];
            let end = string.iter().position(|byte| *byte == b'"');
            let length = end.unwrap_or(string.len());
            payload += u64::try_from(length).unwrap_or(u64::MAX);
            at += mark.len() + length;
        } else {
            let next = rest[1..]
                .iter()
                .position(|byte| matches!(byte, b';' | b'"'));
            at += next.map_or(rest.len(), |next| next + 1);
        }
    }
    payload
}

fn is_text(needs: &Needs) -> bool {
    needs.input == Modalities::TEXT && needs.output == Modalities::TEXT
}

/// Whether the prompt may be written to a cache at a price of its own: where such a price is
/// stated, and the request marks what is to be kept.
fn may_write_cache(call: &Call, sheet: &PriceSheet) -> bool {
    const MARK: &[u8] = b"cache_control";
    let writes = [Unit::CacheWrite, Unit::CacheWrite1h];
    writes.iter().any(|unit| sheet.get(*unit).is_some())
        && call.body.windows(MARK.len()).any(|bytes| bytes == MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_media_are_found_by_their_marks_and_text_is_not() {
        for (body, bytes) in [
            (r#"{"url":"data:image/png;base64,AAAABBBB"}"#, 8),
            (r#"{"data":"AAAA","format":"wav"} {"data": "BB"}"#, 6),
            (r#"{"content":"plain; text, \"quoted\""}"#, 0),
            (r#"{"url":"data:image/png;base64,AAAA"#, 4),
            ("", 0),
        ] {
            assert_eq!(payload_bytes(body.as_bytes()), bytes, "{body}");
        }
    }
}
