//! JSON on its way out, written straight into one buffer: every finished call is written twice, into
//! the journal and into its row, and trees of values would be most of that work.

/// JSON text that grows. Commas come by themselves.
#[derive(Debug, Default)]
pub(crate) struct Json(String);

impl Json {
    /// One text, written by `write`, which is expected to take about so many bytes.
    pub(crate) fn text_of(bytes: usize, write: impl FnOnce(&mut Self)) -> String {
        let mut json = Self(String::with_capacity(bytes));
        write(&mut json);
        json.0
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.open('{');
        members(self);
        self.0.push('}');
    }

    pub(crate) fn array(&mut self, items: impl FnOnce(&mut Self)) {
        self.open('[');
        items(self);
        self.0.push(']');
    }

    /// The name of a member, a word of ours; its value comes next.
    pub(crate) fn name(&mut self, name: &'static str) -> &mut Self {
        self.open('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self
    }

    /// A text as a value.
    pub(crate) fn text(&mut self, text: &str) {
        // Some records hold JSON in a text: a quote in every dozen bytes.
        self.0.reserve(text.len() + text.len() / 8 + 3);
        self.open('"');
        let mut from = 0;
        each_odd(text.as_bytes(), |at, byte| {
            // What must be escaped is one byte long, so both sides are text.
            self.0.push_str(text.get(from..at).unwrap_or_default());
            match byte {
                b'"' => self.0.push_str("\\\""),
                b'\\' => self.0.push_str("\\\\"),
                control => self.0.push_str(&format!("\\u{control:04x}")),
            }
            from = at + 1;
        });
        self.0.push_str(text.get(from..).unwrap_or_default());
        self.0.push('"');
    }

    /// A word of ours and a number behind a colon, as one text.
    pub(crate) fn numbered(&mut self, word: &'static str, number: i64) {
        self.open('"');
        self.0.push_str(word);
        self.0.push(':');
        self.int(number);
        self.0.push('"');
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    pub(crate) fn int(&mut self, value: i64) {
        self.comma();
        if value < 0 {
            self.0.push('-');
        }
        self.digits(value.unsigned_abs());
    }

    pub(crate) fn count(&mut self, value: u64) {
        self.comma();
        self.digits(value);
    }

    /// A text, or `null`.
    pub(crate) fn text_or_null(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.raw("null"),
        }
    }

    /// A value that is JSON already.
    fn raw(&mut self, json: &str) {
        self.comma();
        self.0.push_str(json);
    }

    /// Faster than the formatting machinery, which asks after width, sign and padding each time.
    fn digits(&mut self, value: u64) {
        self.0.push_str(itoa::Buffer::new().format(value));
    }

    fn open(&mut self, bracket: char) {
        self.comma();
        self.0.push(bracket);
    }

    /// A value, and a name, begin behind a bracket, a colon, or another value.
    fn comma(&mut self) {
        if !matches!(self.0.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(',');
        }
    }
}

/// Finds what cannot stand in a JSON string as it is: quotes, backslashes and control characters, in order.
/// Eight bytes are looked at at a time: what is added to the lower seven bits of each byte does not reach
/// the next one, and leaves the top bit clear where the byte is one of them.
fn each_odd(text: &[u8], mut found: impl FnMut(usize, u8)) {
    const fn eight(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    const LOW: u64 = eight(0x7f);
    let plain = |word: u64, most: u8| ((word & LOW) + eight(0x7f - most)) | word;
    let (words, rest) = text.as_chunks::<8>();
    let mut at = 0;
    for bytes in words {
        let word = u64::from_le_bytes(*bytes);
        let is_plain =
            plain(word ^ eight(b'"'), 0) & plain(word ^ eight(b'\\'), 0) & plain(word, b' ' - 1);
        let mut odd = !is_plain & !LOW;
        while odd != 0 {
            // A position within a word.
            let position = usize::try_from(odd.trailing_zeros() / 8).unwrap_or(0);
            if let Some(byte) = bytes.get(position) {
                found(at + position, *byte);
            }
            odd &= odd - 1;
        }
        at += 8;
    }
    for (position, byte) in rest.iter().enumerate() {
        if matches!(*byte, b'"' | b'\\') || *byte < b' ' {
            found(at + position, *byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 6] = [
        "",
        "plain",
        "[",
        "a \"b\" \\ \n\u{1}",
        "ü:",
        "longer than a word, then \"quoted\" \u{7f}\u{1f} and über das Ende hinaus \\",
    ];

    #[test]
    fn what_is_written_reads_as_what_was_meant() {
        let text = Json::text_of(0, |json| {
            json.object(|json| {
                json.name("empty").object(|_| {});
                json.name("list").array(|json| {
                    for text in TEXTS {
                        json.text(text);
                    }
                    json.array(|json| {
                        for int in [0, -3, 10, i64::MIN] {
                            json.int(int);
                        }
                        json.count(u64::MAX);
                    });
                    json.text_or_null(None);
                });
                json.name("word").numbered("day", -7);
                json.name("yes").flag(true);
            });
        });
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let meant = serde_json::json!({
            "empty": {},
            "list": [TEXTS[0], TEXTS[1], TEXTS[2], TEXTS[3], TEXTS[4], TEXTS[5], [0, -3, 10, i64::MIN, u64::MAX], null],
            "word": "day:-7",
            "yes": true,
        });
        assert_eq!(read, meant, "{text}");
    }
}
