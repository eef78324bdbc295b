//! `Redaction`: takes out of a text what must not be kept. Patterns only, in linear time.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use regex::{Captures, Regex, RegexBuilder};

pub use super::patterns::BUILT_IN;
use super::patterns::{CARD_DIGITS_MIN, PATTERNS, any};

/// A compiled pattern may take this much memory, bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone)]
struct Rule {
    pattern: Regex,
    instead: String,
    bytes_min: usize,
    may_be_in: fn(&str) -> bool,
    holds: fn(&str) -> bool,
}

/// What is taken out of content before it is kept.
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    rules: Vec<Rule>,
    /// The shortest that any rule finds, bytes: most texts of a call are shorter.
    bytes_min: usize,
}

impl Redaction {
    /// With patterns by name, and patterns of the workspace's own: name and regular expression.
    ///
    /// # Errors
    /// In words, when a name is unknown or a pattern does not read.
    pub fn new<'n>(
        names: impl IntoIterator<Item = &'n str>,
        own: impl IntoIterator<Item = (&'n str, &'n str)>,
    ) -> Result<Self, String> {
        let mut rules = Vec::new();
        for name in names {
            let found = PATTERNS.iter().find(|known| known.name == name);
            let found =
                found.ok_or_else(|| format!("\"{name}\" is none of {}", BUILT_IN.join(", ")))?;
            rules.push(Rule {
                bytes_min: found.bytes_min,
                may_be_in: found.may_be_in,
                holds: found.holds,
                ..rule(name, found.pattern)?
            });
        }
        for (name, pattern) in own {
            rules.push(rule(name, pattern)?);
        }
        let bytes_min = rules.iter().map(|rule| rule.bytes_min).min();
        Ok(Self {
            bytes_min: bytes_min.unwrap_or(0),
            rules,
        })
    }

    /// Whether it takes out nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// A text without what is taken out.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for rule in &self.rules {
            if text.len() < rule.bytes_min || !(rule.may_be_in)(&text) {
                continue;
            }
            let replaced = rule.pattern.replace_all(&text, |found: &Captures<'_>| {
                let found = found.get(0).map_or("", |found| found.as_str());
                if (rule.holds)(found) {
                    rule.instead.clone()
                } else {
                    found.to_owned()
                }
            });
            if let Cow::Owned(replaced) = replaced
                && replaced != *text
            {
                text = Cow::Owned(replaced);
            }
        }
        text
    }

    /// JSON without what is taken out of its texts, otherwise to the byte as it was; what is no JSON is
    /// one text. Names of fields are texts, too, and so is a number that is a card's.
    #[must_use]
    pub fn json(&self, json: Vec<u8>) -> Vec<u8> {
        if self.is_empty() {
            return json;
        }
        let read = match String::from_utf8(json) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        if !read.trim_start().starts_with(['{', '[', '"']) {
            return self.text(&read).into_owned().into_bytes();
        }
        let mut out = String::with_capacity(read.len());
        let mut rest = &*read;
        while let Some(quote) = rest.find('"') {
            let (between, string) = rest.split_at(quote);
            self.numbers(between, &mut out);
            let (string, after) = string.split_at(string_end(string));
            self.string(string, &mut out);
            rest = after;
        }
        self.numbers(rest, &mut out);
        out.into_bytes()
    }

    fn string(&self, string: &str, out: &mut String) {
        // It stands in quotes, or begins with one, and no escape is shorter than what it says.
        if string.len() <= self.bytes_min {
            return out.push_str(string);
        }
        let said = match plain(string) {
            Some(said) => Cow::Borrowed(said),
            None => match serde_json::from_str::<String>(string) {
                Ok(said) => Cow::Owned(said),
                // Cut off: what is there of it.
                Err(_) => return out.push_str(&self.text(string)),
            },
        };
        match self.text(&said) {
            Cow::Owned(redacted) => {
                out.push_str(&serde_json::Value::from(redacted).to_string());
            }
            Cow::Borrowed(_) => out.push_str(string),
        }
    }

    /// What stands between strings: a number is a text of its own when it would be taken out.
    fn numbers(&self, between: &str, out: &mut String) {
        let is_of_number = |c: char| c.is_ascii_digit();
        let mut rest = between;
        while let Some(begin) = rest.find(is_of_number) {
            let (before, number) = rest.split_at(begin);
            let end = number.find(|c| !is_of_number(c)).unwrap_or(number.len());
            let (number, after) = number.split_at(end);
            out.push_str(before);
            let is_whole = number.len() >= CARD_DIGITS_MIN
                && !before.ends_with(['.', '-', '+', 'e', 'E'])
                && !after.starts_with(['.', 'e', 'E']);
            match is_whole.then(|| self.text(number)) {
                Some(Cow::Owned(redacted)) => {
                    out.push_str(&serde_json::Value::from(redacted).to_string());
                }
                _ => out.push_str(number),
            }
            rest = after;
        }
        out.push_str(rest);
    }
}

/// What a JSON string says, if it stands there as it is: whole, and without escapes.
fn plain(string: &str) -> Option<&str> {
    let said = string.strip_prefix('"')?.strip_suffix('"')?;
    memchr(b'\\', said.as_bytes()).is_none().then_some(said)
}

/// A rule that has to be tried on every text.
fn rule(name: &str, pattern: &str) -> Result<Rule, String> {
    let pattern = RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| format!("the pattern \"{name}\" does not read: {error}"))?;
    if pattern.is_match("") {
        return Err(format!("the pattern \"{name}\" finds even nothing"));
    }
    Ok(Rule {
        pattern,
        instead: format!("[{name}]"),
        bytes_min: 1,
        may_be_in: any,
        holds: any,
    })
}

/// Where a JSON string ends that begins at the first byte.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Redaction {
        Redaction::new(BUILT_IN, [("order", r"ORD-\d{4}")]).unwrap()
    }

    #[test]
    fn what_must_not_be_kept_is_taken_out_of_texts() {
        for (text, expected) in [
            ("mail ada.l+x@mail.example.co.uk now", "mail [email] now"),
            (
                "card 4111 1111 1111 1111, 378282246310005",
                "card [card], [card]",
            ),
            ("no card 4111 1111 1111 1112", "no card 4111 1111 1111 1112"),
            ("a time 1772600767089", "a time 1772600767089"),
            (
                "key sk-or-v1-0123456789abcdef0123456789abcdef!",
                "key [api_key]!",
            ),
            ("key sk-proj-abc_DEF-0123456789xyz", "key [api_key]"),
            ("AKIAIOSFODNN7EXAMPLE", "[api_key]"),
            (
                "a risk-based approach to task-oriented sk-8",
                "a risk-based approach to task-oriented sk-8",
            ),
            (
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0",
                "[jwt]",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----.",
                "[private_key].",
            ),
            ("about ORD-1234 and ORD-12", "about [order] and ORD-12"),
            ("", ""),
        ] {
            assert_eq!(all().text(text), expected, "{text}");
        }
    }

    #[test]
    fn json_stays_as_it_was_but_for_what_is_taken_out() {
        for (json, expected) in [
            (
                r#"{"a" : 1.50,"b":"x\u00e9"}"#,
                r#"{"a" : 1.50,"b":"x\u00e9"}"#,
            ),
            (r#"{"a":"to a@b.example\n"}"#, r#"{"a":"to [email]\n"}"#),
            (
                r#"{"a":"to \u0061\u0040b.example"}"#,
                r#"{"a":"to [email]"}"#,
            ),
            (
                r#"{"a@b.example":[true,null]}"#,
                r#"{"[email]":[true,null]}"#,
            ),
            (
                r#"{"card":4111111111111111,"at":1772600767089,"x":0.4111111111111111}"#,
                r#"{"card":"[card]","at":1772600767089,"x":0.4111111111111111}"#,
            ),
            (
                r#"{"args":"{\"to\":\"a@b.example\"}"}"#,
                r#"{"args":"{\"to\":\"[email]\"}"}"#,
            ),
            (
                r#"{"q":"a \"quoted\" a@b.example","p":"C:\\","n":"no. \u0034111 1111 1111 1111"}"#,
                r#"{"q":"a \"quoted\" [email]","p":"C:\\","n":"no. [card]"}"#,
            ),
            (r#"{"ü":"ü a@b.example ü"}"#, r#"{"ü":"ü [email] ü"}"#),
            (r#"{"short":"a@b.cd"}"#, r#"{"short":"[email]"}"#),
            (r#"{"cut":"a@b.cd"#, r#"{"cut":"[email]"#),
            (r#"{"cut":"a@b.example"#, r#"{"cut":"[email]"#),
            (r#"{"cut":"a@b.example\"#, r#"{"cut":"[email]\"#),
            ("to a@b.example", "to [email]"),
        ] {
            let redacted = all().json(json.as_bytes().to_vec());
            assert_eq!(String::from_utf8(redacted).unwrap(), expected, "{json}");
        }
        let untouched = b"\xff{".to_vec();
        assert_eq!(Redaction::default().json(untouched.clone()), untouched);
    }

    #[test]
    fn patterns_that_are_none_are_refused() {
        let own = |pattern| Redaction::new([], [("own", pattern)]).unwrap_err();
        assert!(own("(").contains("does not read"));
        assert!(own("a*").contains("even nothing"));
        assert!(own(r"\w{500}{500}").contains("does not read"));
        assert!(
            Redaction::new(["phone"], [])
                .unwrap_err()
                .contains("email, card")
        );
    }
}
