//! One item of a script's text, and how its value is read.

use std::time::Duration;

use crate::encoding::percent_decoded;

/// A script that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    item: String,
    expected: String,
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cannot read \"{}\" in the script: expected {}",
            self.item, self.expected
        )
    }
}

impl std::error::Error for ScriptError {}

/// Longest wait a script may ask for.
const WAIT_MAX: Duration = Duration::from_secs(3600);
/// Most chunks or tokens a script may ask for.
pub(super) const COUNT_MAX: u64 = 1_000_000;
/// One item of a script: the whole text, the word, and the value if there is one.
pub(super) struct Item<'a> {
    pub(super) text: &'a str,
    pub(super) word: &'a str,
    pub(super) value: Option<&'a str>,
}

impl Item<'_> {
    pub(super) fn wrong(&self, expected: &str) -> ScriptError {
        ScriptError {
            item: self.text.to_owned(),
            expected: expected.to_owned(),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, ScriptError> {
        match self.value {
            None => Ok(true),
            Some(_) => Err(self.wrong("this word without a value")),
        }
    }

    pub(super) fn duration(&self) -> Result<Duration, ScriptError> {
        let value = self.value.unwrap_or_default();
        let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: Option<u64> = digits.parse().ok();
        let wait = match (number, &value[digits.len()..]) {
            (Some(n), "us") => Some(Duration::from_micros(n)),
            (Some(n), "" | "ms") => Some(Duration::from_millis(n)),
            (Some(n), "s") => Some(Duration::from_secs(n)),
            _ => None,
        };
        match wait {
            Some(wait) if wait <= WAIT_MAX => Ok(wait),
            _ => Err(self.wrong("a wait up to one hour, such as 200ms or 2s")),
        }
    }

    pub(super) fn count(&self, max: u64) -> Result<u64, ScriptError> {
        match self.value.unwrap_or_default().parse() {
            Ok(count) if count <= max => Ok(count),
            Ok(_) => Err(self.wrong(&format!("a number up to {max}"))),
            Err(_) => Err(self.wrong("a whole number")),
        }
    }

    pub(super) fn count_or(&self, absent: u64) -> Result<u64, ScriptError> {
        self.value.map_or(Ok(absent), |_| self.count(COUNT_MAX))
    }

    pub(super) fn optional_count(&self) -> Result<Option<u64>, ScriptError> {
        self.value.map(|_| self.count(u64::MAX)).transpose()
    }

    pub(super) fn size(&self) -> Result<usize, ScriptError> {
        match usize::try_from(self.count(COUNT_MAX)?) {
            Ok(size @ 1..) => Ok(size),
            _ => Err(self.wrong("a number above zero")),
        }
    }

    pub(super) fn size_or(&self, absent: usize) -> Result<usize, ScriptError> {
        self.value.map_or(Ok(absent), |_| self.size())
    }

    pub(super) fn sizes(&self) -> Result<Vec<usize>, ScriptError> {
        let sizes: Result<Vec<usize>, _> = self
            .value
            .unwrap_or_default()
            .split('+')
            .map(str::parse)
            .collect();
        match sizes {
            Ok(sizes) if sizes.iter().all(|size| *size > 0) => Ok(sizes),
            _ => Err(self.wrong("sizes above zero joined by +, such as 1+10+3")),
        }
    }

    pub(super) fn words(&self) -> Result<String, ScriptError> {
        let text = self.value.unwrap_or_default();
        match percent_decoded(text) {
            Some(words) if !words.is_empty() => Ok(words),
            _ => Err(self.wrong("some text, percent-encoded where it has a comma")),
        }
    }

    pub(super) fn header_text(&self) -> Result<String, ScriptError> {
        let words = self.words()?;
        match http::HeaderValue::from_str(&words) {
            Ok(_) => Ok(words),
            Err(_) => Err(self.wrong("text that may stand in a header")),
        }
    }
}

/// `2.5` as 2500 thousandths; at most three decimals.
pub(super) fn permille(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(part)
}
