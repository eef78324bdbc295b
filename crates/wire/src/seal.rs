//! Opaque values that travel through callers of a dialect that is not their own.
//!
//! A caller gives back what it was given, in the place where its dialect keeps such values. There a
//! tag tells another family's value from the dialect's own: `waybill:FORMAT:SEAL:ID:VALUE`. So each
//! value finds its way home, and none is ever shown to a family that would refuse it.

use chat::opaque::{Format, Opaque, Seal};

/// What a tag begins with. Providers' own values are base64 and cannot.
pub(crate) const TAG: &str = "waybill:";

/// The text under which a value travels.
pub(crate) fn tagged(opaque: &Opaque) -> String {
    let id = opaque.id.as_deref().unwrap_or_default();
    let id = id.replace('%', "%25").replace(':', "%3A");
    let seal = match opaque.seal {
        Seal::Signature => "signature",
        Seal::Encrypted => "encrypted",
    };
    format!("{TAG}{}:{seal}:{id}:{}", opaque.format.name(), opaque.value)
}

/// The value that travels under a text with a tag; `None` where the text has none, or says that
/// there is nothing to give back.
pub(crate) fn untagged(text: &str) -> Option<Opaque> {
    let mut parts = text.strip_prefix(TAG)?.splitn(4, ':');
    let (format, seal) = (parts.next()?, parts.next()?);
    let (id, value) = (parts.next()?, parts.next()?);
    Some(Opaque {
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
    fn every_value_reads_back() {
        for format in Format::ALL {
            for seal in [Seal::Signature, Seal::Encrypted] {
                for id in [None, Some("rs_1:2%3A".to_owned())] {
                    let opaque = Opaque {
                        format,
                        seal,
                        value: "EqQB:+/=%3A".to_owned(),
                        id,
                    };
                    assert_eq!(untagged(&tagged(&opaque)), Some(opaque));
                }
            }
        }
        assert_eq!(untagged("waybill:none"), None);
        assert_eq!(untagged("EqQB"), None);
    }
}
