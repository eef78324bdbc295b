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
        self.0.reserve(text.len() + 3);
        self.open('"');
        let mut rest = text;
        loop {
            // What must be escaped is one byte long, so both sides are text.
            let (plain, odd) = rest.split_at(plain_run(rest.as_bytes()));
            self.0.push_str(plain);
            match odd.as_bytes().first() {
                None => break,
                Some(b'"') => self.0.push_str("\\\""),
                Some(b'\\') => self.0.push_str("\\\\"),
                Some(control) => self.0.push_str(&format!("\\u{control:04x}")),
            }
            rest = odd.get(1..).unwrap_or_default();
        }
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

/// How many bytes at the start can stand in a JSON string as they are: neither a quote nor a backslash
/// nor a control character. Eight are looked at at a time: taking a byte's worth from each byte of a
/// word leaves the top bit set where it was smaller, and the lowest of those is never a mistake (a
/// borrow only goes upwards).
fn plain_run(text: &[u8]) -> usize {
    const fn eight(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    let below = |word: u64, byte: u8| word.wrapping_sub(eight(byte)) & !word & eight(0x80);
    let (words, rest) = text.as_chunks::<8>();
    let mut plain = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let is_quote = below(word ^ eight(b'"'), 1);
        let is_escape = below(word ^ eight(b'\\'), 1);
        let found = is_quote | is_escape | below(word, b' ');
        if found != 0 {
            // A position within a word.
            return plain + usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
        }
        plain += 8;
    }
    let is_odd = |byte: &u8| matches!(*byte, b'"' | b'\\') || *byte < b' ';
    plain + rest.iter().position(is_odd).unwrap_or(rest.len())
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
