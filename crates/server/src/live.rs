//! Asks providers whether they are there and take a credential, at no cost.

use std::time::Duration;

use bytes::Bytes;
use catalog::Provider;
use chat::Dialect;
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::{BodyExt as _, Full};
use relay::auth::Signer;
use relay::{HttpUpstream, Secret, Upstream as _};
use serde::Deserialize;

/// For a provider to answer.
pub(crate) const WITHIN: Duration = Duration::from_secs(10);

/// The longest list of models that is read.
const LIST_BYTES_MAX: usize = 1 << 20;

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

/// Lists the provider's models, which costs nothing: whether all is well, and how it answered.
pub(crate) async fn ask(
    (client, signer): (&HttpUpstream, &Signer),
    provider: &Provider,
    secret: &Secret,
) -> (bool, String) {
    let Some(connection) = provider.connection(Dialect::OpenaiChat) else {
        return ask_for_token(signer, provider, secret).await;
    };
    let request = Request::get(format!("{}/models", connection.base_url));
    let Ok(mut request) = request.body(Full::new(Bytes::new())) else {
        return (false, "its address cannot stand in a request".to_owned());
    };
    let signed = signer.sign(&connection.auth, secret, &mut request, b"");
    if let Err(error) = signed.await {
        return (false, refusal(error));
    }
    match tokio::time::timeout(WITHIN, client.send(request)).await {
        Err(_) => (false, format!("no answer within {} s", WITHIN.as_secs())),
        Ok(Err(error)) => (false, error.to_string()),
        Ok(Ok(response)) => match response.status().as_u16() {
            200..=299 => (true, "answers".to_owned()),
            401 | 403 => (false, "refuses the credential".to_owned()),
            404 | 405 => (true, "answers, but does not list its models".to_owned()),
            status => (false, format!("answers {status}")),
        },
    }
}
