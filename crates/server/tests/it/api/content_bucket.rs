//! Content in a bucket: three signed requests, at a real socket.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use serde_json::json;
use sha2::Digest as _;
use store::DEFAULT_WORKSPACE_ID;

use crate::stage::{Stage, hello};

/// A bucket in memory, and what it was asked.
#[derive(Default)]
struct Shelf {
    objects: HashMap<String, Vec<u8>>,
    asked: Vec<(Method, String)>,
}

type Shared = Arc<Mutex<Shelf>>;

async fn answer(State(shelf): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let header = |name: &str| {
        head.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    let signed = header("authorization");
    let hash = hex::encode(sha2::Sha256::digest(&body));
    let is_signed = signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        && signed.contains("/eu-test-1/s3/aws4_request, SignedHeaders=host;")
        && header("x-amz-content-sha256") == hash;
    if !is_signed {
        return (StatusCode::FORBIDDEN, format!("{signed} {hash}")).into_response();
    }
    let name = head.uri.path().to_owned();
    let range = header("range").to_owned();
    let mut shelf = shelf.lock().unwrap();
    shelf.asked.push((head.method.clone(), name.clone()));
    match head.method {
        Method::PUT => {
            shelf.objects.insert(name, body.to_vec());
            StatusCode::OK.into_response()
        }
        Method::DELETE => {
            shelf.objects.remove(&name);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => match (shelf.objects.get(&name), range.strip_prefix("bytes=")) {
            (None, _) => StatusCode::NOT_FOUND.into_response(),
            (Some(object), None) => object.clone().into_response(),
            (Some(object), Some(range)) => {
                let (first, last) = range.split_once('-').unwrap();
                let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                (StatusCode::PARTIAL_CONTENT, object[first..=last].to_vec()).into_response()
            }
        },
    }
}

#[tokio::test]
async fn content_lies_in_a_bucket_and_goes_from_it() {
    let shelf = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&shelf));
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await });

    let more = format!(
        "[content]\nbucket = \"http://{address}/a-bucket/waybill\"\nbucket_region = \"eu-test-1\"\n\
         bucket_credential = \"env:BUCKET\""
    );
    let keys = json!({"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "not to be seen"});
    let stage = Stage::open_with(&more, &[("BUCKET", &keys.to_string())]).await;
    let path = format!("/api/v1/workspaces/{DEFAULT_WORKSPACE_ID}");
    let on = json!({"is_observability_io_logging_enabled": true});
    let on = on.to_string().into();
    stage
        .send((Method::PATCH, &path), &stage.management_key, on, &[])
        .await;
    let seen = stage
        .chat(&hello("simulated/echo"), "text=Good%20day")
        .await;
    let id = seen.header("x-generation-id").to_owned();

    // The segment is written some seconds later; until then it is read from memory.
    let app = Arc::clone(&stage.running.app);
    let archive = app.content.archive();
    let id = ledger::GenerationId::from_text(id);
    while !archive.holds(&id).await.unwrap() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let read = stage
        .get(
            &format!("/api/v1/generation/content?id={id}"),
            &stage.management_key,
        )
        .await;
    assert_eq!(
        read.json()["data"]["output"]["completion"],
        "Good day",
        "{}",
        read.text()
    );
    {
        let shelf = shelf.lock().unwrap();
        let (method, name) = shelf.asked.first().unwrap();
        assert_eq!(method, Method::PUT);
        assert!(
            name.starts_with(&format!("/a-bucket/waybill/{DEFAULT_WORKSPACE_ID}/")),
            "{name}"
        );
        assert!(shelf.asked.iter().any(|(method, _)| method == Method::GET));
        assert_eq!(shelf.objects.len(), 1);
    }
    assert!(app.content.erase(&id).await.unwrap());
    server::jobs::keep_content::tidy(&app).await.unwrap();
    assert!(
        shelf.lock().unwrap().objects.is_empty(),
        "nothing is left of it"
    );
    stage.running.stop().await;
}
