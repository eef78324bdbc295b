//! Endpoints that lose one race after another. Who loses is let go before it could fail, so the health
//! board never hears of it; an endpoint that says nothing at all would be asked first for ever.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU8, Ordering};

use catalog::EndpointId;

/// So many races lost in a row are silence: at one call of twenty that is slow, one of 8,000.
const IN_A_ROW: u8 = 3;

/// How many endpoints are counted apart. Two that fall on one slot share a count.
const SLOTS: usize = 1024;

/// Races lost in a row, by endpoint.
#[derive(Debug)]
pub(crate) struct Silences(Box<[AtomicU8]>);

impl Default for Silences {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| AtomicU8::new(0)).collect())
    }
}

impl Silences {
    /// An endpoint that was asked first has lost a race; says whether that is a failure by now.
    pub(super) fn lost(&self, endpoint: &EndpointId) -> bool {
        let Some(slot) = self.slot(endpoint) else {
            return false;
        };
        let before = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lost| {
            Some(lost.saturating_add(1))
        });
        // The closure never refuses.
        before.is_ok_and(|before| before.saturating_add(1) >= IN_A_ROW)
    }

    /// An endpoint has spoken in time.
    pub(super) fn spoke(&self, endpoint: &EndpointId) {
        if let Some(slot) = self.slot(endpoint) {
            slot.store(0, Ordering::Relaxed);
        }
    }

    fn slot(&self, endpoint: &EndpointId) -> Option<&AtomicU8> {
        let mut hasher = DefaultHasher::new();
        endpoint.hash(&mut hasher);
        let slots = u64::try_from(self.0.len()).ok()?.max(1);
        self.0.get(usize::try_from(hasher.finish() % slots).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_race_lost_in_a_row_is_a_failure_and_so_are_those_after_it() {
        let silences = Silences::default();
        let id = EndpointId::new("m@a");
        let lost = |times: usize| (0..times).map(|_| silences.lost(&id)).collect::<Vec<_>>();
        assert_eq!(lost(2), [false, false]);
        silences.spoke(&id);
        assert_eq!(lost(4), [false, false, true, true]);
        assert!(!silences.lost(&EndpointId::new("m@other")));
    }
}
