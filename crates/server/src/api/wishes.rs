//! What a caller asks for in headers of ours: a second endpoint beside a silent one, and another one to go
//! on with a stream that breaks. A key may have its own, and so may the house.

use std::time::Duration;

use chat::{Error, Kind};
use http::{HeaderMap, HeaderName};
use relay::Hedge;

use crate::key_terms::Written;

/// `true` by what was measured, `false` never, or after so many milliseconds.
const HEDGE: (HeaderName, &str) = (
    HeaderName::from_static("x-waybill-hedge"),
    "X-Waybill-Hedge",
);

/// `true` or `false`.
const RECOVER: (HeaderName, &str) = (
    HeaderName::from_static("x-waybill-recover"),
    "X-Waybill-Recover",
);

/// The longest that a caller may name, milliseconds.
const HEDGE_MS_MAX: u64 = 600_000;

/// What is wished for a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    /// When a second endpoint is asked beside a silent one.
    pub hedge: Hedge,
    /// Whether another endpoint goes on with a stream that breaks.
    pub recovers: bool,
}

impl Wishes {
    /// As the caller says, else as its key has it, else as the house does.
    ///
    /// # Errors
    /// When a header is none of its words.
    pub(crate) fn of(headers: &HeaderMap, key: &Written, house: Self) -> Result<Self, Error> {
        let word = |name: &HeaderName| {
            let value = headers.get(name)?;
            Some(value.to_str().unwrap_or_default().trim())
        };
        let hedge = match word(&HEDGE.0) {
            Some(text) => Some(read_hedge(text).ok_or_else(|| {
                let message = format!("{} is {HEDGE_WORDS}", HEDGE.1);
                Error::caller(Kind::InvalidRequest, message).with_field(HEDGE.1)
            })?),
            None => key.hedge.as_deref().and_then(read_hedge),
        };
        let recovers = match word(&RECOVER.0) {
            Some(text) => Some(text.parse().map_err(|_| {
                let message = format!("{} is neither \"true\" nor \"false\"", RECOVER.1);
                Error::caller(Kind::InvalidRequest, message).with_field(RECOVER.1)
            })?),
            None => key.recover,
        };
        Ok(Self {
            hedge: hedge.unwrap_or(house.hedge),
            recovers: recovers.unwrap_or(house.recovers),
        })
    }
}

/// What is said of a word that is none.
pub(crate) const HEDGE_WORDS: &str =
    "none of \"true\", \"false\" and a number of milliseconds from 1 to 600000";

/// Reads the words of the header, which are those of keys and of the configuration too.
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
    use http::HeaderValue;

    use super::*;

    const fn after(ms: u64) -> Hedge {
        Hedge::After(Duration::from_millis(ms))
    }

    #[test]
    fn headers_are_words_or_milliseconds_and_win_over_the_key_which_wins_over_the_house() {
        let house = Wishes {
            hedge: after(9),
            recovers: false,
        };
        let none = Written::default();
        let key = Written {
            hedge: Some("true".to_owned()),
            recover: Some(true),
            ..Written::default()
        };
        for (name, text, key, expected) in [
            (
                "x-waybill-hedge",
                "true",
                &none,
                Some((Hedge::Measured, false)),
            ),
            (
                "x-waybill-hedge",
                " false ",
                &key,
                Some((Hedge::Never, true)),
            ),
            ("x-waybill-hedge", "250", &none, Some((after(250), false))),
            ("x-waybill-hedge", "0", &none, None),
            ("x-waybill-hedge", "600001", &none, None),
            ("x-waybill-hedge", "soon", &none, None),
            ("x-waybill-recover", "true", &none, Some((after(9), true))),
            (
                "x-waybill-recover",
                "false",
                &key,
                Some((Hedge::Measured, false)),
            ),
            ("x-waybill-recover", "yes", &none, None),
            ("x-other", "", &none, Some((after(9), false))),
            ("x-other", "", &key, Some((Hedge::Measured, true))),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(text));
            let wishes = Wishes::of(&headers, key, house).ok();
            let wishes = wishes.map(|wishes| (wishes.hedge, wishes.recovers));
            assert_eq!(wishes, expected, "{name}: {text:?} {key:?}");
        }
    }
}
