//! How the console's files are answered.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, Method, Uri};

use super::files::{self, File};
use super::page;
use crate::app::App;
use crate::clock;
use crate::reply::{self, Rescue};

/// Where the nonce goes in the built page.
const NONCE: &str = "__NONCE__";

/// The names of built files hold a hash of what is in them.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// First parts of paths that are not the console's, whoever asks.
const API: [&str; 8] = [
    "api", "v1", "v1beta", "native", "metrics", "healthz", "readyz", "assets",
];

/// Answers `GET /`.
pub async fn index(State(app): State<Arc<App>>) -> Response {
    shell(&app)
}

/// Answers `GET /assets/…`.
pub async fn asset(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    match files::find(path) {
        Some(file) => whole(file, &headers),
        None => unknown(uri).await,
    }
}

/// Answers whatever no route knows: the console for a browser that follows one of its links, its
/// other files by their names, and for everybody else that there is nothing.
pub async fn elsewhere(
    State(app): State<Arc<App>>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET || is_of_api(path) {
        return unknown(uri).await;
    }
    if path != "index.html"
        && let Some(file) = files::find(path)
    {
        return whole(file, &headers);
    }
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let is_page = accepted.is_some_and(|accepted| accepted.contains("text/html"));
    match is_page && !files::FILES.is_empty() {
        true => shell(&app),
        false => unknown(uri).await,
    }
}

fn is_of_api(path: &str) -> bool {
    API.contains(&path.split('/').next().unwrap_or_default())
}

async fn unknown(uri: Uri) -> Response {
    let rescue: Rescue = reply::unknown_path(OriginalUri(uri)).await;
    rescue.into_response()
}

/// The page that everything else is loaded by, or the one that says how to build it.
fn shell(app: &App) -> Response {
    let built = files::find("index.html").and_then(|file| std::str::from_utf8(file.plain).ok());
    let (Some(built), Ok(random)) = (built, clock::random::<16>()) else {
        return page::page_of(app);
    };
    let nonce = hex::encode(random);
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_SECURITY_POLICY, policy(&nonce)),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (X_FRAME_OPTIONS, "DENY".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (headers, built.replace(NONCE, &nonce)).into_response()
}

/// Our own files, and nothing from elsewhere; styles that the console makes while it runs carry the
/// nonce; pictures and sounds that a person attaches are shown from memory.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

fn whole(file: &'static File, headers: &HeaderMap) -> Response {
    let (bytes, encoding) = file.for_browser(headers);
    let mut answer = bytes.into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.media_type()));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    let is_named_by_content = file.path.starts_with("assets/");
    let keep = match is_named_by_content {
        true => FOR_EVER,
        false => HeaderValue::from_static("no-cache"),
    };
    headers.insert(CACHE_CONTROL, keep);
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, encoding);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_api_are_never_pages() {
        for path in [
            "api/v1/nothing",
            "v1/models",
            "v1beta/x",
            "metrics",
            "assets/x.js",
        ] {
            assert!(is_of_api(path), "{path}");
        }
        for path in ["", "models", "keys/abc", "apis", "activity"] {
            assert!(!is_of_api(path), "{path}");
        }
    }

    #[test]
    fn the_policy_lets_nothing_in_from_elsewhere() {
        let policy = policy("abc");
        assert!(policy.starts_with("default-src 'none'"));
        for word in ["unsafe", "http:", "https:", "*"] {
            assert!(!policy.contains(word), "{word}");
        }
    }
}
