//! Opaque values of other families, carried by callers of this dialect and told apart from Claude's.
//!
//! A caller gives back the thinking blocks it was given. Those that Claude made hold Claude's own
//! signature, and it travels as it is. Those that we made out of another family's answer hold a tag
//! instead: `waybill:FORMAT:SEAL:ID:VALUE`, or `waybill:none` where there is nothing to give back.
//! So each value finds its way home, and none is ever shown to Claude, which would refuse it.

use chat::opaque::{Format, Opaque, Seal};

/// What a tag begins with. Claude's own values are base64 and cannot.
pub(super) const TAG: &str = "waybill:";

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
    if opaque.format == Format::AnthropicClaude {
        return opaque.value.clone();
    }
    let id = opaque.id.as_deref().unwrap_or_default();
    let id = id.replace('%', "%25").replace(':', "%3A");
    let seal = match opaque.seal {
        Seal::Signature => "signature",
        Seal::Encrypted => "encrypted",
    };
    format!("{TAG}{}:{seal}:{id}:{}", opaque.format.name(), opaque.value)
}

/// What a value is that was found where this dialect keeps a `seal`.
pub(super) fn carried(value: &str, seal: Seal) -> Carried {
    if value.is_empty() {
        return Carried::Nothing;
    }
    let Some(tag) = value.strip_prefix(TAG) else {
        return Carried::Opaque(Opaque {
            format: Format::AnthropicClaude,
            seal,
            value: value.to_owned(),
            id: None,
        });
    };
    let mut parts = tag.splitn(4, ':');
    let (Some(format), Some(seal), Some(id), Some(value)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Carried::Nothing;
    };
    Carried::Opaque(Opaque {
        format: Format::from_name(format),
        seal: match seal {
            "encrypted" => Seal::Encrypted,
            _ => Seal::Signature,
        },
        value: value.to_owned(),
        id: Some(id.replace("%3A", ":").replace("%25", "%")).filter(|id| !id.is_empty()),
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
