//! Thought signatures, and the opaque values of other families that travel in their place.
//!
//! A caller gives each part back with the `thoughtSignature` it came with, as bytes in base64. What
//! Google made travels as it is. What we made out of another family's answer is JSON of ours in
//! base64, with the thoughts that it vouches for, since callers may not have been shown them. So
//! each value finds its way home, and none is shown to Google, which would refuse it.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use chat::opaque::{Format, Opaque, Seal};
use serde_json::{Value, json};

/// What our own JSON begins with, and no signature of Google's.
const MARK: &str = "{\"waybill\":";

/// What a signature stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carried {
    /// What its family must get back.
    pub(super) opaque: Opaque,
    /// The thoughts that it vouches for, where we kept them with it: text, and whether a summary.
    pub(super) thoughts: Option<(String, bool)>,
}

/// The text under which an opaque value travels in this dialect; `thoughts` are the text of its
/// block and whether it is a summary, where it is a block of reasoning.
pub(super) fn carry(opaque: &Opaque, thoughts: Option<(&str, bool)>) -> String {
    if opaque.format == Format::GoogleGemini {
        return opaque.value.clone();
    }
    let mut carried = json!({
        "waybill": opaque.format.name(),
        "encrypted": opaque.seal == Seal::Encrypted,
        "value": opaque.value,
    });
    if let Some(id) = &opaque.id {
        carried["id"] = json!(id);
    }
    if let Some((text, is_summary)) = thoughts {
        carried["text"] = json!(text);
        carried["summary"] = json!(is_summary);
    }
    STANDARD.encode(carried.to_string())
}

/// What a signature is that a caller gave back.
pub(super) fn carried(signature: &str) -> Carried {
    ours(signature).unwrap_or_else(|| Carried {
        opaque: Opaque {
            format: Format::GoogleGemini,
            seal: Seal::Signature,
            value: signature.to_owned(),
            id: None,
        },
        thoughts: None,
    })
}

/// Clients decode bytes and encode them anew, in whichever alphabet, with padding or without.
fn decoded(signature: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const PLAIN: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
    const URL: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);
    match signature.contains(['-', '_']) {
        true => URL.decode(signature).ok(),
        false => PLAIN.decode(signature).ok(),
    }
}

fn ours(signature: &str) -> Option<Carried> {
    let bytes = decoded(signature)?;
    if !bytes.starts_with(MARK.as_bytes()) {
        return None;
    }
    let tree: Value = serde_json::from_slice(&bytes).ok()?;
    let text = |name: &str| tree.get(name)?.as_str().map(str::to_owned);
    let is = |name: &str| tree.get(name).and_then(Value::as_bool) == Some(true);
    Some(Carried {
        opaque: Opaque {
            format: Format::from_name(&text("waybill")?),
            seal: match is("encrypted") {
                true => Seal::Encrypted,
                false => Seal::Signature,
            },
            value: text("value")?,
            id: text("id"),
        },
        thoughts: text("text").map(|thoughts| (thoughts, is("summary"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_finds_its_own_value_again() {
        for format in Format::ALL {
            let opaque = Opaque {
                format,
                seal: Seal::Signature,
                value: "EqQB+/=??>>".to_owned(),
                id: (format != Format::GoogleGemini).then(|| "rs_1".to_owned()),
            };
            let text = carry(&opaque, Some(("so I think ÿ?>", false)));
            let again = carried(&text);
            assert_eq!(again.opaque, opaque, "{text}");
            let is_foreign = format != Format::GoogleGemini;
            assert_eq!(again.thoughts.is_some(), is_foreign);
            let urlsafe = text.replace('+', "-").replace('/', "_");
            if is_foreign {
                assert_eq!(carried(urlsafe.trim_end_matches('=')), again);
            }
        }
    }
}
