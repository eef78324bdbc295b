//! Signs requests as AWS's and Google's clients do.

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{digest, hmac};
use serde_json::{Value, json};
use simulator::{AwsCredentials, Simulator};

use crate::client::{Reply, exchange, request_text, send};

const TIME: &str = "20260102T030405Z";
const DAY: &str = "20260102";

/// The headers of a signed request, for a client that says `host: test`.
pub(crate) fn aws_headers(
    credentials: &AwsCredentials,
    path: &str,
    body: &str,
) -> Vec<(String, String)> {
    let encoded = path
        .replace('%', "%25")
        .replace(':', "%3A")
        .replace('!', "%21");
    let encoded = encoded.replace('=', "%3D").replace(',', "%2C");
    let hash = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
    let canonical =
        format!("POST\n{encoded}\n\nhost:test\nx-amz-date:{TIME}\n\nhost;x-amz-date\n{hash}");
    let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let scope = format!("{DAY}/us-east-1/bedrock/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{TIME}\n{scope}\n{canonical}");
    let mut key = format!("AWS4{}", credentials.secret_access_key).into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part);
    }
    let signature = hex(&mac(&key, &to_sign));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}",
        credentials.access_key_id
    );
    vec![
        ("x-amz-date".to_owned(), TIME.to_owned()),
        ("authorization".to_owned(), authorization),
    ]
}

/// A signed call to the simulated Bedrock.
pub(crate) async fn signed(simulator: &Simulator, path: &str, body: &Value) -> Reply {
    let text = body.to_string();
    let headers = aws_headers(&AwsCredentials::default(), path, &text);
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let request = request_text("POST", path, &headers, &text);
    exchange(
        simulator.addr(),
        &request,
        std::time::Duration::from_secs(10),
    )
    .await
}

/// An assertion of the simulated service account with these changes to its claims.
pub(crate) fn assertion(simulator: &Simulator, change: impl Fn(&mut Value)) -> String {
    let account: Value = serde_json::from_str(&simulator.service_account()).expect("JSON");
    let mut claims = json!({
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "iat": 1_767_000_000,
        "exp": 1_767_003_600,
    });
    change(&mut claims);
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let signed = format!(
        "{}.{}",
        base64_url(header.to_string().as_bytes()),
        base64_url(claims.to_string().as_bytes())
    );
    let pem = account["private_key"].as_str().expect("a key");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&from_base64(&body)).expect("a PKCS#8 key");
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .expect("signs");
    format!("{signed}.{}", base64_url(&signature))
}

/// Exchanges an assertion for a token.
pub(crate) async fn exchange_assertion(simulator: &Simulator, assertion: &str) -> Reply {
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
    );
    let request = request_text("POST", "/token", &[], &form);
    exchange(
        simulator.addr(),
        &request,
        std::time::Duration::from_secs(10),
    )
    .await
}

/// A call to the simulated Vertex with a token that was just issued.
pub(crate) async fn with_token(simulator: &Simulator, path: &str, body: &Value) -> Reply {
    let token = exchange_assertion(simulator, &assertion(simulator, |_| {})).await;
    let token = token.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let bearer = format!("Bearer {token}");
    send(simulator, "POST", path, &[("authorization", &bearer)], body).await
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) fn base64_url(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digits: Vec<char> = bits.chars().collect();
    let group = |group: &[char]| {
        let text: String = group.iter().chain(['0'; 6].iter()).take(6).collect();
        let index = usize::from_str_radix(&text, 2).expect("six bits");
        char::from(ALPHABET[index])
    };
    digits.chunks(6).map(group).collect()
}

/// The bytes behind base64 in either alphabet.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    let text = text.replace('+', "-").replace('/', "_");
    let bits: String = text
        .bytes()
        .filter(|byte| *byte != b'=')
        .map(|byte| {
            let index = ALPHABET.iter().position(|letter| *letter == byte);
            format!("{:06b}", index.expect("a digit of base64"))
        })
        .collect();
    let digits = bits.as_bytes().chunks_exact(8);
    digits
        .map(|octet| {
            let octet = std::str::from_utf8(octet).expect("digits");
            u8::from_str_radix(octet, 2).expect("eight bits")
        })
        .collect()
}
