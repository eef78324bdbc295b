//! Finds inference engines that run on this machine, once, right after the start.
//!
//! A provider of the catalog that is local and needs no credential is asked at its own address
//! which models it has. Nothing waits for this: it is off the path of the start.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catalog::rows::{EndpointRow, ProviderRow};
use catalog::{Catalog, ProviderKind, Rows};
use http::header::HOST;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::App;

/// To open a connection on one's own machine.
const CONNECT: Duration = Duration::from_millis(50);

/// To list the models.
const ANSWER: Duration = Duration::from_secs(2);

/// The longest list that is read.
const LIST_BYTES_MAX: usize = 1 << 20;

#[derive(Deserialize)]
struct Listing {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// Looks once, and refreshes the catalog when something was found.
pub async fn run(app: Arc<App>) {
    let candidates = candidates(&app.catalog.load(), |slug| {
        app.shelf.configures_endpoints_of(slug)
    });
    let mut rows = Rows::default();
    for (slug, base_url) in candidates {
        let asked = tokio::select! {
            () = app.stop.cancelled() => return,
            asked = models(&base_url) => asked,
        };
        let Some(models) = asked.filter(|models| !models.is_empty()) else {
            continue;
        };
        tracing::info!(
            provider = slug,
            models = models.len(),
            "found a local inference engine"
        );
        let row = ProviderRow {
            slug: slug.clone(),
            endpoints: models.iter().map(|model| endpoint(&slug, model)).collect(),
            ..ProviderRow::default()
        };
        rows.providers.insert(slug, row);
    }
    if rows.providers.is_empty() {
        return;
    }
    app.shelf.put_found(rows);
    if let Err(error) = app.read_catalog().await {
        tracing::warn!(%error, "the store is away; local engines are not in the catalog");
    }
}

/// Local providers that need no credential and whose endpoints nobody has configured.
fn candidates(catalog: &Catalog, is_configured: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    catalog
        .providers()
        .filter(|provider| {
            provider.kind == Some(ProviderKind::Local)
                && provider.needs_no_credential()
                && !is_configured(provider.slug.as_str())
        })
        .filter_map(|provider| {
            let base_url = provider.connections.first()?.base_url.to_string();
            Some((provider.slug.to_string(), base_url))
        })
        .collect()
}

/// The row of a model that an engine of one's own serves, which costs nothing.
pub(crate) fn endpoint(provider: &str, model: &str) -> EndpointRow {
    let plain = |c: char| match c {
        'a'..='z' | '0'..='9' | '-' | '.' | '_' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '-',
    };
    let name: String = model.chars().map(plain).collect();
    EndpointRow {
        model: Some(format!("{provider}/{name}")),
        upstream_model: Some(model.to_owned()),
        billing: Some("local".to_owned()),
        ..EndpointRow::default()
    }
}

/// What the engine at `base_url` serves; `None` when nothing answers there.
async fn models(base_url: &str) -> Option<Vec<String>> {
    let uri: Uri = format!("{}/models", base_url.trim_end_matches('/'))
        .parse()
        .ok()?;
    let host = uri.host()?.to_owned();
    let port = uri.port_u16().unwrap_or(80);
    let ip = if host == "localhost" {
        "127.0.0.1"
    } else {
        host.trim_matches(['[', ']'])
    };
    let address = SocketAddr::new(ip.parse().ok()?, port);
    if uri.scheme_str() != Some("http") || !address.ip().is_loopback() {
        return None;
    }
    let stream = timeout(CONNECT, TcpStream::connect(address))
        .await
        .ok()?
        .ok()?;
    timeout(ANSWER, list(stream, &uri, &format!("{host}:{port}")))
        .await
        .ok()?
}

async fn list(stream: TcpStream, uri: &Uri, host: &str) -> Option<Vec<String>> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .ok()?;
    let request = Request::get(uri.path())
        .header(HOST, host)
        .body(Empty::new())
        .ok()?;
    let exchange = async {
        let response = sender.send_request(request).await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let body = Limited::new(response.into_body(), LIST_BYTES_MAX)
            .collect()
            .await
            .ok()?;
        let listing: Listing = serde_json::from_slice(&body.to_bytes()).ok()?;
        Some(listing.data.into_iter().map(|model| model.id).collect())
    };
    let (mut exchange, mut connection) = (std::pin::pin!(exchange), std::pin::pin!(connection));
    tokio::select! {
        biased;
        found = &mut exchange => found,
        // Closed by the engine: what it has said is still there to be read.
        _ = &mut connection => exchange.await,
    }
}
