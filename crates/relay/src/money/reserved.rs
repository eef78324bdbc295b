//! Money held for a call under way: kept ahead of what was streamed, and closed exactly once.

use catalog::endpoint::Endpoint;
use chat::Error;
use ledger::cost::{Extent, affordable_output, ceiling};
use ledger::{Amount, Charge, Exhausted, PriceSheet, Ticket};

use crate::call::Call;
use crate::meter::Meter;
use crate::money::counts::Tallies;
use crate::money::terms::AdmittedBy;
use crate::money::{bound, refusal};
use crate::relay::Relay;

/// Money is asked for when what was streamed comes within so many tokens of what is paid for.
const LEAD_TOKENS: u64 = 64;

/// At least so many tokens are asked for at once.
const STEP_TOKENS_MIN: u64 = 256;

/// Where there is little left, steps are halved down to this many tokens.
const STEP_TOKENS_LEAST: u64 = 16;

/// What is held for one call. It leaves this type only through [`Reserved::into_ticket`], on its
/// way into the books.
#[derive(Debug)]
pub(crate) struct Reserved {
    ticket: Ticket,
    /// The ground on which the call was let in.
    pub(crate) by: AdmittedBy,
    /// The token limit per choice that providers are told, where it is ours.
    pub(crate) output_limit: Option<u64>,
    /// Tokens of output that what is held pays for at the serving endpoint; known once it serves.
    reach: Option<u64>,
    /// So much of what is held is for attempts that are let go, and pays for no output.
    beside: Amount,
    /// So much of it is spent: on attempts whose streams broke and are gone on with.
    spent: Amount,
    /// Bytes of text that the serving endpoint is given beyond the request, to go on with.
    said_bytes: u64,
    /// Who refused the last top-up.
    refused: Option<Refused>,
}

/// What going on with a broken answer takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GoingOn {
    /// What the attempts so far have cost that gave a part of the answer.
    pub(crate) spent: Amount,
    /// Bytes of the text so far, which is a part of the prompt now.
    pub(crate) said_bytes: u64,
    /// The most tokens per choice that may follow.
    pub(crate) output_tokens: u64,
}

#[derive(Debug)]
enum Refused {
    Budget(Exhausted),
    Books,
}

impl Reserved {
    pub(super) const fn new(ticket: Ticket, by: AdmittedBy) -> Self {
        Self {
            ticket,
            by,
            output_limit: None,
            reach: None,
            beside: Amount::ZERO,
            spent: Amount::ZERO,
            said_bytes: 0,
            refused: None,
        }
    }

    pub(super) const fn clamped(ticket: Ticket, limit: u64) -> Self {
        let mut reserved = Self::new(ticket, AdmittedBy::Clamped(limit));
        reserved.output_limit = Some(limit);
        reserved
    }

    /// Whether the call cost more than is held.
    pub(crate) fn is_exceeded_by(&self, charge: &Charge) -> bool {
        let bill = charge.as_ref().ok();
        bill.is_some_and(|bill| bill.total > self.ticket.amount)
    }

    /// The ticket, to be closed.
    pub(crate) fn into_ticket(self) -> Ticket {
        self.ticket
    }

    /// Holds so much more, for an attempt beside the one that serves; says whether it is held.
    pub(crate) async fn hold_beside(&mut self, relay: &Relay, more: Amount) -> bool {
        let total = self.ticket.amount.checked_add(more);
        let Some(total) = total.filter(|_| more > Amount::ZERO) else {
            return more == Amount::ZERO;
        };
        let held = relay.parts.books.top_up(&mut self.ticket, total).await;
        let is_held = matches!(held, Ok(None));
        if is_held {
            self.beside = self.beside.saturating_add(more);
        }
        is_held
    }

    /// Holds what it may cost that an endpoint goes on with a broken answer, beside what was spent; says
    /// whether it is held.
    pub(crate) async fn hold_on(
        &mut self,
        relay: &Relay,
        (call, endpoint): (&Call, &Endpoint),
        going_on: GoingOn,
    ) -> bool {
        let GoingOn {
            spent,
            said_bytes,
            output_tokens,
        } = going_on;
        let choices = u64::from(call.request.needs.choices.max(1));
        let most = output_tokens.saturating_mul(choices);
        // A stream of open length is topped up as it goes.
        let output = match self.by {
            AdmittedBy::Estimate => most.min(STEP_TOKENS_MIN),
            AdmittedBy::Full | AdmittedBy::Clamped(_) => most,
        };
        (self.spent, self.said_bytes, self.reach) = (spent, said_bytes, None);
        // Where nobody states a price there is nothing to hold.
        let Some((sheet, _)) = bound::sheet(call, endpoint) else {
            return true;
        };
        let Ok(total) = ceiling(&self.extent(call, sheet, output), sheet, call.at()) else {
            return true;
        };
        let total = total.saturating_add(self.elsewhere());
        if total <= self.ticket.amount {
            return true;
        }
        let held = relay.parts.books.top_up(&mut self.ticket, total).await;
        matches!(held, Ok(None))
    }

    /// What of the money held pays for no output of the serving endpoint.
    fn elsewhere(&self) -> Amount {
        self.beside.saturating_add(self.spent)
    }

    /// The most that the serving endpoint may use with so many tokens of output.
    fn extent(&self, call: &Call, sheet: &PriceSheet, output_tokens: u64) -> Extent {
        let mut extent = bound::extent(call, sheet, output_tokens);
        extent.prompt_tokens = extent.prompt_tokens.saturating_add(self.said_bytes);
        extent
    }

    /// Holds more money when the stream comes near the end of what is held. Between two top-ups this
    /// is a comparison. A call that was paid for in full, or whose provider knows its limit, needs
    /// none.
    ///
    /// What a stream may cost beyond what is held is thereby bounded by what one read of its
    /// connection brings, and by what the provider counts without showing it (hidden reasoning).
    ///
    /// # Errors
    /// When what is held is used up and no more can be had: the stream must end.
    pub(crate) async fn keep_ahead(
        &mut self,
        relay: &Relay,
        call: &Call,
        endpoint: &Endpoint,
        meter: &Meter,
    ) -> Result<(), Error> {
        if self.by != AdmittedBy::Estimate {
            return Ok(());
        }
        let streamed = meter.output_tokens_streamed();
        if self
            .reach
            .is_some_and(|reach| streamed.saturating_add(LEAD_TOKENS) <= reach)
        {
            return Ok(());
        }
        // Where nobody states a price there is nothing to hold.
        let Some((sheet, _)) = bound::sheet(call, endpoint) else {
            return Ok(());
        };
        let reach = self.reach(call, sheet);
        // Once refused, more is asked for only at the very end: somebody may have given back.
        let lead = if self.refused.is_some() {
            0
        } else {
            LEAD_TOKENS
        };
        if streamed.saturating_add(lead) <= reach {
            return Ok(());
        }
        // On the heap: a stream that needs no more, as nearly always, has no room for it.
        Box::pin(self.extend(relay, call, endpoint, (sheet, streamed))).await
    }

    fn reach(&mut self, call: &Call, sheet: &PriceSheet) -> u64 {
        let held = self.ticket.amount.saturating_sub(self.elsewhere());
        let extent = self.extent(call, sheet, 0);
        *self.reach.get_or_insert_with(|| {
            // Without a price for output there is nothing to run out of.
            affordable_output(held, &extent, sheet, call.at()).unwrap_or(u64::MAX)
        })
    }

    async fn extend(
        &mut self,
        relay: &Relay,
        call: &Call,
        endpoint: &Endpoint,
        (sheet, streamed): (&PriceSheet, u64),
    ) -> Result<(), Error> {
        let needs = &call.request.needs;
        let choices = u64::from(needs.choices.max(1));
        let most = bound::output_tokens(needs, endpoint).saturating_mul(choices);
        let reach = self.reach(call, sheet);
        if reach >= most.max(streamed) {
            return Ok(());
        }
        let from = reach.max(streamed);
        let mut step = STEP_TOKENS_MIN.max(reach / 2);
        while step >= STEP_TOKENS_LEAST {
            let target = from.saturating_add(step);
            let target = target.min(most.max(from.saturating_add(STEP_TOKENS_LEAST)));
            let extent = self.extent(call, sheet, target);
            let Ok(total) = ceiling(&extent, sheet, call.at()) else {
                return Ok(());
            };
            let total = total.saturating_add(self.elsewhere());
            match relay.parts.books.top_up(&mut self.ticket, total).await {
                Ok(None) => {
                    self.reach = Some(target);
                    self.refused = None;
                    return Ok(());
                }
                Ok(Some(exhausted)) => self.refused = Some(Refused::Budget(exhausted)),
                Err(error) => {
                    tracing::warn!(generation.id = %call.id, %error, "a stream could not be topped up");
                    self.refused = Some(Refused::Books);
                    break;
                }
            }
            step /= 2;
        }
        if streamed <= reach {
            return Ok(());
        }
        Tallies::count(&relay.tallies.cut);
        Err(refusal::spent(match &self.refused {
            Some(Refused::Budget(exhausted)) => Some(exhausted),
            Some(Refused::Books) | None => None,
        }))
    }
}
