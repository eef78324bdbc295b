//! The page itself: a template and the three facts that are filled in.

/// No scripts, no frames, no requests; the styles that stand in the page and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TEMPLATE: &str = include_str!("page.html");

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
        for forbidden in ["<script", "<img", "<link", "<iframe", "<form", " style=", "url("] {
            assert!(!TEMPLATE.contains(forbidden), "{forbidden}");
        }
    }
}
