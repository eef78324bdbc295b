//! What a build without the console serves: one static page that says what this is, how to make the
//! first request, and how to build the console.
//!
//! It holds nothing that depends on the caller, runs no script and loads nothing, which its headers
//! enforce. A template and the three facts that are filled in.

use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

use crate::api::models::listing::{Scope, listing};
use crate::api::models::query::{Query, Sort};
use crate::app::App;

/// What the examples ask for when nothing can be asked for yet.
const EXAMPLE_MODEL: &str = "openai/gpt-4o-mini";

/// No scripts, no frames, no requests; the styles that stand in the page and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TEMPLATE: &str = include_str!("page.html");

/// The page of a running server.
pub(super) fn page_of(app: &App) -> Response {
    let catalog = app.catalog.load();
    let cheapest_first = Query {
        sort: Some(Sort::PriceUp),
        ..Query::default()
    };
    let usable = listing(&catalog, Scope::Usable, &cheapest_first, 0);
    let model = usable
        .first()
        .map_or(EXAMPLE_MODEL, |model| model.slug.as_str());
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, page(&app.public_url, model)).into_response()
}

/// The page for a server at `public_url`, with `model` as the one that the examples ask for.
#[must_use]
pub fn page(public_url: &str, model: &str) -> String {
    TEMPLATE
        .replace("{{base_url}}", &escape(public_url.trim_end_matches('/')))
        .replace("{{model}}", &escape(model))
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

/// Text for an element or an attribute of HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_the_template_is_filled_in() {
        let page = page("http://127.0.0.1:8080/", "acme/one");
        assert!(!page.contains("{{"), "{page}");
        assert!(page.contains("http://127.0.0.1:8080/api/v1/chat/completions"));
        assert!(page.contains("acme/one"));
    }

    #[test]
    fn a_strange_address_stays_text() {
        let page = page("http://x/<script>", "\"a\" & b");
        assert!(!page.contains("<script>"));
        assert!(page.contains("&quot;a&quot; &amp; b"));
    }

    #[test]
    fn the_page_needs_nothing_that_its_policy_forbids() {
        for forbidden in [
            "<script", "<img", "<link", "<iframe", "<form", " style=", "url(",
        ] {
            assert!(!TEMPLATE.contains(forbidden), "{forbidden}");
        }
    }
}
