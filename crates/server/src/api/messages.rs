//! `POST /messages`: the door where `anthropic-messages` is spoken.

use std::sync::Arc;

use axum::extract::{Request, State};
use chat::Dialect;
use http::HeaderMap;
use wire::Beside;

use super::inference::{answer, count};
use super::new_call::Spoken;
use crate::app::App;
use crate::reply::Answer;

/// Where callers opt into betas: Anthropic's header, and OpenRouter's.
const BETAS: [&str; 2] = ["anthropic-beta", "x-anthropic-beta"];

/// Answers `POST /messages`.
pub async fn create(State(app): State<Arc<App>>, request: Request) -> Answer {
    let spoken = spoken(request.headers());
    answer(&app, request, spoken).await
}

/// Answers `POST /messages/count_tokens`.
pub async fn count_tokens(State(app): State<Arc<App>>, request: Request) -> Answer {
    let spoken = spoken(request.headers());
    count(&app, request, spoken).await
}

/// How requests at this door are spoken.
pub(crate) fn spoken(headers: &HeaderMap) -> Spoken {
    let beside = Beside {
        betas: betas(headers),
        ..Beside::default()
    };
    Spoken::new(Dialect::AnthropicMessages, beside)
}

/// The betas a caller opts into, in one list: SDKs send several headers.
fn betas(headers: &HeaderMap) -> Option<String> {
    let values = BETAS.iter().flat_map(|name| headers.get_all(*name));
    let said: Vec<&str> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|beta| !beta.is_empty())
        .collect();
    (!said.is_empty()).then(|| said.join(","))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn betas_of_all_headers_are_one_list() {
        let mut headers = HeaderMap::new();
        assert_eq!(betas(&headers), None);
        headers.append("anthropic-beta", HeaderValue::from_static("a-1, b-2"));
        headers.append("anthropic-beta", HeaderValue::from_static("c-3"));
        headers.append("x-anthropic-beta", HeaderValue::from_static("d-4"));
        assert_eq!(betas(&headers).as_deref(), Some("a-1,b-2,c-3,d-4"));
    }
}
