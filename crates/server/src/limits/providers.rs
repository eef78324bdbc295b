//! The limits of providers and endpoints, as the relay asks about them.

use std::sync::Arc;

use catalog::endpoint::Endpoint;
use chat::{Error, Kind};
use ledger::books::BoxFuture;
use relay::{Call, Clock, ProviderLimits};

use super::gate::{Gate, Visit};
use super::standing::Refused;
use crate::api::metrics::Metrics;

/// Counts attempts.
pub struct AtProviders {
    /// Who counts.
    pub gate: Arc<Gate>,
    /// The calendar time.
    pub clock: Arc<dyn Clock>,
    /// Where endpoints that were passed over are counted.
    pub metrics: Arc<Metrics>,
}

impl AtProviders {
    fn passed_over(&self, refused: &Refused, endpoint: &Endpoint) -> Error {
        self.metrics.passed_over.add(1);
        let name = &endpoint.provider.name;
        let message = format!(
            "{name} is not asked: the limit {} ({}) is met",
            refused.rule.name, refused.rule
        );
        let mut error = Error::provider(Kind::RateLimitExceeded, message);
        let metadata = error.metadata_mut();
        metadata.provider_name = Some(name.to_string());
        metadata.retry_after = Some(refused.retry_after);
        error
    }
}

fn visit<'a>(call: &Call, endpoint: &'a Endpoint) -> Visit<'a> {
    Visit {
        provider: endpoint.provider.slug.as_str(),
        endpoint: endpoint.id.as_str(),
        prompt_tokens: call.request.needs.prompt_tokens,
    }
}

impl ProviderLimits for AtProviders {
    fn met(&self, call: &Call, endpoint: &Endpoint) -> Option<Error> {
        let now_ms = self.clock.now_ms();
        let refused = self.gate.full_for(&visit(call, endpoint), now_ms)?;
        Some(self.passed_over(&refused, endpoint))
    }

    fn enter<'a>(
        &'a self,
        call: &'a Call,
        endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (visit, now_ms) = (visit(call, endpoint), self.clock.now_ms());
            let entered = self.gate.enter_endpoint(&call.id, &visit, now_ms).await;
            entered.map_err(|refused| self.passed_over(&refused, endpoint))
        })
    }

    fn leave(&self, call: &Call, endpoint: &Endpoint) {
        self.gate.leave_endpoint(&call.id, endpoint.id.as_str());
    }
}
