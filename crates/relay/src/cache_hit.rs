//! A call that is answered from the response cache: it is recorded like every other, and asks nobody.

use std::sync::Arc;

use chat::FinishReason;
use ledger::GenerationId;

use crate::call::Call;
use crate::draft::Draft;
use crate::relay::Relay;

/// What is told again.
#[derive(Debug, Clone)]
pub struct CacheHit {
    /// The call that was answered first.
    pub source_id: GenerationId,
    /// Canonical slug of the model that served it.
    pub model: String,
    /// Why its answer ended.
    pub finish: Option<FinishReason>,
}

impl Relay {
    /// Records a call whose answer is that of an earlier one: nothing is held, nothing charged, no
    /// provider asked. The record is made whether or not this future is dropped; it is readable when
    /// this returns.
    pub async fn settle_hit(self: &Arc<Self>, call: Call, hit: CacheHit) {
        let relay = Arc::clone(self);
        let recorded = self.parts.tasks.spawn(async move {
            let generation = Draft::open(&call).told_again(hit, &relay.parts);
            relay.settle(None, generation).await;
        });
        // It ends early only by a panic, which the task's owner has seen.
        let _ = recorded.await;
    }
}
