//! The patterns that are built in, and how it is told quickly that a text has nothing for them.
//!
//! Boundaries of words and digits are those of ASCII. Those of Unicode would be the same for everything that is looked
//! for here, and the regex engine leaves its fast ways at the first letter beyond ASCII where it is asked for them.

/// One of them.
pub(super) struct BuiltIn {
    /// What stands in brackets where it was found.
    pub(super) name: &'static str,
    /// What it finds.
    pub(super) pattern: &'static str,
    /// The shortest that it can find, bytes.
    pub(super) bytes_min: usize,
    /// Whether it may find anything in a text: a look that costs next to nothing.
    pub(super) may_be_in: fn(&str) -> bool,
    /// What else must hold of what it found.
    pub(super) holds: fn(&str) -> bool,
}

/// All of them. What they find becomes their name in brackets.
pub(super) const PATTERNS: [BuiltIn; 5] = [
    BuiltIn {
        name: "email",
        pattern: r"(?i)[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.[a-z]{2,24}(?-u:\b)",
        bytes_min: 6,
        may_be_in: |text| memchr::memchr(b'@', text.as_bytes()).is_some(),
        holds: any,
    },
    BuiltIn {
        name: "card",
        pattern: r"(?-u:\b)[0-9](?:[ -]?[0-9]){12,18}(?-u:\b)",
        bytes_min: CARD_DIGITS_MIN,
        may_be_in: |text| text.bytes().filter(u8::is_ascii_digit).count() >= CARD_DIGITS_MIN,
        holds: is_card,
    },
    BuiltIn {
        name: "api_key",
        // Beginnings that key issuers have agreed with those who scan for leaked keys.
        pattern: r"(?x)
        (?-u:\b)(?:sk|pk|rk)[-_](?:[a-zA-Z0-9]+[-_])*[A-Za-z0-9_-]{16,}
        | (?-u:\b)(?:AKIA|ASIA)[0-9A-Z]{16}(?-u:\b)
        | (?-u:\b)AIza[0-9A-Za-z_-]{35}
        | (?-u:\b)gh[pousr]_[A-Za-z0-9]{36,}
        | (?-u:\b)github_pat_[A-Za-z0-9_]{22,}
        | (?-u:\b)xox[abeoprs]-[A-Za-z0-9-]{10,}
        | (?-u:\b)(?:hf|gsk|xai|glpat|npm|pypi)[-_][A-Za-z0-9_-]{20,}",
        bytes_min: 15,
        may_be_in: any,
        holds: any,
    },
    BuiltIn {
        name: "jwt",
        pattern: r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        bytes_min: 29,
        may_be_in: any,
        holds: any,
    },
    BuiltIn {
        name: "private_key",
        pattern: r"(?s)-----BEGIN [A-Z ]{0,24}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,24}PRIVATE KEY-----|\z)",
        bytes_min: 27,
        may_be_in: any,
        holds: any,
    },
];

/// The names of the patterns that are built in.
pub const BUILT_IN: [&str; 5] = ["email", "card", "api_key", "jwt", "private_key"];

pub(super) const fn any(_text: &str) -> bool {
    true
}

/// A number of a card has so many digits, at least.
pub(super) const CARD_DIGITS_MIN: usize = 13;

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
    use regex::Regex;

    use super::*;

    #[test]
    fn the_shortest_finds_are_found_and_nothing_shorter_is() {
        let shortest = [
            "a@b.cd".to_owned(),
            "4222222222222".to_owned(),
            format!("xoxb-{}", "0".repeat(10)),
            format!("eyJ{0}.{0}.{0}", "a".repeat(8)),
            "-----BEGIN PRIVATE KEY-----".to_owned(),
        ];
        for (built_in, text) in PATTERNS.iter().zip(shortest) {
            let pattern = Regex::new(built_in.pattern).unwrap();
            assert_eq!(text.len(), built_in.bytes_min, "{}", built_in.name);
            assert!(
                pattern.is_match(&text) && (built_in.may_be_in)(&text),
                "{text}"
            );
            let shorter = &text[..text.len() - 1];
            assert!(!pattern.is_match(shorter), "{shorter}");
        }
        assert_eq!(PATTERNS.map(|built_in| built_in.name), BUILT_IN);
    }
}
