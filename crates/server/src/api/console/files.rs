//! The files of the built console, and in which form a browser gets one.

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};

/// A file of the built console.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its path below the console's root: `index.html`, `assets/main-ab12.js`.
    pub path: &'static str,
    /// As it is.
    pub plain: &'static [u8],
    /// Packed with brotli, where that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// Packed with gzip, where that is smaller.
    pub gzip: Option<&'static [u8]>,
}

/// Everything that was built; nothing when it was not.
pub const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// The file at a path.
#[must_use]
pub fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

impl File {
    /// The smallest form that a browser takes, and the encoding to name, if any.
    #[must_use]
    pub fn for_browser(&self, headers: &HeaderMap) -> (&'static [u8], Option<HeaderValue>) {
        let brotli = self.brotli.map(|bytes| (bytes, "br"));
        let gzip = self.gzip.map(|bytes| (bytes, "gzip"));
        let mut packed = [brotli, gzip].into_iter().flatten();
        match packed.find(|(_, encoding)| accepts(headers, encoding)) {
            Some((bytes, encoding)) => (bytes, Some(HeaderValue::from_static(encoding))),
            None => (self.plain, None),
        }
    }

    /// What its name says that it is.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self.path.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "json" | "webmanifest" => "application/json",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "woff2" => "font/woff2",
            "txt" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

/// Whether a browser takes an encoding: it names it, and not with weight 0.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let is_refused = weight.is_some_and(|weight| weight.parse() == Ok(0.0));
        is_named && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: File = File {
        path: "assets/a.js",
        plain: b"plain",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
    };

    #[test]
    fn a_browser_gets_the_smallest_form_that_it_takes() {
        let check = |accepted: &str, bytes: &[u8], encoding: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, accepted.parse().unwrap());
            let (found, named) = FILE.for_browser(&headers);
            assert_eq!(found, bytes, "{accepted}");
            assert_eq!(named.as_ref().map(|n| n.to_str().unwrap()), encoding);
        };
        check("gzip, deflate, br, zstd", b"br", Some("br"));
        check("gzip, deflate", b"gz", Some("gzip"));
        check("gzip;q=0, br;q=0.0", b"plain", None);
        check("GZIP;q=0.5", b"gz", Some("gzip"));
        check("identity", b"plain", None);
        assert_eq!(FILE.for_browser(&HeaderMap::new()).0, b"plain");
    }

    #[test]
    fn every_built_file_has_a_type_that_a_browser_knows() {
        for file in FILES {
            assert_ne!(
                file.media_type(),
                "application/octet-stream",
                "{}",
                file.path
            );
        }
    }
}
