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
        self.open('"');
        // A fold without early exit, so that the compiler can look at many bytes at once.
        if text.bytes().fold(false, |found, byte| found | is_odd(byte)) {
            self.escape(text);
        } else {
            self.0.push_str(text);
        }
        self.0.push('"');
    }

    fn escape(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(is_odd) {
            // What must be escaped is one byte long, so both sides are text.
            self.0.push_str(rest.get(..at).unwrap_or_default());
            match rest.as_bytes().get(at) {
                Some(b'"') => self.0.push_str("\\\""),
                Some(b'\\') => self.0.push_str("\\\\"),
                Some(control) => self.0.push_str(&format!("\\u{control:04x}")),
                None => {}
            }
            rest = rest.get(at + 1..).unwrap_or_default();
        }
        self.0.push_str(rest);
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
    fn digits(&mut self, mut value: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            // A rest of ten is one digit.
            digits[first] = b'0' + u8::try_from(value % 10).unwrap_or(0);
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.0
            .extend(digits[first..].iter().copied().map(char::from));
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

/// Whether a byte cannot stand in a JSON string as it is.
const fn is_odd(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_what_was_meant() {
        let text = Json::text_of(0, |json| {
            json.object(|json| {
                json.name("empty").object(|_| {});
                json.name("list").array(|json| {
                    for text in ["", "plain", "[", "a \"b\" \\ \n\u{1}", "ü:"] {
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
            "list": ["", "plain", "[", "a \"b\" \\ \n\u{1}", "ü:", [0, -3, 10, i64::MIN, u64::MAX], null],
            "word": "day:-7",
            "yes": true,
        });
        assert_eq!(read, meant, "{text}");
    }
}
