//! Asks providers whether they are there and take a credential, at no cost.

use std::time::Duration;

use bytes::Bytes;
use catalog::Provider;
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::{BodyExt as _, Full};
use relay::auth::Signer;
use relay::upstream::UpstreamBody;
use relay::{HttpUpstream, Secret, Upstream as _};
use serde::Deserialize;

/// For a provider to answer.
pub(crate) const WITHIN: Duration = Duration::from_secs(10);

/// The longest list of models that is read.
const LIST_BYTES_MAX: usize = 1 << 20;

/// So much of an error is read, bytes.
const ERROR_BYTES_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
struct Listing {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// The models that an engine lists at its base URL.
///
/// # Errors
/// In plain words, for the person who has typed the address.
pub(crate) async fn models(base_url: &str, key: Option<&Secret>) -> Result<Vec<String>, String> {
    let client = HttpUpstream::new(WITHIN).map_err(|error| error.to_string())?;
    let mut request = Request::get(format!("{}/models", base_url.trim_end_matches('/')));
    if let Some(key) = key {
        request = request.header(AUTHORIZATION, format!("Bearer {}", key.expose()));
    }
    let request = request
        .body(Full::new(Bytes::new()))
        .map_err(|_| "this address cannot stand in a request".to_owned())?;
    let asked = async {
        let response = client.send(request).await;
        let response = response.map_err(|error| format!("nothing answers there: {error}"))?;
        let status = response.status();
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| "its answer breaks off".to_owned())?;
            bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |chunk| chunk));
            if bytes.len() > LIST_BYTES_MAX {
                return Err("its list of models is too long".to_owned());
            }
        }
        Ok((status, bytes))
    };
    let answered: Result<_, String> = tokio::time::timeout(WITHIN, asked)
        .await
        .map_err(|_| format!("no answer within {} s", WITHIN.as_secs()))?;
    let (status, body) = answered?;
    match status.as_u16() {
        200..=299 => {}
        401 | 403 => return Err("it refuses the credential".to_owned()),
        status => {
            return Err(format!(
                "{base_url}/models answers {status}; does the base URL end in /v1?"
            ));
        }
    }
    let listing: Listing = serde_json::from_slice(&body)
        .map_err(|_| format!("{base_url}/models does not answer a list of models"))?;
    Ok(listing.data.into_iter().map(|model| model.id).collect())
}

/// Signs a request that is not sent: what is exchanged for a token has been asked for then.
async fn ask_for_token(signer: &Signer, provider: &Provider, secret: &Secret) -> (bool, String) {
    for connection in &provider.connections {
        let Ok(mut request) = Request::get(&*connection.base_url).body(Full::new(Bytes::new()))
        else {
            return (false, "its address cannot stand in a request".to_owned());
        };
        let signed = signer.sign(&connection.auth, secret, &mut request, b"");
        if let Err(error) = signed.await {
            return (false, refusal(error));
        }
    }
    (
        true,
        "not asked: it signs, but this dialect is not asked for its models".to_owned(),
    )
}

fn refusal(error: chat::Error) -> String {
    let why = error.detail.unwrap_or_default();
    format!("{}: {why}", error.message)
}

/// Lists the provider's models, which costs nothing: whether all is well, and how it answered, with the
/// provider's own words where it has some.
pub(crate) async fn ask(
    (client, signer): (&HttpUpstream, &Signer),
    provider: &Provider,
    secret: &Secret,
) -> (bool, String) {
    let listed = provider.connections.iter().find_map(|connection| {
        let listing = wire::listing(connection.dialect)?;
        Some((connection, listing))
    });
    let Some((connection, listing)) = listed else {
        return ask_for_token(signer, provider, secret).await;
    };
    let mut request = Request::get(format!("{}{}", connection.base_url, listing.path));
    if let Some((name, value)) = listing.header {
        request = request.header(name, value);
    }
    let Ok(mut request) = request.body(Full::new(Bytes::new())) else {
        return (false, "its address cannot stand in a request".to_owned());
    };
    let signed = signer.sign(&connection.auth, secret, &mut request, b"");
    if let Err(error) = signed.await {
        return (false, refusal(error));
    }
    let response = match tokio::time::timeout(WITHIN, client.send(request)).await {
        Err(_) => return (false, format!("no answer within {} s", WITHIN.as_secs())),
        Ok(Err(error)) => return (false, error.to_string()),
        Ok(Ok(response)) => response,
    };
    let status = response.status().as_u16();
    match status {
        200..=299 => (true, "answers".to_owned()),
        404 | 405 => (true, "answers, but does not list its models".to_owned()),
        401 | 403 => (false, with_words("refuses the credential", response).await),
        _ => (
            false,
            with_words(&format!("answers {status}"), response).await,
        ),
    }
}

/// What happened, and what the provider says of it, if it says anything.
async fn with_words(what: &str, response: http::Response<UpstreamBody>) -> String {
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut said = Vec::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            said.extend_from_slice(frame.data_ref().map_or(&[][..], |chunk| chunk));
            if said.len() > ERROR_BYTES_MAX {
                return;
            }
        }
    };
    // What has come by then speaks for itself.
    let _ = tokio::time::timeout(WITHIN, reading).await;
    if said.is_empty() {
        return what.to_owned();
    }
    format!("{what}: {}", wire::read_error(status, &said).message)
}
