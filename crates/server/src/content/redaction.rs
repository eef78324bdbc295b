//! `Redaction`: takes out of a text what must not be kept. Patterns only, in linear time.

use std::borrow::Cow;

use regex::{Captures, Regex, RegexBuilder};

/// A compiled pattern may take this much memory, bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A pattern that is built in: its name, what it finds, and what else must hold of what it found.
type BuiltIn = (&'static str, &'static str, fn(&str) -> bool);

/// The patterns that are built in. What they find becomes their name in brackets.
const PATTERNS: [BuiltIn; 5] = [
    (
        "email",
        r"(?i)[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.[a-z]{2,24}\b",
        any,
    ),
    ("card", r"\b\d(?:[ -]?\d){12,18}\b", is_card),
    (
        "api_key",
        // Beginnings that key issuers have agreed with those who scan for leaked keys.
        r"(?x)
        \b(?:sk|pk|rk)[-_](?:[a-zA-Z0-9]+[-_])*[A-Za-z0-9_-]{16,}
        | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
        | \bAIza[0-9A-Za-z_-]{35}
        | \bgh[pousr]_[A-Za-z0-9]{36,}
        | \bgithub_pat_[A-Za-z0-9_]{22,}
        | \bxox[abeoprs]-[A-Za-z0-9-]{10,}
        | \b(?:hf|gsk|xai|glpat|npm|pypi)[-_][A-Za-z0-9_-]{20,}",
        any,
    ),
    (
        "jwt",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        any,
    ),
    (
        "private_key",
        r"(?s)-----BEGIN [A-Z ]{0,24}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,24}PRIVATE KEY-----|\z)",
        any,
    ),
];

/// The names of the patterns that are built in.
pub const BUILT_IN: [&str; 5] = ["email", "card", "api_key", "jwt", "private_key"];

const fn any(_found: &str) -> bool {
    true
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: Regex,
    instead: String,
    holds: fn(&str) -> bool,
}

/// What is taken out of content before it is kept.
#[derive(Debug, Clone, Default)]
pub struct Redaction(Vec<Rule>);

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
            let found = PATTERNS.iter().find(|(known, ..)| *known == name);
            let (_, pattern, holds) =
                found.ok_or_else(|| format!("\"{name}\" is none of {}", BUILT_IN.join(", ")))?;
            rules.push(rule(name, pattern, *holds)?);
        }
        for (name, pattern) in own {
            rules.push(rule(name, pattern, any)?);
        }
        Ok(Self(rules))
    }

    /// Whether it takes out nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text without what is taken out.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for rule in &self.0 {
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
        let Ok(said) = serde_json::from_str::<String>(string) else {
            // Cut off: what is there of it.
            return out.push_str(&self.text(string));
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
            let is_whole = !before.ends_with(['.', '-', '+', 'e', 'E'])
                && !after.starts_with(['.', 'e', 'E'])
                && number.len() >= CARD_DIGITS_MIN;
            match self.text(number) {
                Cow::Owned(redacted) if is_whole => {
                    out.push_str(&serde_json::Value::from(redacted).to_string());
                }
                _ => out.push_str(number),
            }
            rest = after;
        }
        out.push_str(rest);
    }
}

fn rule(name: &str, pattern: &str, holds: fn(&str) -> bool) -> Result<Rule, String> {
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
        holds,
    })
}

/// Where a JSON string ends that begins at the first byte.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

const CARD_DIGITS_MIN: usize = 13;

/// Whether digits are the number of a payment card: the beginnings and lengths that are given out
/// (ISO/IEC 7812), and Luhn's check digit.
fn is_card(found: &str) -> bool {
    let digits: Vec<u32> = found.chars().filter_map(|c| c.to_digit(10)).collect();
    let (Some(first), Some(second)) = (digits.first(), digits.get(1)) else {
        return false;
    };
    let is_known = matches!(
        (first, second, digits.len()),
        (3, 4 | 7, 15)
            | (3, 0 | 6 | 8 | 9, 14)
            | (3, 5, 16)
            | (4, _, 13 | 16 | 19)
            | (5, 1..=5, 16)
            | (2, 2..=7, 16)
            | (6, _, 16..=19)
            | (5, 0 | 6..=8, 16..=19)
    );
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    is_known && sum.is_multiple_of(10)
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
