//! JSON on its way out, written straight into one text: each call's plan is written, and hardly ever read.

use serde::Serialize;

/// JSON text that grows. Commas come by themselves.
pub(super) struct Text(String);

impl Text {
    /// One object of about so many bytes.
    pub(super) fn object(bytes: usize, members: impl FnOnce(&mut Self)) -> String {
        let mut text = Self(String::with_capacity(bytes));
        text.members(members);
        text.0
    }

    /// An object as a value.
    pub(super) fn members(&mut self, members: impl FnOnce(&mut Self)) {
        self.comma();
        self.0.push('{');
        members(self);
        self.0.push('}');
    }

    /// A list as a value.
    pub(super) fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.comma();
        self.0.push('[');
        items(self);
        self.0.push(']');
    }

    /// The name of a member, a word of ours; its value comes next.
    pub(super) fn name(&mut self, name: &'static str) -> &mut Self {
        self.word(name);
        self.0.push(':');
        self
    }

    /// The name of a member that is not ours.
    pub(super) fn named(&mut self, name: &str) -> &mut Self {
        self.text(name);
        self.0.push(':');
        self
    }

    /// A text as a value.
    pub(super) fn text(&mut self, text: &str) {
        let is_odd = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
        // All of them are looked at, several at a time: hardly any text is odd.
        if text.bytes().fold(false, |odd, byte| odd | is_odd(byte)) {
            self.value(&text);
        } else {
            self.quoted(text);
        }
    }

    /// A word of ours as a value.
    pub(super) fn word(&mut self, word: &'static str) {
        self.quoted(word);
    }

    /// Words of ours joined by commas, as one text.
    pub(super) fn joined(&mut self, words: impl Iterator<Item = &'static str>) {
        self.comma();
        self.0.push('"');
        let begin = self.0.len();
        for word in words {
            if self.0.len() > begin {
                self.0.push(',');
            }
            self.0.push_str(word);
        }
        self.0.push('"');
    }

    fn quoted(&mut self, text: &str) {
        self.comma();
        self.0.push('"');
        self.0.push_str(text);
        self.0.push('"');
    }

    /// A number as a value.
    pub(super) fn count(&mut self, number: u64) {
        self.comma();
        self.0.push_str(itoa::Buffer::new().format(number));
    }

    /// A number as a value that may be negative.
    pub(super) fn int(&mut self, number: i64) {
        self.comma();
        self.0.push_str(itoa::Buffer::new().format(number));
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, value: bool) {
        self.written(if value { "true" } else { "false" });
    }

    /// A value that is JSON already.
    pub(super) fn written(&mut self, json: &str) {
        self.comma();
        self.0.push_str(json);
    }

    /// A value that knows how it is written. One that does not is nothing.
    pub(super) fn value(&mut self, value: &impl Serialize) {
        let json = serde_json::to_string(value);
        self.written(json.as_deref().unwrap_or("null"));
    }

    /// A value, and a name, begin behind a bracket, a colon, or another value.
    fn comma(&mut self) {
        if !matches!(self.0.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(',');
        }
    }
}
