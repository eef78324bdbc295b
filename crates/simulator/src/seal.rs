//! Opaque state that only the simulator can have issued: thinking signatures, thought signatures, encrypted
//! reasoning, access tokens.
//!
//! A seal is a keyed hash of what it belongs to, so that nothing has to be remembered to recognise it, and the same
//! answer always carries the same seal. The key is public: it proves where a text came from in a test, nothing else.

use ring::hmac;

use crate::encoding::{from_base64, to_base64};

/// What a seal is for; one kind is never accepted as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    /// Signature of a thinking block of the Claude family, whichever host serves it.
    Thinking,
    /// Content of a redacted thinking block of the Claude family.
    Redacted,
    /// Thought signature of the Gemini family.
    Thought,
    /// Encrypted reasoning of the Responses dialect.
    Reasoning,
    /// Access token of Google's token endpoint.
    Access,
}

const KEY: &[u8] = b"waybill simulator: this key is public";
const TAG_BYTES: usize = 32;

impl Seal {
    fn tag(self, content: &[u8]) -> hmac::Tag {
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{self:?}\0").as_bytes());
        context.update(content);
        context.sign()
    }

    /// The signature of a content that travels beside it.
    pub(crate) fn sign(self, content: &str) -> String {
        to_base64(self.tag(content.as_bytes()).as_ref())
    }

    /// Whether a signature is the one issued for this content.
    pub(crate) fn is_signature_of(self, signature: &str, content: &str) -> bool {
        from_base64(signature).is_some_and(|tag| tag == self.tag(content.as_bytes()).as_ref())
    }

    /// A sealed text that carries its content.
    pub(crate) fn wrap(self, content: &str) -> String {
        let tag = self.tag(content.as_bytes());
        to_base64(&[tag.as_ref(), content.as_bytes()].concat())
    }

    /// The content of a sealed text, or `None` when the simulator did not issue it as this kind.
    pub(crate) fn unwrap(self, sealed: &str) -> Option<String> {
        let bytes = from_base64(sealed)?;
        let (tag, content) = bytes.split_at_checked(TAG_BYTES)?;
        (self.tag(content).as_ref() == tag).then(|| String::from_utf8(content.to_vec()).ok())?
    }
}
