//! Checks AWS's signature version 4, written from its published description
//! (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
//!
//! The clock is not looked at: a signature of any day is good, as long as it agrees with itself.

use http::HeaderMap;
use http::request::Parts;
use ring::{digest, hmac};
use serde_json::{Value, json};

use crate::dialect::Problem;
use crate::encoding::{from_hex, percent_decoded, percent_encoded, to_hex};

/// The pair that signatures are checked against. Both are simulated: they open nothing but a simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The access key id a signature names.
    pub access_key_id: String,
    /// The secret it is made with.
    pub secret_access_key: String,
}

impl Default for AwsCredentials {
    fn default() -> Self {
        Self {
            access_key_id: "AKIASIMULATED0000000".to_owned(),
            secret_access_key: "simulated-secret-access-key".to_owned(),
        }
    }
}

/// The pair as the JSON object that a client's configuration takes, with a region.
pub(crate) fn keys(credentials: &AwsCredentials) -> Value {
    json!({
        "accessKeyId": credentials.access_key_id,
        "secretAccessKey": credentials.secret_access_key,
        "region": "us-east-1",
    })
}

/// The service that signatures of model calls must be scoped to.
pub(super) const SERVICE: &str = "bedrock";
const SCHEME: &str = "AWS4-HMAC-SHA256";

/// What an `authorization` header says.
struct Claim<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed: Vec<&'a str>,
    signature: Vec<u8>,
}

/// Whether a request to a service is signed with the credentials.
pub(super) fn verify(
    credentials: &AwsCredentials,
    service: &str,
    parts: &Parts,
    body: &[u8],
) -> Result<(), Problem> {
    let Some(authorization) = text(&parts.headers, "authorization") else {
        let problem = Problem::new(403, "Missing Authentication Token");
        return Err(problem.with_code("MissingAuthenticationTokenException"));
    };
    let claim = claim(authorization, service)?;
    if claim.access_key_id != credentials.access_key_id {
        let problem = Problem::new(
            403,
            "The security token included in the request is invalid.",
        );
        return Err(problem.with_code("UnrecognizedClientException"));
    }
    let time = text(&parts.headers, "x-amz-date").unwrap_or_default();
    if time.len() != 16 || !time.starts_with(claim.date) || !time.ends_with('Z') {
        return Err(unfit(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
        ));
    }
    let is_loose = |name: &str| name.starts_with("x-amz-") && !claim.signed.contains(&name);
    if !claim.signed.contains(&"host") || parts.headers.keys().any(|n| is_loose(n.as_str())) {
        return Err(unfit(
            "There were headers present in the request which were not signed",
        ));
    }
    let hash = to_hex(digest::digest(&digest::SHA256, body).as_ref());
    if let Some(given) = text(&parts.headers, "x-amz-content-sha256")
        && given != hash
    {
        return Err(unfit(
            "The provided x-amz-content-sha256 header does not match what was computed.",
        ));
    }
    let canonical = canonical_request(parts, &claim, &hash);
    let canonical = to_hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let scope = format!("{}/{}/{service}/aws4_request", claim.date, claim.region);
    let to_sign = format!("{SCHEME}\n{time}\n{scope}\n{canonical}");
    let key = signing_key(&credentials.secret_access_key, &claim);
    hmac::verify(&key, to_sign.as_bytes(), &claim.signature).map_err(|_| {
        unfit(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        )
    })
}

fn claim<'a>(authorization: &'a str, service: &'a str) -> Result<Claim<'a>, Problem> {
    let incomplete = || {
        Problem::new(
            403,
            "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and a date.",
        )
        .with_code("IncompleteSignatureException")
    };
    let fields = authorization.strip_prefix(SCHEME).ok_or_else(incomplete)?;
    let field = |name: &str| {
        let mut given = fields.split(',').filter_map(|f| f.trim().split_once('='));
        given.find(|(n, _)| *n == name).map(|(_, value)| value)
    };
    let scope: Vec<&str> = field("Credential")
        .ok_or_else(incomplete)?
        .split('/')
        .collect();
    let [access_key_id, date, region, scoped, "aws4_request"] = scope[..] else {
        return Err(incomplete());
    };
    if scoped != service {
        return Err(unfit(&format!(
            "Credential should be scoped to correct service: '{service}'."
        )));
    }
    Ok(Claim {
        access_key_id,
        date,
        region,
        service,
        signed: field("SignedHeaders")
            .ok_or_else(incomplete)?
            .split(';')
            .collect(),
        signature: field("Signature")
            .and_then(from_hex)
            .ok_or_else(incomplete)?,
    })
}

fn canonical_request(parts: &Parts, claim: &Claim<'_>, hash: &str) -> String {
    // Every service but one encodes the path a second time.
    let path = percent_encoded(parts.uri.path(), b"/");
    let mut query: Vec<(String, String)> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let again = |t: &str| percent_encoded(&percent_decoded(t).unwrap_or_default(), b"");
            (again(name), again(value))
        })
        .collect();
    query.sort();
    let query: Vec<String> = query.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let headers: String = claim
        .signed
        .iter()
        .map(|name| format!("{name}:{}\n", signed_value(parts, name)))
        .collect();
    let (query, signed) = (query.join("&"), claim.signed.join(";"));
    format!(
        "{}\n{path}\n{query}\n{headers}\n{signed}\n{hash}",
        parts.method
    )
}

fn signed_value(parts: &Parts, name: &str) -> String {
    let given = parts.headers.get_all(name).iter();
    let values: Vec<String> = given
        .filter_map(|value| value.to_str().ok())
        .map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    if values.is_empty() && name == "host" {
        let authority = parts.uri.authority().map(|a| a.as_str());
        return authority.unwrap_or_default().to_owned(); // HTTP/2 has no host header.
    }
    values.join(",")
}

fn signing_key(secret: &str, claim: &Claim<'_>) -> hmac::Key {
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    for part in [claim.date, claim.region, claim.service, "aws4_request"] {
        let tag = hmac::sign(&key, part.as_bytes());
        key = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
    }
    key
}

fn unfit(message: &str) -> Problem {
    Problem::new(403, message).with_code("InvalidSignatureException")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// The worked example of AWS's General Reference: an IAM request of 30 August 2015.
    const SIGNATURE: &str = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";

    fn checked(secret: &str, signature: &str) -> Result<(), Problem> {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
        );
        let request =
            Request::get("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08")
                .header(
                    "content-type",
                    "application/x-www-form-urlencoded; charset=utf-8",
                )
                .header("host", "iam.amazonaws.com")
                .header("x-amz-date", "20150830T123600Z")
                .header("authorization", authorization);
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let credentials = AwsCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: secret.to_owned(),
        };
        verify(&credentials, "iam", &parts, b"")
    }

    #[test]
    fn the_published_example_is_accepted_and_no_other_secret() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        assert!(checked(secret, SIGNATURE).is_ok());
        let problem = checked("another", SIGNATURE).expect_err("a wrong secret");
        assert_eq!(problem.code.as_deref(), Some("InvalidSignatureException"));
        assert!(checked(secret, &SIGNATURE.replace('5', "6")).is_err());
    }
}
