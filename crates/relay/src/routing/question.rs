//! What a plan is made from: the call, its account, its conversation, what answers cost.

use catalog::{Endpoint, Input, Moment, Plan, Question, ServiceTier, Sticky};
use chat::{Error, Kind, Unit};
use wire::SENDABLE;

use crate::call::Call;
use crate::meter::Meter;
use crate::relay::Relay;
use crate::{no_plan, request};

/// A plan, and what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What it was made from, as [`Input::text`] writes it; made again it gives the same plan.
    pub input: Box<str>,
    /// How many tokens of answer it reckons with, where that was learned from earlier answers.
    pub expected_output_tokens: Option<u64>,
}

impl Relay {
    /// The plan for a call, without making it.
    ///
    /// # Errors
    /// When no endpoint can serve it.
    pub fn plan(&self, call: &Call) -> Result<Planned, Error> {
        let catalog = self.parts.catalog.load();
        let Some((model, fallbacks)) = call.models.split_first() else {
            return Err(
                Error::caller(Kind::InvalidRequest, "no model was asked for").with_field("model"),
            );
        };
        let mut sticky: Vec<Sticky> = Vec::new();
        let mut further_calls = 0;
        if let Some(conversation) = call.conversation() {
            let workspace = call.caller.workspace_id.as_str();
            for (position, name) in call.models.iter().enumerate() {
                let Some(resolved) = catalog.resolve(name) else {
                    continue;
                };
                let of = (workspace, &resolved.model.slug, conversation);
                let (last, further) = self.conversations.look_up(of);
                sticky.extend(last);
                if position == 0 {
                    further_calls = further;
                }
            }
        }
        let tier = call.request.service_tier.as_deref();
        let expected_output_tokens = self.learned.typical(&call.caller.key_hash, model);
        let credentials = self.parts.credentials.load();
        let lacking = credentials.lacking(&call.caller, call.member_id.as_deref());
        let question = Question {
            lacking: &lacking,
            fallbacks,
            account: call.account.as_deref(),
            service_tier: tier.and_then(ServiceTier::read),
            sticky: &sticky,
            expected_output_tokens,
            further_calls,
            ..Question::new(model, &call.request.needs, &call.preferences, SENDABLE)
        };
        let moment = Moment {
            seed: call.seed,
            now_ms: self.parts.clock.now_ms(),
        };
        let plan = catalog::plan(&catalog, &question, &self.health, moment)
            .map_err(|no_plan| no_plan::error(&no_plan, &call.models))?;
        let input = Input::text(&question, &plan, moment);
        Ok(Planned {
            plan,
            input,
            expected_output_tokens,
        })
    }

    /// What of a call could not be passed on to a planned endpoint; `None` when it cannot be said to
    /// it at all.
    #[must_use]
    pub fn dropped(&self, call: &Call, endpoint: &Endpoint) -> Option<Vec<String>> {
        request::dropped(call, endpoint).ok()
    }

    /// Remembers where a conversation was answered: its prompt is probably cached there now.
    pub(crate) fn remember(&self, call: &Call, endpoint: &Endpoint, meter: &Meter) {
        let Some(conversation) = call.conversation() else {
            return;
        };
        let (usage, _) = meter.usage(call.request.needs.prompt_tokens);
        let sticky = Sticky {
            endpoint: endpoint.id.clone(),
            cached_tokens: usage.prompt_tokens(),
            used_ms: self.parts.clock.now_ms(),
        };
        let workspace = call.caller.workspace_id.as_str();
        let hit = usage.count(Unit::CacheRead);
        self.conversations
            .note((workspace, conversation), endpoint, (sticky, hit));
    }
}
