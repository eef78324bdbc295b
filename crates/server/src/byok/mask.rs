//! What may be shown of a credential: enough to tell two apart, of no use to anybody else.

use catalog::Auth;
use relay::Secret;
use relay::auth::credential::Credential;

/// Shorter texts are not shown at all: too little would be left.
const SHOWN_LENGTH_MIN: usize = 16;

/// So many characters of the end are shown, and of the beginning as many at most.
const SHOWN: usize = 4;

/// The label of a credential: `sk-...AbCd`, or the form of one that is made of several parts.
#[must_use]
pub fn label(auth: &Auth, secret: &Secret) -> String {
    let text = secret.expose().trim();
    if text.starts_with(['{', '[']) {
        let form = match Credential::read(auth, secret) {
            Ok(read) => read.form(),
            Err(_) => "JSON",
        };
        return form.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < SHOWN_LENGTH_MIN {
        return "...".to_owned();
    }
    // "sk-" says whose it is; where nothing like it is in front, nothing of the front is shown.
    let front = characters.iter().take(SHOWN);
    let front: String = match front.clone().position(|character| *character == '-') {
        Some(dash) => front.take(dash + 1).collect(),
        None => String::new(),
    };
    let end: String = characters.iter().skip(characters.len() - SHOWN).collect();
    format!("{front}...{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_shown_and_of_short_ones_nothing() {
        for (text, shown) in [
            ("sk-proj-0123456789AbCd", "sk-...AbCd"),
            ("gsk_0123456789abcdefgh", "...efgh"),
            ("short-secret", "..."),
            ("", "..."),
        ] {
            assert_eq!(label(&Auth::Bearer, &Secret::new(text)), shown, "{text}");
        }
        let aws =
            r#"{"accessKeyId":"AKIDEXAMPLE","secretAccessKey":"s3cr3t","region":"eu-west-1"}"#;
        let shown = label(&Auth::SigV4, &Secret::new(aws));
        assert!(
            !shown.contains("s3cr3t") && !shown.contains("AKID"),
            "{shown}"
        );
    }
}
