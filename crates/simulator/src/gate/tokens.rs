//! Access tokens: for a signed assertion of the simulated service account, for a refresh token, from the metadata
//! server, and for a client's secret as Microsoft does it. The clock is not looked at.

use http::Method;
use http::request::Parts;
use ring::rsa;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::encoding::{from_base64, parameter};
use crate::seal::Seal;

/// The key of the simulated service account. It is public and opens nothing but simulators.
const KEY: &str = include_str!("simulated-service-account.pem");
const EMAIL: &str = "simulated@waybill-simulator.iam.gserviceaccount.com";
/// What an application-default credential of a user consists of, here.
const REFRESH_TOKEN: &str = "simulated-refresh-token";
/// The secret of the simulated program, for Microsoft's endpoint.
const CLIENT_SECRET: &str = "simulated-client-secret";
const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_START: &str = "ya29.sim.";
/// Seconds an access token lasts by its own word.
const LIFE_SECONDS: u64 = 3599;
/// Longest life of an assertion, in seconds.
const ASSERTION_SECONDS_MAX: u64 = 3600;

/// The simulated service account as the JSON file that Google hands out.
pub(crate) fn service_account(root_url: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "waybill-simulator",
        "private_key_id": "simulated",
        "private_key": KEY,
        "client_email": EMAIL,
        "client_id": "100000000000000000000",
        "token_uri": format!("{root_url}/token"),
    })
}

/// Answers the token endpoint and the metadata server; `seq` makes every token another one.
pub(crate) fn granted(parts: &Parts, body: &[u8], seq: u64) -> Result<Value, (u16, Value)> {
    if parts.method == Method::GET {
        let flavor = parts.headers.get("metadata-flavor");
        if flavor.is_none_or(|value| value != "Google") {
            return Err(failure(
                403,
                "forbidden",
                "Missing Metadata-Flavor:Google header.",
            ));
        }
        return Ok(token(seq));
    }
    let form = String::from_utf8_lossy(body);
    match parameter(&form, "grant_type").as_deref() {
        Some(JWT_GRANT) => {
            let assertion = parameter(&form, "assertion").unwrap_or_default();
            check_assertion(&assertion)?;
        }
        Some("refresh_token") => {
            let is_there = |name: &str| parameter(&form, name).is_some_and(|v| !v.is_empty());
            if !is_there("client_id") || !is_there("client_secret") {
                return Err(failure(
                    401,
                    "invalid_client",
                    "The OAuth client was not found.",
                ));
            }
            if parameter(&form, "refresh_token").as_deref() != Some(REFRESH_TOKEN) {
                return Err(failure(400, "invalid_grant", "Bad Request"));
            }
        }
        Some("client_credentials") => check_client(&form)?,
        _ => return Err(failure(400, "unsupported_grant_type", "Invalid grant_type")),
    }
    Ok(token(seq))
}

/// Microsoft's way for a program to identify itself.
fn check_client(form: &str) -> Result<(), (u16, Value)> {
    let given = |name: &str| parameter(form, name).unwrap_or_default();
    if given("client_secret") != CLIENT_SECRET || given("client_id").is_empty() {
        let text = "AADSTS7000215: Invalid client secret provided.";
        return Err(failure(401, "invalid_client", text));
    }
    if !given("scope").ends_with("/.default") {
        let text = "AADSTS1002012: The provided value for scope is not valid.";
        return Err(failure(400, "invalid_scope", text));
    }
    Ok(())
}

/// Whether an access token comes from here.
pub(super) fn is_issued(token: &str) -> bool {
    let sealed = token.strip_prefix(TOKEN_START);
    sealed.is_some_and(|sealed| Seal::Access.unwrap(sealed).is_some())
}

fn token(seq: u64) -> Value {
    let sealed = Seal::Access.wrap(&format!("token {seq}"));
    json!({
        "access_token": format!("{TOKEN_START}{sealed}"),
        "expires_in": LIFE_SECONDS,
        "token_type": "Bearer",
    })
}

fn check_assertion(assertion: &str) -> Result<(), (u16, Value)> {
    let unfit = |text: &str| failure(400, "invalid_grant", text);
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err(unfit("Bad Request"));
    };
    let json = |text: &str| -> Option<Value> { serde_json::from_slice(&from_base64(text)?).ok() };
    if json(header).is_none_or(|header| header["alg"] != "RS256") {
        return Err(unfit("Invalid JWT: Only RS256 is supported."));
    }
    let signed = format!("{header}.{claims}");
    let signature = from_base64(signature).unwrap_or_default();
    if !is_signed(signed.as_bytes(), &signature) {
        return Err(unfit("Invalid JWT Signature."));
    }
    let claims = json(claims).unwrap_or_default();
    if claims["iss"] != EMAIL {
        return Err(unfit("Invalid grant: account not found"));
    }
    if !claims["aud"]
        .as_str()
        .is_some_and(|aud| aud.ends_with("/token"))
    {
        return Err(unfit("Invalid JWT: Failed audience check."));
    }
    let (issued, expires) = (claims["iat"].as_u64(), claims["exp"].as_u64());
    let life = issued
        .zip(expires)
        .and_then(|(from, to)| to.checked_sub(from));
    if !life.is_some_and(|life| (1..=ASSERTION_SECONDS_MAX).contains(&life)) {
        return Err(unfit(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
        ));
    }
    let scope = claims["scope"].as_str().unwrap_or_default();
    if !scope.contains("https://www.googleapis.com/auth/") {
        return Err(failure(
            400,
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        ));
    }
    Ok(())
}

fn is_signed(signed: &[u8], signature: &[u8]) -> bool {
    let body: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = from_base64(&body).and_then(|der| rsa::KeyPair::from_pkcs8(&der).ok());
    pair.is_some_and(|pair| {
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public());
        public.verify(signed, signature).is_ok()
    })
}

fn failure(status: u16, error: &str, description: &str) -> (u16, Value) {
    (
        status,
        json!({"error": error, "error_description": description}),
    )
}
