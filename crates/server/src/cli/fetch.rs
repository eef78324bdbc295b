//! Gets a document from a file or a URL, under a limit.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, LOCATION, USER_AGENT};
use http_body_util::{BodyExt as _, Full, Limited};
use relay::{HttpUpstream, Upstream as _};

/// The longest document, bytes; models.dev's is 3 MB.
const BYTES_MAX: usize = 64 << 20;

/// To open a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The whole document.
const TOTAL: Duration = Duration::from_secs(120);

/// How often we are sent elsewhere before we give up.
const REDIRECTS_MAX: usize = 3;

/// The text at `source`: a path, or a URL that begins with `http://` or `https://`.
///
/// # Errors
/// When it cannot be read, is too long, or is not text.
pub async fn text(source: &str) -> anyhow::Result<String> {
    if !source.starts_with("http://") && !source.starts_with("https://") {
        let path = source.strip_prefix("file://").unwrap_or(source);
        return std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
    }
    let bytes = tokio::time::timeout(TOTAL, over_http(source))
        .await
        .with_context(|| format!("{source} took longer than {} s", TOTAL.as_secs()))??;
    String::from_utf8(bytes.into()).with_context(|| format!("{source} is not text"))
}

async fn over_http(source: &str) -> anyhow::Result<Bytes> {
    let client = HttpUpstream::new(CONNECT).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut url = source.to_owned();
    for _ in 0..=REDIRECTS_MAX {
        let request = Request::get(url.as_str())
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("waybill/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::new()))?;
        let response = client
            .send(request)
            .await
            .with_context(|| format!("cannot get {url}"))?;
        let status = response.status();
        if status.is_redirection() {
            let location = response
                .headers()
                .get(LOCATION)
                .and_then(|to| to.to_str().ok());
            url = location
                .with_context(|| format!("{url} sends us nowhere"))?
                .to_owned();
            continue;
        }
        if !status.is_success() {
            bail!("{url} answered {status}");
        }
        let body = Limited::new(response.into_body(), BYTES_MAX)
            .collect()
            .await;
        return match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) => bail!("{url} could not be read to its end: {error}"),
        };
    }
    bail!("{source} sends us from place to place")
}
