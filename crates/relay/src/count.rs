//! How many tokens a prompt is: asked of the endpoint that would be asked first, or estimated.
//!
//! Nothing is billed and nothing held: providers count for free. A count is no generation and gets no
//! record; it is counted against the caller's rate limits at the door, as any request.

use std::sync::Arc;

use catalog::Endpoint;
use chat::{Dialect, Error, Next};
use tokio::time::{Instant, timeout_at};

use crate::attempt::{read_all, refused};
use crate::call::Call;
use crate::failures;
use crate::relay::Relay;
use crate::request::{self, ToSend};

/// The longest answer that is read, bytes.
const COUNT_BYTES_MAX: usize = 64 * 1024;

/// How many tokens a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The number.
    pub tokens: u64,
    /// Who says so.
    pub by: CountedBy,
}

/// Who has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedBy {
    /// The provider that would be asked first.
    Provider,
    /// Nobody: it is our estimate.
    Estimate,
}

impl CountedBy {
    /// The word in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimate => "estimate",
        }
    }
}

impl Relay {
    /// Counts the tokens of a call's prompt. A provider that fails, or cannot be asked, does not
    /// matter: the estimate stands in.
    ///
    /// # Errors
    /// When no endpoint could serve the call, or the provider finds the prompt wrong.
    pub async fn count_tokens(&self, call: &Call) -> Result<Counted, Error> {
        let planned = self.plan(call)?;
        let estimate = Counted {
            tokens: call.request.needs.prompt_tokens,
            by: CountedBy::Estimate,
        };
        let Some(first) = planned.plan.attempts.first() else {
            return Ok(estimate);
        };
        match self.ask_count(call, &first.endpoint).await {
            Ok(Some(tokens)) => Ok(Counted {
                tokens,
                by: CountedBy::Provider,
            }),
            Ok(None) => Ok(estimate),
            // Bedrock counts for some models alone, and calls a request for others a wrong one.
            Err(error)
                if error.next == Next::Stop
                    && !first.endpoint.dialects.contains(&Dialect::BedrockConverse) =>
            {
                Err(error)
            }
            Err(error) => {
                tracing::warn!(endpoint = %first.endpoint.tag, %error, "a prompt was estimated, since its provider did not count it");
                Ok(estimate)
            }
        }
    }

    async fn ask_count(&self, call: &Call, endpoint: &Arc<Endpoint>) -> Result<Option<u64>, Error> {
        let timers = &self.parts.timers;
        let chosen = self.credential(call, endpoint);
        let Some(ToSend { request, lane, .. }) =
            request::write_count(self, call, endpoint, chosen.as_ref()).await?
        else {
            return Ok(None);
        };
        let by = Instant::now() + timers.first_token;
        let response = timeout_at(by, self.parts.upstream.send(request))
            .await
            .map_err(|_| failures::timeout(endpoint, "did not count", timers.first_token))?
            .map_err(|error| failures::send(endpoint, &error))?;
        if !response.status().is_success() {
            return Err(refused(endpoint, response, by, timers.idle).await);
        }
        let within = (timers.idle, by);
        let body = read_all(endpoint, response.into_body(), COUNT_BYTES_MAX, within).await?;
        Ok(lane.read_count(&body))
    }
}
