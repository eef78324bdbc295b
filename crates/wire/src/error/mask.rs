//! Takes secrets out of texts that providers send, before anybody else reads them.

const MASK: &str = "[masked]";

/// How credentials begin.
const PREFIXES: &[&str] = &[
    "sk-",
    "sk_",
    "pk-",
    "rk-",
    "gsk_",
    "xai-",
    "pplx-",
    "hf_",
    "r8_",
    "nvapi-",
    "csk-",
    "fw_",
    "tgp_",
    "AIza",
    "AKIA",
    "ASIA",
    "ya29.",
    "eyJ",
    "ghp_",
    "github_pat_",
];

/// Names after which a value is secret.
const SECRET_NAMES: &[&str] = &[
    "key",
    "token",
    "secret",
    "password",
    "authorization",
    "signature",
];

/// A text without anything that looks like a secret, and no longer than this many characters.
pub(super) fn masked(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars_max * 4));
    let mut rest = text;
    let mut after_bearer = false;
    while !rest.is_empty() {
        let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        if length == 0 {
            let letter = rest.chars().next().unwrap_or(' ');
            out.push(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or("");
            continue;
        }
        let word = rest.get(..length).unwrap_or("");
        push_word(&mut out, word, after_bearer);
        after_bearer = word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic");
        rest = rest.get(length..).unwrap_or("");
    }
    match out.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", out.get(..end).unwrap_or("")),
        None => out,
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.*+/=~".contains(letter)
}

fn push_word(out: &mut String, word: &str, after_bearer: bool) {
    if let Some((name, value)) = word.split_once('=')
        && !value.is_empty()
    {
        let lower = name.to_ascii_lowercase();
        out.push_str(name);
        out.push('=');
        let is_secret = SECRET_NAMES.iter().any(|secret| lower.ends_with(secret));
        return out.push_str(if is_secret || is_opaque(value) {
            MASK
        } else {
            value
        });
    }
    let is_secret = (after_bearer && word.len() >= 8)
        || word.contains("**")
        || PREFIXES
            .iter()
            .any(|prefix| word.starts_with(prefix) && word.len() > prefix.len())
        || is_opaque(word);
    out.push_str(if is_secret { MASK } else { word });
}

/// Long and without meaning: 32 or more hex digits, or 40 or more letters and digits of all sorts.
fn is_opaque(word: &str) -> bool {
    let has = |what: fn(&u8) -> bool| word.as_bytes().iter().any(what);
    let is_hex = word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_mixed = word.len() >= 40
        && !word.contains(['.', '/'])
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase);
    is_hex || is_mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_kept() {
        for (text, expected) in [
            (
                "Incorrect API key provided: sk-fake-key. You",
                "Incorrect API key provided: [masked] You",
            ),
            ("provided: invalid-*****2345.", "provided: [masked]"),
            (
                "Authorization: Bearer abcdefgh12345",
                "Authorization: Bearer [masked]",
            ),
            (
                "GET /v1?key=AIzaSyExample&alt=sse",
                "GET /v1?key=[masked]&alt=sse",
            ),
            ("id 0123456789abcdef0123456789abcdef", "id [masked]"),
            (
                "model gpt-5.2-2025-12-11 not found",
                "model gpt-5.2-2025-12-11 not found",
            ),
            (
                "ref: 96164522-08b2-4cbf-886e-e5a38961a688",
                "ref: 96164522-08b2-4cbf-886e-e5a38961a688",
            ),
            ("the max_tokens=5 is fine", "the max_tokens=5 is fine"),
            ("ключ: sk-abc", "ключ: [masked]"),
        ] {
            assert_eq!(masked(text, 1_000), expected);
        }
    }

    #[test]
    fn long_texts_are_cut_at_a_letter() {
        assert_eq!(masked("äöüäöü", 3), "äöü…");
    }
}
