//! What is remembered of each conversation: hashes of its last prompt, and what of it was cached.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::GenerationId;
use wire::prefix::Prefix;

/// The most that all of them may take, bytes, about; beyond it the older half goes.
const BYTES_MAX: usize = 16 << 20;

/// A conversation that was silent for this long is not expected to be cached anywhere.
const IDLE_MAX_MS: i64 = 60 * 60 * 1000;

/// The last call of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Last {
    pub(super) prefix: Arc<Prefix>,
    /// Tokens that the provider had in its cache after it: read or written.
    pub(super) cached_tokens: u64,
    pub(super) endpoint: String,
    pub(super) generation: GenerationId,
    pub(super) at_ms: i64,
}

impl Last {
    /// What it takes with its place among the others, bytes, about.
    fn bytes(&self) -> usize {
        size_of::<(u64, Self)>() + self.endpoint.len() + self.prefix.bytes()
    }
}

/// The conversations.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    last: HashMap<u64, Last>,
    bytes: usize,
}

impl Conversations {
    /// Puts a call in the place of the one before, which is returned where it was not long ago.
    pub(super) fn replace(&mut self, conversation: u64, last: Last) -> Option<Last> {
        let now_ms = last.at_ms;
        self.bytes += last.bytes();
        let before = self.last.insert(conversation, last);
        if let Some(before) = &before {
            self.bytes = self.bytes.saturating_sub(before.bytes());
        }
        if self.bytes > BYTES_MAX {
            self.forget_older_half();
        }
        before.filter(|before| now_ms.saturating_sub(before.at_ms) < IDLE_MAX_MS)
    }

    fn forget_older_half(&mut self) {
        let mut times: Vec<i64> = self.last.values().map(|last| last.at_ms).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        self.last.retain(|_, last| last.at_ms > median);
        self.bytes = self.last.values().map(Last::bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_stays_within_its_bound() {
        let body = format!("{{\"input\":\"{}\"}}", "x".repeat(20_000));
        let prefix = Arc::new(Prefix::of(body.as_bytes()).unwrap());
        let mut conversations = Conversations::default();
        let last = |at_ms| Last {
            prefix: Arc::clone(&prefix),
            cached_tokens: 0,
            endpoint: String::new(),
            generation: GenerationId::from_text("gen-1"),
            at_ms,
        };
        for number in 0..200_000_u64 {
            conversations.replace(number, last(number.cast_signed()));
        }
        assert!(conversations.bytes <= BYTES_MAX);
        assert!(conversations.last.contains_key(&199_999));
        assert!(!conversations.last.contains_key(&0));
        assert!(conversations.replace(199_999, last(200_000)).is_some());
        assert!(
            conversations
                .replace(199_999, last(200_000 + IDLE_MAX_MS))
                .is_none()
        );
    }
}
