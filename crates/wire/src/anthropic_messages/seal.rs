//! Opaque values of other families, carried by callers of this dialect and told apart from Claude's.
//!
//! A caller gives back the thinking blocks it was given. Those that Claude made hold Claude's own
//! signature, and it travels as it is. Those that we made out of another family's answer hold a tag
//! instead (see [`crate::seal`]), or `waybill:none` where there is nothing to give back.
//! So each value finds its way home, and none is ever shown to Claude, which would refuse it.

use chat::opaque::{Format, Opaque, Seal};

use crate::seal::{TAG, tagged, untagged};

/// The tag of reasoning that nobody has sealed.
pub(super) const UNSEALED: &str = "waybill:none";

/// What a value in a thinking block stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Carried {
    /// Something that its family must get back.
    Opaque(Opaque),
    /// Nothing.
    Nothing,
}

/// The text under which an opaque value travels in this dialect.
pub(super) fn carry(opaque: &Opaque) -> String {
    match opaque.format {
        Format::AnthropicClaude => opaque.value.clone(),
        _ => tagged(opaque),
    }
}

/// What a value is that was found where this dialect keeps a `seal`.
pub(super) fn carried(value: &str, seal: Seal) -> Carried {
    if value.is_empty() {
        return Carried::Nothing;
    }
    if value.starts_with(TAG) {
        return untagged(value).map_or(Carried::Nothing, Carried::Opaque);
    }
    Carried::Opaque(Opaque {
        format: Format::AnthropicClaude,
        seal,
        value: value.to_owned(),
        id: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_finds_its_own_value_again() {
        for format in Format::ALL {
            for seal in [Seal::Signature, Seal::Encrypted] {
                let opaque = Opaque {
                    format,
                    seal,
                    value: "EqQB:+/=%3A".to_owned(),
                    id: (format != Format::AnthropicClaude).then(|| "rs_1:2%3A".to_owned()),
                };
                let text = carry(&opaque);
                assert_eq!(carried(&text, seal), Carried::Opaque(opaque), "{text}");
            }
        }
        assert_eq!(carried(UNSEALED, Seal::Signature), Carried::Nothing);
        assert_eq!(carried("", Seal::Signature), Carried::Nothing);
    }
}
