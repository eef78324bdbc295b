//! Who may come in: keys, AWS signatures and Google access tokens, each checked as the real service does.

mod aws;
mod tokens;

use bytes::Bytes;
use http::request::Parts;

pub use aws::AwsCredentials;
pub(crate) use aws::keys as aws_keys;
pub(crate) use tokens::{granted, service_account};

use crate::dialect::{Dialect, Gate, Problem};
use crate::stage::Stage;

/// The error for a call that may not come in, or `None` for one that may.
pub(crate) fn turned_away(
    stage: &Stage,
    gate: Gate,
    speaks: &dyn Dialect,
    call: (&Parts, &Bytes),
) -> Option<Problem> {
    let (parts, body) = call;
    match gate {
        Gate::Open => None,
        Gate::Key => {
            let query = parts.uri.query().unwrap_or_default();
            let is_issued = bearer(parts).is_some_and(tokens::is_issued);
            (!is_issued && !stage.admits(&parts.headers, query)).then(|| speaks.denied())
        }
        Gate::Aws => match bearer(parts) {
            Some(_) if stage.admits(&parts.headers, "") => None,
            Some(_) => Some(speaks.denied()),
            None => aws::verify(&stage.aws, aws::SERVICE, parts, body).err(),
        },
        Gate::Google => match bearer(parts) {
            Some(token) if tokens::is_issued(token) || stage.is_key(token) => None,
            Some(_) | None => Some(speaks.denied()),
        },
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get("authorization")?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}
