//! How requests are signed, and how access tokens are fetched, shared, renewed and refused.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use catalog::Auth;
use chat::{Error, Next, Origin};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use ledger::books::BoxFuture;
use relay::auth::Signer;
use relay::auth::credential::Credential;
use relay::upstream::{BoxError, UpstreamBody};
use relay::{Clock, Secret, SendError, Upstream};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// 26 November 2026, 12:00:00 UTC.
const NOON_MS: i64 = 1_795_694_400_000;

const MINUTE_MS: i64 = 60_000;

/// A key that opens nothing, made for these tests.
const KEY: &str = include_str!("throwaway-key.pem");

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A token server: remembers what it was asked, and answers in turn as it was told.
struct TokenServer {
    asked: Mutex<Vec<(String, http::HeaderMap, String)>>,
    answers: Mutex<VecDeque<(u16, Value)>>,
    /// Every answer takes one of these.
    allowed: Semaphore,
}

impl Upstream for TokenServer {
    fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, SendError>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.expect("a full body").to_bytes();
            let body = String::from_utf8(body.to_vec()).expect("text");
            let asked = (head.uri.to_string(), head.headers, body);
            self.asked.lock().unwrap().push(asked);
            self.allowed.acquire().await.expect("open").forget();
            let answer = self.answers.lock().unwrap().pop_front();
            let Some((status, answer)) = answer else {
                return Err(SendError::Connect("nobody is there".to_owned()));
            };
            let body = Full::new(Bytes::from(answer.to_string()));
            let body = body.map_err(|never| -> BoxError { match never {} });
            let mut response = Response::new(body.boxed_unsync());
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            Ok(response)
        })
    }
}

struct Desk {
    server: Arc<TokenServer>,
    clock: Arc<Hands>,
    signer: Signer,
}

impl Desk {
    fn new(answers: &[(u16, Value)]) -> Self {
        let server = Arc::new(TokenServer {
            asked: Mutex::default(),
            answers: Mutex::new(answers.iter().cloned().collect()),
            allowed: Semaphore::new(1_000),
        });
        let clock = Arc::new(Hands(AtomicI64::new(NOON_MS)));
        let signer = Signer::new(server.clone(), clock.clone(), TaskTracker::new());
        Self {
            server,
            clock,
            signer,
        }
    }

    /// The `Authorization` that a request gets.
    async fn authorization(&self, auth: &Auth, secret: &Secret) -> Result<String, Error> {
        let signed = self.sign(auth, secret, "http://127.0.0.1:9/v1").await?;
        Ok(header(&signed, "authorization").unwrap_or_default())
    }

    async fn sign(
        &self,
        auth: &Auth,
        secret: &Secret,
        url: &str,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let body = br#"{"messages":[]}"#;
        let mut request = Request::post(url)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(body)))
            .unwrap();
        self.signer.sign(auth, secret, &mut request, body).await?;
        Ok(request)
    }

    fn asked(&self) -> usize {
        self.server.asked.lock().unwrap().len()
    }

    fn pass(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }
}

fn header(request: &Request<Full<Bytes>>, name: &str) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

fn token(name: &str) -> (u16, Value) {
    let answer = json!({"access_token": name, "expires_in": 3600, "token_type": "Bearer"});
    (200, answer)
}

fn service_account() -> Secret {
    let account = json!({
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "key-1",
        "private_key": KEY,
        "client_email": "robot@a-project.example",
        "token_uri": "http://127.0.0.1:1/token",
        "region": "europe-west4",
    });
    Secret::new(account.to_string())
}

#[tokio::test]
async fn bedrocks_requests_are_signed_as_botocore_signs_them() {
    // Made with botocore 1.43.11, service "bedrock", for the same keys, time, headers and body.
    const ROOT: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261126";
    let desk = Desk::new(&[]);
    let keys = |token: Option<&str>| {
        let keys = json!({
            "accessKeyId": "AKIDEXAMPLE",
            "secretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "sessionToken": token,
            "region": "eu-west-1",
        });
        Secret::new(keys.to_string())
    };
    let aws = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse-stream";
    let own = "http://127.0.0.1:9911/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aapplication-inference-profile%2Fp/invoke";
    let names = "content-type;host;x-amz-date";
    for (url, token, expected) in [
        (
            aws,
            None,
            format!(
                "{ROOT}/us-east-1/bedrock/aws4_request, SignedHeaders={names}, Signature=9f06acddf6e7a99b57bccbcc7589840757e5099f28223c286a14327f569e5ec9"
            ),
        ),
        (
            aws,
            Some("session/token=="),
            format!(
                "{ROOT}/us-east-1/bedrock/aws4_request, SignedHeaders={names};x-amz-security-token, Signature=019f3816b5ed1ab2ba82dc5c44e46d3bfc94307e85fc69873f2d3de097311ea3"
            ),
        ),
        (
            own,
            None,
            format!(
                "{ROOT}/eu-west-1/bedrock/aws4_request, SignedHeaders={names}, Signature=15a404ea19ee91e5dfeeda34f3be9c5da1d6553ad0d069596c2ec7d3ba2097cc"
            ),
        ),
        (
            own,
            Some("session/token=="),
            format!(
                "{ROOT}/eu-west-1/bedrock/aws4_request, SignedHeaders={names};x-amz-security-token, Signature=50b0b48d1ff4255c6074afaa4c418e49751a26bed47316bb706a9d2534e104a9"
            ),
        ),
    ] {
        let signed = desk.sign(&Auth::SigV4, &keys(token), url).await.unwrap();
        assert_eq!(header(&signed, "authorization"), Some(expected), "{url}");
        assert_eq!(
            header(&signed, "x-amz-date").as_deref(),
            Some("20261126T120000Z")
        );
        assert_eq!(header(&signed, "x-amz-security-token").as_deref(), token);
        assert!(
            !format!("{signed:?}").contains("Signature="),
            "sensitive headers do not print"
        );
    }
}

#[tokio::test]
async fn plain_keys_go_where_their_provider_looks() {
    let desk = Desk::new(&[]);
    let (key, jwt) = (
        Secret::new(" a-key\n"),
        Secret::new("eyJhbGciOi.eyJzdWIi.c2ln"),
    );
    let named = Auth::Header("x-key".into());
    for (auth, secret, name, value) in [
        (&Auth::Bearer, &key, "authorization", "Bearer a-key"),
        (&named, &key, "x-key", "a-key"),
        (&Auth::SigV4, &key, "authorization", "Bearer a-key"),
        (&Auth::Google, &key, "authorization", "Bearer a-key"),
        (&Auth::Azure, &key, "api-key", "a-key"),
        (
            &Auth::Azure,
            &jwt,
            "authorization",
            "Bearer eyJhbGciOi.eyJzdWIi.c2ln",
        ),
        (
            &Auth::Azure,
            &Secret::new(r#"{"access_token":"t"}"#),
            "authorization",
            "Bearer t",
        ),
    ] {
        let signed = desk
            .sign(auth, secret, "http://127.0.0.1:9/")
            .await
            .unwrap();
        assert_eq!(header(&signed, name).as_deref(), Some(value), "{auth:?}");
    }
    let signed = desk
        .sign(&Auth::None, &key, "http://127.0.0.1:9/")
        .await
        .unwrap();
    assert_eq!(signed.headers().len(), 1, "the content type alone");
    assert_eq!(desk.asked(), 0);
}

#[tokio::test]
async fn a_service_account_signs_a_statement_that_its_public_key_verifies() {
    let desk = Desk::new(&[token("one")]);
    let signed = desk.authorization(&Auth::Google, &service_account()).await;
    assert_eq!(signed.unwrap(), "Bearer one");
    let (uri, _, form) = desk.server.asked.lock().unwrap()[0].clone();
    assert_eq!(uri, "http://127.0.0.1:1/token");
    let start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let assertion = form.strip_prefix(start).unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let read = |part| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    assert_eq!(
        read(head),
        json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"})
    );
    let now = NOON_MS / 1000;
    assert_eq!(
        read(claims),
        json!({
            "iss": "robot@a-project.example",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "http://127.0.0.1:1/token",
            "iat": now,
            "exp": now + 3600,
        })
    );
    let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    let public = pair.public_key().as_ref();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
        .verify(signed.as_bytes(), &decode(signature))
        .unwrap();
}

#[tokio::test]
async fn users_and_machines_ask_in_their_own_ways() {
    let desk = Desk::new(&[token("user"), token("machine")]);
    let user = Secret::new(
        json!({
            "type": "authorized_user", "client_id": "i d", "client_secret": "s&", "refresh_token": "r/",
            "quota_project_id": "payer", "token_uri": "http://127.0.0.1:1/t",
        })
        .to_string(),
    );
    let signed = desk.sign(&Auth::Google, &user, "http://h/").await.unwrap();
    assert_eq!(
        header(&signed, "authorization").as_deref(),
        Some("Bearer user")
    );
    assert_eq!(
        header(&signed, "x-goog-user-project").as_deref(),
        Some("payer")
    );
    let machine = Secret::new(r#"{"type":"metadata_server"}"#);
    let signed = desk.authorization(&Auth::Google, &machine).await;
    assert_eq!(signed.unwrap(), "Bearer machine");
    let asked = desk.server.asked.lock().unwrap();
    let form = "grant_type=refresh_token&client_id=i%20d&client_secret=s%26&refresh_token=r%2F";
    assert_eq!(
        (asked[0].0.as_str(), asked[0].2.as_str()),
        ("http://127.0.0.1:1/t", form)
    );
    assert_eq!(
        asked[1].0,
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
    );
    assert_eq!(asked[1].1.get("metadata-flavor").unwrap(), "Google");
}

#[tokio::test]
async fn entra_gives_tokens_for_client_credentials() {
    let answer = json!({"token_type": "Bearer", "expires_in": "3599", "access_token": "entra"});
    let desk = Desk::new(&[(200, answer)]);
    let client = r#"{"tenant_id":"t","client_id":"c","client_secret":"~s"}"#;
    let signed = desk.authorization(&Auth::Azure, &Secret::new(client)).await;
    assert_eq!(signed.unwrap(), "Bearer entra");
    let asked = desk.server.asked.lock().unwrap();
    assert_eq!(
        asked[0].0,
        "https://login.microsoftonline.com/t/oauth2/v2.0/token"
    );
    assert_eq!(
        asked[0].2,
        "grant_type=client_credentials&client_id=c&client_secret=~s\
         &scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"
    );
}

#[tokio::test]
async fn many_calls_at_once_fetch_one_token() {
    let desk = Arc::new(Desk::new(&[token("one")]));
    desk.server.allowed.forget_permits(1_000);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let desk = Arc::clone(&desk);
            async move { desk.authorization(&Auth::Google, &service_account()).await }
        })
        .collect();
    let opened = async {
        while desk.asked() == 0 {
            tokio::task::yield_now().await;
        }
        desk.server.allowed.add_permits(1_000);
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(calls), opened);
    assert!(
        answers
            .into_iter()
            .all(|signed| signed.unwrap() == "Bearer one")
    );
    assert_eq!(desk.asked(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_take_the_token_with_it() {
    let desk = Desk::new(&[token("one")]);
    desk.server.allowed.forget_permits(1_000);
    let secret = service_account();
    {
        let leaving = desk.authorization(&Auth::Google, &secret);
        tokio::pin!(leaving);
        while desk.asked() == 0 {
            assert!(futures_util::poll!(&mut leaving).is_pending());
            tokio::task::yield_now().await;
        }
    }
    desk.server.allowed.add_permits(1_000);
    let signed = desk.authorization(&Auth::Google, &secret).await;
    assert_eq!(signed.unwrap(), "Bearer one");
    assert_eq!(desk.asked(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_while_the_old_one_serves() {
    let desk = Desk::new(&[token("one"), token("two")]);
    let secret = service_account();
    let now = async || desk.authorization(&Auth::Google, &secret).await.unwrap();
    assert_eq!(now().await, "Bearer one");
    desk.pass(54 * MINUTE_MS);
    assert_eq!(now().await, "Bearer one");
    assert_eq!(desk.asked(), 1);
    desk.pass(2 * MINUTE_MS);
    desk.server.allowed.forget_permits(1_000);
    for _ in 0..10 {
        assert_eq!(now().await, "Bearer one", "nobody waits while one is valid");
        tokio::task::yield_now().await;
    }
    assert_eq!(desk.asked(), 2);
    desk.server.allowed.add_permits(1_000);
    while now().await != "Bearer two" {
        tokio::task::yield_now().await;
    }
    assert_eq!(desk.asked(), 2);
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_old_token_and_is_not_repeated_at_once() {
    let desk = Desk::new(&[token("one"), (500, json!({})), token("three")]);
    let secret = service_account();
    let now = async || desk.authorization(&Auth::Google, &secret).await;
    assert_eq!(now().await.unwrap(), "Bearer one");
    desk.pass(57 * MINUTE_MS);
    for _ in 0..20 {
        assert_eq!(now().await.unwrap(), "Bearer one");
        tokio::task::yield_now().await;
    }
    assert_eq!(
        desk.asked(),
        2,
        "the failure is not asked for again at once"
    );
    desk.pass(MINUTE_MS);
    while now().await.unwrap() != "Bearer three" {
        tokio::task::yield_now().await;
    }
    assert_eq!(desk.asked(), 3);
}

#[tokio::test]
async fn without_a_token_the_next_endpoint_is_tried_and_the_credential_is_not_told() {
    let denied = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
    let desk = Desk::new(&[(400, denied)]);
    let secret = service_account();
    let now = async || desk.authorization(&Auth::Google, &secret).await;
    let error = now().await.unwrap_err();
    assert_eq!(
        (error.origin, error.next),
        (Origin::Provider, Next::TryNextEndpoint)
    );
    assert_eq!(
        error.message,
        "the token server of this provider refused the credential"
    );
    let detail = error.detail.unwrap();
    assert!(
        detail.contains("invalid_grant Invalid JWT Signature."),
        "{detail}"
    );
    let again = now().await.unwrap_err();
    assert_eq!((again.message, desk.asked()), (error.message, 1));
    desk.pass(MINUTE_MS);
    let error = now().await.unwrap_err();
    assert_eq!(
        error.message,
        "the token server of this provider cannot be reached"
    );
}

#[tokio::test]
async fn an_expired_token_is_not_used() {
    let desk = Desk::new(&[token("one"), token("two")]);
    let secret = service_account();
    let now = async || desk.authorization(&Auth::Google, &secret).await.unwrap();
    assert_eq!(now().await, "Bearer one");
    desk.pass(60 * MINUTE_MS);
    assert_eq!(now().await, "Bearer two");
}

#[tokio::test]
async fn what_cannot_be_used_is_an_error_for_the_next_endpoint() {
    let desk = Desk::new(&[]);
    let no_region = r#"{"accessKeyId":"a","secretAccessKey":"b"}"#;
    for (auth, text, why) in [
        (Auth::SigV4, no_region, "no region is known"),
        (
            Auth::SigV4,
            "{\"accessKeyId\":\"a\",\n]",
            "no valid JSON (line 2",
        ),
        (Auth::Bearer, "a\nb", "a header cannot carry"),
        (
            Auth::Google,
            "{\"type\":\"external_account\"}",
            "service_account",
        ),
    ] {
        let error = desk
            .authorization(&auth, &Secret::new(text))
            .await
            .unwrap_err();
        assert_eq!(
            (error.origin, error.next),
            (Origin::Provider, Next::TryNextEndpoint)
        );
        let detail = error.detail.unwrap();
        assert!(detail.contains(why), "{detail}");
    }
}

#[test]
fn a_credential_is_checked_to_its_last_part_and_never_printed() {
    let check = |auth: &Auth, text: &str, expected: Result<&str, &str>| {
        let checked = Credential::check(auth, &Secret::new(text));
        assert!(!format!("{checked:?}").contains("hush"), "{checked:?}");
        let told = checked.map(|credential| credential.form());
        let told = told.map_err(|malformed| malformed.to_string());
        let told = told.as_ref().map(|form| &**form).map_err(String::as_str);
        assert_eq!(told, expected);
    };
    let aws = r#"{"accessKeyId":"a","secretAccessKey":"hush","region":"r"}"#;
    check(&Auth::SigV4, aws, Ok("AWS keys"));
    let missing = Err("its field \"secretAccessKey\" is missing");
    check(&Auth::SigV4, r#"{"accessKeyId":"hush"}"#, missing);
    let wrong = Err("its field \"accessKeyId\" must be text");
    check(&Auth::SigV4, r#"{"accessKeyId":["hush"]}"#, wrong);
    let broken = Err("it is no valid JSON (line 3 of the credential)");
    check(&Auth::Google, "{\n\"private_key\":\n\"hush\" }}", broken);
    check(
        &Auth::Google,
        service_account().expose(),
        Ok("Google service account"),
    );
    let account = r#"{"client_email":"e","private_key":"hush"}"#;
    let no_key = Err("its field \"private_key\" is no RSA key in PEM");
    check(&Auth::Google, account, no_key);
    check(
        &Auth::Bearer,
        "hush\u{7f}",
        Err("it contains characters that a header cannot carry"),
    );
    check(
        &Auth::Azure,
        r#"{"tenant_id":"t","client_id":"hush"}"#,
        Err("its field \"client_secret\" is missing"),
    );
    check(&Auth::Azure, "hush", Ok("key"));
    check(&Auth::None, "", Ok("none"));
}

#[test]
fn a_credential_tells_its_project_and_region() {
    let account = Credential::read(&Auth::Google, &service_account()).unwrap();
    assert_eq!(
        (account.project(), account.region()),
        (Some("a-project"), Some("europe-west4"))
    );
    let plain = Credential::read(&Auth::Google, &Secret::new("ya29.x")).unwrap();
    assert_eq!((plain.project(), plain.region()), (None, None));
    let desk = Desk::new(&[]);
    let account = desk
        .signer
        .account(&Auth::Google, &service_account())
        .unwrap();
    assert_eq!(
        (account.project(), account.region()),
        (Some("a-project"), Some("europe-west4"))
    );
    assert!(
        desk.signer
            .account(&Auth::Google, &Secret::new("ya29.x"))
            .is_none()
    );
    assert!(
        desk.signer
            .account(&Auth::Bearer, &service_account())
            .is_none()
    );
}
