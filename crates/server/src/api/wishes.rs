//! What a caller asks for in headers of ours: when a second endpoint is asked beside a silent one.

use std::time::Duration;

use chat::{Error, Kind};
use http::{HeaderMap, HeaderName};
use relay::Hedge;

/// `true` by what was measured, `false` never, or after so many milliseconds.
const HEDGE: HeaderName = HeaderName::from_static("x-waybill-hedge");

/// The longest that a caller may name, milliseconds.
const HEDGE_MS_MAX: u64 = 600_000;

/// When a second endpoint is asked: as the caller says, else as the house does.
///
/// # Errors
/// When the header is none of its words.
pub(crate) fn hedge(headers: &HeaderMap, house: Hedge) -> Result<Hedge, Error> {
    let Some(value) = headers.get(HEDGE) else {
        return Ok(house);
    };
    let text = value.to_str().unwrap_or_default().trim();
    read_hedge(text).ok_or_else(|| {
        let message = format!(
            "X-Waybill-Hedge is none of \"true\", \"false\" and a number of milliseconds from 1 to {HEDGE_MS_MAX}"
        );
        Error::caller(Kind::InvalidRequest, message).with_field("X-Waybill-Hedge")
    })
}

/// Reads the words of the header, which are those of the configuration too.
pub(crate) fn read_hedge(text: &str) -> Option<Hedge> {
    match text {
        "true" => Some(Hedge::Measured),
        "false" => Some(Hedge::Never),
        number => {
            let ms = number.parse().ok();
            let ms = ms.filter(|ms| (1..=HEDGE_MS_MAX).contains(ms))?;
            Some(Hedge::After(Duration::from_millis(ms)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_a_word_or_milliseconds_and_wins_over_the_house() {
        let after = |ms| Hedge::After(Duration::from_millis(ms));
        for (text, expected) in [
            (Some("true"), Some(Hedge::Measured)),
            (Some(" false "), Some(Hedge::Never)),
            (Some("250"), Some(after(250))),
            (Some("0"), None),
            (Some("600001"), None),
            (Some("soon"), None),
            (None, Some(after(9))),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(text) = text {
                headers.insert(HEDGE, http::HeaderValue::from_static(text));
            }
            assert_eq!(hedge(&headers, after(9)).ok(), expected, "{text:?}");
        }
    }
}
