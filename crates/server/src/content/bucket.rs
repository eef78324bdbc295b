//! `Bucket`: an S3-compatible bucket for segments. Three requests, signed by the relay's own signer,
//! over its own client: no SDK.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::RANGE;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use ledger::books::BoxFuture;
use relay::auth::sigv4::{Keys, sign_object};
use relay::{Clock, Upstream};
use store::{ObjectError, Objects};
use tokio::time::timeout;

/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// The longest object that is read.
const OBJECT_BYTES_MAX: usize = 1 << 30;

/// A bucket, and how to get in.
pub struct Bucket {
    /// Address of the bucket and, perhaps, a prefix in it; without a slash at the end.
    pub url: String,
    /// Its region, for the signature.
    pub region: String,
    /// The keys.
    pub keys: Keys,
    /// Who carries requests.
    pub upstream: Arc<dyn Upstream>,
    /// The time of signatures.
    pub clock: Arc<dyn Clock>,
}

impl Bucket {
    /// Sends a request and reads its answer.
    async fn ask(
        &self,
        (method, name): (Method, &str),
        part: Option<Range<u64>>,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Vec<u8>), ObjectError> {
        let away = |why: String| ObjectError::Unavailable(format!("{method} {name}: {why}"));
        let body = Bytes::from(body);
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = method.clone();
        let uri = format!("{}/{name}", self.url).parse();
        *request.uri_mut() = uri.map_err(|_| away("the address is none".to_owned()))?;
        if let Some(part) = part {
            let last = part.end.saturating_sub(1);
            let range = HeaderValue::from_str(&format!("bytes={}-{last}", part.start));
            let range = range.map_err(|_| away("no range".to_owned()))?;
            request.headers_mut().insert(RANGE, range);
        }
        let (keys, now_ms) = ((&self.keys, &*self.region), self.clock.now_ms());
        sign_object(&mut request, keys, &body, now_ms).map_err(|error| away(error.message))?;
        let asking = async {
            let response = self.upstream.send(request).await;
            let response = response.map_err(|error| away(error.to_string()))?;
            let status = response.status();
            let mut body = response.into_body();
            let mut all = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| away(error.to_string()))?;
                let piece = frame.into_data().unwrap_or_default();
                if all.len() + piece.len() > OBJECT_BYTES_MAX {
                    return Err(away("the object is too long".to_owned()));
                }
                all.extend_from_slice(&piece);
            }
            Ok((status, all))
        };
        let asked = timeout(REQUEST_MAX, asking).await;
        asked.unwrap_or_else(|_| Err(away("it takes too long".to_owned())))
    }
}

/// What an answer that is none of the expected ones means. Its body may repeat our request, so only its
/// status is told.
fn refused(name: &str, status: StatusCode) -> ObjectError {
    match status {
        StatusCode::NOT_FOUND => ObjectError::Missing(name.to_owned()),
        status => ObjectError::Unavailable(format!("{name}: the bucket answers {status}")),
    }
}

impl Objects for Bucket {
    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            match self.ask((Method::PUT, name), None, bytes).await? {
                (status, _) if status.is_success() => Ok(()),
                // There is no object that could be missing: it is the bucket.
                (status, _) => Err(ObjectError::Unavailable(format!(
                    "{name}: the bucket answers {status}"
                ))),
            }
        })
    }

    fn get<'a>(
        &'a self,
        name: &'a str,
        part: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ObjectError>> {
        Box::pin(async move {
            match self
                .ask((Method::GET, name), part.clone(), Vec::new())
                .await?
            {
                (StatusCode::PARTIAL_CONTENT, body) => Ok(body),
                // Some answer with all of it, whatever was asked.
                (StatusCode::OK, body) => Ok(cut(&body, part)),
                (status, _) => Err(refused(name, status)),
            }
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            match self.ask((Method::DELETE, name), None, Vec::new()).await? {
                (StatusCode::NOT_FOUND, _) => Ok(()),
                (status, _) if status.is_success() => Ok(()),
                (status, _) => Err(refused(name, status)),
            }
        })
    }

    fn is_shared(&self) -> bool {
        true
    }
}

fn cut(body: &[u8], part: Option<Range<u64>>) -> Vec<u8> {
    let Some(part) = part else {
        return body.to_vec();
    };
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
    body[place(part.start)..place(part.end)].to_vec()
}
