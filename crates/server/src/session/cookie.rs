//! The cookie that holds a session, and the header without which it counts for nothing.
//!
//! A page of somebody else's can make a browser send our cookie, but it cannot add a header of its
//! own to such a request without asking first, and nobody here says yes. So a cookie is looked at
//! only beside [`MARK`]. `SameSite=Strict` is the second lock on the same door.

use http::HeaderMap;
use http::header::{COOKIE, HeaderName};

/// The cookie.
pub const NAME: &str = "waybill_session";

/// Has any value in every request of the console.
pub const MARK: HeaderName = HeaderName::from_static("x-waybill-console");

/// The hash of a key: a session calls models under that key's limits.
pub const AS_KEY: HeaderName = HeaderName::from_static("x-waybill-as-key");

/// The secret of the session in these headers, if the console has sent them.
#[must_use]
pub fn presented(headers: &HeaderMap) -> Option<&str> {
    headers.get(&MARK)?;
    let cookies = headers.get_all(COOKIE).iter();
    let texts = cookies.filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    let (_, secret) = named.find(|(name, _)| *name == NAME)?;
    (!secret.is_empty()).then_some(secret)
}

/// The value of `Set-Cookie` that keeps a session for `seconds`; none at all for 0 seconds.
///
/// `Secure` where callers reach us over TLS. Over plain HTTP it would add nothing but browsers that
/// do not keep the cookie.
#[must_use]
pub fn set(secret: &str, seconds: i64, public_url: &str) -> String {
    let secure = match public_url.starts_with("https://") {
        true => "; Secure",
        false => "",
    };
    format!("{NAME}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_counts_only_beside_the_mark_of_the_console() {
        let check = |pairs: &[(&'static str, &str)], expected: Option<&str>| {
            assert_eq!(presented(&headers(pairs)), expected, "{pairs:?}");
        };
        let mark = ("x-waybill-console", "1");
        check(&[("cookie", "waybill_session=abc")], None);
        check(&[("cookie", "waybill_session=abc"), mark], Some("abc"));
        check(&[("cookie", "a=b; waybill_session=abc"), mark], Some("abc"));
        check(&[("cookie", "not_waybill_session=abc"), mark], None);
        check(&[("cookie", "waybill_session="), mark], None);
        check(&[mark], None);
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let plain = set("abc", 60, "http://127.0.0.1:8080");
        assert_eq!(
            plain,
            "waybill_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"
        );
        assert!(set("abc", 60, "https://llm.example").ends_with("; Secure"));
    }
}
