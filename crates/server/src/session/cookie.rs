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

/// What a proxy says that the browser spoke.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

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

/// Whether a browser is to send the cookie over TLS alone: where callers reach us over TLS, or where
/// a proxy says that this request came to it so. Over plain HTTP it would add nothing but browsers that
/// do not keep the cookie.
///
/// No proxy needs to be trusted for that: the header can only make a cookie stricter, and no other
/// site's page can send it.
#[must_use]
pub fn is_secure(headers: &HeaderMap, public_url: &str) -> bool {
    let forwarded = headers.get(&FORWARDED_PROTO);
    let forwarded = forwarded.and_then(|value| value.to_str().ok());
    // Each proxy adds its own; the first one is what the browser spoke.
    let spoken = forwarded.and_then(|schemes| schemes.split(',').next());
    let is_over_tls = spoken.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    is_over_tls || public_url.starts_with("https://")
}

/// The value of `Set-Cookie` that keeps a session for `seconds`; none at all for 0 seconds.
#[must_use]
pub fn set(secret: &str, seconds: i64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
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
        let plain = set("abc", 60, false);
        assert_eq!(
            plain,
            "waybill_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"
        );
        assert!(set("abc", 60, true).ends_with("; Secure"));
    }

    #[test]
    fn a_cookie_is_for_tls_alone_where_the_address_or_a_proxy_says_tls() {
        let check = |pairs: &[(&'static str, &str)], public_url: &str, expected: bool| {
            let found = is_secure(&headers(pairs), public_url);
            assert_eq!(found, expected, "{pairs:?} {public_url}");
        };
        let name = "x-forwarded-proto";
        let (plain, tls) = ("http://127.0.0.1:8080", "https://llm.example");
        check(&[], plain, false);
        check(&[], tls, true);
        check(&[(name, "https")], plain, true);
        check(&[(name, "HTTPS, http")], plain, true);
        check(&[(name, "http, https")], plain, false);
        check(&[(name, "http")], tls, true);
    }
}
